//! The clock that QuickJS's C code asks for.

/// Microseconds since 1970: always none. Scripts have no clock; QuickJS itself
/// only seeds its random numbers with it, which scripts do not have either.
/// Defined here, it is no import of the component.
#[cfg(target_arch = "wasm32")]
#[unsafe(no_mangle)]
extern "C" fn __rquickjs_host_now_us() -> f64 {
    0.0
}
