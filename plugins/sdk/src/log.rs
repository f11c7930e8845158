//! Lines for the plugin's log, kept with the delivery. Natively they go to
//! standard error.

pub use crate::bindings::crossdock::adapter::log::Level;

/// Writes a line.
pub fn write(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::crossdock::adapter::log::write(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

/// For whoever writes the adapter.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// For whoever operates the connection.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Something odd that did not stop the work.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Something that did.
pub fn error(message: &str) {
    write(Level::Error, message);
}
