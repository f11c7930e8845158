//! The script engine for JavaScript: tenants' mapping scripts, run by QuickJS.
//!
//! A script is one file that exports a function:
//!
//! ```js
//! export default (item, context) => ({
//!   sku: `${item.code}^^^${item.spec}`,
//!   quantity: Math.max(item.on_hand - item.reserved, 0),
//! });
//! ```
//!
//! An object is one document, an array holds several, `null` or `undefined` is
//! none. `context` is the context document, also there as a global.
//!
//! # Nothing outlives an item
//! The whole file is run anew for every item, so that its own variables begin
//! anew; everything that is built in, and `context`, is frozen. Code outside of
//! the function therefore costs its time for each item: a large table belongs
//! in the context.
//!
//! # Numbers
//! | in the item | arrives as | written back as |
//! |---|---|---|
//! | an integer up to 2^53 − 1 | number | its digits |
//! | a larger integer | BigInt, or text with `export const integers = "string"` | its digits |
//! | a decimal that a number holds: `12.3400`, `1e3` | number, or text with `export const decimals = "string"` | as it was, unless the same item writes the same number in two ways |
//! | a decimal with more digits than a number holds | a `Decimal`, or text | its digits |
//!
//! A `Decimal` becomes text where text is wanted (`${price}`, `String(price)`)
//! and refuses to be computed with: rounding is the script's decision
//! (`Number(String(price))`). `JSON.rawJSON("12.50")` writes a number with just
//! these digits. `JSON.parse` and `JSON.stringify` follow the same rules.
//!
//! # What is not there
//! | not there | instead |
//! |---|---|
//! | `Date.now()`, `new Date()` without a time | a time from the item |
//! | `Math.random()` | nothing: the same item gives the same documents |
//! | `eval`, `new Function` | nothing |
//! | `Intl`, `toLocaleString`, languages of `localeCompare`, zones | `toFixed`, `padStart`, `toISOString` |
//! | dates in formats that QuickJS guesses | years first, as in mails, or as `toString` writes them |
//! | `Number(…)`, `parseInt`, `parseFloat` of integers they would round | `BigInt(…)` |
//! | `import`, `await`, timers, `fetch` | one file holds the whole script, which answers at once |
//! | `WeakRef`, `FinalizationRegistry`, `SharedArrayBuffer`, `Atomics`, `performance` | nothing |
//!
//! `console.log` and its like write nothing. Local time is UTC.
//!
//! | module | what is in it |
//! |---|---|
//! | `engine` | compile once, apply many times |
//! | `flavour` | what is said of the language |
//! | `prepared` | a QuickJS made when the component is built |
//! | `tables` | lookup tables that stay in the host |
//! | `module` | a script's file → a function that runs it anew |
//!
//! The language itself is that of `plugins/js-engine`.

pub mod engine;
mod flavour;
mod module;
mod prepared;
mod tables;

pub use crossdock_script_engine::Diagnostic;
pub use engine::Script;
