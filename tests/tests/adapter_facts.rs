//! What the bundled adapters are: how large, how soon they serve, what they may
//! call, and that each of their fields says what it is.
//!
//! The first test prints a table of figures, which the README shows as measured.

use std::collections::BTreeSet;

use crossdock::host::Host;
use crossdock::plugin::generation::LoadTimes;
use crossdock_stand_ins::Options;
use crossdock_tests::bed::Bed;
use crossdock_tests::guests;
use crossdock_tests::platforms::{BUNDLED, Connection, Platforms};
use crossdock_tests::wait::until;
use serde_json::Value;
use wasmtime::component::Component;

/// Most bytes of an adapter. The largest has 20 operations with the schemas and
/// examples of each.
const MOST_BYTES: usize = 512 << 10;

/// Longest from a file to an adapter that serves, in milliseconds: compiled
/// anew, and from the cache. Generous, because other tests share the machine.
const LONGEST_MS: f64 = 30_000.0;
const LONGEST_FROM_CACHE_MS: f64 = 5_000.0;

fn total(times: &LoadTimes) -> f64 {
    times.compile_ms + times.describe_ms + times.examples_ms
}

#[tokio::test(flavor = "multi_thread")]
async fn every_adapter_is_small_and_serves_soon() {
    // One bed each: adapters that are compiled side by side share the
    // processors, and the times would be the machine's.
    println!("adapter    bytes  compile  describe  examples |  from the cache: load, in ms");
    for platform in BUNDLED {
        let bed = Bed::with_plugins(&[platform]);
        let fresh = load(&bed, platform).await;
        // Compiled code is kept beside serving, not before it.
        let code = bed.path("data/code");
        until("the kept code", || {
            let files = std::fs::read_dir(&code).ok()?;
            let mut names = files.flatten().map(|file| file.path());
            names.find(|path| path.extension().is_some_and(|kind| kind == "cwasm"))
        })
        .await;
        let cached = load(&bed, platform).await;
        let bytes = guests::plugin(platform).len();
        println!(
            "{platform:<9} {bytes:>6} {:>8.1} {:>9.2} {:>9.2} | {:>8.2} {:>8.2} {:>8.2}",
            fresh.compile_ms,
            fresh.describe_ms,
            fresh.examples_ms,
            cached.compile_ms,
            cached.describe_ms,
            cached.examples_ms,
        );
        assert!(bytes <= MOST_BYTES, "{platform} has {bytes} bytes");
        assert!(!fresh.from_cache && cached.from_cache, "{platform}");
        assert!(total(&fresh) < LONGEST_MS, "{platform}: {fresh:?}");
        assert!(
            total(&cached) < LONGEST_FROM_CACHE_MS,
            "{platform}: {cached:?}"
        );
    }
}

async fn load(bed: &Bed, platform: &str) -> LoadTimes {
    let host = Host::start(bed.config(), false)
        .await
        .unwrap_or_else(|problem| panic!("{problem}"));
    host.snapshot().adapters[platform].identity.times
}

/// Types are shared by name; what an adapter can call is `keys` and `log`.
#[test]
fn no_adapter_imports_anything_but_keys_and_log() {
    const ALLOWED: [&str; 3] = [
        "crossdock:adapter/keys@0.1.0",
        "crossdock:adapter/log@0.1.0",
        "crossdock:adapter/types@0.1.0",
    ];
    let engine = wasmtime::Engine::default();
    for platform in BUNDLED {
        let component =
            Component::new(&engine, guests::plugin(platform)).expect("a built component");
        let types = component.component_type();
        let mut callable = BTreeSet::new();
        for (name, item) in types.imports(&engine) {
            assert!(ALLOWED.contains(&name), "{platform} imports {name}");
            if let wasmtime::component::types::ComponentItem::ComponentInstance(instance) = item.ty
            {
                let functions = instance.exports(&engine).filter(|(_, export)| {
                    matches!(
                        export.ty,
                        wasmtime::component::types::ComponentItem::ComponentFunc(_)
                    )
                });
                callable.extend(functions.map(|(function, _)| format!("{name} {function}")));
            }
        }
        println!("{platform:<9} {callable:?}");
        let known = [
            "crossdock:adapter/keys@0.1.0 hash",
            "crossdock:adapter/keys@0.1.0 hmac",
            "crossdock:adapter/log@0.1.0 write",
        ];
        for function in &callable {
            assert!(
                known.contains(&function.as_str()),
                "{platform} may call {function}"
            );
        }
    }
}

/// What a description says of a field that the document lists without a word.
const NAME_ONLY: &str = "The document gives its name only";

/// Whether the platform's document is in Chinese, so that its terms can be told
/// from the description's words.
fn chinese(platform: &str) -> bool {
    platform != "shopify"
}

/// Whether a text has a Chinese character: the document's own term.
fn has_term(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// What a field of a schema lacks.
struct Walk<'a> {
    root: &'a Value,
    /// Whether fields have terms: documents and results of the platform do.
    terms: bool,
    lacking: Vec<String>,
}

impl Walk<'_> {
    fn fields(&mut self, schema: &Value, at: &str) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            self.field(field, &format!("{at}/{name}"));
        }
    }

    fn field(&mut self, field: &Value, at: &str) {
        let reference = field["$ref"].as_str();
        let target = reference.map(|to| to.trim_start_matches('#'));
        let shape = target
            .and_then(|to| self.root.pointer(to))
            .unwrap_or(field)
            .clone();
        let said = |name: &str| field[name].as_str().or_else(|| shape[name].as_str());
        for name in ["title", "description"] {
            if said(name).is_none_or(|text| text.trim().is_empty()) {
                self.lacking.push(format!("{at} has no {name}"));
            }
        }
        let typed = ["type", "enum", "const"]
            .iter()
            .any(|key| shape.get(key).is_some());
        if !typed {
            self.lacking.push(format!("{at} has no type"));
        }
        let texts = [said("title"), said("description")];
        let explained = |text: &str| has_term(text) || text.contains(NAME_ONLY);
        if self.terms && !texts.into_iter().flatten().any(explained) {
            self.lacking
                .push(format!("{at} has no term of the document"));
        }
        self.fields(&shape, at);
        let items = &shape["items"];
        if items.is_object() {
            let items = match items["$ref"].as_str() {
                Some(to) => self
                    .root
                    .pointer(to.trim_start_matches('#'))
                    .unwrap_or(items),
                None => items,
            };
            self.fields(&items.clone(), &format!("{at}/0"));
        }
    }
}

fn lacking(schema: &Value, terms: bool, at: &str) -> Vec<String> {
    let mut walk = Walk {
        root: schema,
        terms,
        lacking: Vec::new(),
    };
    if schema["title"].as_str().is_none_or(str::is_empty) {
        walk.lacking.push(format!("{at} has no title"));
    }
    walk.fields(schema, at);
    walk.lacking
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_has_a_title_a_description_a_type_and_the_documents_term() {
    let platforms = Platforms::start(Options::default(), &BUNDLED.map(Connection::to)).await;
    let snapshot = platforms.host.snapshot();
    let mut found = Vec::new();
    for platform in BUNDLED {
        let manifest = &snapshot.adapters[platform].manifest;
        found.extend(lacking(
            &manifest.settings,
            false,
            &format!("{platform} settings"),
        ));
        for operation in &manifest.operations {
            let name = &operation.name;
            for (what, schema) in [
                ("document", &operation.document),
                ("result", &operation.result),
            ] {
                found.extend(lacking(
                    schema,
                    chinese(platform),
                    &format!("{platform} {name} {what}"),
                ));
            }
            let term = !chinese(platform) || has_term(&operation.summary);
            if !term || operation.call.is_none() {
                found.push(format!(
                    "{platform} {name} does not name the document's call"
                ));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Every field that a document may leave out has a default, says what counts
/// then, or is simply not sent; a default that is there is one of its values.
#[tokio::test(flavor = "multi_thread")]
async fn a_default_is_one_of_the_fields_values() {
    let platforms = Platforms::start(Options::default(), &BUNDLED.map(Connection::to)).await;
    let snapshot = platforms.host.snapshot();
    let mut checked = 0;
    for platform in BUNDLED {
        let manifest = &snapshot.adapters[platform].manifest;
        let schemas = manifest
            .operations
            .iter()
            .map(|operation| &operation.document)
            .chain([&manifest.settings]);
        for schema in schemas {
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                let Some(default) = field.get("default") else {
                    continue;
                };
                checked += 1;
                if let Some(values) = field["enum"].as_array() {
                    assert!(values.contains(default), "{platform} {name}: {default}");
                }
                let number = |key: &str| field[key].as_i64();
                if let Some(default) = default.as_i64() {
                    assert!(
                        number("minimum").is_none_or(|least| least <= default),
                        "{name}"
                    );
                    assert!(
                        number("maximum").is_none_or(|most| default <= most),
                        "{name}"
                    );
                }
            }
        }
    }
    assert!(checked > 20, "{checked} defaults");
}

/// The vectors of signatures that concern these platforms, each as a golden
/// example that runs whenever the adapter is loaded.
#[tokio::test(flavor = "multi_thread")]
async fn every_vector_of_a_platforms_signature_is_a_golden_example() {
    /// The adapter and the signatures that its examples have to end in.
    const VECTORS: [(&str, &[&str]); 3] = [
        (
            "wangdian",
            &[
                "ede1881f21147afe1ac3ef5a067fd5d7",
                "c390253f307f5158de41cf0b10b1dd8a",
            ],
        ),
        (
            "fengchao",
            &[
                "db2078c1c506e28f73a49520a7c646ca",
                "a58e61933733925bc7c265cea9a0c87b",
            ],
        ),
        (
            "doudian",
            &[
                "5ef4e49f16efd74782e04b31c9797004152d52c02804f7c1bbe8ca726bb437f3",
                "785ea2707aef18c2d36c86472c8f2b17",
            ],
        ),
    ];
    let platforms = Platforms::start(Options::default(), &BUNDLED.map(Connection::to)).await;
    let snapshot = platforms.host.snapshot();
    for (platform, signatures) in VECTORS {
        let manifest = &snapshot.adapters[platform].manifest;
        let examples = serde_json::to_string(&manifest.examples).expect("JSON");
        for signature in signatures {
            assert!(examples.contains(signature), "{platform} lacks {signature}");
        }
    }
}

/// The page of a platform shows for each operation a call and the success that
/// it ends in; both come from a golden example.
#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_a_golden_example_that_is_accepted() {
    let platforms = Platforms::start(Options::default(), &BUNDLED.map(Connection::to)).await;
    let snapshot = platforms.host.snapshot();
    for platform in BUNDLED {
        let manifest = &snapshot.adapters[platform].manifest;
        for operation in &manifest.operations {
            let name = &operation.name;
            let mut replies = manifest
                .examples
                .iter()
                .filter(|example| example.operation == *name && !example.requests.is_empty())
                .flat_map(|example| &example.replies);
            let accepted = replies.any(|reply| {
                let mut outcomes = reply.outcomes.iter().flatten();
                outcomes.any(|outcome| outcome.status == "accepted")
            });
            assert!(
                accepted,
                "{platform} {name} has no example that is accepted"
            );
        }
    }
}
