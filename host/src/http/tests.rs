//! The client against servers that misbehave on purpose, byte by byte.

mod answers;
mod certificates;
pub(super) mod compress;
mod http2;
mod lenient;
mod moments;
mod names;
mod proxies;
mod reach;
mod secure;
mod sent;
mod server;
mod shown;
mod versions;
