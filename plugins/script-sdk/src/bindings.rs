//! What `wit-bindgen` makes of `wit/script`. Not an interface of this crate:
//! [`crate::Engine`] is.
#![allow(missing_docs, clippy::all)]

wit_bindgen::generate!({
    path: "../../wit/script",
    world: "script-engine",
    additional_derives: [PartialEq, Eq],
    pub_export_macro: true,
    export_macro_name: "export_script_engine",
    default_bindings_module: "crossdock_script_engine::bindings",
    runtime_path: "crossdock_script_engine::bindings::wit_bindgen::rt",
});

#[doc(hidden)]
pub use wit_bindgen;
