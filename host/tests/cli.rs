//! What the command promises to shells: exit codes, streams, silence.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn crossdock(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossdock"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .env_remove("CROSSDOCK_CONFIG")
        .env_remove("CROSSDOCK_TOKEN")
        .stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    crossdock(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder as after `mkdir plugins tenants`.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["plugins", "tenants"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    folder
}

#[test]
fn help_is_no_error_and_a_mistyped_command_is() {
    let folder = folder();
    let help = run(folder.path(), &["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("crossdock check"));
    // 2 means that an item was refused, so it is not for usage.
    let typo = run(folder.path(), &["chekc"]);
    assert_eq!(typo.status.code(), Some(1));
    assert!(typo.stdout.is_empty());
    assert!(text(&typo.stderr).contains("'check'"));
}

#[test]
fn check_exits_by_what_it_finds() {
    let folder = folder();
    let empty = run(folder.path(), &["check"]);
    assert_eq!(empty.status.code(), Some(0), "{empty:?}");

    let plugin = folder.path().join("plugins/bad.wasm");
    std::fs::write(&plugin, "not a component").unwrap();
    let bad = run(folder.path(), &["check"]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(text(&bad.stdout).contains("bad.wasm"));
    let json = run(folder.path(), &["check", "--json"]);
    assert_eq!(json.status.code(), Some(1));
    let findings: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(findings["ok"], false);
    assert_eq!(findings["plugins"][0]["refused"]["step"], "parse");
    std::fs::remove_file(plugin).unwrap();

    std::fs::write(folder.path().join("crossdock.toml"), "[server]\nport = 1\n").unwrap();
    let config = run(folder.path(), &["check"]);
    assert_eq!(config.status.code(), Some(1));
    assert!(text(&config.stdout).contains("crossdock.toml:2"));
}

#[test]
fn plugin_list_says_why_a_file_was_refused() {
    let folder = folder();
    std::fs::write(folder.path().join("plugins/bad.wasm"), "nothing").unwrap();
    let list = run(folder.path(), &["plugin", "list", "--local"]);
    assert_eq!(list.status.code(), Some(0), "{list:?}");
    assert!(text(&list.stdout).contains("at step `parse`"));
    assert!(!text(&list.stdout).contains('\x1b'));
    let check = run(folder.path(), &["plugin", "check", "plugins/bad.wasm"]);
    assert_eq!(check.status.code(), Some(1));
    let inspect = run(folder.path(), &["plugin", "inspect", "nothing"]);
    assert_eq!(inspect.status.code(), Some(1));
    assert!(inspect.stdout.is_empty());
}

#[test]
fn a_host_without_tokens_is_not_put_on_the_network() {
    let folder = folder();
    let serve = run(folder.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(serve.status.code(), Some(1), "{serve:?}");
    assert!(text(&serve.stderr).contains("crossdock token new"));
}

#[test]
fn a_call_that_delivers_nothing_exits_with_1_and_prints_nothing() {
    let folder = folder();
    let arguments = ["call", "acme", "shop", "stock.update"];
    let mut call = crossdock(folder.path(), &arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    call.stdin.take().unwrap().write_all(b"{}").unwrap();
    let call = call.wait_with_output().unwrap();
    assert_eq!(call.status.code(), Some(1));
    assert!(call.stdout.is_empty());
    assert!(text(&call.stderr).starts_with("error: "), "{call:?}");
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let folder = folder();
    let mut completions = crossdock(folder.path(), &["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(completions.stdout.take());
    let ended = completions.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stderr.is_empty(), "{ended:?}");
}
