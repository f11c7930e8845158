//! The Rust SDK stands on its own.

use std::path::{Path, PathBuf};
use std::process::Command;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_contract_inside_the_sdk_is_the_contract() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    assert_eq!(
        read("plugins/sdk/wit/adapter.wit"),
        read("wit/adapter/adapter.wit"),
        "type `cp wit/adapter/adapter.wit plugins/sdk/wit/`"
    );
    assert_eq!(
        read("plugins/sdk/wit/inbound.wit"),
        read("wit/inbound/inbound.wit"),
        "type `cp wit/inbound/inbound.wit plugins/sdk/wit/`"
    );
    assert_eq!(
        read("plugins/sdk/wit/composing.wit"),
        read("wit/composing/composing.wit"),
        "type `cp wit/composing/composing.wit plugins/sdk/wit/`"
    );
}

/// What Cargo would put into the packages has the contract, and nothing in them
/// refers to files that are not there.
#[test]
fn the_packages_have_what_they_need() {
    let listed = |package: &str| {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .current_dir(repository())
            .args([
                "package",
                "--list",
                "--allow-dirty",
                "--offline",
                "--package",
                package,
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for (package, folder, needed) in [
        ("crossdock-adapter", "plugins/sdk", "wit/adapter.wit"),
        ("crossdock-golden", "plugins/golden", "README.md"),
    ] {
        let files = listed(package);
        assert!(files.iter().any(|file| file == needed), "{files:?}");
        for file in files
            .iter()
            .filter(|file| file.ends_with(".rs") && !file.contains("tests"))
        {
            let text = std::fs::read_to_string(repository().join(folder).join(file)).unwrap();
            let own = text.split("#[cfg(test)]").next().unwrap();
            assert!(!own.contains("\"../../"), "{package}: {file}");
        }
    }
}
