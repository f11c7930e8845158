//! The script engine for JavaScript, as a component.
//!
//! The module's name is how `cargo xtask test` finds the tests that it leaves
//! out where the component cannot be built.

mod javascript;
