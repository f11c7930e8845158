//! A call of one row, so many times: `map`, `sign` and `parse-response` of the
//! adapter that `crossdock plugin new` writes. Instructions of two runs tell what
//! one call takes, whatever else the machine does:
//!
//! ```sh
//! cargo build -p crossdock-runtime-js --example one_row
//! for n in 200 1200; do valgrind --tool=callgrind target/debug/examples/one_row $n; done
//! ```

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    use crossdock_runtime_js::Adapter;
    use crossdock_runtime_js::contract::{Body, Context, Item, Reply};

    let times = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let manifest = include_str!("../../../host/templates/common/manifest.json");
    let text = include_str!("../../../host/templates/javascript/__name__.js")
        .replace("__manifest__", manifest)
        .replace("__version__", r#""version": "0.1.0","#)
        .replace("__name__", "shop")
        // The one secret that there is without a host.
        .replace("app-secret", "key");
    let adapter = Adapter::load("shop.js", &text).expect("an adapter");
    let context = Context {
        now_ms: 1_700_000_000_123,
        nonce: "00112233445566778899aabbccddeeff".into(),
        settings: r#"{"shop":"17"}"#.into(),
    };
    let items = [Item {
        key: "k".into(),
        document: r#"{"sku":"A-1"}"#.into(),
    }];
    let rows = r#"{"sku":"A-1","location":"HZ","quantity":12}"#;
    let reply = Reply {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: Body::Text(format!(r#"{{"ok":true,"rows":[{rows}],"more":false}}"#)),
    };
    let operation = "stock.query";
    for _ in 0..times.unwrap_or(1) {
        let mapped = adapter.map(&context, operation, &items).expect("requests");
        let request = &mapped.requests[0];
        let edits = adapter.sign(&context, operation, &request.draft);
        assert_eq!(edits.expect("edits").len(), 2);
        let parsed = adapter.parse_response(&context, operation, request, &reply);
        assert_eq!(parsed.expect("outcomes").outcomes.len(), 1);
    }
}

#[cfg(target_arch = "wasm32")]
fn main() {}
