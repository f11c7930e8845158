//! What `plugin build` writes and what it refuses, and that `plugin test --bless`
//! is about what was just built.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crossdock_tests::bed::Bed;
use crossdock_tests::process::{Ended, run};

use crate::{kept, project, put, read};

const CONTEXT: &str = r#"{"secrets": {"key": "test-key"}}"#;

async fn crossdock(bed: &Bed, words: &[&str]) -> Ended {
    run(bed.path("").as_path(), words).await
}

/// An author's folder `board` whose build makes the kept adapter.
fn built_by_a_command(bed: &Bed) -> PathBuf {
    bed.configure("");
    let dir = bed.path("board");
    put(
        &dir.join("crossdock.json"),
        r#"{"name": "board", "language": "c", "build": ["cp", "made.wasm", "out.wasm"], "output": "out.wasm"}"#,
    );
    std::fs::write(dir.join("made.wasm"), kept()).expect("a component");
    dir
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir).expect("a folder").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_examples_are_blessed_from_what_was_just_built() {
    let bed = Bed::new();
    let dir = built_by_a_command(&bed);
    std::fs::write(dir.join("board.wasm"), b"the old one").expect("a file");
    let case = dir.join("examples/thing-send/one");
    put(&case.join("items.json"), r#"[{"a":1}]"#);
    put(&case.join("context.json"), CONTEXT);
    put(&case.join("reply.http"), "HTTP/1.1 200\n\nok\n");
    let other = dir.join("examples/thing-send/two");
    put(&other.join("items.json"), r#"[{"a":2}]"#);
    put(&other.join("context.json"), CONTEXT);

    let install = ["plugin", "build", "board", "--install", "plugins"];
    let built = crossdock(&bed, &install).await;
    assert_eq!(built.code, Some(1), "{built:?}");
    let said = "board/board.wasm was built and written, but a host refuses it at step `examples` until all examples hold: \
                `thing-send: one` (board/examples/thing-send/one) failed at map: request 0 is POST /things, and the \
                example has no request.http for it; `thing-send: two` does not hold, either; `crossdock plugin test board` \
                shows how, and `crossdock plugin test board --bless` writes what came out where that is right; nothing was \
                installed";
    assert!(built.stderr.contains(said), "{built:?}");
    let bytes = std::fs::read(dir.join("board.wasm")).expect("a component");
    assert!(bytes.starts_with(b"\0asm"), "the new one is there");
    assert_eq!(files(&bed.path("plugins")), 0, "nothing was installed");

    let tested = crossdock(&bed, &["plugin", "test", "board"]).await;
    assert_eq!(tested.code, Some(1), "{tested:?}");
    let lines = "  request 0, for which there is no request.http yet\n    + POST /things\n";
    assert!(tested.stdout.contains(lines), "{tested:?}");
    assert!(!tested.stdout.contains("- nothing"), "{tested:?}");

    let blessed = crossdock(&bed, &["plugin", "test", "board", "--bless"]).await;
    assert_eq!(blessed.code, Some(0), "{blessed:?}");
    assert!(read(&case.join("request.http")).starts_with("POST /things"));
    assert!(
        blessed
            .stderr
            .contains("`crossdock plugin build board` packs them into board.wasm"),
        "{blessed:?}"
    );
    let built = crossdock(&bed, &install).await;
    assert_eq!(built.code, Some(0), "{built:?}");
    assert!(bed.plugin_path("board").exists());
    let tested = crossdock(&bed, &["plugin", "test", "board"]).await;
    assert_eq!(tested.code, Some(0), "{tested:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_blessed_from_a_component_that_is_older_than_its_source() {
    let bed = Bed::new();
    let dir = project(&bed);
    let case = dir.join("examples/thing-send/one");
    let request = "POST /things?at=1\n\n{\"a\":1}\n";
    put(&case.join("items.json"), r#"[{"a":1}]"#);
    put(&case.join("context.json"), CONTEXT);
    put(&case.join("request.http"), request);
    put(&dir.join("examples/stock-list/new/items.json"), "[{}]");
    let source = dir.join("src/lib.rs");
    put(&source, "// newer");
    let file = std::fs::File::options().write(true).open(&source);
    let later = SystemTime::now() + Duration::from_secs(60);
    file.expect("it opens").set_modified(later).expect("a time");

    let stale =
        "src/lib.rs is newer than board.wasm: type `crossdock plugin build board` first".to_owned();
    let blessed = crossdock(&bed, &["plugin", "test", "board", "--bless"]).await;
    assert_eq!(blessed.code, Some(1), "{blessed:?}");
    let said = format!("`--bless` writes nothing, because {stale}");
    assert!(blessed.stderr.contains(&said), "{blessed:?}");
    assert_eq!(read(&case.join("request.http")), request);

    let tested = crossdock(&bed, &["plugin", "test", "board", "--json"]).await;
    assert_eq!(tested.code, Some(1), "{tested:?}");
    let all = tested.json();
    assert_eq!(all["stale"], stale, "{all}");
    let examples = all["examples"].as_array().expect("a list");
    let new = examples.iter().find(|one| one["operation"] == "stock.list");
    assert_eq!(
        new.expect("the new one")["stopped"]["detail"],
        format!("board.wasm has no operation `stock.list` yet, because {stale}"),
        "{all}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_an_operation_that_is_not_there_is_no_fault_of_the_manifest() {
    let bed = Bed::new();
    let dir = built_by_a_command(&bed);
    put(&dir.join("examples/thing-sendd/one/items.json"), "[{}]");
    let built = crossdock(&bed, &["plugin", "build", "board"]).await;
    assert_eq!(built.code, Some(1), "{built:?}");
    let said = "at step `examples`: example `thing-sendd: one` is about operation `thing.sendd`, which is not there; did \
                you mean `thing.send`? Rename its folder below board/examples, or mend `operation` in its example.json";
    assert!(built.stderr.contains(said), "{built:?}");
    assert!(!built.stderr.contains("manifest"), "{built:?}");
    assert!(!dir.join("board.wasm").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_judged_before_anything_is_built() {
    let bed = Bed::new();
    bed.configure("");
    let dir = bed.path("shop");
    put(&dir.join("shop.c"), "no C at all");
    let manifest = "{\"name\": \"shop\", \"version\": \"1.0.0\", \"summary\": \"s\", \"settings\": {}, \"operations\": [{\n\
                    \"name\": \"a.b\", \"summary\": \"s\", \"document\": {}, \"result\": true,\n\
                    \"repeatible\": \"always\"}]}";
    put(&dir.join("manifest.json"), manifest);
    let built = crossdock(&bed, &["plugin", "build", "shop"]).await;
    assert_eq!(built.code, Some(1), "{built:?}");
    assert!(
        built
            .stderr
            .contains("the manifest is not valid, so nothing was built:"),
        "{built:?}"
    );
    assert!(
        built.stderr.contains("shop/manifest.json:3:15: ")
            && built.stderr.contains("did you mean `repeatable`?"),
        "{built:?}"
    );
    assert!(!built.stderr.contains("is missing"), "{built:?}");
    assert!(!built.stderr.contains("shop.c"), "{built:?}");
}
