use std::time::Instant;
fn main() {
    let n = 200;
    for _ in 0..3 {
        let t = Instant::now();
        for _ in 0..n {
            crossdock_script_js::Script::compile("export default item => item", "{}").unwrap();
        }
        println!("compile {:?}", t.elapsed() / n);
    }
    let s = crossdock_script_js::Script::compile(
        &std::fs::read_to_string("/tmp/jslab/m.js").unwrap(),
        "{}",
    )
    .unwrap();
    let doc = r#"{"item":"1234567890123456701","spec":"8G","on_hand":22,"reserved":2,"shop":"aaa","kind":"normal"}"#;
    for _ in 0..3 {
        let t = Instant::now();
        for _ in 0..20000 {
            s.apply(doc).unwrap();
        }
        println!("apply {:?}", t.elapsed() / 20000);
        let docs = vec![doc; 100];
        let t = Instant::now();
        for _ in 0..200 {
            s.apply_all(&docs);
        }
        println!("apply per row of 100 {:?}", t.elapsed() / 20000);
    }
}
