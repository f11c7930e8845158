use serde_json::{Map, Value, json};

use super::Example;

/// Every member that an example can have.
fn whole() -> Value {
    let request = json!({
        "method": "POST", "path": "/a", "query": [["a", "b"]], "headers": [["c", "d"]],
        "body": "text", "items": [0], "repeatable": true,
    });
    json!({
        "name": "one item", "provenance": "official", "source": "section 1",
        "operation": "stock.update",
        "context": {"now_ms": 1, "nonce": "0123456789abcdef0123456789abcdef", "settings": {"a": 1}},
        "secrets": {"token": "secret"},
        "items": [{"key": "k", "document": {"sku": "s"}}],
        "requests": [request],
        "failures": [{"item": 0, "pointer": "/sku"}],
        "replies": [{
            "request": 0, "follows": 0, "status": 200, "headers": [["e", "f"]], "body": {"base64": "AA=="},
            "outcomes": [{
                "status": "retry", "result": {}, "code": "1", "message": "m", "after_ms": 5,
            }],
            "next": request,
        }],
    })
}

/// Where the example has an object, and where the schema says what is in it.
const OBJECTS: [(&str, &str); 8] = [
    ("", "/$defs/example"),
    ("/context", "/$defs/example/properties/context"),
    ("/items/0", "/$defs/example/properties/items/items"),
    ("/requests/0", "/$defs/request"),
    ("/failures/0", "/$defs/example/properties/failures/items"),
    ("/replies/0", "/$defs/reply"),
    ("/replies/0/outcomes/0", "/$defs/outcome"),
    ("/replies/0/next", "/$defs/request"),
];

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../wit/manifest.schema.json")).unwrap()
}

fn read(example: &Value) -> Result<Example, serde_json::Error> {
    serde_json::from_str(&example.to_string())
}

fn object<'v>(of: &'v mut Value, pointer: &str) -> &'v mut Map<String, Value> {
    of.pointer_mut(pointer).unwrap().as_object_mut().unwrap()
}

#[test]
fn an_example_has_the_members_of_the_schema() {
    let mut schema = schema();
    let mut written = serde_json::to_value(read(&whole()).unwrap()).unwrap();
    assert_eq!(written, whole());
    for (place, said) in OBJECTS {
        let said = object(&mut schema, &format!("{said}/properties"));
        let mut said: Vec<&String> = said.keys().collect();
        let mut held: Vec<&String> = object(&mut written, place).keys().collect();
        said.sort();
        held.sort();
        assert_eq!(held, said, "{place}");
    }
}

#[test]
fn what_the_schema_requires_is_required_and_nothing_else() {
    let schema = schema();
    for (place, said) in OBJECTS {
        let required = schema.pointer(&format!("{said}/required"));
        let required = required.and_then(Value::as_array);
        for name in object(&mut whole(), place).keys() {
            let mut without = whole();
            object(&mut without, place).remove(name);
            let needed = required.is_some_and(|names| names.contains(&json!(name)));
            assert_eq!(read(&without).is_err(), needed, "{place}/{name}");
        }
        let mut more = whole();
        object(&mut more, place).insert("other".into(), Value::Null);
        assert!(
            read(&more).is_err(),
            "{place} takes what the schema does not know"
        );
    }
}

#[test]
fn provenances_are_those_of_the_schema() {
    let known = schema();
    let known = known.pointer("/$defs/example/properties/provenance/enum");
    for word in known.and_then(Value::as_array).unwrap() {
        let mut example = whole();
        example["provenance"] = word.clone();
        assert!(read(&example).is_ok(), "{word}");
    }
}
