//! What the end-to-end tests, the demo and the benchmark share.
//!
//! * [`bed`]: a folder with plugins and tenants, and a host over it.
//! * [`echo`]: a server that answers with what it got.
//! * [`grants`]: shops whose tokens a token server gives, and a person who agrees.
//! * [`leaks`]: a search for secrets where none may be.
//! * [`listener`]: a listener to server-sent events.
//! * [`live`]: a host whose every answer shows which files it came from.
//! * [`month`]: a month of short tokens under load, the host killed all the time.
//! * [`platforms`]: a tenant with connections to the platforms' stand-ins.
//! * [`process`]: the `crossdock` command as a process.
//! * [`scripted`]: a host with one tenant for each of some scripts.
//! * [`soak`]: a host that is killed again and again, and whether what it says is true.
//! * [`stock`]: an ERP whose stock goes to three shops by a flow.
//! * [`swap`]: files replaced while calls run, and what the calls saw.
//! * [`guests`]: the built components, and how a test adapter is patched.
//! * [`recorder`]: an HTTP server that keeps what it was sent.
//! * [`wait`]: waiting for a condition within a bound.

pub mod bed;
pub mod client;
pub mod echo;
pub mod grants;
pub mod guests;
pub mod leaks;
pub mod listener;
pub mod live;
pub mod month;
pub mod platforms;
pub mod process;
pub mod recorder;
pub mod scripted;
pub mod soak;
pub mod stock;
pub mod swap;
pub mod wait;
