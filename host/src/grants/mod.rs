//! Credentials that renew themselves: tokens that platforms grant, kept on disk and
//! renewed before they are over.
//!
//! | part | what it does |
//! |---|---|
//! | [`adapter`] | a platform's own way, as its adapter maps, signs and reads it |
//! | `ask` | what is asked of a platform, and what it grants |
//! | `shown` | a grant as people see it |
//!
//! [`crate::serving::credentials`] is what deliveries see of it.

pub mod adapter;
mod ask;
mod shown;

pub use ask::{Ask, Granting, NotGranted, Tokens};
pub use shown::{Authorizing, CredentialsShown, FailureShown};
