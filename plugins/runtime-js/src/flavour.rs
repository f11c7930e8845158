//! What is said of the language to whoever writes an adapter.

use crate::host;
use crossdock_js_engine::Flavour;

/// An adapter's.
pub const ADAPTER: Flavour = Flavour {
    who: "an adapter",
    file: "the file",
    clock: "take `context.nowMs`",
    chance: "take `context.nonce`, which is new for every attempt",
    context: false,
    spelled: true,
    log: Some(host::log),
    advice: &[
        (
            &["fetch", "XMLHttpRequest", "WebSocket"],
            "an adapter reaches no network; the host sends what `map` returns",
        ),
        (
            &["require", "module", "exports"],
            "a file is an ES module; write `import … from \"crossdock\"` and `export`",
        ),
        (
            &[
                "setTimeout",
                "setInterval",
                "setImmediate",
                "queueMicrotask",
            ],
            "an adapter answers at once",
        ),
        (
            &["process", "Deno", "window", "document"],
            "the connection's settings are `context.settings`",
        ),
        (
            &["crypto"],
            "`keys` of \"crossdock\" hashes and signs, with secrets that stay in the host",
        ),
        (
            &["Buffer", "TextEncoder", "TextDecoder", "btoa", "atob"],
            "`utf8`, `hex` and `base64` of \"crossdock\" turn text into bytes and back",
        ),
        (
            &["URL", "URLSearchParams"],
            "`form` and `query` of \"crossdock\" write pairs; the host has the address",
        ),
        (&["performance"], "equal arguments give equal results"),
        (
            &["Temporal"],
            "`formatTime` of \"crossdock\" writes `context.nowMs` in a zone",
        ),
        (
            &["Intl"],
            "`toFixed`, `padStart` and the like format numbers and text",
        ),
    ],
};
