//! Messages that begin at the platform: a push is verified, split into items, and
//! answered as the platform wants it.
//!
//! An adapter that takes them implements [`Inbound`] besides [`Adapter`], and
//! exports both. It never compares a signature itself: the functions of [`verify`]
//! do that in the host, and the host takes nothing in a call in which none of
//! them said yes.
//!
//! ```
//! use crossdock_adapter::inbound::{Answer, Inbound, Push, Received, ReceivedItem, verify};
//! use crossdock_adapter::keys::{Digest, secret};
//! use crossdock_adapter::{Context, Fault, encode};
//!
//! struct Shop;
//!
//! impl Inbound for Shop {
//!     fn receive(_: &Context, push: &Push) -> Result<Received, Fault> {
//!         let given = push.header("x-shop-hmac").and_then(encode::from_base64);
//!         let known = verify::hmac(Digest::Sha256, &[secret("key")], push.raw(), &given.unwrap_or_default())?;
//!         if !known {
//!             return Ok(Received::unverified());
//!         }
//!         let item = ReceivedItem::new(push.text()?).known_by(push.header("x-shop-id"));
//!         Ok(Received::of(vec![item], Answer::text(200, "ok")))
//!     }
//! }
//! # let push = Push {
//! #     method: "POST".into(),
//! #     path: "".into(),
//! #     query: vec![],
//! #     headers: vec![("x-shop-hmac".into(), "SDW11e1mXP7zcw2kXvMFRgGcNajreBR6aOFZLDYBnIQ=".into())],
//! #     body: crossdock_adapter::Body::Text("{}".into()),
//! # };
//! # let context = Context { now_ms: 0, nonce: "".into(), settings: "{}".into() };
//! # crossdock_adapter::testing::with_secrets([("key", "another key")], || {
//! #     assert_eq!(Shop::receive(&context, &push).unwrap().answer.status, 200);
//! #     let other = Push { body: crossdock_adapter::Body::Text("{ }".into()), ..push };
//! #     assert_eq!(Shop::receive(&context, &other).unwrap().answer.status, 401);
//! # });
//! ```
//!
//! In the adapter's crate: `export_adapter!(Shop); export_inbound!(Shop);`.
//!
//! [`Adapter`]: crate::Adapter

use std::borrow::Cow;
use std::marker::PhantomData;

use crate::bindings::inbound::exports::crossdock::adapter0_1_1::inbound as contract;
use crate::keys::Chunk;
use crate::types::{Body, Context, Fault};
pub use contract::{Answer, Push, Received, ReceivedItem};

/// What a platform sends by itself.
pub trait Inbound {
    /// Verifies a push, splits it into items and says what the platform wants to
    /// hear. That is given when the items are on disk.
    ///
    /// # Errors
    /// A push that is the platform's and cannot be read; [`Fault::Unsupported`] for
    /// one of a kind that the adapter does not take.
    fn receive(ctx: &Context, push: &Push) -> Result<Received, Fault>;
}

/// Whether somebody knows a secret. The host compares, in constant time.
pub mod verify {
    use crate::keys::{Chunk, Digest, KeyError};

    /// Whether `given` is the hash of the concatenated chunks, of which at least one
    /// is a secret.
    ///
    /// # Errors
    /// The secret is not declared or not set, or this is not `receive`.
    pub fn hash(digest: Digest, message: &[Chunk], given: &[u8]) -> Result<bool, KeyError> {
        #[cfg(target_arch = "wasm32")]
        return super::host::hash(digest, message, given);
        #[cfg(not(target_arch = "wasm32"))]
        return Ok(crate::keys::native::hash(digest, message)? == given);
    }

    /// Whether `given` is the HMAC of the concatenated chunks.
    ///
    /// # Errors
    /// As [`hash`].
    pub fn hmac(
        digest: Digest,
        key: &[Chunk],
        message: Vec<Chunk>,
        given: &[u8],
    ) -> Result<bool, KeyError> {
        let messages = [message];
        #[cfg(target_arch = "wasm32")]
        return super::host::hmac(digest, key, &messages, given);
        #[cfg(not(target_arch = "wasm32"))]
        return Ok(crate::keys::native::hmac(digest, key, &messages)? == given);
    }

    /// Whether `given` is the secret itself.
    ///
    /// # Errors
    /// As [`hash`].
    pub fn secret(name: &str, given: &[u8]) -> Result<bool, KeyError> {
        #[cfg(target_arch = "wasm32")]
        return super::host::secret(name, given);
        #[cfg(not(target_arch = "wasm32"))]
        return crate::keys::native::is_secret(name, given);
    }
}

#[cfg(target_arch = "wasm32")]
use crate::bindings::inbound::crossdock::adapter0_1_1::verify as host;

impl Push {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The first query value of this name.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.query.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// The body's bytes, as a message to verify.
    pub fn raw(&self) -> Vec<Chunk> {
        match &self.body {
            Body::Empty => Vec::new(),
            Body::Text(text) => vec![Chunk::Text(text.clone())],
            Body::Bytes(bytes) => vec![Chunk::Bytes(bytes.clone())],
        }
    }

    /// The body as text.
    ///
    /// # Errors
    /// [`Fault::InvalidInput`] if it is none.
    pub fn text(&self) -> Result<Cow<'_, str>, Fault> {
        match &self.body {
            Body::Text(text) => Ok(text.into()),
            Body::Empty => Ok("".into()),
            Body::Bytes(_) => Err(Fault::invalid_input("", "the body is no text")),
        }
    }
}

impl ReceivedItem {
    /// An item that is JSON already.
    pub fn new(document: impl Into<String>) -> Self {
        Self {
            key: None,
            document: document.into(),
        }
    }

    /// The same with what a repeat of it is known by.
    pub fn known_by<K: Into<String>>(mut self, key: Option<K>) -> Self {
        self.key = key.map(Into::into);
        self
    }
}

impl Answer {
    /// An answer of text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::with(status, "text/plain; charset=utf-8", text)
    }

    /// An answer that is JSON already.
    pub fn json(status: u16, json: impl Into<String>) -> Self {
        Self::with(status, "application/json", json)
    }

    fn with(status: u16, content_type: &str, text: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body: Body::Text(text.into()),
        }
    }
}

impl Received {
    /// Items, and what the platform wants to hear of them.
    pub fn of(items: Vec<ReceivedItem>, answer: Answer) -> Self {
        Self { items, answer }
    }

    /// Of a push that nobody verified. The host answers 401 whatever this says.
    pub fn unverified() -> Self {
        Self {
            items: Vec::new(),
            answer: Answer::text(401, ""),
        }
    }
}

/// The contract's function over an adapter's.
#[doc(hidden)]
pub struct Component<A>(PhantomData<A>);

impl<A: Inbound> contract::Guest for Component<A> {
    fn receive(ctx: Context, push: Push) -> Result<Received, Fault> {
        A::receive(&ctx, &push)
    }
}

/// Has the component of this crate take messages that begin at the platform, too,
/// beside [`export_adapter!`](crate::export_adapter).
#[macro_export]
macro_rules! export_inbound {
    ($adapter:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::inbound::Component<$adapter>;
    $crate::bindings::inbound::export_receiver!(Component with_types_in $crate::bindings::inbound);
        };
    };
}
