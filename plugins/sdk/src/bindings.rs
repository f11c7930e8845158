//! What wit-bindgen makes of the contract (`wit/adapter.wit`). Not an interface
//! of this crate: [`crate::types`] is.
//!
//! It is made once and kept here: whoever builds an adapter would wait three
//! times as long for the generator to be compiled. A test of the repository
//! holds it to the contract, and says how it is made again.
#![allow(missing_docs, clippy::all)]

include!("bindings/platform.in");

/// Of the contract's `inbound` (`wit/inbound.wit`).
pub mod inbound {
    include!("bindings/inbound.in");
}

/// Of the contract's `composing` (`wit/composing.wit`).
pub mod composing {
    include!("bindings/composing.in");
}

#[doc(hidden)]
pub use wit_bindgen;
