//! Mistakes that people make, and the sentence that each is answered with. A
//! sentence that nobody can act on is a defect like any other.

use crossdock::config::HostLimits;
use crossdock::plugin::artifact::{Artifact, Sha};
use crossdock::plugin::cache::CodeCache;
use crossdock::plugin::load::Loader;
use crossdock::plugin::packed::{self, SourceFile};
use crossdock::plugin::sandbox::Sandbox;
use crossdock_tests::guests;

/// Low, so that what is endless ends soon.
const DEADLINE_MS: u64 = 300;

/// What loading says of a file: the step that refuses, and why.
async fn said(bytes: Vec<u8>) -> (&'static str, String) {
    let limits = HostLimits {
        guest_deadline: std::time::Duration::from_millis(DEADLINE_MS),
        ..HostLimits::default()
    };
    let dir = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::new(&limits).expect("a sandbox");
    let loader = Loader::new(sandbox, CodeCache::new(dir.path().into()), &limits);
    let artifact = Artifact {
        path: "plugins/board.wasm".into(),
        sha256: Sha::of(&bytes),
        bytes,
    };
    match loader.load(artifact, 1).await {
        Ok(loaded) => panic!("{} was loaded", loaded.identity().name),
        Err(refusal) => (refusal.step(), refusal.to_string()),
    }
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("valid text")
}

fn mode(name: &str) -> Vec<u8> {
    guests::test_adapter(name, "g")
}

/// The test adapter with one word of its data or its types in place of another
/// of the same length.
fn patched(from: &str, to: &str) -> Vec<u8> {
    guests::patched(&mode("normal"), from.as_bytes(), to.as_bytes())
}

/// The test adapter with blanks in the place of a part of its manifest.
fn without(part: &str) -> Vec<u8> {
    patched(part, &" ".repeat(part.len()))
}

/// (mistake, file, step, sentence; `…` stands for anything).
fn mistakes() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    vec![
        (
            "no `export` macro",
            wat("(component)"),
            "exports",
            "it exports neither `crossdock:adapter/adapter@0.1.0` nor `crossdock:script/engine@0.1.0` but nothing; build it against `wit/`, and name what is exported: in Rust `export_adapter!(…)`, elsewhere the world `platform`",
        ),
        (
            "a panic",
            mode("trap-in-describe"),
            "describe",
            "`describe` failed: it trapped: it ended itself, as a panic, a failed assertion and `abort` do; its last words: panicked at …src/describe.rs:…: as the mode says",
        ),
        (
            "a panic in `map`",
            mode("trap-in-map"),
            "examples",
            "example `…` failed at map: it trapped: it ended itself, as a panic, a failed assertion and `abort` do; its last words: panicked at …src/misbehave.rs:…: as the mode says",
        ),
        (
            "an index too high",
            // One request may carry several items then.
            guests::patched(
                &mode("index-out-of-range"),
                b"\"max_items\": 1",
                b"\"max_items\": 9",
            ),
            "examples",
            "example `…` failed at map: `map` used item 1000000, but there is only 1 item",
        ),
        (
            "an index twice",
            mode("index-twice"),
            "examples",
            "example `…` failed at map: `map` used item 0 twice: every item must be in exactly one request or failure",
        ),
        (
            "broken JSON in the manifest",
            mode("manifest-not-json"),
            "manifest",
            "its manifest is not valid: expected … at line 1 column …",
        ),
        (
            "an undeclared secret",
            mode("undeclared-secret"),
            "examples",
            "example `…` failed at sign: request 0: `sign` asks for secret `undeclared`, which the manifest does not declare: add it to `secrets`",
        ),
        (
            "`keys` in `map`",
            mode("keys-in-map"),
            "examples",
            "example `…` failed at map: …; it used `keys` in `map`, and they work in `sign` only: sign there",
        ),
        (
            "an endless loop",
            mode("endless-map"),
            "examples",
            "example `…` failed at map: it ran longer than the 300 ms that it may (`[limits] guest_deadline_ms`): look for a loop that does not end, or for work that grows faster than its input",
        ),
        (
            "too much memory",
            mode("memory-bomb-map"),
            "examples",
            "example `…` failed at map: it wanted more than 64 MiB of memory",
        ),
        (
            "a failing golden example",
            mode("failing-example"),
            "examples",
            "example `an example whose signature is not the one that comes out` failed at sign: request 0: header `x-signature` should be \"…\", is \"…\"",
        ),
        (
            "an operation without a schema",
            without("\"document\": { \"type\": \"object\" },"),
            "manifest",
            "its manifest is not valid: at `/operations/1`: `document` is missing; at `/operations/2`: `document` is missing",
        ),
        (
            "a misspelt manifest member",
            mode("invalid-manifest"),
            "manifest",
            "its manifest is not valid: at its top: `summary` is missing; at its top: `sumary` is not a member that a manifest has here; did you mean `summary`?",
        ),
        (
            "a schema of a wrong type",
            patched(
                "\"type\": \"object\",\n        \"required\": [\"algorithm\"",
                "\"type\": \"objekt\",\n        \"required\": [\"algorithm\"",
            ),
            "manifest",
            "its manifest is not valid: …`objekt` is no type of JSON Schema; did you mean `object`?",
        ),
        (
            "an example that breaks its schema",
            patched(
                "\"output\": { \"enum\": [\"hex\", \"HEX\", \"base64\"] }",
                "\"output\": { \"enum\": [\"xxx\", \"yyy\", \"base64\"] }",
            ),
            "examples",
            "example `…` failed at document: item 0: … (at /output)",
        ),
        (
            "a core module",
            wat("(module)"),
            "parse",
            "it is not a WebAssembly component but a core module: add the step of its build that makes a component of it (`crossdock plugin build`, `wasm-tools component new`, or `cargo xtask build-plugins` for a crate of this repository)",
        ),
        (
            "another WIT version",
            wat(r#"(component
                (component $nothing) (instance $it (instantiate $nothing))
                (export "crossdock:adapter/adapter@0.2.0" (instance $it)))"#),
            "exports",
            "it implements version 0.2.0 of `crossdock:adapter/adapter`, and this host knows 0.1.0; build it against this host's `wit/`",
        ),
        (
            "a changed record type",
            patched("now-ms", "now-us"),
            "exports",
            "its interface differs from the contract: `context` is `record { now-us: u64, nonce: string, settings: string }`, and the contract has `record { now-ms: u64, nonce: string, settings: string }`; build it against this host's `wit/`",
        ),
        (
            "a missing function",
            patched("parse-response", "parse-respomse"),
            "exports",
            "its interface differs from the contract: it has no `parse-response`, and the contract has `parse-response: func(ctx: context, operation: string, request: request, reply: reply) -> result<parsed, fault>`; build it against this host's `wit/`",
        ),
        (
            "HTTP of its own, as a JavaScript toolchain adds it",
            wat(r#"(component
                (import "wasi:http/outgoing-handler@0.2.3" (instance $http))
                (export "crossdock:adapter/adapter@0.1.0" (instance $http)))"#),
            "imports",
            "it imports `wasi:http/outgoing-handler@0.2.3`, which no plugin gets; a plugin may import `keys`, `log` and WASI 0.2 only; the host sends for adapters: build JavaScript with `disableFeatures: ['http', 'fetch-event']`, and use no client of HTTP elsewhere",
        ),
    ]
}

/// Whether a sentence is the expected one, where `…` stands for anything.
fn is(said: &str, expected: &str) -> bool {
    // The ellipsis of a sentence itself is written as it is in both.
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = said.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        if last {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_is_answered_with_its_sentence() {
    let mut wrong = Vec::new();
    for (mistake, bytes, step, expected) in mistakes() {
        let (refused, said) = said(bytes).await;
        if refused != step || !is(&said, expected) {
            wrong.push(format!(
                "{mistake}: at `{refused}`: {said}\n  not at `{step}`: {expected}"
            ));
        }
        assert!(!said.contains('\n'), "{mistake}: {said:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A JavaScript adapter without `map`; Python's is in `plugin_new`, where
/// componentize-py is called.
#[tokio::test(flavor = "multi_thread")]
async fn a_method_missing_in_javascript_is_answered_with_its_sentence() {
    let text = r#"
        export const manifest = { name: "board", version: "1", summary: "s", operations: [], settings: {} };
        export function mapp(context, operation, items) {}
        export function sign(context, operation, draft) {}
        export function parseResponse(context, operation, request, reply) {}
    "#;
    let source = SourceFile::new("board.js", text).expect("a source");
    let runtime = guests::plugin("runtime-js");
    let packed = packed::with_source(&runtime, &source).expect("a component");
    let (step, said) = said(packed).await;
    let expected = "board.js: it exports no `map` (there is `mapp`); write `export function map(context, operation, items) { … }`";
    assert!(is(&said, expected), "{step}: {said}");
    assert_eq!(step, "source", "{said}");
}

#[test]
fn a_sentence_is_compared_to_its_end() {
    assert!(is("a panic at b.rs:1: x", "a panic at …: x"));
    assert!(!is("a panic at b.rs:1: x!", "a panic at …: x"));
    assert!(!is("a", "ab") && !is("ab", "a") && is("ab", "ab"));
}
