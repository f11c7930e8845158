//! `map` + `sign` + `parse-response` of the lingzhi adapter: warm instance,
//! fresh instance, and the same source compiled natively.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use crossdock::config::HostLimits;
use crossdock::plugin::artifact::{Artifact, Sha};
use crossdock::plugin::cache::CodeCache;
use crossdock::plugin::contract::{Body, Context, Item, Reply};
use crossdock::plugin::generation::AdapterGeneration;
use crossdock::plugin::load::{Loaded, Loader};
use crossdock::plugin::sandbox::Sandbox;
use crossdock_adapter::Adapter;
use crossdock_lingzhi::Lingzhi;
use crossdock_tests::guests;

use crate::figures::{Figures, Goal, time, time_async};

const OPERATION: &str = "stock.update";
const ANSWER: &str = r#"{"code":0,"data":[],"msg":""}"#;

/// A loader with the given number of warm instances kept.
pub fn loader(warm: usize) -> anyhow::Result<(Loader, tempfile::TempDir)> {
    let limits = HostLimits {
        warm_instances: warm,
        ..HostLimits::default()
    };
    let dir = tempfile::tempdir()?;
    let sandbox = Sandbox::new(&limits).map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let cache = CodeCache::new(dir.path().join("code"));
    Ok((Loader::new(sandbox, cache, &limits), dir))
}

/// Loads a bundled plugin.
pub async fn load(loader: &Loader, name: &str) -> anyhow::Result<Loaded> {
    let bytes = guests::plugin(name);
    let artifact = Artifact {
        path: guests::plugin_file(name),
        sha256: Sha::of(&bytes),
        bytes,
    };
    loader.load(artifact, 1).await.context(name.to_owned())
}

async fn adapter(loader: &Loader) -> anyhow::Result<Arc<AdapterGeneration>> {
    match load(loader, "lingzhi").await? {
        Loaded::Adapter(adapter) => Ok(adapter),
        Loaded::Engine(_) | Loaded::Runtime(_) => bail!("lingzhi is not an adapter"),
    }
}

pub async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    figures.section("Adapter: map + sign + parse-response");
    let (warm_loader, _warm_dir) = loader(64)?;
    let (fresh_loader, _fresh_dir) = loader(0)?;
    let warm = adapter(&warm_loader).await?;
    let fresh = adapter(&fresh_loader).await?;
    for rows in [1, 100] {
        let native = time(|| native(rows));
        let warm = in_guest(&warm, rows).await;
        let fresh = in_guest(&fresh, rows).await;
        figures.add(format!("adapter native, {rows} rows"), native, "µs");
        figures.add(format!("adapter warm instance, {rows} rows"), warm, "µs");
        figures.add(format!("adapter fresh instance, {rows} rows"), fresh, "µs");
        figures.ratio(format!("adapter warm / native, {rows} rows"), warm, native);
        figures.ratio(
            format!("adapter fresh / native, {rows} rows"),
            fresh,
            native,
        );
        if rows == 1 {
            figures.goal("warm instance, 1 row (µs)", warm, Goal::AtMost(15.0));
            // A fresh instance costs its own making; each of the three calls
            // below makes one only in the sense of the first.
            figures.goal("fresh instance, 1 row (µs)", fresh, Goal::AtMost(40.0));
        }
    }
    Ok(())
}

fn document(row: usize) -> String {
    format!(
        r#"{{"sku":"12345678901234567{row:02}^^^8Gú128G","quantity":20,"location":"aaa","type":"normal"}}"#
    )
}

/// One lease for all three calls, as a fresh instance would be used.
async fn in_guest(adapter: &Arc<AdapterGeneration>, rows: usize) -> f64 {
    let tenant: Arc<str> = "bench".into();
    let items: Vec<Item> = (0..rows)
        .map(|row| Item {
            key: format!("key-{row}"),
            document: document(row),
        })
        .collect();
    let reply = Reply {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: Body::Text(ANSWER.into()),
    };
    let secrets = Arc::new(BTreeMap::new());
    time_async(async || {
        let context = Context {
            now_ms: 1_700_000_000_000,
            nonce: "00000000000000000000000000000000".into(),
            settings: "{}".into(),
        };
        let mut lease = adapter.lease(&tenant).await.expect("an instance");
        let mapped = lease
            .map(&context, OPERATION, &items)
            .await
            .expect("map answers")
            .expect("map succeeds");
        for request in &mapped.requests {
            let signed = lease
                .sign(
                    &context,
                    OPERATION,
                    &request.draft,
                    secrets.clone(),
                    adapter.declared.clone(),
                )
                .await;
            let edits = signed.answer.expect("sign answers");
            edits.expect("sign succeeds");
            lease
                .parse_response(&context, OPERATION, request, &reply)
                .await
                .expect("parse-response answers")
                .expect("parse-response succeeds");
        }
    })
    .await
}

/// The same source, compiled natively.
fn native(rows: usize) {
    use crossdock_adapter::{Body, Context, Item, Reply};
    let context = Context {
        now_ms: 1_700_000_000_000,
        nonce: "00000000000000000000000000000000".into(),
        settings: "{}".into(),
    };
    let items: Vec<Item> = (0..rows)
        .map(|row| Item {
            key: format!("key-{row}"),
            document: document(row),
        })
        .collect();
    let reply = Reply {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: Body::Text(ANSWER.into()),
    };
    let mapped = Lingzhi::map(&context, OPERATION, &items).expect("map succeeds");
    for request in &mapped.requests {
        let edits = Lingzhi::sign(&context, OPERATION, &request.draft).expect("sign succeeds");
        std::hint::black_box(edits);
        let parsed = Lingzhi::parse_response(&context, OPERATION, request, &reply)
            .expect("parse-response succeeds");
        std::hint::black_box(parsed);
    }
}
