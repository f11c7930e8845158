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
//! | [`script`] | tenants' scripts, run by script engines (also plugins), and their tests |
//! | [`serving`] | what serves: everything loaded, as one view that a call takes once |
//! | [`delivery`] | the path above: documents, attempts, outcomes, blame |
//! | [`telemetry`] | what the host tells of itself: metrics, traces
//! | [`redact`] | no secret in anything that leaves the host |
//! | [`report`] | what became of a call and of each of its items |
//! | [`inbound`] | what others send by themselves, on its way to a flow |
//! | [`outbox`] | records that wait for their platform, on disk |
//! | [`flows`] | from where records come, step by step, to every place that wants them |
//! | [`grants`] | credentials that renew themselves
//! | [`recording`] | the last items of each operation, for trying a changed script on them |
//! | [`schema`] | adapters' JSON Schemas, run under bounds |
//! | [`http`] | outbound calls, byte for byte as signed |
//! | [`reload`] | what is loaded now, and how a changed file replaces it |
//! | [`workbench`] | scripts tried before they serve: run, test, compare |
//! | [`project`] | an author's folder: made from a template, recognised, built |
//! | [`conformance`] | whether a component keeps the contract, tried in every way |
//! | [`api`] | inbound HTTP |
//! | [`cli`] | the commands |
//! | [`bundle`] | the plugins that come with the command |
//! | [`problem`] | one failure as data: blame, code, where, what to do |
//! | `file_failure`, `json_failure`, `wasm_failure` | what the system and the libraries say, in words for people |
//! | [`secrets`] | secrets that programs print and vaults keep |
//! | `seal` | encryption of what lies on disk, and where its keys come from |
//! | `files` | regular files within bounds, folders of the host's own |
//! | [`compare`] | where two JSON values differ |
//! | `meter` | futures charged for their own processor time |
//! | [`budget`] | memory as something to be shared, and what one delivery may take of it |
//! | `clock`, `deadline` | the time of day; the one deadline of a delivery |
//! | [`log`] | log lines that can hurt nobody |
//! | [`vital`] | the threads and tasks a host cannot do without |
//! | `text` | text cut, on one line, as part of a pointer; names in a list |
//! | [`host`] | the parts put together |

pub mod api;
pub mod budget;
pub mod bundle;
pub mod cli;
mod clock;
pub mod compare;
pub mod config;
pub mod conformance;
mod deadline;
pub mod delivery;
mod file_failure;
mod files;
pub mod flows;
pub mod grants;
pub mod host;
pub mod http;
pub mod inbound;
mod json_failure;
pub mod log;
mod meter;
pub mod outbox;
pub mod plugin;
pub mod problem;
pub mod project;
pub mod recording;
pub mod redact;
pub mod reload;
pub mod report;
pub mod schema;
pub mod script;
mod seal;
pub mod secrets;
pub mod serving;
pub mod telemetry;
mod text;
pub mod vital;
mod wasm_failure;
pub mod workbench;
