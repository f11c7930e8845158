//! Adapters for crossdock, written in Rust.
//!
//! An adapter is a type that implements [`Adapter`]; [`export_adapter!`] makes
//! a WebAssembly component of its crate. Everything an adapter does is a pure
//! function of its arguments: it has no clock, no random source, no network, no
//! file system, and it never sees a secret's bytes.
//!
//! | module | what is in it |
//! |---|---|
//! | [`types`] | the contract's records, with constructors |
//! | [`mod@manifest`] | `describe`: a manifest and its golden examples from files |
//! | [`batch`] | items → rows → requests of limited size |
//! | [`stock`] | the stock record that every platform takes |
//! | [`json`] | reading documents, writing bodies, numbers that keep every digit |
//! | [`reply`] | a platform's answer, read or explained |
//! | [`keys`] | hashes and HMACs over secrets that stay in the host |
//! | [`composing`] | bodies in which the host writes secrets |
//! | [`inbound`] | messages that begin at the platform: verified, split, answered |
//! | [`encode`] | percent-encoding, forms, hexadecimal, Base64 |
//! | [`time`] | times as platforms write them |
//! | [`log`] | lines for the plugin's log |
//! | [`testing`] | golden examples run natively, with test secrets |
//!
//! ```
//! use crossdock_adapter::{Adapter, Context, Draft, Fault, Item, Mapped, Outcome, Parsed, Reply, Request};
//! use serde::Deserialize;
//!
//! struct Shop;
//!
//! #[derive(Deserialize)]
//! struct Document<'a> {
//!     #[serde(borrow)]
//!     sku: std::borrow::Cow<'a, str>,
//! }
//!
//! impl Adapter for Shop {
//!     fn describe() -> String {
//!         // An adapter's own crate says `manifest!("../manifest.json")` here.
//!         r#"{"name":"shop","version":"1.0.0"}"#.into()
//!     }
//!
//!     fn map(_: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault> {
//!         if operation != "goods.show" {
//!             return Err(Fault::Unsupported(operation.into()));
//!         }
//!         let mut mapped = Mapped::default();
//!         for (index, item) in (0..).zip(items) {
//!             match item.read::<Document>() {
//!                 Ok(document) => {
//!                     let draft = Draft::post("/show").json_body(format!("[{:?}]", document.sku));
//!                     mapped.requests.push(Request::of(draft, vec![index]).repeatable(true));
//!                 }
//!                 Err(fault) => mapped.fail(index, fault),
//!             }
//!         }
//!         Ok(mapped)
//!     }
//!
//!     fn parse_response(ctx: &Context, _: &str, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
//!         if let Some(outcome) = reply.http_failure(ctx, request) {
//!             return Ok(Parsed::every(request, outcome));
//!         }
//!         Ok(Parsed::every(request, Outcome::Accepted("{}".into())))
//!     }
//! }
//! ```

// Generated code names this crate by its name, here and in adapters.
extern crate self as crossdock_adapter;

pub mod batch;
#[doc(hidden)]
pub mod bindings;
pub mod composing;
pub mod encode;
mod export;
pub mod inbound;
pub mod json;
pub mod keys;
pub mod log;
pub mod manifest;
pub mod reply;
pub mod stock;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod time;
pub mod types;

#[doc(hidden)]
pub use export::Component;
pub use types::{
    Body, Context, Detail, Draft, Edit, Failure, Fault, Item, Mapped, Outcome, Pair, Parsed, Pause,
    Refusal, Reply, Request,
};

/// One platform's API.
///
/// Equal arguments give equal results; nothing that an implementation
/// remembers between calls may matter.
pub trait Adapter {
    /// The manifest: see [`manifest!`] and `wit/manifest.schema.json`.
    fn describe() -> String;

    /// Turns items of one operation into requests, split at the platform's
    /// limits. Every index occurs exactly once, in a request or in a failure.
    ///
    /// # Errors
    /// A fault that concerns all items: the operation does not exist, the
    /// settings do not allow it.
    fn map(ctx: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault>;

    /// What authenticates one request. Called again, with a new context, for
    /// every attempt. Without an implementation nothing is added: the
    /// connection's `auth` may do it.
    ///
    /// # Errors
    /// A fault, for instance of [`keys`] when a secret is not set.
    fn sign(ctx: &Context, operation: &str, draft: &Draft) -> Result<Vec<Edit>, Fault> {
        let _ = (ctx, operation, draft);
        Ok(Vec::new())
    }

    /// As [`sign`](Self::sign), with bodies in which the host writes secrets: see
    /// [`composing`]. The host calls it where [`export_composing!`] says so.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    fn compose(
        ctx: &Context,
        operation: &str,
        draft: &Draft,
    ) -> Result<Vec<composing::Edit>, Fault> {
        let edits = Self::sign(ctx, operation, draft)?;
        Ok(edits.into_iter().map(composing::Edit::from).collect())
    }

    /// Reads the platform's answer: one outcome per item of the request, in
    /// the request's order.
    ///
    /// # Errors
    /// [`Fault::InvalidReply`] if the answer cannot be read.
    fn parse_response(
        ctx: &Context,
        operation: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<Parsed, Fault>;
}
