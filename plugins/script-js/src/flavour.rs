//! What is said of the language to whoever writes a script.

use crossdock_js_engine::Flavour;

/// The name under which the script's text is compiled; stack traces hold it.
pub const FILE: &str = "script.js";

/// A mapping script's.
pub const SCRIPT: Flavour = Flavour {
    who: "a script",
    file: "the script",
    clock: "take a time from the item",
    chance: "the same item gives the same documents",
    context: true,
    spelled: false,
    log: None,
    advice: &[
        (
            &["fetch", "XMLHttpRequest", "WebSocket", "require"],
            "a script reaches nothing outside of the item; lookup tables are in `context`",
        ),
        (
            &[
                "setTimeout",
                "setInterval",
                "setImmediate",
                "queueMicrotask",
            ],
            "a script answers at once",
        ),
        (
            &["process", "Deno", "window", "document"],
            "the connection's settings are in `context`",
        ),
        (
            &["crypto", "performance"],
            "the same item gives the same documents",
        ),
        (
            &["Temporal"],
            "`new Date(…)` reads a time of the item, in UTC unless it has an offset",
        ),
        (
            &["Intl"],
            "`toFixed`, `padStart` and the like format numbers and text",
        ),
    ],
};
