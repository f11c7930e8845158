//! What the end-to-end tests, the demo and the benchmark share.
//!
//! * [`bed`]: a folder with plugins and tenants, and a host over it.
//! * [`guests`]: the built components, and how a test adapter is patched.
//! * [`wait`]: waiting for a condition within a bound.

pub mod bed;
pub mod guests;
pub mod wait;
