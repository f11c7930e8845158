//! Rust, with the SDK that the command writes into the folder.

use std::path::Path;

use crate::author::{Author, answers, platform, served};

/// The versions that this repository was checked with: what an author's Cargo
/// would look up in the registry.
pub fn lock(author: &Author, name: &str) {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    std::fs::copy(lock, author.path(name).join("Cargo.lock")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_in_rust_is_begun_built_installed_and_serves() {
    let author = Author::new();
    author.begin("price-board", "rust").await;
    lock(&author, "price-board");
    let platform = platform().await;
    let bed = served("price-board", &platform);
    author.build("price-board").await;
    author.check("price-board").await;

    let plugins = bed.path("plugins").display().to_string();
    let install = ["plugin", "build", "--install", &plugins];
    let installed = author.run("price-board", &install).await;
    assert_eq!(installed.code, Some(0), "{installed:?}");
    let built = std::fs::read(author.path("price-board/price-board.wasm")).unwrap();
    assert_eq!(
        std::fs::read(bed.plugin_path("price-board")).unwrap(),
        built
    );

    let host = bed.host_unwatched().await;
    answers(&host, &platform).await;

    // A mistake of the author's: the compiler says where, and what was built
    // before stays.
    let source = author.path("price-board/src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text.replace("MOST_SKUS: usize", "MOST_SKUS: bool")).unwrap();
    let broken = author.run("price-board", &install).await;
    assert_eq!(broken.code, Some(1), "{broken:?}");
    assert!(broken.stderr.contains("src/lib.rs:"), "{broken:?}");
    assert!(broken.stderr.contains("mismatched types"), "{broken:?}");
    assert_eq!(
        std::fs::read(bed.plugin_path("price-board")).unwrap(),
        built
    );

    // One that compiles and signs something else: its own examples tell.
    let other = text.replace(
        "text(&*time), text(body(draft))",
        "text(body(draft)), text(&*time)",
    );
    assert_ne!(other, text);
    std::fs::write(&source, other).unwrap();
    let wrong = author.run("price-board", &install).await;
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.stderr.contains("at step `examples`"), "{wrong:?}");
    assert_eq!(
        std::fs::read(bed.plugin_path("price-board")).unwrap(),
        built
    );
}
