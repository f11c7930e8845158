//! What `wit-bindgen` makes of `wit/source`, and of what an adapter may export
//! besides.
#![allow(missing_docs, clippy::all)]

wit_bindgen::generate!({
    inline: "
        package crossdock:runtime-js;
        world runtime {
            include crossdock:source/runtime@0.1.0;
            import crossdock:adapter/verify@0.1.1;
            export crossdock:adapter/inbound@0.1.1;
        }
    ",
    path: ["../../wit/adapter", "../../wit/source", "../../wit/inbound"],
    world: "crossdock:runtime-js/runtime",
    additional_derives: [PartialEq, Eq],
    generate_all,
});
