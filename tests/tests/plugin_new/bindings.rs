//! The bindings that are kept in the repository are those that wit-bindgen makes
//! of the contract.
//!
//! `CROSSDOCK_WRITE_BINDINGS=1 cargo test -p crossdock-tests --test plugin_new bindings`
//! writes those of Rust and C again. Those of Go are written by hand from what
//! the failing test shows: they have other import paths, and gofmt's layout.

use std::path::{Path, PathBuf};

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

/// Asks for writing instead of comparing.
const WRITE: &str = "CROSSDOCK_WRITE_BINDINGS";

fn repository(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(below)
}

fn generated(mut generator: Box<dyn WorldGenerator>) -> Files {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(repository("wit/adapter")).unwrap();
    let world = resolve.select_world(&[package], Some("platform")).unwrap();
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files).unwrap();
    files
}

fn text_of(files: &Files, name: &str) -> String {
    let (_, bytes) = files
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("{name}"));
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Compares, or writes.
fn holds(below: &str, text: &str) {
    let path = repository(below);
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(path, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(
        kept == text,
        "{below} is not what wit-bindgen makes of the contract: {WRITE}=1 writes it again"
    );
}

#[test]
fn the_bindings_in_rust_are_those_of_the_contract() {
    let options = wit_bindgen_rust::Opts {
        additional_derive_attributes: vec!["PartialEq".into(), "Eq".into()],
        pub_export_macro: true,
        export_macro_name: Some("export_platform".into()),
        default_bindings_module: Some("crossdock_adapter::bindings".into()),
        runtime_path: Some("crossdock_adapter::bindings::wit_bindgen::rt".into()),
        ..Default::default()
    };
    let files = generated(Box::new(options.build()));
    let text = text_of(&files, "platform.rs");
    holds("plugins/sdk/src/bindings/platform.in", &text);
}

/// What the SDK keeps of a package that adds to the contract.
fn added(folder: &str, world: &str, with: &[&str]) -> String {
    let ours = |name: &&str| {
        let path = format!("crossdock_adapter::bindings::crossdock::adapter::{name}");
        let interface = format!("crossdock:adapter/{name}@0.1.0");
        (interface, wit_bindgen_rust::WithOption::Path(path))
    };
    let options = wit_bindgen_rust::Opts {
        additional_derive_attributes: vec!["PartialEq".into(), "Eq".into()],
        pub_export_macro: true,
        export_macro_name: Some(format!("export_{world}")),
        default_bindings_module: Some(format!("crossdock_adapter::bindings::{folder}")),
        runtime_path: Some("crossdock_adapter::bindings::wit_bindgen::rt".into()),
        with: with.iter().map(ours).collect(),
        generate_all: true,
        ..Default::default()
    };
    let mut resolve = Resolve::default();
    resolve.push_dir(repository("wit/adapter")).unwrap();
    let (package, _) = resolve
        .push_dir(repository(&format!("wit/{folder}")))
        .unwrap();
    let world_id = resolve.select_world(&[package], Some(world)).unwrap();
    let mut files = Files::default();
    let mut generator = options.build();
    generator
        .generate(&mut resolve, world_id, &mut files)
        .unwrap();
    text_of(&files, &format!("{world}.rs"))
}

#[test]
fn the_bindings_of_inbound_in_rust_are_those_of_the_contract() {
    let text = added("inbound", "receiver", &["types", "keys"]);
    holds("plugins/sdk/src/bindings/inbound.in", &text);
}

#[test]
fn the_bindings_of_composing_in_rust_are_those_of_the_contract() {
    let text = added("composing", "composer", &["types"]);
    holds("plugins/sdk/src/bindings/composing.in", &text);
}

#[test]
fn the_bindings_in_c_are_those_of_the_contract() {
    let files = generated(wit_bindgen_c::Opts::default().build());
    let header = text_of(&files, "platform.h");
    holds("plugins/sdk-c/bindings/platform.h", &header);
    let source = text_of(&files, "platform.c");
    // The contract is written into the module by `plugin build`.
    let (first, rest) = source.split_once('\n').unwrap();
    let object = "// Ensure that the *_component_type.o object";
    let rest = rest.split(object).next().unwrap().trim_end();
    let note = "// Without the object file with the contract: `crossdock plugin build` writes the contract into the module.";
    let source = format!("{first}\n{note}\n{rest}\n");
    holds("plugins/sdk-c/bindings/platform.c", &source);
}

#[test]
fn the_bindings_in_go_are_those_of_the_contract() {
    let files = generated(wit_bindgen_go::Opts::default().build());
    for (made, kept) in [
        ("wit_exports.go", "bindings/exports.go"),
        (
            "crossdock_adapter_adapter/wit_bindings.go",
            "bindings/adapter/bindings.go",
        ),
        (
            "crossdock_adapter_keys/wit_bindings.go",
            "bindings/keys/bindings.go",
        ),
        (
            "crossdock_adapter_log/wit_bindings.go",
            "bindings/log/bindings.go",
        ),
        (
            "crossdock_adapter_types/wit_bindings.go",
            "bindings/types/bindings.go",
        ),
    ] {
        let made = text_of(&files, made);
        let kept = std::fs::read_to_string(repository("plugins/sdk-go").join(kept)).unwrap();
        let (made, kept) = (lines(&made), lines(&kept));
        let lost: Vec<_> = made.iter().filter(|line| !kept.contains(line)).collect();
        let added: Vec<_> = kept.iter().filter(|line| !made.contains(line)).collect();
        assert!(lost.is_empty() && added.is_empty(), "{lost:#?} {added:#?}");
    }
}

/// Lines without blanks, sorted, apart from what has another name here: paths
/// and packages, and the main function, which is the adapter's own.
fn lines(go: &str) -> Vec<String> {
    let go = go.split("// Unused, but present").next().unwrap();
    let mut lines: Vec<String> = go
        .lines()
        // gofmt takes semicolons off.
        .map(|line| line.split_whitespace().collect::<String>())
        .map(|line| line.trim_end_matches(';').to_owned())
        .filter(|line| {
            let import = line.ends_with('"') && !line.contains('=');
            !line.is_empty() && !import && !line.starts_with("package") && line != "//"
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}
