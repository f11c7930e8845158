//! Plugins: WebAssembly components, from a file's bytes to calls.
//!
//! | part | what it does |
//! |---|---|
//! | [`sandbox`] | what is expensive once: the wasmtime engine, the linkers, the epoch ticker |
//! | [`artifact`], [`cache`], `code` | a file's bytes and hash; compiled code kept on disk, or made |
//! | [`writes`] | what is written beside the work, which a process that ends waits for |
//! | [`compile`] | from bytes to machine code, in a bounded process |
//! | [`verify`] | which contract a component implements, and that it imports nothing else |
//! | `shape` | the types of a component's interface, beside the contract's |
//! | [`trust`] | whether a file is one that the operator meant: its pin, its signature |
//! | [`load`], [`refusal`] | the steps from bytes to a generation, each with its typed refusal |
//! | [`granted`] | the answer to a grant, of which its tokens are taken |
//! | [`golden`] | an adapter's worked examples, run before it may serve |
//! | [`generation`], [`script_engine`], [`language`] | one loaded version of an adapter, of a script engine, of a language runtime |
//! | [`guest`], [`warm`], [`room`] | what is cheap per call: instances, budgets, reuse, who makes room |
//! | `traps` | how a guest's end is told to whoever wrote it |
//! | [`lanes`] | who goes on computing when a guest takes long |
//! | [`ticker`] | the clock that bounds guests in time |
//! | [`tables`] | lookup tables that stay in the host |
//! | [`inbound`] | an adapter's messages that begin at the platform |
//! | [`keys`], `verifying`, [`state`], [`wasi`], `output` | what a guest can reach |
//! | [`manifest`] | what `describe` returns |
//! | [`packed`] | what a file carries besides its code: a source to run, golden examples |
//! | [`fault`] | what an adapter says went wrong, in words |
//! | [`promise`] | what an adapter promises of what it gives, checked |
//! | [`edits`], `compose` | a draft with an adapter's edits and the connection's `auth`; bodies of pieces |
//! | `composing` | an adapter's `sign` that names secrets within bodies |

pub mod artifact;
pub mod bindings;
pub mod cache;
pub mod code;
pub mod compile;
mod compose;
mod composing;
pub mod edits;
pub mod fault;
pub mod generation;
pub mod golden;
pub mod granted;
pub mod guest;
pub mod inbound;
pub mod keys;
pub mod lanes;
pub mod language;
pub mod load;
pub mod manifest;
mod output;
pub mod packed;
pub mod promise;
pub mod refusal;
pub mod room;
pub mod sandbox;
pub mod script_engine;
mod shape;
pub mod state;
pub mod tables;
pub mod ticker;
mod traps;
pub mod trust;
pub mod verify;
mod verifying;
pub mod warm;
pub mod wasi;
pub mod writes;

/// The adapter contract's types, as the host uses them.
pub mod contract {
    pub use super::bindings::adapter::crossdock::adapter::types::{
        Body, Context, Detail, Draft, Fault,
    };
    pub use super::bindings::adapter::exports::crossdock::adapter::adapter::{
        Failure, Item, Mapped, Outcome, Parsed, Pause, Refusal, Reply, Request,
    };
    pub use super::bindings::composing::exports::crossdock::adapter0_1_2::composing::{
        Edit, Encoding, NamedSecret, Piece,
    };
}
