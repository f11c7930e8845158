//! Changed files replace what serves, on a real file system, while calls run.
//!
//! * [`saving`]: however files are saved.
//! * [`plugins`]: plugin files that vanish, come back and are renamed.
//! * [`tenants`]: tenants that are edited badly, wait or are removed.
//! * [`survival`]: what outlives every swap.

mod plugins;
mod saving;
mod survival;
mod tenants;
