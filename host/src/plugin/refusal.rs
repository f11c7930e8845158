//! Why a candidate may not serve: the step that refused, and a sentence for
//! whoever put the file there.

use std::path::PathBuf;

use crossdock_registry::Digest;

use super::artifact::ReadError;
use super::compile::{CompileFailure, CompileLimits, Down};
use super::golden::ExampleFailed;
use super::guest::{GuestFailure, GuestFailureKind};
use crate::text::quoted;

/// The step that is about another file than the plugin's own.
pub const SIGNATURE: &str = "signature";

/// Why a candidate may not serve.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// The file could not be read.
    #[error("{0}")]
    Read(String),
    /// Not a component, or not a valid one.
    #[error("it is not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// It is the half of a component that compilers make.
    #[error(
        "it is not a WebAssembly component but a core module: add the step of its build that makes a component of it (`crossdock plugin build`, `wasm-tools component new`, or `cargo xtask build-plugins` for a crate of this repository)"
    )]
    CoreModule,
    /// It wants WASI of a version that is not there.
    #[error(
        "it imports {}, but the only WASI here is 0.2: build it for WASI 0.2",
        list(names)
    )]
    WasiVersion {
        /// The imports, by name.
        names: Vec<String>,
    },
    /// Its contract is of another version.
    #[error(
        "it implements version {found} of `{contract}`, and this host knows {expected}; build it against this host's `wit/`"
    )]
    ContractVersion {
        /// The contract.
        contract: &'static str,
        /// Its version of it.
        found: String,
        /// The host's.
        expected: &'static str,
    },
    /// Nobody has signed it.
    #[error(
        "it has no signature, and `[plugins.signatures]` in crossdock.toml wants one in {}: `cosign sign-blob` writes it, and `crossdock plugin pull --install` brings it",
        signature.display()
    )]
    Unsigned {
        /// Where its signature would be.
        signature: PathBuf,
    },
    /// What is there as its signature is none.
    #[error("its signature {} {why}; sign these bytes again, or put back those that were signed", signature.display())]
    BadSignature {
        /// Where its signature is.
        signature: PathBuf,
        /// What fits "its signature …".
        why: String,
    },
    /// Its name is pinned to other bytes.
    #[error(
        "`[plugins.pin]` in crossdock.toml has `{name}` as {pin}, and this file is {found}; put the pinned file back, or change the pin and restart"
    )]
    OtherThanPinned {
        /// The plugin's name.
        name: String,
        /// What it should be.
        pin: Digest,
        /// What it is.
        found: Digest,
    },
    /// It took the compiling process down, now or before.
    #[error("{}", taken_down(*down, *limits, *before))]
    TookCompilerDown {
        /// How.
        down: Down,
        /// What compiling may take.
        limits: CompileLimits,
        /// Whether it was not even tried this time.
        before: bool,
    },
    /// Nothing is wrong with it: the machine has no room to load it now.
    #[error("it cannot be loaded now: {0}")]
    NotNow(String),
    /// It wants something that no plugin gets.
    #[error(
        "it imports {}, which no plugin gets; a plugin may import `keys`, `log` and WASI 0.2 only{}",
        list(names),
        without_http(names)
    )]
    UnknownImports {
        /// The imports, by name.
        names: Vec<String>,
    },
    /// It implements neither contract.
    #[error(
        "it exports neither {} but {}; build it against `wit/`, and name what is exported: in Rust `export_adapter!(…)`, elsewhere the world `platform`",
        quoted(expected, " nor "),
        list(found)
    )]
    MissingExport {
        /// What would have been accepted.
        expected: Vec<&'static str>,
        /// What it exports.
        found: Vec<String>,
    },
    /// It has the right names with the wrong types.
    #[error("its interface differs from the contract: {0}; build it against this host's `wit/`")]
    Interface(String),
    /// A source file, or what is packed with a component, is not as it must be.
    #[error("{0}")]
    Source(String),
    /// No language runtime runs files like this one.
    #[error(
        "no language runtime runs `.{extension}` files; put one into the plugins folder: `crossdock init` brings `runtime-js.wasm`, for JavaScript"
    )]
    NoRuntime {
        /// The file's extension.
        extension: String,
    },
    /// Source files are switched off.
    #[error(
        "`[plugins] sources` is false in crossdock.toml, so source files are not loaded; set it to true, or build a component of the file"
    )]
    SourcesOff,
    /// `describe` failed.
    #[error("`describe` failed: {}", .0.told(str::to_owned))]
    Describe(#[from] GuestFailure),
    /// `describe` answered something that is not a manifest.
    #[error("its manifest is not valid: {0}")]
    Manifest(String),
    /// A golden example did not come out as it says.
    #[error(transparent)]
    Example(#[from] ExampleFailed),
    /// Another file already provides a plugin of this name.
    #[error("`{name}` is already provided by {}; remove one of the two files", other.display())]
    NameTaken {
        /// The name.
        name: String,
        /// The file that serves it.
        other: std::path::PathBuf,
    },
    /// A file changed its plugin's name while that serves.
    #[error(
        "it calls itself `{found}`, but this file serves `{serving}`; put it into a file of its own"
    )]
    NameChanged {
        /// The name that serves.
        serving: String,
        /// The candidate's name.
        found: String,
    },
    /// A file changed what its plugin provides while that serves.
    #[error("it provides {found}, but this file serves {serving}; put it into a file of its own")]
    ProvidesChanged {
        /// What serves.
        serving: String,
        /// What the candidate provides.
        found: String,
    },
    /// A connection uses something the candidate lacks.
    #[error("it would break {}", .0.join("; "))]
    BreaksTenants(Vec<String>),
}

/// What a plugin did to the process that compiled it, and how it gets another try.
fn taken_down(down: Down, limits: CompileLimits, before: bool) -> String {
    let (what, raise) = match down {
        Down::Memory => (
            format!("wants more than {} MiB of memory", limits.memory >> 20),
            "`[limits] compile_memory_mb` is raised, ",
        ),
        Down::Time => (
            format!("takes longer than {} ms", limits.timeout.as_millis()),
            "`[limits] compile_timeout_ms` is raised, ",
        ),
        Down::Crash => ("makes the compiler fail".to_owned(), ""),
        Down::Host => (
            "ended the whole host, twice".to_owned(),
            "`[limits] compile_memory_mb` is another, ",
        ),
    };
    let tried = if before { " (not tried again)" } else { "" };
    format!(
        "compiling it {what}{tried}; these bytes get another try when {raise}or when `crossdock plugin check FILE` has compiled them"
    )
}

/// How the toolchain of JavaScript leaves out what it puts in by itself.
fn without_http(names: &[String]) -> &'static str {
    match names.iter().any(|name| name.starts_with("wasi:http/")) {
        true => {
            "; the host sends for adapters: build JavaScript with `disableFeatures: ['http', 'fetch-event']`, and use no client of HTTP elsewhere"
        }
        false => "",
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => "nothing".into(),
        names => quoted(names, ", "),
    }
}

impl Refusal {
    /// The step that refused, in kebab-case.
    pub fn step(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Unsigned { .. } | Self::BadSignature { .. } => SIGNATURE,
            Self::OtherThanPinned { .. } => "pin",
            Self::NotAComponent(_) | Self::CoreModule => "parse",
            Self::UnknownImports { .. } | Self::WasiVersion { .. } => "imports",
            Self::MissingExport { .. } | Self::ContractVersion { .. } | Self::Interface(_) => {
                "exports"
            }
            Self::TookCompilerDown { .. } | Self::NotNow(_) => "compile",
            Self::Source(_) | Self::NoRuntime { .. } | Self::SourcesOff => "source",
            Self::Describe(_) => "describe",
            Self::Manifest(_) => "manifest",
            Self::Example(_) => "examples",
            Self::NameTaken { .. } | Self::NameChanged { .. } | Self::ProvidesChanged { .. } => {
                "name"
            }
            Self::BreaksTenants(_) => "tenants",
        }
    }
}

impl From<CompileFailure> for Refusal {
    fn from(failure: CompileFailure) -> Self {
        match failure {
            CompileFailure::Invalid(why) => Self::NotAComponent(why),
            CompileFailure::Down(down, limits) => Self::TookCompilerDown {
                down,
                limits,
                before: false,
            },
            CompileFailure::NotNow(why) => Self::NotNow(why),
        }
    }
}

impl Refusal {
    /// Whether the reason may pass by itself: then it is tried again, though
    /// the bytes are the same.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NotNow(_) => true,
            Self::Describe(failure) => failure.kind == GuestFailureKind::Unavailable,
            Self::Example(failed) => failed.passing,
            _ => false,
        }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        Self::Read(error.to_string())
    }
}
