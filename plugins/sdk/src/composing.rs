//! Bodies in which the host writes secrets: a token that renews another one, a
//! password in a form.
//!
//! An adapter that needs them implements [`Adapter::compose`] besides
//! [`Adapter::sign`], and says so beside its other export:
//! `export_adapter!(Shop); export_composing!(Shop);`. A host that does not know this
//! calls `sign`.
//!
//! ```
//! use crossdock_adapter::composing::{Edit, Encoding, secret, text};
//! use crossdock_adapter::{Context, Draft, Fault};
//!
//! fn compose(_: &Context, _: &str, _: &Draft) -> Result<Vec<Edit>, Fault> {
//!     Ok(vec![Edit::ComposeBody(vec![
//!         text("grant_type=refresh_token&refresh_token="),
//!         secret("refresh-token", Encoding::Form),
//!     ])])
//! }
//! # let context = Context { now_ms: 0, nonce: "".into(), settings: "{}".into() };
//! # assert_eq!(compose(&context, "grant", &Draft::post("/token")).unwrap().len(), 1);
//! ```
//!
//! [`Adapter::compose`]: crate::Adapter::compose
//! [`Adapter::sign`]: crate::Adapter::sign

use std::marker::PhantomData;

use crate::Adapter;
use crate::bindings::composing::exports::crossdock::adapter0_1_2::composing as contract;
use crate::types::{Context, Draft, Edit as PlainEdit, Fault};
pub use contract::{Edit, Encoding, NamedSecret, Piece};

/// Text of a body, as it is.
pub fn text(text: impl Into<String>) -> Piece {
    Piece::Text(text.into())
}

/// Bytes of a body, as they are.
pub fn bytes(bytes: impl Into<Vec<u8>>) -> Piece {
    Piece::Bytes(bytes.into())
}

/// The secret with this name, written by the host.
pub fn secret(name: impl Into<String>, encoding: Encoding) -> Piece {
    Piece::Secret(NamedSecret {
        name: name.into(),
        encoding,
    })
}

impl From<PlainEdit> for Edit {
    fn from(edit: PlainEdit) -> Self {
        match edit {
            PlainEdit::SetQuery(pair) => Self::SetQuery(pair),
            PlainEdit::SetHeader(pair) => Self::SetHeader(pair),
            PlainEdit::ReplaceBody(body) => Self::ReplaceBody(body),
            PlainEdit::SecretQuery(pair) => Self::SecretQuery(pair),
            PlainEdit::SecretHeader(pair) => Self::SecretHeader(pair),
        }
    }
}

/// The contract's function over an adapter's.
#[doc(hidden)]
pub struct Component<A>(PhantomData<A>);

impl<A: Adapter> contract::Guest for Component<A> {
    fn sign(ctx: Context, operation: String, draft: Draft) -> Result<Vec<Edit>, Fault> {
        crate::export::panics_are_told();
        A::compose(&ctx, &operation, &draft)
    }
}

/// Has the component of this crate name secrets within bodies, too, beside
/// [`export_adapter!`](crate::export_adapter).
#[macro_export]
macro_rules! export_composing {
    ($adapter:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::composing::Component<$adapter>;
    $crate::bindings::composing::export_composer!(Component with_types_in $crate::bindings::composing);
        };
    };
}
