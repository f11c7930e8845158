//! The outbox of crossdock on disk: what was accepted, in which order it may
//! leave, what was tried and what came of it; and the flows that fill it.
//!
//! The library blocks, knows nothing of HTTP, adapters or settings, and reads no
//! clock. Inputs, results and summaries are bytes to it, which may be encrypted.
//!
//! | module | responsibility |
//! |---|---|
//! | `store` | [`Store`]: what every store does |
//! | `flow_store` | [`FlowStore`]: what every store does for flows |
//! | `grant_store` | [`GrantStore`]: what every store does for what platforms grant |
//! | `model` | what goes in and comes out, with its [`limits`] |
//! | `error` | [`StoreError`]: what went wrong, in words for people |
//! | `validate` | whether what was given is within the limits |
//! | `sqlite` | [`SqliteStore`]: one file, one writer |
//! | `conformance` | the suite that every store has to pass |

#![forbid(unsafe_code)]

pub mod conformance;
mod error;
mod flow_store;
mod grant_store;
mod model;
mod sqlite;
mod store;
mod validate;

pub use error::{Result, StoreError};
pub use flow_store::FlowStore;
pub use grant_store::GrantStore;
pub use model::*;
pub use sqlite::SqliteStore;
pub use store::Store;
