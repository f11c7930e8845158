//! Changed files replace what serves, on a real file system, while calls run.
//!
//! * [`saving`]: however files are saved.
//! * [`plugins`]: plugin files that vanish, come back and are renamed.
//! * [`tenants`]: tenants that are edited badly, wait or are removed.
//! * [`together`]: plugins and tenants that are right only together.
//! * [`slow`]: candidates that take long, or for ever.
//! * [`passing`]: what cannot be read now.
//! * [`survival`]: what outlives every swap.

#[cfg(unix)]
mod passing;
mod plugins;
mod saving;
mod slow;
mod survival;
mod tenants;
mod together;
