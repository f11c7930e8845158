//! What is loaded now, and how a changed file replaces it.
//!
//! One task, the [`manager`], owns what is loaded. A change becomes a
//! candidate, the candidate is built and checked beside what serves, and only
//! then one pointer is swapped. Calls in flight keep the snapshot they took.
//!
//! | part | what it does |
//! |---|---|
//! | [`current`] | the one pointer to what serves, and what is said of it |
//! | [`status`] | what the interfaces say of plugins and tenants |
//! | [`manager`] | changes → candidates → the next snapshot |
//! | `candidates` | what the manager does with candidates |
//! | [`plugins`] | the plugin files: what serves from each, what was refused |
//! | [`tenants`], `folder` | the tenant folders, likewise |
//! | `admission` | plugins' candidates against the tenants that use them, and together with those |
//! | [`checks`] | a tenant's values against the plugins they name |
//! | `flow_checks` | the same for its flows |
//! | `making` | scripts made of their texts, for both |
//! | `turns`, `tasks` | checking many candidates side by side, each within bounds |
//! | [`passing`] | what is tried again by itself |
//! | [`watch`] | from the file system's events to finished changes |

mod admission;
mod batches;
mod candidates;
pub mod checks;
pub mod current;
mod flow_checks;
mod folder;
mod making;
pub mod manager;
pub mod passing;
pub mod plugins;
mod roots;
mod scans;
mod signals;
mod stamp;
pub mod status;
mod tasks;
pub mod tenants;
mod turns;
pub mod watch;
