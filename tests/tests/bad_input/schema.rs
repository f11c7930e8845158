//! Documents from a schema: good ones, and each field of them made bad.

use serde_json::{Value, json};

/// A document with one thing wrong.
pub struct Bad {
    /// In words.
    pub what: String,
    pub document: Value,
    /// Where the report has to point.
    pub pointer: String,
    /// Whether the schema says so, or the adapter.
    pub by_schema: bool,
}

/// Longest text that is made one character too long.
const LONGEST: u64 = 4096;

/// A document with every field.
pub fn sample(schema: &Value) -> Value {
    value(schema, schema, true)
}

/// A document with the fields that must be there.
pub fn smallest(schema: &Value) -> Value {
    value(schema, schema, false)
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str();
    let found = reference.and_then(|reference| root.pointer(reference.trim_start_matches('#')));
    found.unwrap_or(schema)
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn required(schema: &Value) -> Vec<&str> {
    let names = schema["required"].as_array().into_iter().flatten();
    names.filter_map(Value::as_str).collect()
}

fn value(root: &Value, schema: &Value, whole: bool) -> Value {
    let schema = resolve(root, schema);
    if let Some(example) = schema["examples"].get(0) {
        return example.clone();
    }
    if let Some(default) = schema.get("default") {
        return default.clone();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match types(schema).first().copied() {
        Some("string") => json!("x"),
        Some("boolean") => json!(true),
        Some("integer" | "number") => json!(schema["minimum"].as_i64().unwrap_or(1).max(1)),
        Some("array") => json!([value(root, &schema["items"], whole)]),
        _ => {
            let needed = required(schema);
            let fields = schema["properties"].as_object().into_iter().flatten();
            fields
                .filter(|(name, _)| whole || needed.contains(&name.as_str()))
                .map(|(name, field)| (name.clone(), value(root, field, whole)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
    }
}

/// Every field of the good document made bad in every way its schema knows.
pub fn bad(schema: &Value, good: &Value) -> Vec<Bad> {
    let mut walk = Walk {
        root: schema,
        good,
        found: Vec::new(),
    };
    walk.object(schema, "");
    walk.found
}

struct Walk<'a> {
    root: &'a Value,
    good: &'a Value,
    found: Vec<Bad>,
}

impl Walk<'_> {
    fn object(&mut self, schema: &Value, at: &str) {
        if schema["additionalProperties"] == json!(false) {
            self.set("a field that is not there", at, "no_such_field", json!(1));
        }
        for name in required(schema) {
            let mut document = self.good.clone();
            let object = document.pointer_mut(at).and_then(Value::as_object_mut);
            if let Some(object) = object {
                object.shift_remove(name);
            }
            self.push("missing", document, format!("{at}/{name}"));
        }
        let fields = schema["properties"].as_object().into_iter().flatten();
        for (name, field) in fields {
            self.field(resolve(self.root, field).clone(), at, name);
        }
    }

    fn field(&mut self, schema: Value, at: &str, name: &str) {
        let types = types(&schema);
        let other_type = match types.contains(&"object") {
            true => json!(true),
            false => json!({}),
        };
        self.set("wrong type", at, name, other_type);
        if schema["enum"].is_array() {
            self.set("no value of the list", at, name, json!("no-such-value"));
        }
        if let Some(most) = schema["maxLength"].as_u64().filter(|most| *most < LONGEST) {
            // Characters count, not bytes.
            let text = "长".repeat(usize::try_from(most).expect("a length") + 1);
            self.set("too long", at, name, json!(text));
        }
        if schema["minLength"].as_u64().is_some_and(|least| least > 0) {
            self.set("empty", at, name, json!(""));
        }
        if schema["pattern"].is_string() && types.contains(&"string") {
            self.set("not of the pattern", at, name, json!("?"));
        }
        for (bound, step) in [("minimum", -1), ("maximum", 1)] {
            if let Some(bound) = schema[bound].as_i64() {
                let what = if step < 0 { "too small" } else { "too large" };
                self.set(what, at, name, json!(bound + step));
            }
        }
        if schema["minItems"].as_u64().is_some_and(|least| least > 0) {
            self.set("empty list", at, name, json!([]));
        }
        if let Some(most) = schema["maxItems"].as_u64() {
            let pointer = format!("{at}/{name}");
            let one = self.good.pointer(&format!("{pointer}/0")).cloned();
            let count = usize::try_from(most).expect("a length") + 1;
            let list = vec![one.unwrap_or_default(); count];
            self.set("one too many", at, name, json!(list));
        }
        let below = format!("{at}/{name}");
        if types.contains(&"object") {
            self.object(&schema, &below);
        }
        if types.contains(&"array") && self.good.pointer(&below).is_some_and(Value::is_array) {
            let items = resolve(self.root, &schema["items"]).clone();
            self.field(items, &below, "0");
        }
    }

    /// The good document with another value at a place.
    fn set(&mut self, what: &str, at: &str, name: &str, wrong: Value) {
        let mut document = self.good.clone();
        match document.pointer_mut(at) {
            Some(Value::Object(members)) => {
                members.insert(name.to_owned(), wrong);
            }
            Some(Value::Array(list)) => list[0] = wrong,
            other => panic!("{at} of the good document is {other:?}"),
        }
        self.push(what, document, format!("{at}/{name}"));
    }

    fn push(&mut self, what: &str, document: Value, pointer: String) {
        self.found.push(Bad {
            what: format!("{pointer} {what}"),
            document,
            pointer,
            by_schema: true,
        });
    }
}
