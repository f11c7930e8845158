//! Which contract a component implements, and that it asks for nothing else:
//! read from the file's outline, before anything is compiled.

use wasmparser::{Chunk, Encoding, Parser, Payload};

use super::load::Refusal;
use crate::text::one_line;

/// What an adapter may import. `types` holds no function.
const ADAPTER_IMPORTS: [&str; 4] = [
    "crossdock:adapter/types@0.1.0",
    "crossdock:adapter/keys@0.1.0",
    "crossdock:adapter/log@0.1.0",
    "crossdock:adapter/verify@0.1.1",
];

/// What an adapter exports that takes messages which begin at the platform.
const INBOUND_EXPORT: &str = "crossdock:adapter/inbound@0.1.1";

/// What an adapter exports that names secrets within bodies.
const COMPOSING_EXPORT: &str = "crossdock:adapter/composing@0.1.2";

pub(super) const ADAPTER_EXPORT: &str = "crossdock:adapter/adapter@0.1.0";
/// What only a script engine may import: tables that stay in the host.
const TABLES_IMPORT: &str = "crossdock:script/tables@0.1.1";

const ENGINE_EXPORT: &str = "crossdock:script/engine@0.1.0";

/// What a language runtime exports besides the adapter.
const LANGUAGE_EXPORT: &str = "crossdock:source/language@0.1.0";

/// What only a language runtime may import.
const FILE_IMPORT: &str = "crossdock:source/file@0.1.0";

/// The contracts that this host serves, each with its versions. What a version
/// is, and what moves it: `docs/decisions/0048-contract-versions.md`.
pub const CONTRACTS: [Contract; 3] = [
    Contract {
        contract: "crossdock:adapter",
        versions: &["0.1.0", "0.1.1", "0.1.2"],
    },
    Contract {
        contract: "crossdock:script",
        versions: &["0.1.0", "0.1.1"],
    },
    Contract {
        contract: "crossdock:source",
        versions: &["0.1.0"],
    },
];

/// A contract that a host serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Contract {
    /// Its package in `wit/`.
    pub contract: &'static str,
    /// The versions that plugins may be built against.
    pub versions: &'static [&'static str],
}

/// Interfaces of the adapter's package that a component exports besides the one
/// that makes it an adapter. One that this host does not use, another may.
pub fn optional_interfaces<'e>(exports: impl Iterator<Item = &'e str>) -> Vec<String> {
    let optional =
        exports.filter(|name| name.starts_with("crossdock:adapter/") && *name != ADAPTER_EXPORT);
    optional.take(MOST_NAMES).map(str::to_owned).collect()
}

/// WASI packages that the empty deterministic WASI answers.
const WASI_PACKAGES: [&str; 6] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// The version of WASI that it answers.
const WASI_VERSION: &str = "0.2";

/// Imports and exports that a refusal names, and of which more are not kept.
const MOST_NAMES: usize = 100;

/// The contract a plugin implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `crossdock:adapter`.
    Adapter,
    /// `crossdock:script`.
    ScriptEngine,
    /// `crossdock:source`: with a source file, it is an adapter.
    LanguageRuntime,
}

impl Kind {
    /// Whether a plugin of this contract may import something.
    fn may_import(self, name: &str) -> bool {
        match self {
            Self::Adapter => ADAPTER_IMPORTS.contains(&name),
            Self::ScriptEngine => name == TABLES_IMPORT,
            Self::LanguageRuntime => ADAPTER_IMPORTS.contains(&name) || name == FILE_IMPORT,
        }
    }
}

/// A component whose imports and exports are as they must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Its contract.
    pub kind: Kind,
    /// Whether it needs the empty WASI.
    pub wants_wasi: bool,
    /// Whether it takes messages which begin at the platform.
    pub receives: bool,
    /// Whether it names secrets within bodies.
    pub composes: bool,
    /// Whether it looks rows up that stay in the host.
    pub looks_up: bool,
}

/// Checks a component's imports and exports by name.
pub fn verify(bytes: &[u8]) -> Result<Verified, Refusal> {
    let Outline { imports, exports } = outline(bytes)?;
    let kind = if exports.contains(&LANGUAGE_EXPORT) {
        if !exports.contains(&ADAPTER_EXPORT) {
            return Err(without_export(&exports));
        }
        Kind::LanguageRuntime
    } else if exports.contains(&ADAPTER_EXPORT) {
        Kind::Adapter
    } else if exports.contains(&ENGINE_EXPORT) {
        Kind::ScriptEngine
    } else {
        return Err(without_export(&exports));
    };

    let (mut wants_wasi, mut looks_up) = (false, false);
    let (mut unknown, mut other_wasi) = (Vec::new(), Vec::new());
    for name in imports {
        if WASI_PACKAGES
            .iter()
            .any(|package| name.starts_with(package))
        {
            wants_wasi = true;
            if !is_wasi_version(name) {
                other_wasi.push(name.to_owned());
            }
        } else if kind.may_import(name) {
            looks_up |= name == TABLES_IMPORT;
        } else {
            unknown.push(name.to_owned());
        }
    }
    unknown.truncate(MOST_NAMES);
    other_wasi.truncate(MOST_NAMES);
    if !unknown.is_empty() {
        return Err(Refusal::UnknownImports { names: unknown });
    }
    if !other_wasi.is_empty() {
        return Err(Refusal::WasiVersion { names: other_wasi });
    }
    Ok(Verified {
        kind,
        wants_wasi,
        receives: exports.contains(&INBOUND_EXPORT),
        composes: exports.contains(&COMPOSING_EXPORT),
        looks_up,
    })
}

/// What a component imports and exports, by name.
///
/// # Errors
/// It is no component.
pub fn interfaces(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), Refusal> {
    let Outline { imports, exports } = outline(bytes)?;
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    Ok((owned(imports), owned(exports)))
}

/// It implements no contract of this host: perhaps one of another version.
fn without_export(exports: &[&str]) -> Refusal {
    for wanted in [ADAPTER_EXPORT, ENGINE_EXPORT, LANGUAGE_EXPORT] {
        let (contract, version) = wanted.split_once('@').unwrap_or((wanted, ""));
        let other = exports.iter().find_map(|name| {
            let (name, other) = name.split_once('@')?;
            (name == contract).then_some(other)
        });
        if let Some(other) = other {
            return Refusal::ContractVersion {
                contract,
                found: other.to_owned(),
                expected: version,
            };
        }
    }
    Refusal::MissingExport {
        expected: vec![ADAPTER_EXPORT, ENGINE_EXPORT],
        found: exports
            .iter()
            .take(MOST_NAMES)
            .map(|name| (*name).to_owned())
            .collect(),
    }
}

fn is_wasi_version(import: &str) -> bool {
    import.split_once('@').is_none_or(|(_, version)| {
        version
            .strip_prefix(WASI_VERSION)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// What a component shows of itself.
struct Outline<'a> {
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
}

/// Reads the sections at the top; what is nested in them is not looked into.
fn outline(bytes: &[u8]) -> Result<Outline<'_>, Refusal> {
    let wrong =
        |error: &dyn std::fmt::Display| Refusal::NotAComponent(one_line(&error.to_string()));
    let mut found = Outline {
        imports: Vec::new(),
        exports: Vec::new(),
    };
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    loop {
        let (payload, consumed) = match parser.parse(rest, true) {
            Ok(Chunk::Parsed { payload, consumed }) => (payload, consumed),
            Ok(Chunk::NeedMoreData(_)) => return Err(wrong(&"it ends too early")),
            Err(error) => return Err(wrong(&error)),
        };
        rest = rest.get(consumed..).unwrap_or_default();
        match payload {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } => return Err(Refusal::CoreModule),
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import.map_err(|error| wrong(&error))?;
                    found.imports.push(import.name.name);
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export.map_err(|error| wrong(&error))?;
                    found.exports.push(export.name.name);
                }
            }
            Payload::ModuleSection {
                unchecked_range, ..
            }
            | Payload::ComponentSection {
                unchecked_range, ..
            } => {
                let length = unchecked_range.end.saturating_sub(unchecked_range.start);
                rest = rest
                    .get(length..)
                    .ok_or_else(|| wrong(&"it ends within a module"))?;
            }
            Payload::End(_) => return Ok(found),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component with imports and exports of these names, as bytes. Each is
    /// of an empty instance.
    fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
        let name = |name: &str| {
            let length = u8::try_from(name.len()).unwrap();
            [&[0, length], name.as_bytes()].concat()
        };
        let section = |id: u8, entries: Vec<Vec<u8>>| {
            let count = u8::try_from(entries.len()).unwrap();
            let body = [vec![count], entries.concat()].concat();
            let mut bytes = vec![id];
            let mut length = body.len();
            while length >= 128 {
                bytes.push((length % 128) as u8 | 128);
                length /= 128;
            }
            bytes.push(length as u8);
            [bytes, body].concat()
        };
        let imported = imports
            .iter()
            .map(|import| [name(import), vec![5, 0]].concat());
        let exported = exports
            .iter()
            .map(|export| [name(export), vec![5, 0, 0]].concat());
        [
            b"\0asm\x0d\0\x01\0".to_vec(),
            // One type: an instance without exports.
            section(7, vec![vec![0x42, 0]]),
            section(10, imported.collect()),
            section(11, exported.collect()),
        ]
        .concat()
    }

    #[test]
    fn names_decide_before_anything_is_compiled() {
        let both = |imports: &[&str], exports: &[&str]| verify(&component(imports, exports));
        let ok = both(
            &["crossdock:adapter/keys@0.1.0", "wasi:cli/stdout@0.2.6"],
            &[ADAPTER_EXPORT],
        );
        assert_eq!(
            ok.unwrap(),
            Verified {
                kind: Kind::Adapter,
                wants_wasi: true,
                receives: false,
                composes: false,
                looks_up: false,
            }
        );
        let kind = both(&[], &["other:thing/x@1.0.0", ENGINE_EXPORT])
            .unwrap()
            .kind;
        assert_eq!(kind, Kind::ScriptEngine);
        let engine = both(&[TABLES_IMPORT], &[ENGINE_EXPORT]).unwrap();
        assert!(engine.looks_up && engine.kind == Kind::ScriptEngine);
        assert!(both(&[TABLES_IMPORT], &[ADAPTER_EXPORT]).is_err());
        let kind = both(&[FILE_IMPORT], &[ADAPTER_EXPORT, LANGUAGE_EXPORT])
            .unwrap()
            .kind;
        assert_eq!(kind, Kind::LanguageRuntime);
        assert!(both(&[], &[LANGUAGE_EXPORT]).is_err());
        for (imports, exports, step, part) in [
            (
                &["evil:host/steal@1.0.0"][..],
                ADAPTER_EXPORT,
                "imports",
                "`evil:host/steal@1.0.0`",
            ),
            (
                &["crossdock:adapter/keys@0.1.0"],
                ENGINE_EXPORT,
                "imports",
                "keys",
            ),
            (&[FILE_IMPORT], ADAPTER_EXPORT, "imports", "file"),
            (
                &["wasi:http/handler@0.2.0"],
                ADAPTER_EXPORT,
                "imports",
                "wasi:http",
            ),
            (
                &["wasi:cli/stdout@0.3.0"],
                ADAPTER_EXPORT,
                "imports",
                "build it for WASI 0.2",
            ),
            (
                &[],
                "crossdock:adapter/adapter@0.2.0",
                "exports",
                "version 0.2.0",
            ),
            (
                &[],
                "other:thing/x@1.0.0",
                "exports",
                "`other:thing/x@1.0.0`",
            ),
        ] {
            let refusal = both(imports, &[exports]).unwrap_err();
            let said = refusal.to_string();
            assert_eq!(refusal.step(), step, "{said}");
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn interfaces_that_this_host_does_not_know_break_nothing() {
        let later = "crossdock:adapter/something@0.1.9";
        let bytes = component(&["crossdock:adapter/log@0.1.0"], &[ADAPTER_EXPORT, later]);
        let verified = verify(&bytes).unwrap();
        assert_eq!((verified.kind, verified.receives), (Kind::Adapter, false));
        let exports = [ADAPTER_EXPORT, later, "other:thing/x@1.0.0"];
        assert_eq!(optional_interfaces(exports.into_iter()), [later]);
        // Alone it is no adapter, and is told what it is.
        let alone = verify(&component(&[], &[later])).unwrap_err();
        assert!(alone.to_string().contains(later), "{alone}");
    }

    #[test]
    fn an_adapter_that_composes_bodies_is_known_by_what_it_exports() {
        let bytes = component(&[], &[ADAPTER_EXPORT, COMPOSING_EXPORT]);
        let verified = verify(&bytes).unwrap();
        assert!(verified.composes && !verified.receives);
        // Alone it is no adapter.
        assert!(verify(&component(&[], &[COMPOSING_EXPORT])).is_err());
    }

    #[test]
    fn an_adapter_that_takes_messages_is_known_by_what_it_exports() {
        let imports = ["crossdock:adapter/verify@0.1.1"];
        let bytes = component(&imports, &[ADAPTER_EXPORT, INBOUND_EXPORT]);
        let verified = verify(&bytes).unwrap();
        assert!(verified.receives && verified.kind == Kind::Adapter);
        // A script engine has nothing to verify.
        assert!(verify(&component(&imports, &[ENGINE_EXPORT])).is_err());
    }

    #[test]
    fn every_contract_is_named_with_the_version_that_is_looked_for() {
        let exports = [ADAPTER_EXPORT, ENGINE_EXPORT, LANGUAGE_EXPORT];
        for (export, served) in exports.iter().zip(CONTRACTS) {
            let (interface, version) = export.split_once('@').unwrap();
            let (package, _) = interface.split_once('/').unwrap();
            assert_eq!(package, served.contract);
            assert!(served.versions.contains(&version));
        }
    }

    #[test]
    fn what_is_cut_short_is_refused_and_nothing_is_looked_into() {
        let whole = component(&[], &[ADAPTER_EXPORT]);
        for end in 0..whole.len() {
            assert!(verify(&whole[..end]).is_err(), "{end}");
        }
        // A nested module that is none is the compiler's to refuse; one that is
        // longer than the file is not.
        let nested = [&whole[..], &[1, 4, 9, 9, 9, 9]].concat();
        assert!(verify(&nested).is_ok());
        let torn = [&whole[..], &[1, 5, 9, 9, 9, 9]].concat();
        assert_eq!(verify(&torn).unwrap_err().step(), "parse");
        let core = verify(b"\0asm\x01\0\0\0").unwrap_err();
        assert_eq!(core.step(), "parse");
        assert!(core.to_string().contains("core module"), "{core}");
    }
}
