//! The component in the host's sandbox, without the rest of the host.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crossdock::config::HostLimits;
use crossdock::plugin::artifact::{Artifact, Sha};
use crossdock::plugin::cache::CodeCache;
use crossdock::plugin::load::{Loaded, Loader};
use crossdock::plugin::sandbox::Sandbox;
use crossdock::plugin::script_engine::{Applied, CompileError, EngineGeneration, ScriptSpec};
use crossdock_tests::guests;
use tokio::runtime::Runtime;

/// The context of the engine's own tests.
const CONTEXT: &str = r#"{"tenant":"acme","tables":{"stores":{"1":"A"}},"id":3539925204033339668}"#;

struct Bench {
    runtime: Runtime,
    engine: Arc<EngineGeneration>,
}

/// Where compiled code is kept from one process to the next: compiling the
/// component takes seconds, and a test runner may start a process per test.
const COMPILED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/script-js");

/// One for all tests of this process.
fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let limits = HostLimits {
            warm_instances: 0,
            ..HostLimits::default()
        };
        let sandbox = Sandbox::new(&limits).expect("a sandbox");
        let loader = Loader::new(sandbox, CodeCache::new(COMPILED.into()), &limits);
        let bytes = guests::plugin("script-js");
        let artifact = Artifact {
            path: guests::plugin_file("script-js"),
            sha256: Sha::of(&bytes),
            bytes,
        };
        let loaded = runtime.block_on(loader.load(artifact, 1));
        let Ok(Loaded::Engine(engine)) = loaded else {
            panic!("script-js is not a script engine");
        };
        Bench { runtime, engine }
    })
}

/// The answers of one call, or why it has none.
fn applied(source: &str, documents: &[&str]) -> Result<Vec<Applied>, String> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let bench = bench();
    let spec = ScriptSpec {
        tenant: "acme".into(),
        id: NEXT.fetch_add(1, Ordering::Relaxed),
        source: Arc::new(source.to_owned()),
        context: Arc::new(CONTEXT.to_owned()),
        tables: Arc::default(),
    };
    let documents: Vec<String> = documents.iter().map(|text| (*text).to_owned()).collect();
    bench.runtime.block_on(async {
        let mut lease = bench
            .engine
            .lease(&spec)
            .await
            .map_err(|error| match error {
                CompileError::Script(wrong) => place(wrong.line, wrong.column, &wrong.message),
                CompileError::Guest(failure) => failure.to_string(),
            })?;
        let applied = lease.apply(&documents, None).await;
        applied.map_err(|failure| failure.to_string())
    })
}

fn place(line: u32, column: u32, message: &str) -> String {
    match line {
        0 => message.to_owned(),
        line => format!("{line}:{column}: {message}"),
    }
}

/// What a script makes of a document: its results, one per line, or the error.
pub fn run(source: &str, document: &str) -> String {
    match applied(source, &[document]).map(|mut answers| answers.remove(0)) {
        Err(failure) => failure,
        Ok(Ok(documents)) => documents.join("\n"),
        Ok(Err(wrong)) => place(wrong.line, wrong.column, &wrong.message),
    }
}

/// The answers of one call to its documents, as text.
pub fn answers(source: &str, documents: &[&str]) -> Vec<String> {
    let answers = applied(source, documents).unwrap_or_else(|failure| panic!("{failure}"));
    answers
        .into_iter()
        .map(|answer| format!("{answer:?}"))
        .collect()
}
