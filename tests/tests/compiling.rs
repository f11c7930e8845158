//! Compiling takes what the author of a file decides of memory and time. The
//! `crossdock` command does it in a process of its own, within limits; whatever
//! becomes of that process, the host goes on.

use std::path::Path;
use std::time::{Duration, Instant};

use crossdock::config::HostLimits;
use crossdock::plugin::artifact::{Artifact, Sha};
use crossdock::plugin::cache::CodeCache;
use crossdock::plugin::compile::Compiler;
use crossdock::plugin::load::Loader;
use crossdock::plugin::sandbox::Sandbox;
use crossdock_tests::bed::Bed;
use crossdock_tests::guests::{self, plugin, program, test_adapter};
use crossdock_tests::process::{Serving, run};
use crossdock_tests::wait::until_async;
use serde_json::Value;
use wasm_encoder::{
    BlockType, CodeSection, Encode, Function, FunctionSection, Module, TypeSection, ValType,
};

/// Loops, and locals that live through all of them.
const LOOPS: usize = 20_000;
const LOCALS: u32 = 2_000;

/// Files that are no plugins; as many threads were too many.
const JUNK: usize = 1_000;

/// A file of some hundred KiB that takes gigabytes and minutes to compile. By its
/// names it is an adapter: what it exports is what it imports.
fn bomb() -> Vec<u8> {
    let mut function = Function::new([(LOCALS, ValType::I32)]);
    {
        let mut code = function.instructions();
        for _ in 0..LOOPS {
            code.loop_(BlockType::Empty)
                .local_get(0)
                .i32_const(1)
                .i32_sub()
                .local_tee(0)
                .br_if(0)
                .end();
        }
        code.local_get(0);
        for local in 1..=LOCALS {
            code.local_get(local).i32_add();
        }
        code.end();
    }
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut codes = CodeSection::new();
    codes.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&codes);
    nested(module.as_slice())
}

/// An adapter by its names with this core module in it.
fn nested(module: &[u8]) -> Vec<u8> {
    let name = |name: &str| {
        let mut bytes = vec![0];
        name.encode(&mut bytes);
        bytes
    };
    let import = name("crossdock:adapter/keys@0.1.0");
    let export = name("crossdock:adapter/adapter@0.1.0");
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    for (id, body) in [
        // The type of an instance without anything, one that is imported, and
        // the same exported.
        (7, vec![1, 0x42, 0]),
        (10, [&[1], &*import, &[5, 0]].concat()),
        (11, [&[1], &*export, &[5, 0, 0]].concat()),
        (1, module.to_vec()),
    ] {
        bytes.push(id);
        body.encode(&mut bytes);
    }
    bytes
}

/// A number of a process' status: KiB of memory, threads.
fn status_of(process: u32, field: &str) -> u64 {
    let path = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(path).expect("the process runs");
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next());
    number.expect("the field").parse().expect("a number")
}

/// What a plugin's file is refused for, and what serves from it.
async fn plugin_of(serving: &Serving, file: &str) -> (Option<Value>, Option<Value>) {
    let answer = serving.client().get("/v1/plugins").await;
    let answer = answer.unwrap_or_else(|error| panic!("{error:#}"));
    let all = answer["plugins"].as_array().or(answer.as_array());
    let all = all.unwrap_or_else(|| panic!("{answer}"));
    let found = all.iter().find(|plugin| {
        let path = plugin["file"].as_str().unwrap_or_default();
        Path::new(path).file_name().is_some_and(|name| name == file)
    });
    let part = |name: &str| {
        let value = found?.get(name)?;
        (!value.is_null()).then(|| value.clone())
    };
    (part("refused"), part("serving"))
}

async fn refusal(serving: &Serving, file: &str) -> (String, String) {
    let refused = until_async("a refusal", async || plugin_of(serving, file).await.0).await;
    let text = |name: &str| refused[name].as_str().unwrap_or_default().to_owned();
    (text("step"), text("reason"))
}

fn generation(serving: &Option<Value>) -> Option<u64> {
    serving.as_ref()?["number"].as_u64()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_cannot_be_compiled_within_the_limits_costs_the_host_nothing() {
    let bed = Bed::new();
    bed.configure(
        "[limits]\nguest_instances = 64\ncompile_memory_mb = 256\ncompile_timeout_ms = 15000\n",
    );
    bed.put_plugin("test-adapter", &test_adapter("normal", "g0"));
    let serving = Serving::start(&bed.path("")).await;
    let before = status_of(serving.id(), "VmHWM");

    bed.put_plugin("bomb", &bomb());
    // Meanwhile another file is replaced, and serves.
    let swapped = Instant::now();
    bed.put_plugin("test-adapter", &test_adapter("normal", "g1"));
    until_async("the other adapter", async || {
        let (_, serves) = plugin_of(&serving, "test-adapter.wasm").await;
        (generation(&serves) == Some(2)).then_some(())
    })
    .await;
    println!("beside the bomb, a swap took {:?}", swapped.elapsed());

    let (step, reason) = refusal(&serving, "bomb.wasm").await;
    assert_eq!(step, "compile", "{reason}");
    assert!(
        reason.contains("256 MiB") || reason.contains("15000 ms"),
        "{reason}"
    );
    let peak = status_of(serving.id(), "VmHWM");
    println!("the host's peak: {before} KiB before the bomb, {peak} KiB with it");
    assert!(peak < before + (64 << 10), "{before} KiB, then {peak} KiB");
    serving.terminate().await;
    assert_eq!(serving.ended().await.code, Some(0));

    // It is known at the next start, and not tried again.
    let started = Instant::now();
    let serving = Serving::start(&bed.path("")).await;
    let (step, reason) = refusal(&serving, "bomb.wasm").await;
    assert_eq!(step, "compile", "{reason}");
    assert!(reason.contains("not tried again"), "{reason}");
    println!("a start beside what is remembered: {:?}", started.elapsed());
    drop(serving);

    // A person can have it tried.
    let checked = run(&bed.path(""), &["plugin", "check", "plugins/bomb.wasm"]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(!checked.stdout.contains("not tried again"), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_too_much_is_compiled_when_a_limit_is_raised_or_a_person_says_so() {
    let bed = Bed::new();
    bed.configure("[limits]\nguest_instances = 64\n");
    let bytes = plugin("lingzhi");
    bed.put_plugin("lingzhi", &bytes);
    let code = bed.path("data/code");
    std::fs::create_dir_all(&code).expect("the folder");
    let remember = |down: &str, memory_mb: u64, timeout_ms: u64| {
        let entry = serde_json::json!({
            "down": down, "times": 1, "memory_mb": memory_mb, "timeout_ms": timeout_ms,
            "version": env!("CARGO_PKG_VERSION"), "at_ms": 1,
        });
        let path = code.join(format!("{}.down", Sha::of(&bytes)));
        std::fs::write(path, entry.to_string()).expect("writing");
    };
    let check = async || run(&bed.path(""), &["check"]).await;
    for (down, words) in [
        ("memory", "compile_memory_mb"),
        ("time", "compile_timeout_ms"),
        ("crash", "makes the compiler fail"),
    ] {
        remember(down, 1024, 120_000);
        let checked = check().await;
        assert_eq!(checked.code, Some(1), "{checked:?}");
        assert!(checked.stdout.contains(words), "{checked:?}");
    }
    // A person's command compiles it, and then it loads for everybody.
    let by_hand = run(&bed.path(""), &["plugin", "check", "plugins/lingzhi.wasm"]).await;
    assert_eq!(by_hand.code, Some(0), "{by_hand:?}");
    let checked = check().await;
    assert_eq!(checked.code, Some(0), "{checked:?}");

    // Compiled anew under a limit that is higher than the one it was too much for.
    std::fs::remove_dir_all(&code).expect("removing");
    std::fs::create_dir_all(&code).expect("the folder");
    remember("memory", 512, 120_000);
    let checked = check().await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_junk_files_are_no_thousands_of_threads() {
    let bed = Bed::new();
    bed.configure("[limits]\nguest_instances = 64\n");
    for n in 0..JUNK {
        let junk = format!("\0asm\x0d\0\x01\0 junk {n}");
        std::fs::write(bed.plugin_path(&format!("junk-{n}")), junk).expect("writing");
    }
    // By their names these are adapters, and only the compiler sees what they are.
    for n in 0..20_u8 {
        let module = [&b"\0asm\x01\0\0\0\x0a"[..], &[n, 9]].concat();
        bed.put_plugin(&format!("almost-{n}"), &nested(&module));
    }
    bed.put_plugin("test-adapter", &test_adapter("normal", "g0"));
    let serving = Serving::start(&bed.path("")).await;
    let threads = status_of(serving.id(), "Threads");
    println!("threads after {JUNK} files: {threads}");
    assert!(threads < 40, "{threads} threads");
    let (_, serves) = plugin_of(&serving, "test-adapter.wasm").await;
    assert_eq!(generation(&serves), Some(1));
    let (step, reason) = refusal(&serving, "almost-0.wasm").await;
    assert_eq!(step, "parse", "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_more_costs_a_swap_no_more_than_its_start() {
    let limits = HostLimits {
        guest_instances: 64,
        ..HostLimits::default()
    };
    let dir = tempfile::tempdir().expect("a folder");
    let loader = |program: Option<std::path::PathBuf>| {
        let sandbox = Sandbox::new(&limits).expect("a sandbox");
        let cache = CodeCache::new(dir.path().join("code")).bounded(0);
        let compiler = Compiler::new(program, &limits);
        Loader::compiling_with(compiler, sandbox, cache, &limits)
    };
    let (here, apart) = (loader(None), loader(Some(program("crossdock"))));
    let file = guests::plugin_file("lingzhi");
    let mut times: [Vec<f64>; 2] = Default::default();
    for _ in 0..7 {
        for (loader, times) in [&here, &apart].into_iter().zip(&mut times) {
            let artifact = Artifact::read(&file, 1 << 30).expect("the plugin");
            let loaded = loader.load(artifact, 1).await;
            let loaded = loaded.unwrap_or_else(|refusal| panic!("{refusal}"));
            assert!(!loaded.identity().times.from_cache);
            times.push(loaded.identity().times.compile_ms);
        }
    }
    let [here, apart] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    let ratio = apart / here;
    println!("compiling lingzhi: {here:.0} ms here, {apart:.0} ms apart, {ratio:.2} times");
    assert!(apart < here + 500.0, "{here} ms, {apart} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundled_plugins_compile_within_the_default_limits() {
    let limits = HostLimits {
        guest_instances: 64,
        ..HostLimits::default()
    };
    let dir = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::new(&limits).expect("a sandbox");
    let cache = CodeCache::new(dir.path().join("code"));
    let compiler = Compiler::new(Some(program("crossdock")), &limits);
    let loader = Loader::compiling_with(compiler, sandbox, cache, &limits);
    let dir = guests::plugin_file("x");
    let dir = dir.parent().expect("the plugins folder");
    for entry in std::fs::read_dir(dir).expect("the plugins folder") {
        let path = entry.expect("an entry").path();
        let started = Instant::now();
        let artifact = Artifact::read(&path, limits.plugin_size).expect("a plugin");
        let size = artifact.bytes.len() >> 10;
        let loaded = loader.load(artifact, 1).await;
        assert!(loaded.is_ok(), "{}: {:?}", path.display(), loaded.err());
        let took: Duration = started.elapsed();
        println!("{}: {size} KiB in {took:?}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_ends_when_the_code_that_it_compiled_is_kept_and_sweeps_what_another_left() {
    let bed = Bed::new();
    bed.configure("");
    let code = bed.path("data/code");
    std::fs::create_dir_all(&code).expect("a folder");
    let left = |name: &str, hours: u64| {
        let file = std::fs::File::create(code.join(name)).expect("a file");
        let age = Duration::from_secs(hours * 3600);
        file.set_modified(std::time::SystemTime::now() - age)
            .expect("its time");
        file
    };
    // One was left by a process that is gone, another one is being written.
    drop(left(".tmpLeft", 1));
    let written = left(".tmpWritten", 1);
    written.lock().expect("a lock");
    let files = ["lingzhi", "fengchao", "doudian"].map(guests::plugin_file);
    let files = files.each_ref().map(|file| file.to_str().expect("a path"));
    let quick = [&["plugin", "check", "--quick"], &files[..]].concat();
    let ended = run(&bed.path(""), &quick).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let names = || -> Vec<String> {
        let entries = std::fs::read_dir(&code).expect("the folder").flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.collect()
    };
    let kept = names();
    let compiled = kept.iter().filter(|name| name.ends_with(".cwasm")).count();
    assert_eq!(compiled, files.len(), "{kept:?}");
    let temporary: Vec<_> = kept.iter().filter(|it| it.starts_with(".tmp")).collect();
    assert_eq!(temporary, [".tmpWritten"], "{kept:?}");
    // The next one has no need to compile.
    let again = run(&bed.path(""), &quick).await;
    assert_eq!(again.stdout.matches("(cached)").count(), 3, "{again:?}");
}
