//! The documents' numbers at their edges, each one below, at and above: how
//! many rows a request carries, how long a text may be, how large a page is.
//! Where a document is silent a setting counts, and it is held to the same.
//!
//! The numbers here are the documents', written down again: they are not read
//! from the adapters' manifests.

mod lengths;
mod pages;
mod requests;
