//! What somebody meets who writes an adapter: examples as files, the check of a
//! component, sentences for mistakes, and contracts that outlive releases.
//!
//! * [`building`]: `plugin build`, and what it leaves for `plugin test --bless`.
//! * [`examples`]: `plugin test`, with `--bless` and `--record`.
//! * [`checking`], [`checking_javascript`]: `plugin check`.
//! * [`mistakes`]: what is said of each of the mistakes that people make.
//! * [`contracts`]: `wit/` beside what was released of it.

mod building;
mod checking;
mod checking_javascript;
mod contracts;
mod examples;
mod mistakes;

use std::path::{Path, PathBuf};

use crossdock_tests::bed::Bed;

/// The adapter that was built against the first release: small, and whole.
fn kept() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read(root.join("fixtures/contract-0.1.0/adapter.wasm")).expect("it is kept")
}

/// An author's folder `board` with that adapter built in it.
fn project(bed: &Bed) -> PathBuf {
    bed.configure("");
    let dir = bed.path("board");
    put(
        &dir.join("crossdock.json"),
        r#"{"name": "board", "language": "rust"}"#,
    );
    std::fs::write(dir.join("board.wasm"), kept()).expect("a component");
    dir
}

fn put(path: &Path, text: &str) {
    let folder = path.parent().expect("a folder");
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
