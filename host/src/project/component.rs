//! A core module to a component, in this process: what other projects use
//! `wasm-tools` for.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::wasi;
use crate::text::one_line;

/// The contract, as every adapter is built against it.
pub const WIT: &str = include_str!("../../../wit/adapter/adapter.wit");

/// The world of it that an adapter is.
pub const WORLD: &str = "platform";

/// What the bytes of a WebAssembly file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A component.
    Component,
    /// A core module, which is not yet one.
    Module,
    /// Something else.
    Other,
}

/// Tells by the first bytes.
pub fn form(bytes: &[u8]) -> Form {
    match bytes.get(..8) {
        Some(b"\0asm\x01\0\0\0") => Form::Module,
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Form::Component,
        _ => Form::Other,
    }
}

/// What has to be known of a core module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bindings {
    /// It says itself which contract it has, as those with bindings in Rust do.
    Inside,
    /// It has the functions of the contract, and does not say so: bindings in C
    /// and Go are plain source.
    Plain,
}

/// A component of a core module. Where the module asks for WASI's first
/// preview, it gets an empty one.
///
/// # Errors
/// One sentence: a function of the contract is missing, or has another type.
pub fn from_module(module: &[u8], bindings: Bindings) -> Result<Vec<u8>, String> {
    let mut module = module.to_vec();
    if bindings == Bindings::Plain {
        embed(&mut module).map_err(|error| one_line(&format!("{error:#}")))?;
    }
    encode(&module).map_err(|error| {
        format!(
            "the module that was built is no adapter: {}",
            one_line(&format!("{error:#}"))
        )
    })
}

fn encode(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = ComponentEncoder::default().validate(true);
    if imports_preview1(module)? {
        encoder = encoder
            .module(module)?
            .adapter(wasi::NAME, &wasi::stand_in()?)?;
    } else {
        encoder = encoder.module(module)?;
    }
    encoder.encode()
}

/// Writes down in a module that it has the contract.
fn embed(module: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("adapter.wit", WIT)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
}

fn imports_preview1(module: &[u8]) -> anyhow::Result<bool> {
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        if let wasmparser::Payload::ImportSection(imports) = payload? {
            for import in imports.into_imports() {
                if import?.module == wasi::NAME {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn files_are_told_by_their_first_bytes() {
        assert_eq!(form(EMPTY_MODULE), Form::Module);
        assert_eq!(form(b"\0asm\x0d\0\x01\0rest"), Form::Component);
        for other in [&b""[..], b"\0asm", b"export const", b"\0asm\x02\0\0\0"] {
            assert_eq!(form(other), Form::Other);
        }
    }

    #[test]
    fn a_module_without_the_contract_is_no_adapter() {
        let said = from_module(EMPTY_MODULE, Bindings::Plain).unwrap_err();
        assert!(said.contains("crossdock:adapter/adapter@0.1.0"), "{said}");
        assert!(!said.contains('\n'), "{said}");
        let torn = from_module(b"\0asm\x01\0\0\0\x01", Bindings::Plain).unwrap_err();
        assert!(torn.contains("no adapter"), "{torn}");
    }
}
