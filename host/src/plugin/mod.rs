//! Adapters: artifact → verified generation → guest calls.

pub mod manifest;
