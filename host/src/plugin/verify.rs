//! Which contract a component implements, and that it asks for nothing else.

use wasmtime::Engine;
use wasmtime::component::Component;

use super::load::Refusal;

/// What an adapter may import. `types` holds no function.
const ADAPTER_IMPORTS: [&str; 3] = [
    "crossdock:adapter/types@0.1.0",
    "crossdock:adapter/keys@0.1.0",
    "crossdock:adapter/log@0.1.0",
];

const ADAPTER_EXPORT: &str = "crossdock:adapter/adapter@0.1.0";
const ENGINE_EXPORT: &str = "crossdock:script/engine@0.1.0";

/// WASI packages that the empty deterministic WASI answers.
const WASI_PACKAGES: [&str; 6] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// The contract a plugin implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `crossdock:adapter`.
    Adapter,
    /// `crossdock:script`.
    ScriptEngine,
}

/// A component whose imports and exports are as they must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Its contract.
    pub kind: Kind,
    /// Whether it needs the empty WASI.
    pub wants_wasi: bool,
}

/// Checks a component's imports and exports by name.
pub fn verify(engine: &Engine, component: &Component) -> Result<Verified, Refusal> {
    let ty = component.component_type();
    let exports: Vec<&str> = ty.exports(engine).map(|(name, _)| name).collect();
    let kind = if exports.contains(&ADAPTER_EXPORT) {
        Kind::Adapter
    } else if exports.contains(&ENGINE_EXPORT) {
        Kind::ScriptEngine
    } else {
        return Err(Refusal::MissingExport {
            expected: vec![ADAPTER_EXPORT, ENGINE_EXPORT],
            found: exports.into_iter().map(str::to_owned).collect(),
        });
    };

    let mut wants_wasi = false;
    let mut unknown = Vec::new();
    for (name, _) in ty.imports(engine) {
        if WASI_PACKAGES
            .iter()
            .any(|package| name.starts_with(package))
        {
            wants_wasi = true;
        } else if kind != Kind::Adapter || !ADAPTER_IMPORTS.contains(&name) {
            unknown.push(name.to_owned());
        }
    }
    if unknown.is_empty() {
        Ok(Verified { kind, wants_wasi })
    } else {
        Err(Refusal::UnknownImports { names: unknown })
    }
}
