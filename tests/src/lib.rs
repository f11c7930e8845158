//! What the end-to-end tests, the demo and the benchmark share.
//!
//! * [`bed`]: a folder with plugins and tenants, and a host over it.
//! * [`echo`]: a server that answers with what it got.
//! * [`live`]: a host whose every answer shows which files it came from.
//! * [`scripted`]: a host with one tenant for each of some scripts.
//! * [`swap`]: files replaced while calls run, and what the calls saw.
//! * [`guests`]: the built components, and how a test adapter is patched.
//! * [`wait`]: waiting for a condition within a bound.

pub mod bed;
pub mod client;
pub mod echo;
pub mod guests;
pub mod live;
pub mod scripted;
pub mod swap;
pub mod wait;
