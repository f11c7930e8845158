//! Documents that an operation's JSON Schema describes, plain ones and odd ones.
//! What comes is a good guess: whoever wants only what fits has it checked.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

use super::chance::Chance;
use super::pattern;

/// Keywords by which a schema refers to others about the same value.
const CHOICES: [&str; 5] = ["$ref", "anyOf", "oneOf", "allOf", "if"];

/// Members that are put into an object that may have any.
const MOST_MORE: usize = 3;

/// Levels below which only what must be there is.
const DEEP: usize = 6;

/// Levels below which nothing is.
const DEEPEST: usize = 40;

/// Texts that are taken for something else, or cut, or escaped wrongly.
const ODD_TEXTS: [&str; 22] = [
    " ",
    "a",
    "0",
    "-1",
    "1e999",
    "null",
    "true",
    "{}",
    "\"",
    "\\",
    "'; --",
    "<a>&amp;</a>",
    "a&b=c?d#e%f+g",
    "%",
    "..",
    "/../a//b",
    "a\r\nx-injected: 1",
    "\t\n\u{b}\u{c}",
    "\u{0}",
    "库存1001^^^红色",
    "😀👨‍👩‍👧",
    "\u{202e}\u{feff}é",
];

/// Numbers at which somebody's type ends.
const ODD_NUMBERS: [&str; 20] = [
    "0",
    "-0",
    "1",
    "-1",
    "0.1",
    "-0.5",
    "2.50",
    "3.0",
    "99999999.99",
    "127",
    "32768",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "100000000000000000000000000000",
    "1e3",
    "1e400",
];

/// Makes documents of a schema.
pub(super) struct Generator<'s> {
    root: &'s Value,
    pub chance: Chance,
}

impl<'s> Generator<'s> {
    pub fn new(root: &'s Value, chance: Chance) -> Self {
        Self { root, chance }
    }

    /// One document.
    pub fn document(&mut self) -> Value {
        self.value(self.root, 0)
    }

    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        if depth > DEEPEST {
            return Value::Null;
        }
        let schema = self.flat(schema, 0);
        let schema = &*schema;
        if let Some(only) = schema.get("const") {
            return only.clone();
        }
        if let Some(Value::Array(words)) = schema.get("enum") {
            return self.chance.one(words).cloned().unwrap_or_default();
        }
        if let (Some(Value::Array(examples)), true) =
            (schema.get("examples"), self.chance.once_in(3))
            && let Some(example) = self.chance.one(examples)
        {
            return example.clone();
        }
        match self.kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "string" => Value::String(self.text(schema)),
            "integer" => self.number(schema, true),
            "number" => self.number(schema, false),
            "boolean" => Value::Bool(self.chance.once_in(2)),
            _ => Value::Null,
        }
    }

    /// One schema of it and of what it refers to, with a branch for each choice.
    fn flat<'v>(&mut self, schema: &'v Value, depth: usize) -> Cow<'v, Map<String, Value>> {
        let Value::Object(members) = schema else {
            return Cow::Owned(Map::new());
        };
        let simple = !CHOICES.iter().any(|name| members.contains_key(*name));
        if simple || depth > DEEPEST {
            return Cow::Borrowed(members);
        }
        let mut flat = members.clone();
        let mut parts: Vec<Value> = Vec::new();
        let reference = members.get("$ref").and_then(Value::as_str);
        if let Some(target) = reference.and_then(|target| {
            self.root
                .pointer(target.strip_prefix('#').unwrap_or(target))
        }) {
            parts.push(target.clone());
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(Value::Array(branches)) = members.get(choice) {
                parts.extend(self.chance.one(branches).cloned());
            }
        }
        if let Some(Value::Array(all)) = members.get("allOf") {
            parts.extend(all.iter().cloned());
        }
        for branch in ["then", "else"] {
            if members.contains_key("if") && self.chance.once_in(2) {
                parts.extend(members.get(branch).cloned());
            }
        }
        for part in parts {
            merge(&mut flat, self.flat(&part, depth + 1).into_owned());
        }
        Cow::Owned(flat)
    }

    fn kind(&mut self, schema: &Map<String, Value>) -> &'static str {
        const KINDS: [&str; 7] = [
            "object", "array", "string", "integer", "number", "boolean", "null",
        ];
        let known = |name: &str| KINDS.into_iter().find(|kind| *kind == name);
        let said = match schema.get("type") {
            Some(Value::String(name)) => known(name),
            Some(Value::Array(names)) => {
                let name = self.chance.one(names).and_then(Value::as_str);
                name.and_then(known)
            }
            _ => None,
        };
        let has = |names: &[&str]| names.iter().any(|name| schema.contains_key(*name));
        said.unwrap_or_else(|| {
            if has(&["properties", "required", "additionalProperties"]) {
                "object"
            } else if has(&["items", "prefixItems", "minItems"]) {
                "array"
            } else if has(&["minimum", "maximum", "multipleOf"]) {
                "number"
            } else {
                self.chance.one(&KINDS[2..]).copied().unwrap_or("string")
            }
        })
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let required: BTreeSet<&str> = match schema.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => BTreeSet::new(),
        };
        let mut members = Map::new();
        // All of them, only what must be, or some.
        let mood = self.chance.below(4);
        if let Some(Value::Object(known)) = schema.get("properties") {
            for (name, schema) in known {
                let wanted = match (mood, depth > DEEP) {
                    (_, true) | (0, _) => false,
                    (1, _) => true,
                    _ => self.chance.once_in(2),
                };
                if wanted || required.contains(name.as_str()) {
                    members.insert(name.clone(), self.value(schema, depth + 1));
                }
            }
        }
        for name in required {
            if !members.contains_key(name) {
                members.insert(name.to_owned(), Value::from("required"));
            }
        }
        let open = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(schema) => Some(schema),
            None => Some(&Value::Bool(true)),
        };
        // Where nothing is known of an object, what may be in it is all there is.
        let bare = schema.get("properties").is_none();
        if let (Some(open), true) = (open, depth <= DEEP && (bare || self.chance.once_in(8))) {
            for _ in 0..self.chance.between(usize::from(!bare), MOST_MORE) {
                let name = match self.chance.once_in(2) {
                    true => odd_text(&mut self.chance),
                    false => format!("m{}", self.chance.below(20)),
                };
                let value = self.value(open, depth + 1);
                members.entry(name).or_insert(value);
            }
        }
        Value::Object(members)
    }

    fn array(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
        let least = bound("minItems").unwrap_or(0).min(10_000) as usize;
        let free = match (depth > DEEP, self.chance.once_in(12)) {
            (true, _) => 0,
            (_, true) => 60,
            (_, false) => 3,
        };
        let most = bound("maxItems").map_or(least + free, |most| {
            (most.min(10_000) as usize).min(least + free)
        });
        let length = self.chance.between(least, most.max(least));
        let first = match schema.get("prefixItems") {
            Some(Value::Array(first)) => first.as_slice(),
            _ => &[],
        };
        let rest = schema.get("items").unwrap_or(&Value::Bool(true));
        let items = (0..length).map(|index| {
            let schema = first.get(index).unwrap_or(rest);
            self.value(schema, depth + 1)
        });
        let mut items: Vec<Value> = items.collect();
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut seen = BTreeSet::new();
            items.retain(|item| seen.insert(item.to_string()));
        }
        Value::Array(items)
    }

    fn text(&mut self, schema: &Map<String, Value>) -> String {
        let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
        if let Some(Value::String(pattern)) = schema.get("pattern")
            && let Some(text) = pattern::text(pattern, &mut self.chance)
        {
            return text;
        }
        if let Some(Value::String(format)) = schema.get("format")
            && let Some(text) = self.of_format(format)
        {
            return text;
        }
        let least = bound("minLength").unwrap_or(0).min(100_000) as usize;
        let most = bound("maxLength").map_or(usize::MAX, |most| most as usize);
        let mut text = match self.chance.below(6) {
            0 | 1 => self
                .chance
                .one(&ODD_TEXTS)
                .copied()
                .unwrap_or("")
                .to_owned(),
            2 => "7".repeat(self.chance.between(least, least.max(20)).min(most)),
            3 if most > 1000 => "长".repeat(1000),
            4 => String::new(),
            _ => format!("T-{}", self.chance.below(100_000)),
        };
        while text.chars().count() < least {
            text.push('x');
        }
        text.chars().take(most).collect()
    }

    fn of_format(&mut self, format: &str) -> Option<String> {
        let number = self.chance.between(10, 28);
        Some(match format {
            "date" => format!("2026-02-{number}"),
            "date-time" => format!("2026-02-{number}T23:59:60Z"),
            "time" => format!("{:02}:00:00Z", number % 24),
            "email" => format!("a{number}@example.com"),
            "uri" => format!("https://example.com/{number}?a=b"),
            "uuid" => format!("01939a5e-5c1b-7d3e-9a53-1f0c6b1b8a{number}"),
            "ipv4" => format!("192.0.2.{number}"),
            _ => return None,
        })
    }

    fn number(&mut self, schema: &Map<String, Value>, whole: bool) -> Value {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let least = bound("minimum").or(bound("exclusiveMinimum").map(|least| least + 1.0));
        let most = bound("maximum").or(bound("exclusiveMaximum").map(|most| most - 1.0));
        let odd = self.chance.once_in(2);
        if odd && let Some(text) = self.chance.one(&ODD_NUMBERS) {
            let number: Option<Number> = serde_json::from_str(text).ok();
            let value = text.parse::<f64>().unwrap_or(0.0);
            let inside = least.is_none_or(|least| value >= least)
                && most.is_none_or(|most| value <= most)
                && (!whole || !text.contains(['.', 'e']));
            if let (Some(number), true) = (number, inside) {
                return Value::Number(number);
            }
        }
        let step = bound("multipleOf").filter(|step| *step > 0.0);
        let start = least.or(most.map(|most| most - 1000.0)).unwrap_or(0.0);
        let span = most.map_or(1000.0, |most| (most - start).clamp(0.0, 1e9));
        let mut value = start + span * (self.chance.below(1001) as f64 / 1000.0);
        if let Some(step) = step {
            value = (value / step).round() * step;
        }
        if whole || self.chance.once_in(2) {
            return Value::from(value.round() as i64);
        }
        // As people write them: two digits behind the point.
        let text = format!("{value:.2}");
        serde_json::from_str(&text).unwrap_or(Value::from(0))
    }
}

/// Takes what another schema says of the same value.
fn merge(into: &mut Map<String, Value>, other: Map<String, Value>) {
    for (name, value) in other {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(mine)), Value::Object(more)) if name == "properties" => {
                for (name, schema) in more {
                    mine.entry(name).or_insert(schema);
                }
            }
            (Some(Value::Array(mine)), Value::Array(more)) if name == "required" => {
                mine.extend(more);
            }
            (Some(_), _) => {}
            (None, value) => {
                into.insert(name, value);
            }
        }
    }
}

/// Another text of the same kind of oddity, for whoever changes documents.
pub(super) fn odd_text(chance: &mut Chance) -> String {
    chance.one(&ODD_TEXTS).copied().unwrap_or("").to_owned()
}

/// The same for numbers.
pub(super) fn odd_number(chance: &mut Chance) -> Value {
    let text = chance.one(&ODD_NUMBERS).copied().unwrap_or("0");
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::{Schema, Verdict};

    /// How many of 400 documents fit, and how many of those differ.
    fn fitting(schema: &Value) -> (usize, usize) {
        let compiled = Schema::compile(schema).expect("a schema");
        let mut generator = Generator::new(schema, Chance::of("test"));
        let documents: Vec<Value> = (0..400)
            .map(|_| generator.document())
            .filter(|document| compiled.check_whole(document) == Verdict::Fits)
            .collect();
        let different: BTreeSet<String> = documents.iter().map(Value::to_string).collect();
        (documents.len(), different.len())
    }

    #[test]
    fn most_documents_fit_and_hardly_two_are_the_same() {
        for schema in [
            json!({
                "type": "object", "required": ["sku", "quantity"], "additionalProperties": false,
                "properties": {
                    "sku": {"type": "string", "minLength": 1}, "quantity": {"type": "number"},
                    "mode": {"enum": ["set", "adjust"]},
                    "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}, "maxItems": 5},
                },
                "$defs": {"row": {"type": "object", "required": ["id"], "properties": {
                    "id": {"type": "integer", "minimum": 1, "maximum": 9}, "next": {"$ref": "#/$defs/row"}}}},
            }),
            json!({
                "allOf": [
                    {"type": "object", "required": ["a"], "properties": {"a": {"pattern": "^[A-Z]{3}$", "type": "string"}}},
                    {"properties": {"b": {"type": "array", "minItems": 2, "uniqueItems": true, "items": {"type": "integer"}}}},
                ],
                "oneOf": [
                    {"required": ["c"], "properties": {"c": {"const": 1}, "d": false}},
                    {"required": ["d"], "properties": {"d": {"format": "date", "type": "string"}, "c": false}},
                ],
            }),
        ] {
            let (fit, different) = fitting(&schema);
            assert!(fit > 150, "{fit} of 400 fit {schema}");
            assert!(different * 10 > fit * 8, "{different} of {fit} differ");
        }
    }

    #[test]
    fn a_schema_without_an_end_gives_documents_with_one() {
        let schema =
            json!({"type": "object", "required": ["x"], "properties": {"x": {"$ref": "#"}}});
        let mut generator = Generator::new(&schema, Chance::of("deep"));
        assert!(generator.document().to_string().len() < 10_000);
    }
}
