//! The client against servers that misbehave on purpose, byte by byte.

mod answers;
pub(super) mod compress;
mod reach;
mod secure;
mod server;
