//! Script engines for crossdock, written in Rust.
//!
//! A script engine runs tenants' mapping scripts in one language. It is a type,
//! a compiled script, that implements [`Engine`]; [`export_engine!`] makes a
//! WebAssembly component of its crate, a `cdylib`. A script is a pure function of a document
//! and the context: it has no clock, no random source, no network, no files.
//!
//! | module | what is in it |
//! |---|---|
//! | [`read`] | JSON text → the language's values, each number with its digits |
//! | [`mod@write`] | strings as JSON |
//! | [`tables`] | lookup tables that stay in the host |
//! | [`diagnostic`] | errors → line, column, sentence |
//!
//! The bundled engines, `plugins/script-jq` and `plugins/script-js`, show all of
//! it at work. The smallest language has one word, and `++` is two copies of a
//! document:
//!
//! ```
//! use crossdock_script_engine::{Diagnostic, Engine, export_engine};
//!
//! struct Script {
//!     copies: usize,
//! }
//!
//! impl Engine for Script {
//!     const DESCRIPTION: &str = r#"{"language":"copies","extension":"copies"}"#;
//!
//!     fn compile(source: &str, _context: &str) -> Result<Self, Diagnostic> {
//!         match source.find(|character| character != '+') {
//!             None => Ok(Self { copies: source.len() }),
//!             Some(byte) => Err(Diagnostic::at(source, byte, "`+` is expected here")),
//!         }
//!     }
//!
//!     fn apply_batch(&self, documents: Vec<String>) -> Vec<Result<Vec<String>, Diagnostic>> {
//!         let apply = |document| Ok(vec![document; self.copies]);
//!         documents.into_iter().map(apply).collect()
//!     }
//! }
//!
//! export_engine!(Script);
//!
//! let script = Script::compile("++", "{}")?;
//! assert_eq!(script.apply_batch(vec!["1".into()]), [Ok(vec!["1".into(), "1".into()])]);
//! assert_eq!(Script::compile("+-", "{}").err().map(|wrong| wrong.column), Some(2));
//! # Ok::<(), Diagnostic>(())
//! ```

// Generated code names this crate by its name, here and in engines.
extern crate self as crossdock_script_engine;

#[doc(hidden)]
pub mod bindings;
pub mod diagnostic;
mod export;
pub mod read;
pub mod tables;
pub mod write;

pub use bindings::exports::crossdock::script::engine::Diagnostic;
#[doc(hidden)]
pub use export::Component;

/// A compiled script of an engine's language.
pub trait Engine: Sized + 'static {
    /// Language name and file extension, as JSON:
    /// `{"language":"jq","extension":"jq"}`.
    const DESCRIPTION: &str;

    /// Compiles a script that sees `context`, a JSON text.
    ///
    /// # Errors
    /// The first thing wrong with the script, with its place.
    fn compile(source: &str, context: &str) -> Result<Self, Diagnostic>;

    /// Applies the script to each document, both sides as JSON texts: one answer
    /// per document, in their order, with none, one or several documents.
    fn apply_batch(&self, documents: Vec<String>) -> Vec<Result<Vec<String>, Diagnostic>>;
}
