//! A mapping script of four fields: in the sandbox, natively, and by the `jq`
//! command where there is one.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use crossdock::plugin::load::Loaded;
use crossdock::script::engine::{EngineGeneration, ScriptSpec};

use crate::direct::{load, loader};
use crate::figures::{Figures, time, time_async};

/// Four fields: one concatenated, one with a maximum, two moved.
const JQ: &str = r#"{sku: "\(.item)^^^\(.spec)", quantity: ([.on_hand - .reserved, 0] | max), location: .shop, type: .kind}"#;

/// Rows the `jq` command works on, so that its start does not count.
const COMMAND_ROWS: usize = 20_000;

fn item(row: usize) -> String {
    format!(
        r#"{{"item":"12345678901234567{row:02}","spec":"8G","on_hand":22,"reserved":2,"shop":"aaa","kind":"normal"}}"#
    )
}

pub async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    figures.section("Mapping script: four fields");
    let (loader, _dir) = loader(64)?;
    let Loaded::Engine(engine) = load(&loader, "script-jq").await? else {
        bail!("script-jq is not a script engine");
    };
    let native = crossdock_script_jq::Script::compile(JQ, "{}")
        .map_err(|diagnostic| anyhow::anyhow!("{}", diagnostic.message))?;
    for rows in [1, 100] {
        let items: Vec<String> = (0..rows).map(item).collect();
        let sandboxed = in_sandbox(&engine, JQ, &items).await;
        let native = time(|| {
            for item in &items {
                let documents = native.apply(item.clone());
                std::hint::black_box(documents.is_ok());
            }
        });
        figures.add(format!("jq native (jaq), {rows} rows"), native, "µs");
        figures.add(format!("jq in the sandbox, {rows} rows"), sandboxed, "µs");
        figures.ratio(
            format!("jq sandbox / native, {rows} rows"),
            sandboxed,
            native,
        );
    }
    match jq_command() {
        Some(per_row) => {
            figures.add("jq command, per row", per_row, "µs");
        }
        None => println!("the `jq` command is not installed; its figure is left out"),
    }
    Ok(())
}

/// Microseconds of applying a warm script to all items at once.
pub async fn in_sandbox(engine: &Arc<EngineGeneration>, source: &str, items: &[String]) -> f64 {
    let spec = ScriptSpec {
        tenant: "bench".into(),
        id: 1,
        source: Arc::new(source.to_owned()),
        context: Arc::new("{}".to_owned()),
    };
    time_async(async || {
        let mut lease = engine
            .lease(&spec)
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        let applied = lease.apply(items, None).await.expect("the script runs");
        assert!(applied.iter().all(Result::is_ok));
    })
    .await
}

/// Microseconds per row of the `jq` command, its start not counted.
fn jq_command() -> Option<f64> {
    let input = tempfile::NamedTempFile::new().ok()?;
    let rows: String = (0..COMMAND_ROWS)
        .map(|row| item(row % 100) + "\n")
        .collect();
    std::fs::write(input.path(), rows).ok()?;
    let run = |file: &std::path::Path| {
        let started = Instant::now();
        let status = Command::new("jq")
            .args(["-c", JQ])
            .arg(file)
            .stdout(Stdio::null())
            .status()
            .ok()?;
        status
            .success()
            .then(|| started.elapsed().as_secs_f64() * 1e6)
    };
    let empty = tempfile::NamedTempFile::new().ok()?;
    let (start, whole) = (run(empty.path())?, run(input.path())?);
    Some((whole - start) / COMMAND_ROWS as f64)
}
