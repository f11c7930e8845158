//! The client against servers that misbehave on purpose, byte by byte.

mod answers;
mod certificates;
pub(super) mod compress;
mod http2;
mod lenient;
mod moments;
mod reach;
mod secure;
mod sent;
mod server;
