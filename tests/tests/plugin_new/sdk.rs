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

/// Modules of the SDK that adapters call.
const MODULES: [&str; 11] = [
    "types", "batch", "reply", "keys", "json", "encode", "stock", "time", "log", "inbound",
    "testing",
];

/// Every function that a module has for adapters, as the guide writes it: on one
/// line, with whose it is, and `S` for `impl Into<String>`.
fn signatures(module: &str, source: &str) -> Vec<String> {
    let own = source.split("\n#[cfg(test)]").next().unwrap_or_default();
    let mut owner = None;
    let mut found = Vec::new();
    let mut lines = own.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("impl") && line.ends_with('{') {
            let behind = match line.strip_prefix("impl<") {
                Some(generic) => generic.split_once("> ").map_or("", |(_, of)| of),
                None => line.trim_start_matches("impl "),
            };
            let name = behind.split(|c: char| !c.is_alphanumeric()).next();
            owner = name.filter(|_| !line.contains(" for "));
        } else if let Some(inner) = line.strip_prefix("pub mod ") {
            owner = inner.strip_suffix(" {");
        } else if line == "}" {
            owner = None;
        }
        let Some(first) = line.trim_start().strip_prefix("pub fn ") else {
            continue;
        };
        let mut text = first.to_owned();
        while !text.ends_with('{') {
            let next = lines.next().expect("a function has a body").trim();
            text.push(' ');
            text.push_str(next);
        }
        let text = text.trim_end_matches(" {");
        let text = text.replace("( ", "(").replace(", )", ")");
        // What a function does with its own argument is nobody's matter.
        let text = text.replace("(mut ", "(").replace(", mut ", ", ");
        let text = text.replace("impl Into<String>", "S");
        found.push(format!("{}::{text}", owner.unwrap_or(module)));
    }
    found
}

/// The same of functions that a module has from files in its folder: those that
/// it passes on by `pub use`.
fn passed_on(module: &str, source: &str) -> Vec<String> {
    let lines = source.lines().filter_map(|line| {
        let line = line.strip_prefix("pub use ")?.strip_suffix(';')?;
        line.split_once("::")
    });
    let found = lines.flat_map(|(file, names)| {
        let path = format!("plugins/sdk/src/{module}/{file}.rs");
        let inner = std::fs::read_to_string(repository().join(path)).unwrap_or_default();
        let names: Vec<&str> = names.trim_matches(['{', '}']).split(", ").collect();
        let mut functions = signatures(module, &inner);
        functions.retain(|one| {
            let name = one.split("::").nth(1).unwrap_or_default();
            names.contains(&name.split(['(', '<']).next().unwrap_or_default())
        });
        functions
    });
    found.collect()
}

#[test]
fn the_guide_has_the_signature_of_every_function_of_the_rust_sdk() {
    let page = repository().join("docs/adapters/rust-sdk.md");
    let page = std::fs::read_to_string(page).unwrap();
    let listed: Vec<&str> = page.lines().collect();
    let mut all = Vec::new();
    for module in MODULES {
        let source = repository().join(format!("plugins/sdk/src/{module}.rs"));
        let source = std::fs::read_to_string(source).unwrap();
        all.extend(signatures(module, &source));
        all.extend(passed_on(module, &source));
    }
    assert!(all.len() > 95, "{all:#?}");
    let missing: Vec<_> = all
        .iter()
        .filter(|one| !listed.contains(&&***one))
        .collect();
    assert!(missing.is_empty(), "not in the guide: {missing:#?}");
    let written = listed
        .iter()
        .filter(|line| line.contains("::") && line.contains('('));
    let gone: Vec<_> = written
        .filter(|line| {
            line.split("::")
                .next()
                .is_some_and(|owner| owner.chars().all(char::is_alphanumeric))
        })
        .filter(|line| !all.iter().any(|one| one == **line))
        .collect();
    assert!(gone.is_empty(), "in the guide and nowhere else: {gone:#?}");
}
