//! What `wit-bindgen` makes of `wit/source`.
#![allow(missing_docs, clippy::all)]

wit_bindgen::generate!({
    path: ["../../wit/adapter", "../../wit/source"],
    world: "crossdock:source/runtime",
    additional_derives: [PartialEq, Eq],
    generate_all,
});
