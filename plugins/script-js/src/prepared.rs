//! A QuickJS made ahead of time.
//!
//! Confining the globals takes milliseconds, a script's own compilation a
//! fraction of one. So it is done when the component is built: `cargo xtask
//! build-plugins` calls [`prepare`] and stores the memory as it is then. An
//! instance begins with that memory, which instances share until they write
//! to it. Elsewhere, and for a second script of an instance, it is done when it
//! is needed.

use crate::flavour::SCRIPT;
use crossdock_js_engine::Confined;
use std::cell::Cell;

thread_local! {
    static PREPARED: Cell<Option<Confined>> = const { Cell::new(None) };
}

/// A confined QuickJS, the prepared one if it is still there.
pub fn take() -> rquickjs::Result<Confined> {
    PREPARED.take().map_or_else(|| Confined::new(&SCRIPT), Ok)
}

/// Prepares one. The name is what `xtask` looks for in a guest; the contract
/// knows nothing of it, and it is gone from the finished component.
///
/// It traps if that fails, which fails the build.
#[cfg(target_arch = "wasm32")]
#[unsafe(export_name = "crossdock-prepare")]
extern "C" fn prepare() {
    match Confined::new(&SCRIPT) {
        Ok(confined) => PREPARED.set(Some(confined)),
        Err(_) => std::process::abort(),
    }
}
