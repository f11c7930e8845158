//! Plugins: WebAssembly components, from a file's bytes to calls.
//!
//! | part | what it does |
//! |---|---|
//! | [`sandbox`] | what is expensive once: the wasmtime engine, the linkers, the epoch ticker |
//! | [`artifact`], [`cache`] | a file's bytes and hash; compiled code kept on disk |
//! | [`verify`] | which contract a component implements, and that it imports nothing else |
//! | [`load`] | the steps from bytes to a generation, each with its typed refusal |
//! | [`golden`] | an adapter's worked examples, run before it may serve |
//! | [`generation`] | one loaded version of an adapter or of a script engine |
//! | [`guest`], [`warm`] | what is cheap per call: instances, budgets, reuse |
//! | [`lanes`] | who goes on computing when a guest takes long |
//! | [`keys`], [`state`], [`wasi`] | what a guest can reach |
//! | [`manifest`] | what `describe` returns |

pub mod artifact;
pub mod bindings;
pub mod cache;
pub mod generation;
pub mod golden;
pub mod guest;
pub mod keys;
pub mod lanes;
pub mod load;
pub mod manifest;
pub mod sandbox;
pub mod state;
pub mod verify;
pub mod warm;
pub mod wasi;

/// The adapter contract's types, as the host uses them.
pub mod contract {
    pub use super::bindings::adapter::crossdock::adapter::types::{
        Body, Context, Detail, Draft, Fault,
    };
    pub use super::bindings::adapter::exports::crossdock::adapter::adapter::{
        Edit, Failure, Item, Mapped, Outcome, Parsed, Pause, Refusal, Reply, Request,
    };
}
