//! What serves: everything loaded, as one view that a call takes once.
//!
//! | part | what it is |
//! |---|---|
//! | [`snapshot`] | all adapters, script engines and tenants of one moment |
//! | [`route`] | what serves under the names of a call |
//! | [`connection`] | one generation of a connection: what is decided once per load |
//! | [`connection_limits`] | what outlives every generation of a connection: HTTP pool, limits, pauses |
//!
//! [`crate::reload`] puts it together, [`crate::delivery`] uses it.

pub mod connection;
pub mod connection_limits;
pub mod route;
pub mod snapshot;
