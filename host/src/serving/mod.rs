//! What serves: everything loaded, as one view that a call takes once.
//!
//! | part | what it is |
//! |---|---|
//! | [`snapshot`] | all adapters, script engines and tenants of one moment |
//! | [`route`] | what serves under the names of a call |
//! | [`connection`] | one generation of a connection: what is decided once per load |
//! | [`tenant_flow`] | the same of a flow |
//! | [`connection_limits`] | what outlives every generation of a connection: HTTP pool, limits, pauses |
//! | [`credentials`] | what requests are signed with: secrets, and the token that was granted |
//! | `channels` | these, by tenant and connection |
//! | `pause` | what a throttling platform asked for |
//! | `rate` | requests evenly spaced, also over restarts |
//! | [`pace`] | what the platform's answers say about queued deliveries: how many at once, whether any |
//! | [`keeping`] | what of these outlives the process |
//!
//! [`crate::reload`] puts it together, [`crate::delivery`] uses it.

mod channels;
pub mod connection;
pub mod connection_limits;
pub mod credentials;
pub mod keeping;
pub mod pace;
mod pause;
mod rate;
pub mod route;
pub mod snapshot;
pub mod tenant_flow;
