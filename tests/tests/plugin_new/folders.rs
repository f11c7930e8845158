//! What is made, what is refused, and what is said where a tool is missing.

use std::path::Path;

use crate::author::Author;

const LANGUAGES: [&str; 6] = ["rust", "javascript", "typescript", "python", "go", "c"];

#[tokio::test]
async fn every_language_has_a_folder_with_all_that_an_author_needs() {
    let author = Author::new();
    for language in LANGUAGES {
        let name = format!("{language}-shop");
        let new = author
            .run("", &["plugin", "new", &name, "--lang", language])
            .await;
        assert_eq!(new.code, Some(0), "{new:?}");
        let dir = author.path(&name);
        for file in [
            "README.md",
            ".gitignore",
            "crossdock.json",
            "examples/stock-query/two-pages/request.http",
        ] {
            assert!(dir.join(file).is_file(), "{language}: {file}");
        }
        let readme = author.read(&format!("{name}/README.md"));
        assert!(readme.starts_with(&format!("# {name}\n")), "{readme}");
        whole_readme(&author, &name);
    }
}

/// What an adapter in Rust has as its SDK is what was said, and nothing is
/// copied or named that is not there.
#[tokio::test]
async fn an_adapter_in_rust_has_the_sdk_that_was_named() {
    let author = Author::new();
    let git = "https://git.example.com/crossdock.git";
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = repository.canonicalize().unwrap();
    let folder = folder.to_str().unwrap();
    let path = format!("{folder}/plugins/sdk");
    for (name, sdk, written) in [
        ("by-git", git, format!("{{ git = \"{git}\" }}")),
        ("by-version", "0.1", "\"0.1\"".to_owned()),
        ("by-folder", folder, format!("{{ path = \"{path}\" }}")),
    ] {
        let new = ["plugin", "new", name, "--lang", "rust", "--sdk", sdk];
        let new = author.run("", &new).await;
        assert_eq!(new.code, Some(0), "{new:?}");
        let cargo = author.read(&format!("{name}/Cargo.toml"));
        let line = format!("\ncrossdock-adapter = {written}\n");
        assert!(cargo.contains(&line), "{cargo}");
        // There is nothing to leave out of its workspace.
        assert!(cargo.trim_end().ends_with("[workspace]"), "{cargo}");
        assert!(!author.path(name).join("sdk").exists());
        whole_readme(&author, name);
    }

    let wrong = ["plugin", "new", "x", "--lang", "rust", "--sdk", "/nowhere"];
    let wrong = author.run("", &wrong).await;
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(
        wrong
            .stderr
            .contains("--sdk takes `copy`, its folder, a git address, or a version"),
        "{wrong:?}"
    );
    assert!(!author.path("x").exists());
}

/// Every file that a folder's README names in its table is there.
fn whole_readme(author: &Author, name: &str) {
    let readme = author.read(&format!("{name}/README.md"));
    for line in readme.lines().filter(|line| line.starts_with("| `")) {
        let named = line.split('`').nth(1).unwrap();
        assert!(author.path(name).join(named).exists(), "{name}: {line}");
    }
}

#[tokio::test]
async fn a_bad_name_and_a_folder_with_something_in_it_are_refused() {
    let author = Author::new();
    for name in ["Price", "../price", "preis_tafel", "价格"] {
        let new = author
            .run("", &["plugin", "new", name, "--lang", "c"])
            .await;
        assert_eq!(new.code, Some(1), "{new:?}");
        assert!(
            new.stderr.contains("cannot be an adapter's name"),
            "{new:?}"
        );
        assert_eq!(new.stderr.lines().count(), 1, "{new:?}");
    }
    assert_eq!(std::fs::read_dir(author.path("")).unwrap().count(), 0);

    std::fs::create_dir(author.path("mine")).unwrap();
    std::fs::write(author.path("mine/notes.txt"), "mine").unwrap();
    let new = ["plugin", "new", "shop", "--lang", "javascript", "mine"];
    let refused = author.run("", &new).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("mine is not empty: `notes.txt`"),
        "{refused:?}"
    );
    assert_eq!(std::fs::read_dir(author.path("mine")).unwrap().count(), 1);

    let unknown = author
        .run("", &["plugin", "new", "shop", "--lang", "cobol"])
        .await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
}

#[tokio::test]
async fn a_missing_tool_is_named_with_the_command_that_installs_it() {
    let author = Author::new();
    for (language, install) in [
        ("rust", "https://rustup.rs"),
        ("python", "pip install 'componentize-py=="),
        ("go", "https://go.dev/doc/install"),
        ("c", "apt-get install clang lld"),
        ("typescript", "npm install --save-dev esbuild"),
    ] {
        author.begin(language, language).await;
        let mut command = author.command(language, &["plugin", "build"]);
        command.env("PATH", "/nowhere/at/all");
        let built = crossdock_tests::process::finish(command, "").await;
        assert_eq!(built.code, Some(1), "{built:?}");
        assert!(built.stderr.contains(install), "{built:?}");
        assert_eq!(built.stderr.lines().count(), 1, "{built:?}");
        let file = author.path(language).join(format!("{language}.wasm"));
        assert!(!file.exists(), "{language}");
    }
}

#[tokio::test]
async fn a_folder_without_an_adapter_and_a_plugins_folder_that_is_missing_are_told() {
    let author = Author::new();
    let nothing = author.run("", &["plugin", "build"]).await;
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert!(
        nothing.stderr.contains("tells the adapter's language"),
        "{nothing:?}"
    );

    author.begin("shop", "javascript").await;
    let install = ["plugin", "build", "shop", "--install", "plugins"];
    let missing = author.run("", &install).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(
        missing
            .stderr
            .contains("there is no plugins folder plugins"),
        "{missing:?}"
    );
}

/// Builds take their own time; a bound is kept, and nothing is left behind.
#[tokio::test]
async fn a_build_of_ones_own_is_bounded_and_checked() {
    let author = Author::new();
    let folder = author.path("shop");
    std::fs::create_dir(&folder).unwrap();
    let write = |command: &str| {
        let text = format!(
            "{{\"name\":\"shop\",\"language\":\"c\",\"build\":[\"sh\",\"-c\",\"{command}\"],\"output\":\"made.wasm\"}}"
        );
        std::fs::write(folder.join("crossdock.json"), text).unwrap();
    };
    write("sleep 600");
    let late = author
        .run("shop", &["plugin", "build", "--timeout", "1"])
        .await;
    assert_eq!(late.code, Some(1), "{late:?}");
    assert!(late.stderr.contains("took more than 1 s"), "{late:?}");

    // A component of nothing is one, but no host takes it.
    write("printf '\\\\0asm\\\\15\\\\0\\\\1\\\\0' > made.wasm");
    let refused = author.run("shop", &["plugin", "build"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("a host would refuse it at step `exports`"),
        "{refused:?}"
    );
    assert!(!Path::new(&folder.join("shop.wasm")).exists());
}
