//! The contracts as Rust types, generated from `wit/`.

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

/// `crossdock:script` 0.1.1: what a script engine may import.
pub mod tables {
    wasmtime::component::bindgen!({
        path: "../wit/tables",
        world: "looking-up",
        imports: { default: trappable },
    });
}

/// `crossdock:source`: what a language runtime imports and exports besides the
/// adapter that it is.
pub mod source {
    wasmtime::component::bindgen!({
        inline: "
            package crossdock:host;
            world language-runtime {
                import crossdock:source/file@0.1.0;
                export crossdock:source/language@0.1.0;
            }
        ",
        path: ["../wit/adapter", "../wit/source"],
        world: "crossdock:host/language-runtime",
        imports: { default: trappable },
        exports: { default: async },
        additional_derives: [Clone],
    });
}

/// `crossdock:adapter` 0.1.1: what an adapter may export besides, and what it then
/// imports.
pub mod inbound {
    wasmtime::component::bindgen!({
        path: ["../wit/adapter", "../wit/inbound"],
        world: "crossdock:adapter/receiver@0.1.1",
        with: {
            "crossdock:adapter/types@0.1.0": super::adapter::crossdock::adapter::types,
            "crossdock:adapter/keys@0.1.0": super::adapter::crossdock::adapter::keys,
        },
        imports: { default: trappable },
        exports: { default: async },
        additional_derives: [Clone],
    });
}

/// `crossdock:adapter` 0.1.2: a `sign` that may name secrets within a body.
pub mod composing {
    wasmtime::component::bindgen!({
        path: ["../wit/adapter", "../wit/composing"],
        world: "crossdock:adapter/composer@0.1.2",
        with: {
            "crossdock:adapter/types@0.1.0": super::adapter::crossdock::adapter::types,
        },
        imports: { default: trappable },
        exports: { default: async },
        additional_derives: [Clone],
    });
}
