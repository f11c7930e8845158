//! The script engine for jq: tenants' mapping scripts, run by jaq.
//!
//! A script gets one document at a time as `.`, and the context document as
//! `$context`. What it yields are the documents that are sent: none, one or
//! several. Numbers that a script only moves keep every digit; objects keep the
//! order of their keys.
//!
//! jq functions that reach outside a document are not there. Naming one is a
//! compile error that says what to do instead:
//!
//! | function | instead |
//! |---|---|
//! | `env`, `$ENV` | the connection's settings, in `$context` |
//! | `input`, `inputs`, `input_line_number`, `input_filename` | a script gets one document at a time |
//! | `now`, `localtime`, `strflocaltime` | a time from the document; `gmtime`, `strftime` |
//! | `halt`, `halt_error` | `error("…")` refuses a document, `empty` drops it |
//! | `import`, `include` | one file holds the whole script |
//!
//! `debug` and `stderr` pass their input on and write nothing. `mktime`,
//! `gmtime`, `strptime`, `strftime` compute with what they are given, in UTC,
//! and stay. Where jq and jaq differ, jaq counts, with one exception: a whole
//! number that was computed is written without `.0`, as jq does.
//!
//! | module | what is in it |
//! |---|---|
//! | `engine` | compile once, apply many times |
//! | `direct` | a short cut for scripts of plain expressions |
//! | `library` | which functions there are |
//! | `texts` | texts with values in them |
//! | `value` | what jaq computes with |
//! | `tables` | lookup tables that stay in the host |
//! | `read` | JSON text → values |
//! | `write` | values → JSON text |
//! | `diagnose` | errors → line, column, sentence |

mod diagnose;
mod direct;
pub mod engine;
mod library;
mod read;
mod tables;
mod texts;
mod value;
mod write;

pub use crossdock_script_engine::Diagnostic;
pub use engine::Script;
