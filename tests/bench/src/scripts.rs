//! A mapping script of four fields, in jq and in JavaScript: in the sandbox,
//! natively, and by the `jq` and `node` commands where they are.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use crossdock::plugin::load::{Loaded, Loader};
use crossdock::plugin::script_engine::{EngineGeneration, ScriptSpec};
use crossdock_tests::guests;

use crate::direct::{load, loader};
use crate::figures::{Figures, Goal, time, time_async};

/// Four fields: one concatenated, one with a maximum, two moved.
const JQ: &str = r#"{sku: "\(.item)^^^\(.spec)", quantity: ([.on_hand - .reserved, 0] | max), location: .shop, type: .kind}"#;

/// The same with a definition, for which jq's engine has no short cut.
const JQ_BY_JAQ: &str = r#"def all: .; all | {sku: "\(.item)^^^\(.spec)", quantity: ([.on_hand - .reserved, 0] | max), location: .shop, type: .kind}"#;

/// The same.
const JS: &str = r"export default item => ({sku: `${item.item}^^^${item.spec}`, quantity: Math.max(item.on_hand - item.reserved, 0), location: item.shop, type: item.kind});";

/// Times the script of its second argument on the rows of the file that the
/// first one names, from their text to the documents' text. Prints microseconds
/// per row of the best round: by then its compiler has done what it can.
const NODE: &str = r#"
const map = (await import("data:text/javascript," + encodeURIComponent(process.argv[2]))).default;
const rows = (await (await import("node:fs")).promises.readFile(process.argv[1], "utf8")).trimEnd().split("\n");
let best = Infinity;
for (let round = 0; round < 20; round++) {
  const started = performance.now();
  for (const row of rows) JSON.stringify(map(JSON.parse(row)));
  best = Math.min(best, (performance.now() - started) * 1000 / rows.length);
}
console.log(best);
"#;

/// Rows that the commands work on, so that their start does not count.
const COMMAND_ROWS: usize = 20_000;

fn item(row: usize) -> String {
    format!(
        r#"{{"item":"12345678901234567{row:02}","spec":"8G","on_hand":22,"reserved":2,"shop":"aaa","kind":"normal"}}"#
    )
}

pub async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    figures.section("Mapping script: four fields");
    jq(figures).await?;
    javascript(figures).await
}

/// A bundled script engine.
pub async fn engine(loader: &Loader, name: &str) -> anyhow::Result<Arc<EngineGeneration>> {
    match load(loader, name).await? {
        Loaded::Engine(engine) => Ok(engine),
        Loaded::Adapter(_) | Loaded::Runtime(_) => bail!("{name} is not a script engine"),
    }
}

async fn jq(figures: &mut Figures) -> anyhow::Result<()> {
    let (loader, _dir) = loader(64)?;
    let engine = engine(&loader, "script-jq").await?;
    let native = crossdock_script_jq::Script::compile(JQ, "{}")
        .map_err(|diagnostic| anyhow::anyhow!("{}", diagnostic.message))?;
    let command = jq_command();
    for rows in [1, 100] {
        let items: Vec<String> = (0..rows).map(item).collect();
        let sandboxed = in_sandbox(&engine, 1, JQ, &items).await;
        let by_jaq = in_sandbox(&engine, 2, JQ_BY_JAQ, &items).await;
        let native = time(|| {
            for item in &items {
                let documents = native.apply_by_jaq(item.clone());
                std::hint::black_box(documents.is_ok());
            }
        });
        figures.add(format!("jq native (jaq), {rows} rows"), native, "µs");
        figures.add(format!("jq in the sandbox, {rows} rows"), sandboxed, "µs");
        let ratio = figures.ratio(
            format!("jq sandbox / native, {rows} rows"),
            sandboxed,
            native,
        );
        figures.goal(
            &format!("jq sandbox / native jaq, {rows} rows"),
            ratio,
            Goal::AtMost(1.3),
        );
        figures.add(
            format!("jq in the sandbox without its short cut, {rows} rows"),
            by_jaq,
            "µs",
        );
        figures.ratio(
            format!("jq sandbox without its short cut / native, {rows} rows"),
            by_jaq,
            native,
        );
        if rows == 100 {
            match command {
                Some(per_row) => {
                    figures.add("jq command, per row", per_row, "µs");
                    let ratio = figures.ratio(
                        "jq sandbox / jq command, per row",
                        sandboxed / rows as f64,
                        per_row,
                    );
                    figures.goal("jq sandbox / jq command, per row", ratio, Goal::AtMost(1.0));
                }
                None => println!("the `jq` command is not installed; its figure is left out"),
            }
        }
    }
    Ok(())
}

async fn javascript(figures: &mut Figures) -> anyhow::Result<()> {
    if !guests::plugin_file("script-js").exists() {
        println!(
            "script-js was not built, see `cargo xtask build-plugins`; its figures are left out"
        );
        return Ok(());
    }
    let (loader, _dir) = loader(64)?;
    let engine = engine(&loader, "script-js").await?;
    let native = crossdock_script_js::Script::compile(JS, "{}")
        .map_err(|diagnostic| anyhow::anyhow!("{}", diagnostic.message))?;
    for (rows, goal) in [(1, 15.0), (100, 8.0)] {
        let items: Vec<String> = (0..rows).map(item).collect();
        let sandboxed = in_sandbox(&engine, 1, JS, &items).await;
        let native = time(|| {
            std::hint::black_box(native.apply_all(&items));
        });
        figures.add(
            format!("JavaScript native (QuickJS), {rows} rows"),
            native,
            "µs",
        );
        figures.add(
            format!("JavaScript in the sandbox, {rows} rows"),
            sandboxed,
            "µs",
        );
        figures.ratio(
            format!("JavaScript sandbox / native, {rows} rows"),
            sandboxed,
            native,
        );
        figures.goal(
            &format!("JavaScript in the sandbox, per row of {rows} (µs)"),
            sandboxed / rows as f64,
            Goal::AtMost(goal),
        );
    }
    match node_command() {
        Some(per_row) => {
            figures.add("JavaScript by node, per row", per_row, "µs");
        }
        None => println!("`node` is not installed; its figure is left out"),
    }
    Ok(())
}

/// Microseconds of applying a warm script to all items at once.
async fn in_sandbox(
    engine: &Arc<EngineGeneration>,
    id: u64,
    source: &str,
    items: &[String],
) -> f64 {
    let spec = ScriptSpec {
        tenant: "bench".into(),
        id,
        source: Arc::new(source.to_owned()),
        context: Arc::new("{}".to_owned()),
        tables: Arc::default(),
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

/// Rows as a file, one per line.
fn rows_file() -> Option<tempfile::NamedTempFile> {
    let input = tempfile::NamedTempFile::new().ok()?;
    let rows: String = (0..COMMAND_ROWS)
        .map(|row| item(row % 100) + "\n")
        .collect();
    std::fs::write(input.path(), rows).ok()?;
    Some(input)
}

/// Microseconds per row of the `jq` command, its start not counted.
fn jq_command() -> Option<f64> {
    let input = rows_file()?;
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

/// Microseconds per row of the `node` command, its start not counted.
fn node_command() -> Option<f64> {
    let input = rows_file()?;
    let output = Command::new("node")
        .args(["--input-type=module", "--eval", NODE])
        .arg(input.path())
        .arg(JS)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
