//! Not here yet.

pub mod redact;
