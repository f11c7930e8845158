//! What is refused before a schema is compiled.
//!
//! How long a validation takes is counted while it runs. How deep it goes is
//! not: a validator calls itself for every schema inside a schema, and a stack
//! has an end. So that is computed here, for the deepest document there can be.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::MOST_LEVELS;

/// Schemas inside one schema.
const MOST_SCHEMAS: usize = 20_000;

/// Patterns in one schema: each takes milliseconds to compile.
const MOST_PATTERNS: usize = 500;

/// Schemas that apply to one and the same value, each counted as often as it is
/// referred to.
const MOST_AT_ONCE: u64 = 4_096;

/// Schemas within each other while a document is checked: each takes some
/// kilobyte of stack.
const MOST_NESTED: u32 = 512;

/// Keywords whose schema is about the same value.
const SAME: &[&str] = &["not", "if", "then", "else"];
/// The same, for lists of schemas.
const SAME_LIST: &[&str] = &["allOf", "anyOf", "oneOf"];
/// The same, for maps of schemas.
const SAME_MAP: &[&str] = &["dependentSchemas", "dependencies"];
/// Keywords whose schema is about parts of the value.
const PART: &[&str] = &[
    "items",
    "additionalItems",
    "additionalProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contains",
    "propertyNames",
    "contentSchema",
];
/// The same, for lists of schemas.
const PART_LIST: &[&str] = &["prefixItems", "items"];
/// The same, for maps of schemas.
const PART_MAP: &[&str] = &["properties", "patternProperties"];
/// Keywords that refer to what is known only while a document is checked.
const DYNAMIC: &[&str] = &["$dynamicRef", "$recursiveRef"];

/// A schema, and the schemas it calls.
#[derive(Default)]
struct Node {
    /// About the same value.
    same: Vec<usize>,
    /// About a part of it.
    parts: Vec<usize>,
}

struct Graph<'a> {
    root: &'a Value,
    anchors: HashMap<&'a str, &'a Value>,
    known: HashMap<*const Value, usize>,
    values: Vec<&'a Value>,
    nodes: Vec<Node>,
    patterns: usize,
}

/// Checks a schema; the error is half a sentence that follows its name.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    if let Some(dialect) = schema.get("$schema") {
        let known = [
            "draft/2020-12/schema",
            "draft/2019-09/schema",
            "draft-07/schema",
        ];
        let named = dialect.as_str().unwrap_or_default().trim_end_matches('#');
        if !known.iter().any(|known| named.ends_with(known)) {
            return Err("must be of draft 2020-12: leave `$schema` away, or name that".into());
        }
    }
    let mut graph = Graph {
        root: schema,
        anchors: anchors(schema),
        known: HashMap::new(),
        values: Vec::new(),
        nodes: Vec::new(),
        patterns: 0,
    };
    graph.add(schema);
    let mut next = 0;
    while let Some(value) = graph.values.get(next).copied() {
        graph.connect(next, value)?;
        next += 1;
        if graph.nodes.len() > MOST_SCHEMAS {
            return Err(format!("has more than {MOST_SCHEMAS} schemas in it"));
        }
    }
    if graph.patterns > MOST_PATTERNS {
        return Err(format!("has more than {MOST_PATTERNS} patterns in it"));
    }
    graph.bounded()
}

/// Every schema with a name of its own.
fn anchors(schema: &Value) -> HashMap<&str, &Value> {
    let mut anchors = HashMap::new();
    let mut left = vec![schema];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(members) => {
                if let Some(name) = members.get("$anchor").and_then(Value::as_str) {
                    anchors.insert(name, value);
                }
                left.extend(members.values());
            }
            Value::Array(list) => left.extend(list),
            _ => {}
        }
    }
    anchors
}

impl<'a> Graph<'a> {
    fn add(&mut self, value: &'a Value) -> usize {
        let next = self.nodes.len();
        let number = *self.known.entry(std::ptr::from_ref(value)).or_insert(next);
        if number == next {
            self.nodes.push(Node::default());
            self.values.push(value);
        }
        number
    }

    fn connect(&mut self, node: usize, value: &'a Value) -> Result<(), String> {
        let Value::Object(members) = value else {
            return Ok(());
        };
        if node > 0 && members.get("$id").is_some_and(Value::is_string) {
            return Err("has an `$id` inside; only the schema as a whole may have one".into());
        }
        let (mut same, mut parts) = (Vec::new(), Vec::new());
        for (keyword, value) in members {
            let keyword = keyword.as_str();
            if keyword == "$ref" {
                same.push(self.target(value)?);
            } else if DYNAMIC.contains(&keyword) {
                return Err(format!("has `{keyword}`, which is not taken; use `$ref`"));
            }
            match value {
                Value::Object(inner) if SAME_MAP.contains(&keyword) => {
                    same.extend(inner.values());
                }
                Value::Object(inner) if PART_MAP.contains(&keyword) => {
                    if keyword == "patternProperties" {
                        self.patterns += inner.len();
                    }
                    parts.extend(inner.values());
                }
                Value::Array(list) if SAME_LIST.contains(&keyword) => same.extend(list),
                Value::Array(list) if PART_LIST.contains(&keyword) => parts.extend(list),
                Value::String(_) if keyword == "pattern" => self.patterns += 1,
                Value::Object(_) if SAME.contains(&keyword) => same.push(value),
                Value::Object(_) if PART.contains(&keyword) => parts.push(value),
                _ => {}
            }
        }
        let same = same.into_iter().map(|value| self.add(value)).collect();
        let parts = parts.into_iter().map(|value| self.add(value)).collect();
        self.nodes[node] = Node { same, parts };
        Ok(())
    }

    /// What a reference is to: a place in this schema.
    fn target(&self, reference: &Value) -> Result<&'a Value, String> {
        let reference = reference.as_str().unwrap_or_default();
        let found = reference.strip_prefix('#').and_then(|fragment| {
            let fragment = percent_decode_str(fragment).decode_utf8().ok()?;
            match fragment.as_ref() {
                pointer if pointer.is_empty() || pointer.starts_with('/') => {
                    self.root.pointer(pointer)
                }
                name => self.anchors.get(name).copied(),
            }
        });
        found.ok_or_else(|| {
            let mut reference = reference.to_owned();
            crate::text::shorten(&mut reference, 100);
            format!("refers to `{reference}`, which is not in it; write `#/…`")
        })
    }

    fn bounded(&self) -> Result<(), String> {
        let order = self.callees_first()?;
        let mut at_once = vec![0_u64; self.nodes.len()];
        for &node in &order {
            let inner = self.nodes[node].same.iter().map(|callee| at_once[*callee]);
            at_once[node] = inner.fold(1, u64::saturating_add);
            if at_once[node] > MOST_AT_ONCE {
                return Err(format!(
                    "has more than {MOST_AT_ONCE} schemas for one and the same value, each counted as often as it is referred to"
                ));
            }
        }
        let too_deep = || {
            Err(format!(
                "goes more than {MOST_NESTED} schemas deep for a document of {MOST_LEVELS} levels; let it refer to itself in fewer steps, or not at all"
            ))
        };
        // The deepest chain of calls for documents of more and more levels.
        let mut below = vec![0_u32; self.nodes.len()];
        for _ in 0..=MOST_LEVELS {
            let mut depth = vec![0_u32; self.nodes.len()];
            for &node in &order {
                let Node { same, parts } = &self.nodes[node];
                let same = same.iter().map(|callee| depth[*callee]);
                let parts = parts.iter().map(|callee| below[*callee]);
                depth[node] = 1 + same.chain(parts).max().unwrap_or(0);
                if depth[node] > MOST_NESTED {
                    return too_deep();
                }
            }
            if depth == below {
                break;
            }
            below = depth;
        }
        Ok(())
    }

    /// Every schema after those it calls for the same value.
    fn callees_first(&self) -> Result<Vec<usize>, String> {
        let mut callers: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut open: Vec<usize> = Vec::with_capacity(self.nodes.len());
        for (node, Node { same, .. }) in self.nodes.iter().enumerate() {
            open.push(same.len());
            for &callee in same {
                callers[callee].push(node);
            }
        }
        let mut order: Vec<usize> = (0..open.len()).filter(|node| open[*node] == 0).collect();
        let mut next = 0;
        while let Some(&node) = order.get(next) {
            next += 1;
            for &caller in &callers[node] {
                open[caller] -= 1;
                if open[caller] == 0 {
                    order.push(caller);
                }
            }
        }
        if order.len() < self.nodes.len() {
            return Err(
                "refers to itself without going into the document, and so would never end".into(),
            );
        }
        Ok(order)
    }
}
