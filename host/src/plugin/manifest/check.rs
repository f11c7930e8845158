//! A manifest against its schema, `wit/manifest.schema.json`, and what no
//! schema says: that names are there once, and that examples are about
//! operations that are there.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use super::grant;
use super::violation::{Violation, violation};
use super::{DeclaredEffect, Example, GRANT, Manifest, Operation};
use crate::config::did_you_mean;
use crate::text::pointer_part;

/// The schema that authors check their manifests with.
const SCHEMA: &str = include_str!("../../../../wit/manifest.schema.json");

/// Violations that are told; the first is usually the cause of the others.
const MOST_VIOLATIONS: usize = 3;

/// Violations that are told of an author's own file.
const MOST_TOLD: usize = 20;

/// Compiled once. They are part of this program: a test reads them.
static VALIDATORS: LazyLock<Result<Validators, String>> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(SCHEMA).map_err(|error| error.to_string())?;
    let mut example = schema.clone();
    // The same document with another way in.
    if let (Some(members), Some(definitions)) = (example.as_object_mut(), schema.get("$defs")) {
        members.clear();
        members.insert("$defs".into(), definitions.clone());
        members.insert("$ref".into(), "#/$defs/example".into());
    }
    let compiled = |schema: &Value| Validator::new(schema).map_err(|error| error.to_string());
    Ok(Validators {
        manifest: compiled(&schema)?,
        example: compiled(&example)?,
        schemas: [schema, example],
    })
});

struct Validators {
    manifest: Validator,
    example: Validator,
    /// As they are written, of the manifest and of an example.
    schemas: [Value; 2],
}

/// A manifest from its text.
pub(super) fn read(text: &str) -> Result<Manifest, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let validators = VALIDATORS.as_ref().map_err(Clone::clone)?;
    fits(&validators.manifest, &value, &validators.schemas[0])?;
    // From the text again: what is there twice is an error here.
    let manifest = serde_json::from_str(text).map_err(|error| error.to_string())?;
    names(&manifest)?;
    Ok(manifest)
}

/// Everything that a manifest's schema says against a text that is JSON.
pub(super) fn violations(text: &str) -> Vec<Violation> {
    let (Ok(validators), Ok(value)) = (VALIDATORS.as_ref(), serde_json::from_str(text)) else {
        return Vec::new();
    };
    let errors = validators.manifest.iter_errors(&value);
    errors
        .take(MOST_TOLD)
        .map(|error| violation(&error, &validators.schemas[0]))
        .collect()
}

/// An example that is not in a manifest has the shape of one that is.
pub(super) fn example(example: &Example) -> Result<(), String> {
    let value = serde_json::to_value(example).map_err(|error| error.to_string())?;
    example_value(&value)
}

/// The same of an example that was not read yet.
pub(super) fn example_value(value: &Value) -> Result<(), String> {
    let validators = VALIDATORS.as_ref().map_err(Clone::clone)?;
    fits(&validators.example, value, &validators.schemas[1])
}

fn fits(validator: &Validator, value: &Value, schema: &Value) -> Result<(), String> {
    let violations: Vec<String> = validator
        .iter_errors(value)
        .take(MOST_VIOLATIONS)
        .map(|error| violation(&error, schema).sentence)
        .collect();
    match violations.is_empty() {
        true => Ok(()),
        false => Err(violations.join("; ")),
    }
}

/// What is named is there, and once.
fn names(manifest: &Manifest) -> Result<(), String> {
    let operations = manifest.operations.iter().map(|one| &*one.name);
    once("operation", operations)?;
    let secrets = manifest.secrets.iter().map(|one| &*one.name);
    once("secret", secrets)?;
    if let (false, Some(secret)) = (manifest.signs, manifest.secrets.first()) {
        return Err(format!(
            "at `/signs`: an adapter that does not sign cannot use its secret `{}`",
            secret.name
        ));
    }
    grant::check(manifest)?;
    for (index, operation) in manifest.operations.iter().enumerate() {
        order(operation).map_err(|why| format!("at `/operations/{index}/order{why}"))?;
    }
    for (index, example) in manifest.examples.iter().enumerate() {
        of_an_operation(manifest, example)
            .map_err(|why| format!("at `/examples/{index}/operation`: {why}"))?;
    }
    Ok(())
}

/// An example is about an operation that there is.
pub(super) fn of_an_operation(manifest: &Manifest, example: &Example) -> Result<(), String> {
    let wanted = &*example.operation;
    let granting = manifest.grant.is_some() && wanted == GRANT;
    if granting || manifest.operation(wanted).is_some() {
        return Ok(());
    }
    let granting = manifest.grant.as_ref().map(|_| GRANT);
    let names = manifest.operations.iter().map(|one| &*one.name);
    let names = names.chain(granting);
    Err(format!(
        "example `{}` is about operation `{wanted}`, which is not there; {}",
        example.name,
        did_you_mean(wanted, names, "there is")
    ))
}

/// What the order refers to can be in a document, as far as its schema lists
/// the members. A key that is misspelt would be that of every document. The
/// error begins with the place below `order`.
fn order(operation: &Operation) -> Result<(), String> {
    let Some(order) = &operation.order else {
        return Ok(());
    };
    let schema = &operation.document;
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false))
        && schema.get("patternProperties").is_none();
    let members = schema.get("properties").and_then(Value::as_object);
    let Some(members) = members.filter(|_| closed) else {
        return Ok(());
    };
    let said = match &order.effect {
        DeclaredEffect::ByDocument { pointer, .. } => Some(pointer),
        DeclaredEffect::Always(_) => None,
    };
    let keys = order.key.iter().enumerate();
    let keys = keys.map(|(index, pointer)| (format!("/key/{index}"), pointer));
    let said = said.map(|pointer| ("/effect/pointer".to_owned(), pointer));
    for (place, pointer) in keys.chain(said) {
        let first = pointer.split('/').nth(1).unwrap_or_default();
        let name = first.replace("~1", "/").replace("~0", "~");
        if members.contains_key(&name) {
            continue;
        }
        let known: Vec<String> = members
            .keys()
            .map(|name| format!("/{}", pointer_part(name)))
            .collect();
        let known = known.iter().map(String::as_str);
        return Err(format!(
            "{place}`: `{pointer}` points to no member that the document's schema allows; {}",
            did_you_mean(&format!("/{first}"), known, "it allows")
        ));
    }
    Ok(())
}

/// No name is there twice.
fn once<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for (index, name) in names.enumerate() {
        if !seen.insert(name) {
            return Err(format!(
                "at `/{what}s/{index}/name`: {what} `{name}` is there twice"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "name": "my-shop",
            "version": "1.2.3-beta.1+5",
            "summary": "A shop.",
            "operations": [{
                "name": "stock.update", "summary": "Sets stock.", "repeatable": "always",
                "max_items": 50, "call": "POST /stock",
                "order": {"key": ["/sku"], "effect": {"pointer": "/mode", "relative": ["adjust"]}},
                "document": {"type": "object", "properties": {"sku": {"type": "string"}}},
                "result": true
            }],
            "settings": {"type": "object", "additionalProperties": false},
            "secrets": [{"name": "app_key", "purpose": "Signs.", "required": true}],
            "examples": [{
                "name": "one", "provenance": "document", "operation": "stock.update",
                "context": {"now_ms": 1, "nonce": "0123456789abcdef0123456789abcdef", "settings": {}},
                "secrets": {"app_key": "k"},
                "items": [{"key": "a", "document": {"sku": "1"}}],
                "requests": [{
                    "method": "POST", "path": "/stock", "query": [["a", "b"]], "headers": [],
                    "body": {"base64": "AA=="}, "items": [0], "repeatable": true
                }],
                "failures": [{"item": 0, "pointer": "/a~1b"}],
                "replies": [
                    {"request": 0, "status": 0, "outcomes": [{"status": "unknown"}]},
                    {"status": 200, "body": "x", "outcomes": [{"status": "retry", "after_ms": 5}],
                     "next": {"method": "GET", "path": "/"}}
                ]
            }],
            "codes": [{"code": "0", "meaning": "Done.", "outcome": "accepted"}],
            "unknown": ["Whether it rains."],
            "sources": ["A page."]
        })
    }

    /// The good one with another value somewhere; null takes it away.
    fn with(pointer: &str, value: Value) -> Value {
        let mut manifest = good();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        match manifest.pointer_mut(parent).expect("the parent") {
            Value::Object(members) if value.is_null() => {
                members.shift_remove(name);
            }
            Value::Object(members) => {
                members.insert(name.into(), value);
            }
            Value::Array(list) => list[name.parse::<usize>().expect("an index")] = value,
            other => panic!("{other}"),
        }
        manifest
    }

    /// Whether authors, who have the schema and nothing of this program, are
    /// told the same.
    fn fits_the_schema(manifest: &Value) -> bool {
        let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
        jsonschema::is_valid(&schema, manifest)
    }

    #[test]
    fn a_manifest_of_every_member_is_read() {
        assert!(fits_the_schema(&good()));
        let manifest = read(&good().to_string()).expect("a manifest");
        assert_eq!(manifest.name, "my-shop");
        assert_eq!(manifest.examples[0].replies[1].status, 200);
        for optional in ["secrets", "examples", "codes", "unknown", "sources"] {
            let without = with(&format!("/{optional}"), Value::Null);
            assert!(fits_the_schema(&without));
            read(&without.to_string()).expect(optional);
        }
    }

    #[test]
    fn the_host_refuses_what_the_schema_refuses_and_says_where() {
        for (pointer, value) in [
            ("/name", json!("My-Shop")),
            ("/name", json!("my--shop")),
            ("/name", json!("my-shop-")),
            ("/name", json!("-shop")),
            ("/name", json!("7shop")),
            ("/name", json!("")),
            ("/name", json!("a".repeat(65))),
            ("/version", json!("1")),
            ("/version", json!("1.2")),
            ("/version", json!("01.2.3")),
            ("/version", json!("v1.2.3")),
            ("/version", json!("")),
            ("/version", json!(format!("1.2.3-{}", "a".repeat(64)))),
            ("/summary", json!("")),
            ("/summary", json!(7)),
            ("/operations", json!([])),
            ("/operations/0/name", json!("stock.")),
            ("/operations/0/name", json!("Stock")),
            ("/operations/0/name", json!("stock..update")),
            ("/operations/0/name", json!("stock_update")),
            ("/operations/0/summary", json!("")),
            ("/operations/0/max_items", json!(0)),
            ("/operations/0/max_items", json!(4_294_967_296_u64)),
            ("/operations/0/repeatable", json!("sometimes")),
            ("/operations/0/order", json!({"key": ["/sku"]})),
            ("/operations/0/order", json!({"effect": "absolute"})),
            (
                "/operations/0/order",
                json!({"key": [], "effect": "absolute"}),
            ),
            (
                "/operations/0/order",
                json!({"key": ["/sku"], "effect": "read"}),
            ),
            (
                "/operations/0/order",
                json!({"key": ["/sku"], "effect": "both"}),
            ),
            ("/operations/0/order/key", json!(["sku"])),
            ("/operations/0/order/key", json!([""])),
            ("/operations/0/order/key", json!(["/sku", "/sku"])),
            ("/operations/0/order/effect", json!({"pointer": "/mode"})),
            (
                "/operations/0/order/effect",
                json!({"pointer": "/mode", "relative": []}),
            ),
            ("/operations/0/document", json!("object")),
            ("/operations/0/document/type", json!("objekt")),
            ("/operations/0/document/properties/sku/type", json!(7)),
            ("/operations/0/result", json!({"minLength": "1"})),
            ("/settings", json!({"required": "all"})),
            ("/secrets/0/name", json!("")),
            ("/secrets/0/name", json!("App Key")),
            ("/secrets/0/purpose", json!("")),
            ("/secrets/0/required", json!("yes")),
            ("/examples/0/name", json!("")),
            ("/examples/0/provenance", json!("heard")),
            ("/examples/0/context/nonce", json!("short")),
            ("/examples/0/context/now_ms", json!(-1)),
            ("/examples/0/context/settings", json!([])),
            ("/examples/0/items", json!([])),
            ("/examples/0/requests/0/method", json!("post")),
            ("/examples/0/requests/0/path", json!("stock")),
            ("/examples/0/requests/0/query/0", json!(["a"])),
            ("/examples/0/requests/0/items/0", json!(-1)),
            ("/examples/0/failures/0/pointer", json!("a")),
            ("/examples/0/replies/1/status", json!(99)),
            ("/examples/0/replies/1/status", json!(600)),
            ("/examples/0/replies/1/outcomes/0/status", json!("fine")),
            ("/codes/0/code", json!("")),
            ("/codes/0/meaning", json!("")),
            ("/codes/0/outcome", json!("fine")),
            ("/unknown/0", json!("")),
            ("/sources/0", json!("")),
        ] {
            let manifest = with(pointer, value);
            assert!(!fits_the_schema(&manifest), "the schema takes {pointer}");
            let said = read(&manifest.to_string()).expect_err(pointer);
            assert!(said.contains(&format!("`{pointer}")), "{pointer}: {said}");
            assert!(!said.contains('\n'), "{said}");
        }
    }

    #[test]
    fn an_adapter_that_does_not_sign_has_no_secrets() {
        let mut manifest = with("/signs", json!(false));
        let said = read(&manifest.to_string()).expect_err("it has one");
        assert!(
            said.contains("`/signs`") && said.contains("`app_key`"),
            "{said}"
        );
        manifest["secrets"] = json!([]);
        let read = read(&manifest.to_string()).expect("a manifest");
        assert!(!read.signs);
    }

    #[test]
    fn a_member_that_lacks_or_that_nobody_knows_is_named() {
        for (pointer, parent) in [
            ("/name", "at its top"),
            ("/settings", "at its top"),
            ("/operations/0/result", "`/operations/0`"),
            ("/examples/0/items", "`/examples/0`"),
        ] {
            let manifest = with(pointer, Value::Null);
            assert!(!fits_the_schema(&manifest));
            let said = read(&manifest.to_string()).expect_err(pointer);
            let name = pointer.rsplit('/').next().unwrap_or_default();
            assert!(said.contains(parent) && said.contains(name), "{said}");
        }
        for pointer in [
            "/colour",
            "/operations/0/colour",
            "/examples/0/replies/0/colour",
        ] {
            let manifest = with(pointer, json!("red"));
            assert!(!fits_the_schema(&manifest));
            let said = read(&manifest.to_string()).expect_err(pointer);
            assert!(said.contains("colour"), "{said}");
        }
    }

    #[test]
    fn who_misspells_a_member_is_told_which_is_meant() {
        for (pointer, value, expected) in [
            (
                "/sumary",
                json!("s"),
                "`sumary` is not a member that a manifest has here; did you mean `summary`?",
            ),
            (
                "/operations/0/max_item",
                json!(1),
                "at `/operations/0`: `max_item` is not a member that a manifest has here; did you mean `max_items`?",
            ),
            (
                "/examples/0/context/nows_ms",
                json!(1),
                "did you mean `now_ms`?",
            ),
            (
                "/examples/0/replies/0/outcome",
                json!([]),
                "did you mean `outcomes`?",
            ),
            (
                "/operations/0/repeatable",
                json!("allways"),
                "did you mean `always`?",
            ),
            (
                "/operations/0/document/type",
                json!("objekt"),
                "`objekt` is no type of JSON Schema; did you mean `object`?",
            ),
            (
                "/examples/0/operation",
                json!("stock.updte"),
                "which is not there; did you mean `stock.update`?",
            ),
        ] {
            let said = read(&with(pointer, value).to_string()).expect_err(pointer);
            assert!(said.contains(expected), "{said}");
        }
        let without = with("/settings", Value::Null);
        let said = read(&without.to_string()).expect_err("it lacks");
        assert_eq!(said, "at its top: `settings` is missing");
    }

    #[test]
    fn an_order_about_a_member_that_no_document_has_is_told_with_its_place() {
        let document = json!({
            "type": "object", "additionalProperties": false,
            "properties": {"sku": {"type": "string"}, "mode": {"type": "string"}}
        });
        for (pointer, place) in [
            ("/operations/0/order/key/0", "/skuu"),
            ("/operations/0/order/effect/pointer", "/moode"),
        ] {
            let mut manifest = with("/operations/0/document", document.clone());
            read(&manifest.to_string()).expect("a manifest");
            *manifest.pointer_mut(pointer).expect("it is there") = json!(place);
            let said = read(&manifest.to_string()).expect_err(pointer);
            assert_eq!(
                said,
                format!(
                    "at `{pointer}`: `{place}` points to no member that the document's schema allows; did you mean `{}`?",
                    if place == "/skuu" { "/sku" } else { "/mode" }
                )
            );
        }
    }

    #[test]
    fn what_no_schema_says_is_checked_too() {
        let twice = |list: &str| {
            let mut manifest = good();
            let first = manifest[list][0].clone();
            manifest[list].as_array_mut().expect("a list").push(first);
            manifest
        };
        for (manifest, pointer) in [
            (twice("operations"), "`/operations/1/name`"),
            (twice("secrets"), "`/secrets/1/name`"),
            (
                with("/examples/0/operation", json!("stock.burn")),
                "`/examples/0/operation`",
            ),
        ] {
            assert!(fits_the_schema(&manifest));
            let said = read(&manifest.to_string()).expect_err(pointer);
            assert!(said.contains(pointer), "{said}");
        }
        let twice = r#"{"name":"a","name":"b","version":"1.0.0","summary":"s","operations":[],"settings":{}}"#;
        assert!(read(twice).is_err());
    }
}
