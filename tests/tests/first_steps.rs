//! The first steps of the README, as somebody takes them who has the binary
//! and nothing else.
//!
//! `CROSSDOCK_BINARY` names a release binary: it is copied away from the
//! repository first, so that what it needs has to be inside.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use crossdock_tests::guests::{program, target_dir};
use crossdock_tests::process::{Ended, Serving, crossdock_at, finish};
use serde_json::Value;
use tempfile::TempDir;

/// Calls the README's curl makes.
const DRY_RUN: &str = "/v1/acme/mini-shop/stock.update?dry_run=true";

/// The command as a user has it.
struct Installed {
    _folder: Option<TempDir>,
    path: PathBuf,
}

impl Installed {
    fn new() -> Self {
        let Some(release) = std::env::var_os("CROSSDOCK_BINARY") else {
            return Self {
                _folder: None,
                path: program("crossdock"),
            };
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crossdock");
        fs::copy(release, &path).unwrap();
        Self {
            _folder: Some(folder),
            path,
        }
    }

    async fn run(&self, folder: &Path, arguments: &[&str]) -> Ended {
        finish(crossdock_at(&self.path, folder, arguments), "").await
    }
}

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    fs::read_to_string(path).unwrap()
}

/// The first block of a language after a heading of the README.
fn block(heading: &str, language: &str) -> String {
    let text = readme();
    let after = &text[text.find(heading).expect("the heading")..];
    let start = format!("```{language}\n");
    let from = after.find(&start).expect("the block") + start.len();
    let length = after[from..].find("```").expect("its end");
    after[from..][..length].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn init_serve_and_one_call_do_what_the_readme_shows() {
    let installed = Installed::new();
    let folder = tempfile::tempdir().unwrap();
    let init = installed.run(folder.path(), &["init"]).await;
    assert_eq!(init.code, Some(0), "{init:?}");
    for command in ["crossdock serve", "curl ", "crossdock script test"] {
        assert!(init.stdout.contains(command), "{}", init.stdout);
    }

    let tests = installed.run(folder.path(), &["script", "test"]).await;
    assert_eq!(tests.code, Some(0), "{tests:?}");
    let check = installed.run(folder.path(), &["check"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");

    let host = Serving::start_at(&installed.path, folder.path())
        .await
        .checked()
        .await;
    let shown = block("## One tenant, one call, one answer", "text");
    for line in shown.lines().filter(|line| line.contains("serving")) {
        // Name, version and state; hashes and times are another machine's.
        let name = line.split_whitespace().next().unwrap_or_default();
        assert!(host.banner.contains(name), "{line}\n{}", host.banner);
    }
    let records = fs::read_to_string(folder.path().join("stock.json")).unwrap();
    let answer = host.client().post(DRY_RUN, &records).await.unwrap();
    let shown: Value = serde_json::from_str(&block("in a second terminal", "json")).unwrap();
    assert_eq!(answer["dry_run"], shown["dry_run"]);
    assert_eq!(answer["requests"], shown["requests"]);
    assert!(!answer.to_string().contains("put-the-token"), "{answer}");
    host.terminate().await;
    assert_eq!(host.ended().await.code, Some(0));
}

/// With nothing but what `init` makes, the file of the guide's quick start is an
/// adapter.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_javascript_is_an_adapter_in_what_init_makes() {
    let installed = Installed::new();
    let folder = tempfile::tempdir().unwrap();
    let init = installed.run(folder.path(), &["init"]).await;
    assert_eq!(init.code, Some(0), "{init:?}");
    assert!(folder.path().join("plugins/runtime-js.wasm").is_file());
    // What other tests compiled need not be compiled again.
    let compiled = target_dir().join("tests/code");
    fs::create_dir_all(&compiled).unwrap();
    fs::create_dir_all(folder.path().join("data")).unwrap();
    let link = folder.path().join("data/code");
    std::os::unix::fs::symlink(compiled.canonicalize().unwrap(), link).unwrap();

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = root.join("examples/adapters/price-board/price-board.js");
    fs::copy(source, folder.path().join("plugins/price-board.js")).unwrap();
    let quick = ["plugin", "check", "--quick", "plugins/price-board.js"];
    let checked = installed.run(folder.path(), &quick).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("price-board 0.1.0"), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn init_replaces_nothing() {
    let installed = Installed::new();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("stock.json"), "mine").unwrap();
    let init = installed.run(folder.path(), &["init"]).await;
    assert_eq!(init.code, Some(1), "{init:?}");
    assert!(init.stderr.contains("stock.json"), "{}", init.stderr);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let elsewhere = installed.run(folder.path(), &["init", "new/shop"]).await;
    assert_eq!(elsewhere.code, Some(0), "{elsewhere:?}");
    assert!(
        elsewhere.stdout.contains("cd new/shop"),
        "{}",
        elsewhere.stdout
    );
    assert!(folder.path().join("new/shop/crossdock.toml").exists());
    let again = installed.run(folder.path(), &["init", "new/shop"]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
}
