//! A JSON Schema as a list of fields that people can read.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Deepest nesting that is shown. References may be recursive.
const DEEPEST: usize = 8;

/// Most fields that are shown.
const MOST_FIELDS: usize = 1000;

/// Most examples of a value that are shown.
const MOST_EXAMPLES: usize = 3;

/// One field of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// `lines[].sku`; empty for the document itself.
    pub path: String,
    /// `string`, `array of object`, `integer or null`.
    pub kind: String,
    /// Whether the object that has it must have it.
    pub required: bool,
    /// Lengths, bounds, values, default; in words.
    pub rules: Vec<String>,
    /// The schema's `title` and `description`, in one text.
    pub meaning: String,
}

/// The fields of a schema, in the order in which it has them.
pub(super) fn fields(schema: &Value) -> Vec<Field> {
    let mut walk = Walk {
        root: schema,
        fields: Vec::new(),
        seen: BTreeSet::new(),
    };
    walk.children(schema, "", 0);
    if walk.fields.is_empty() && schema.as_object().is_some_and(|o| o.contains_key("type")) {
        let kind = walk.kind(schema);
        if kind != "object" {
            walk.add("", schema, true);
        }
    }
    walk.fields
}

struct Walk<'a> {
    root: &'a Value,
    fields: Vec<Field>,
    /// Paths that are there: alternatives often share fields.
    seen: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    /// Follows `$ref` within the document.
    fn resolve(&self, mut schema: &'a Value) -> &'a Value {
        for _ in 0..DEEPEST {
            let Some(target) = schema.get("$ref").and_then(Value::as_str) else {
                break;
            };
            let found = target
                .strip_prefix('#')
                .and_then(|pointer| self.root.pointer(pointer));
            match found {
                Some(found) => schema = found,
                None => break,
            }
        }
        schema
    }

    fn add(&mut self, path: &str, schema: &'a Value, required: bool) {
        if self.fields.len() >= MOST_FIELDS || !self.seen.insert(path.to_owned()) {
            return;
        }
        let target = self.resolve(schema);
        let mut rules = rules(target);
        if let Some(items) = target.get("items") {
            let items = self.resolve(items);
            let each = self::rules(items);
            rules.extend(each.into_iter().map(|rule| format!("each {rule}")));
        }
        // What stands beside a `$ref` is about this field, so it goes first.
        let meaning = meaning(schema);
        let meaning = if meaning.is_empty() {
            self::meaning(target)
        } else {
            meaning
        };
        self.fields.push(Field {
            path: path.to_owned(),
            kind: self.kind(target),
            required,
            rules,
            meaning,
        });
    }

    /// Everything below a schema: properties, entries, alternatives.
    fn children(&mut self, schema: &'a Value, path: &str, depth: usize) {
        if depth > DEEPEST || self.fields.len() >= MOST_FIELDS {
            return;
        }
        let schema = self.resolve(schema);
        let required: BTreeSet<&str> = list(schema, "required").filter_map(Value::as_str).collect();
        for (name, property) in properties(schema) {
            let below = match path {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            self.add(&below, property, required.contains(name.as_str()));
            self.children(property, &below, depth + 1);
        }
        if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
            self.children(items, &format!("{path}[]"), depth + 1);
        }
        if let Some(any) = schema
            .get("additionalProperties")
            .filter(|any| any.is_object())
        {
            let below = match path {
                "" => "*".to_owned(),
                path => format!("{path}.*"),
            };
            self.add(&below, any, false);
            self.children(any, &below, depth + 1);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for part in list(schema, keyword) {
                self.children(part, path, depth + 1);
            }
        }
        for keyword in ["if", "then", "else"] {
            if let Some(part) = schema.get(keyword) {
                self.children(part, path, depth + 1);
            }
        }
    }

    fn kind(&self, schema: &'a Value) -> String {
        self.kind_at(schema, 0)
    }

    fn kind_at(&self, schema: &'a Value, depth: usize) -> String {
        let schema = self.resolve(schema);
        let mut kinds: Vec<String> = match schema.get("type") {
            Some(Value::String(kind)) => vec![kind.clone()],
            Some(Value::Array(kinds)) => kinds
                .iter()
                .filter_map(|kind| kind.as_str().map(str::to_owned))
                .collect(),
            _ => Vec::new(),
        };
        if kinds.is_empty() {
            kinds = list(schema, "enum")
                .chain(schema.get("const"))
                .map(|value| kind_of(value).to_owned())
                .collect();
        }
        if kinds.is_empty() && depth < DEEPEST {
            kinds = ["anyOf", "oneOf", "allOf"]
                .iter()
                .flat_map(|keyword| list(schema, keyword))
                .map(|part| self.kind_at(part, depth + 1))
                .filter(|kind| kind != "any")
                .collect();
        }
        if kinds.is_empty() && schema.get("properties").is_some() {
            kinds = vec!["object".into()];
        }
        if let Some(items) = schema.get("items").filter(|_| depth < DEEPEST) {
            let of = self.kind_at(items, depth + 1);
            for kind in kinds.iter_mut().filter(|kind| *kind == "array") {
                *kind = format!("array of {of}");
            }
        }
        let mut unique: Vec<String> = Vec::new();
        for kind in kinds {
            if !unique.contains(&kind) {
                unique.push(kind);
            }
        }
        match unique.as_slice() {
            [] => "any".into(),
            kinds => kinds.join(" or "),
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn list<'a>(schema: &'a Value, keyword: &str) -> impl Iterator<Item = &'a Value> {
    schema
        .get(keyword)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::iter)
}

/// `title` and `description` as sentences.
fn meaning(schema: &Value) -> String {
    let text = |keyword| schema.get(keyword).and_then(Value::as_str);
    match (text("title"), text("description")) {
        (Some(title), Some(description)) => {
            let end = if title.ends_with(['.', '。', '!', '?']) {
                ""
            } else {
                "."
            };
            format!("{title}{end} {description}")
        }
        (title, description) => title.or(description).unwrap_or_default().to_owned(),
    }
}

/// What a schema asks of a value beyond its type.
fn rules(schema: &Value) -> Vec<String> {
    let mut rules = Vec::new();
    let number = |keyword: &str| schema.get(keyword).filter(|n| n.is_number());
    let values: Vec<String> = list(schema, "enum").map(code).collect();
    if !values.is_empty() {
        rules.push(format!("one of {}", values.join(", ")));
    }
    if let Some(value) = schema.get("const") {
        rules.push(format!("always {}", code(value)));
    }
    for (low, high, what) in [
        ("minLength", "maxLength", "character"),
        ("minItems", "maxItems", "entr"),
        ("minProperties", "maxProperties", "member"),
    ] {
        rules.extend(span(number(low), number(high), what));
    }
    match (number("minimum"), number("maximum")) {
        (Some(low), Some(high)) => rules.push(format!("from {low} to {high}")),
        (Some(low), None) => rules.push(format!("at least {low}")),
        (None, Some(high)) => rules.push(format!("at most {high}")),
        (None, None) => {}
    }
    if let Some(low) = number("exclusiveMinimum") {
        rules.push(format!("more than {low}"));
    }
    if let Some(high) = number("exclusiveMaximum") {
        rules.push(format!("less than {high}"));
    }
    if let Some(step) = number("multipleOf") {
        rules.push(format!("multiple of {step}"));
    }
    if let Some(pattern) = schema.get("pattern") {
        rules.push(format!("matches {}", code(pattern)));
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str) {
        rules.push(format!("format {format}"));
    }
    if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
        rules.push("all different".into());
    }
    if let Some(default) = schema.get("default") {
        rules.push(format!("default {}", code(default)));
    }
    let mut examples: Vec<String> = list(schema, "examples")
        .filter(|example| !example.is_array() && !example.is_object())
        .take(MOST_EXAMPLES)
        .map(code)
        .collect();
    // A number and its digits as text look the same here.
    examples.dedup();
    if !examples.is_empty() {
        rules.push(format!("such as {}", examples.join(", ")));
    }
    rules
}

/// `1 to 64 characters`, from two optional bounds.
fn span(low: Option<&Value>, high: Option<&Value>, what: &str) -> Option<String> {
    let words = |number: &Value| {
        let one = number.as_u64() == Some(1);
        match (what, one) {
            ("entr", true) => "entry".to_owned(),
            ("entr", false) => "entries".to_owned(),
            (what, true) => what.to_owned(),
            (what, false) => format!("{what}s"),
        }
    };
    let low = low.filter(|low| low.as_u64() != Some(0));
    match (low, high) {
        (Some(low), Some(high)) if low == high => Some(format!("{low} {}", words(low))),
        (Some(low), Some(high)) => Some(format!("{low} to {high} {}", words(high))),
        (Some(low), None) => Some(format!("at least {low} {}", words(low))),
        (None, Some(high)) => Some(format!("at most {high} {}", words(high))),
        (None, None) => None,
    }
}

/// A value the way a person would type it in a sentence.
fn code(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "`\"\"`".into(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(field: &Field) -> String {
        format!(
            "{}|{}|{}|{}|{}",
            field.path,
            field.kind,
            if field.required { "required" } else { "" },
            field.rules.join("; "),
            field.meaning
        )
    }

    fn lines(schema: Value) -> Vec<String> {
        fields(&schema).iter().map(line).collect()
    }

    #[test]
    fn fields_say_type_length_and_whether_they_must_be_there() {
        let schema = json!({
            "type": "object",
            "required": ["sku", "lines"],
            "properties": {
                "sku": {"type": "string", "minLength": 1, "maxLength": 64, "title": "Key", "description": "Sent as `key`."},
                "price": {"type": ["string", "number"], "pattern": "^[0-9.]+$", "examples": ["1.50", 2, "3", "4"]},
                "mode": {"enum": ["set", "adjust"], "default": "set"},
                "ok": {"const": true},
                "count": {"type": "integer", "minimum": 0},
                "tags": {"type": "array", "items": {"type": "string", "maxLength": 8}, "maxItems": 1},
                "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/line"}},
                "extra": {"type": "object", "additionalProperties": {"type": "string"}}
            },
            "$defs": {"line": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "description": "The id"}}}}
        });
        assert_eq!(
            lines(schema),
            [
                "sku|string|required|1 to 64 characters|Key. Sent as `key`.",
                "price|string or number||matches `^[0-9.]+$`; such as `1.50`, `2`, `3`|",
                "mode|string||one of `set`, `adjust`; default `set`|",
                "ok|boolean||always `true`|",
                "count|integer||at least 0|",
                "tags|array of string||at most 1 entry; each at most 8 characters|",
                "lines|array of object|required|at least 1 entry|",
                "lines[].id|integer|required||The id",
                "extra|object|||",
                "extra.*|string|||",
            ]
        );
    }

    #[test]
    fn alternatives_are_put_together_and_shared_fields_shown_once() {
        let schema = json!({
            "oneOf": [
                {"properties": {"id": {"type": "string"}, "a": {"type": "integer"}}},
                {"properties": {"id": {"type": "string"}, "b": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}
            ]
        });
        assert_eq!(
            lines(schema),
            ["id|string|||", "a|integer|||", "b|string or null|||"]
        );
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema = json!({"properties": {"child": {"$ref": "#"}}});
        assert_eq!(fields(&schema).len(), DEEPEST + 1);
        let wide = json!({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}, "c": {"$ref": "#"}, "d": {"$ref": "#"}}});
        assert_eq!(fields(&wide).len(), MOST_FIELDS);
        let circle = json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}});
        assert!(fields(&circle).is_empty());
    }

    #[test]
    fn a_document_that_is_no_object_is_one_field() {
        assert_eq!(
            lines(json!({"type": "string", "maxLength": 3})),
            ["|string|required|at most 3 characters|"]
        );
        assert!(lines(json!(true)).is_empty());
        assert!(lines(json!({"type": "object"})).is_empty());
    }
}
