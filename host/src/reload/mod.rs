//! What is loaded now, and how a changed file replaces it.
//!
//! One task, the [`manager`], owns what is loaded. A change becomes a
//! candidate, the candidate is built and checked beside what serves, and only
//! then one pointer is swapped. Calls in flight keep the snapshot they took.
//!
//! | part | what it does |
//! |---|---|
//! | [`snapshot`] | everything that serves, as calls see it |
//! | [`manager`] | changes → candidates → the next snapshot |
//! | [`plugins`] | the plugin files: what serves from each, what was refused |
//! | [`tenants`] | the tenant folders, likewise |
//! | `admission` | a plugin's candidate against the tenants that use it |
//! | [`prepare`] | a tenant's values against the plugins they name |
//! | [`watch`] | from the file system's events to settled changes |

mod admission;
pub mod manager;
pub mod plugins;
pub mod prepare;
mod roots;
mod settle;
mod signals;
pub mod snapshot;
pub mod tenants;
pub mod watch;
