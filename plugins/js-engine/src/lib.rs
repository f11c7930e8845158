//! QuickJS as crossdock's guests for JavaScript use it: mapping scripts
//! (`script-js`) and adapters (`runtime-js`).
//!
//! Both are pure functions of their arguments, so both see the same language:
//! no clock, no chance, no code from text, frozen built-in objects, whole 64-bit
//! integers, decimals with their digits. What is said of it differs
//! ([`Flavour`]).
//!
//! | module | what is in it |
//! |---|---|
//! | [`realm`] | QuickJS with its globals confined (`realm.js`) |
//! | [`flavour`] | what the language is confined for, and what is said of it |
//! | [`lexer`] | just enough of JavaScript's words to find `export` |
//! | [`numbers`] | how numbers arrive |
//! | [`read`] | JSON text → values |
//! | `dates` | which texts `Date` reads as what they say |
//! | `number` | which decimals a JavaScript number holds |
//! | [`mod@write`] | values → JSON text |
//! | [`spelled`] | how the numbers of a call were written |
//! | [`keys`] | names of fields, remembered from one document to the next |
//! | [`diagnose`] | errors → line, column, sentence |

mod clock;
mod dates;
pub mod diagnose;
pub mod flavour;
pub mod keys;
pub mod lexer;
mod number;
pub mod numbers;
pub mod read;
pub mod realm;
pub mod spelled;
pub mod write;

pub use crossdock_script_engine::Diagnostic;
pub use flavour::Flavour;
pub use numbers::Numbers;
pub use realm::{Confined, Realm};
pub use spelled::Spelled;
