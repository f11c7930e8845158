//! The two contracts as Rust types, generated from `wit/`.

/// `crossdock:adapter`: what an adapter imports and exports.
pub mod adapter {
    wasmtime::component::bindgen!({
        path: "../wit/adapter",
        world: "platform",
        imports: { default: trappable },
        exports: { default: async },
        additional_derives: [Clone],
    });
}

/// `crossdock:script`: what a script engine exports.
pub mod script {
    wasmtime::component::bindgen!({
        path: "../wit/script",
        world: "script-engine",
        exports: { default: async },
        additional_derives: [Clone],
    });
}
