//! The language runtime for JavaScript: an adapter that is one source file, run
//! by QuickJS.
//!
//! ```js
//! import { fault } from "crossdock";
//!
//! export const manifest = { name: "price-board", version: "1.0.0", … };
//!
//! export function map(context, operation, items) {
//!   return { requests: [{ draft: { method: "POST", path: "/prices", body: … }, items: [0], repeatable: true }] };
//! }
//!
//! export function sign(context, operation, draft) { return []; }
//!
//! export function parseResponse(context, operation, request, reply) {
//!   return { outcomes: request.items.map(() => ({ accepted: {} })) };
//! }
//! ```
//!
//! One that takes what its platform pushes exports `receive(context, push)` besides.
//!
//! The file is read and run at the first call of an instance and stays as it is
//! then. It has what is built into the language, confined as for mapping
//! scripts (`plugins/js-engine`), and two modules to import: `crossdock`, the
//! text of `plugins/sdk-js`, and `crossdock:host`, which only that needs.
//!
//! | module | what is in it |
//! |---|---|
//! | `adapter` | the file, and the contract's functions over what it exports |
//! | `component` | the component's exports |
//! | `give` | the contract's values → JavaScript |
//! | `take`, `received`, `place` | JavaScript → the contract's values, or a sentence about what is not as expected, and where |
//! | `names` | misspelt names of what `crossdock` has |
//! | `faults` | what was thrown → the contract's faults |
//! | `modules`, `bytes` | `crossdock` and `crossdock:host` |
//! | `digest` | hashes and HMACs without a secret |
//! | `host` | what the component imports |
//! | `flavour` | what is said of the language |
//! | `prepared` | a QuickJS made when the component is built |

pub mod adapter;
#[doc(hidden)]
pub mod bindings;
mod bytes;
mod component;
mod digest;
mod faults;
mod flavour;
mod give;
mod host;
mod modules;
mod names;
mod place;
mod prepared;
mod received;
mod take;

pub use adapter::Adapter;
pub use crossdock_js_engine::Diagnostic;

/// The contract's types.
pub mod contract {
    pub use crate::bindings::crossdock::adapter0_1_0::keys::{Chunk, Digest, KeyError};
    pub use crate::bindings::crossdock::adapter0_1_0::types::{
        Body, Context, Detail, Draft, Fault,
    };
    pub use crate::bindings::exports::crossdock::adapter0_1_0::adapter::{
        Edit, Failure, Item, Mapped, Outcome, Parsed, Pause, Refusal, Reply, Request,
    };
    pub use crate::bindings::exports::crossdock::adapter0_1_1::inbound::{
        Answer, Push, Received, ReceivedItem,
    };
}
