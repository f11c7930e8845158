//! A QuickJS made ahead of time, as for mapping scripts: confining the globals
//! and running the module `crossdock` takes milliseconds, an adapter's own file
//! a fraction of one. `cargo xtask build-plugins` calls [`prepare`] and stores
//! the memory as it is then.

use crate::flavour::ADAPTER;
use crate::modules;
use crossdock_js_engine::Confined;
use std::cell::Cell;

thread_local! {
    static PREPARED: Cell<Option<Confined>> = const { Cell::new(None) };
}

/// A confined QuickJS, the prepared one if it is still there.
pub fn take() -> rquickjs::Result<Confined> {
    PREPARED.take().map_or_else(make, Ok)
}

fn make() -> rquickjs::Result<Confined> {
    Confined::with_modules(&ADAPTER, modules::declare)
}

/// Prepares one; it traps if that fails, which fails the build.
#[cfg(target_arch = "wasm32")]
#[unsafe(export_name = "crossdock-prepare")]
extern "C" fn prepare() {
    match make() {
        Ok(confined) => PREPARED.set(Some(confined)),
        Err(_) => std::process::abort(),
    }
}
