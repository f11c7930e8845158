//! What is loaded now, and how a changed file replaces it.

pub mod snapshot;
