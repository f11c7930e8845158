//! crossdock carries business records between a company's systems and the
//! platforms it sells on.
//!
//! One path serves every call:
//!
//! ```text
//! items ── script ──> documents ── adapter.map ──> drafts ── adapter.sign ──> HTTP ── adapter.parse-response ──> outcomes
//! ```
//!
//! Where to look:
//!
//! | module | responsibility |
//! |---|---|
//! | [`config`] | `crossdock.toml` and `tenants/*/tenant.toml`: files to checked values |
//! | [`plugin`] | adapters: artifact → verified generation → guest calls; keys, limits, cache |
//! | [`script`] | tenants' mapping scripts, run by script engines (also plugins) |
//! | [`delivery`] | the path above: documents, attempts, outcomes, blame, redaction |
//! | [`recording`] | the last items of each operation, for trying a changed script on them |
//! | [`http`] | outbound calls, byte for byte as signed |
//! | [`reload`] | what is loaded now, and how a changed file replaces it |
//! | [`api`] | inbound HTTP |
//! | [`cli`] | the commands |
//! | [`problem`] | one failure as data: blame, code, where, what to do |
//! | [`host`] | the parts put together |

pub mod api;
pub mod cli;
pub mod config;
pub mod delivery;
pub mod host;
pub mod http;
pub mod plugin;
pub mod problem;
pub mod recording;
pub mod reload;
pub mod script;
