//! Plugins in OCI registries: how one is pushed, found again, and known to be
//! the one that its author signed.
//!
//! The library speaks the OCI distribution protocol over whatever carries its
//! requests ([`Transport`]); it opens no connection, reads no file and has no
//! clock. Whoever carries them bounds them in time and in size.
//!
//! | module | responsibility |
//! |---|---|
//! | `reference` | `oci://REGISTRY/REPOSITORY[:TAG\|@sha256:…]` |
//! | `digest` | SHA-256 as registries and pins write it |
//! | `transport` | what carries requests |
//! | `client` | one repository: redirects, refusals, who may do what |
//! | `challenge` | what a registry wants to know of who asks |
//! | `credentials` | what `docker login` left behind |
//! | `transfer` | blobs and manifests up and down |
//! | `artifact` | how a WebAssembly component is laid out in a registry |
//! | `cosign` | signatures made by `cosign` with a key pair |
//! | `failure` | what went wrong, in words for people |

#![forbid(unsafe_code)]

mod artifact;
mod challenge;
mod client;
pub mod cosign;
mod credentials;
mod digest;
mod failure;
mod reference;
mod transfer;
mod transport;

#[cfg(test)]
mod tests;

pub use artifact::{Component, Layout};
pub use client::{Access, Registry};
pub use credentials::{Credentials, Login};
pub use digest::{BadDigest, Digest};
pub use failure::{Failure, FailureKind};
pub use reference::{Reference, Target};
pub use transfer::{MOST_MANIFEST, Pulled, Signed};
pub use transport::{Request, Response, Transport};
