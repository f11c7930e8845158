use crossdock::config::HostLimits;
use crossdock::plugin::artifact::{Artifact, Sha};
use crossdock::plugin::cache::CodeCache;
use crossdock::plugin::load::{Loaded, Loader};
use crossdock::plugin::sandbox::Sandbox;
use crossdock::script::engine::ScriptSpec;
use std::sync::Arc;
use std::time::Instant;
const JQ: &str = r#"{sku: "\(.item)^^^\(.spec)", quantity: ([.on_hand - .reserved, 0] | max), location: .shop, type: .kind}"#;
fn item(row: usize) -> String {
    format!(
        r#"{{"item":"12345678901234567{row:02}","spec":"8G","on_hand":22,"reserved":2,"shop":"aaa","kind":"normal"}}"#
    )
}
#[tokio::main]
async fn main() {
    let limits = HostLimits {
        warm_instances: 64,
        ..HostLimits::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(&limits).unwrap();
    let loader = Loader::new(sandbox, CodeCache::new(dir.path().join("code")), &limits);
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut id = 0;
    for a in &args {
        let (file, script) = a.split_once('=').unwrap();
        let source = if script == "jq" {
            JQ.to_string()
        } else {
            std::fs::read_to_string(script).unwrap()
        };
        let bytes = std::fs::read(file).unwrap();
        let artifact = Artifact {
            path: file.into(),
            sha256: Sha::of(&bytes),
            bytes: bytes.into(),
        };
        let t = Instant::now();
        let Loaded::Engine(engine) = loader.load(artifact, 1).await.unwrap() else {
            panic!()
        };
        println!("{a}: load {:?}", t.elapsed());
        id += 1;
        let spec = ScriptSpec {
            tenant: "bench".into(),
            id,
            source: Arc::new(source),
            context: Arc::new(r#"{"tenant":"t"}"#.to_owned()),
        };
        let t = Instant::now();
        let mut lease = match engine.lease(&spec).await {
            Ok(l) => l,
            Err(e) => {
                println!("  {e:?}");
                continue;
            }
        };
        let first = lease.apply(&[item(1)], None).await;
        println!("  fresh+compile+1 row {:?}; {:?}", t.elapsed(), first);
        drop(lease);
        let specs: Vec<_> = (0..20)
            .map(|i| ScriptSpec {
                id: 1000 * id + i,
                ..spec.clone()
            })
            .collect();
        let t = Instant::now();
        for s in &specs {
            drop(engine.lease(s).await);
        }
        println!("  fresh+compile {:?}", t.elapsed() / 20);
        for rows in [1usize, 100] {
            let items: Vec<String> = (0..rows).map(item).collect();
            let mut best = f64::MAX;
            let mut all = vec![];
            for _ in 0..30 {
                let n = 4000 / rows;
                let t = Instant::now();
                for _ in 0..n {
                    let mut lease = engine.lease(&spec).await.unwrap();
                    let r = lease.apply(&items, None).await.unwrap();
                    assert!(r.iter().all(|x| x.is_ok()));
                }
                let us = t.elapsed().as_secs_f64() * 1e6 / n as f64;
                best = best.min(us);
                all.push(us);
            }
            all.sort_by(f64::total_cmp);
            println!(
                "  {rows} rows: best {best:.2} median {:.2} µs, per row {:.2}",
                all[15],
                best / rows as f64
            );
        }
    }
}
