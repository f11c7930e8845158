//! A source file in the plugins folder is an adapter.
//!
//! * [`javascript`]: dropped, saved, broken, and run by another runtime.
//! * [`packed_javascript`]: packed into a component, and seen by the commands.
//!
//! The modules' names are how `cargo xtask test` finds the tests that it leaves
//! out where the runtime cannot be built.

mod board;
mod javascript;
mod packed_javascript;
