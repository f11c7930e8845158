//! What `wit-bindgen` makes of `wit/adapter`. Not an interface of this crate:
//! [`crate::types`] is.
#![allow(missing_docs, clippy::all)]

wit_bindgen::generate!({
    path: "../../wit/adapter",
    world: "platform",
    additional_derives: [PartialEq, Eq],
    pub_export_macro: true,
    export_macro_name: "export_platform",
    default_bindings_module: "crossdock_adapter::bindings",
    runtime_path: "crossdock_adapter::bindings::wit_bindgen::rt",
});

#[doc(hidden)]
pub use wit_bindgen;
