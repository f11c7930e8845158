use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;

fn compile(schema: Value) -> Schema {
    Schema::compile(&schema).expect("a schema")
}

fn refused(schema: Value) -> String {
    Schema::compile(&schema).err().expect("not taken")
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!("x"), |inner, _| json!([inner]))
}

/// The attack of a reviewer: each level asks twice about the next.
fn bomb() -> Value {
    json!({
        "anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}],
        "$defs": {
            "a": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]}},
            "b": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/a"}]}, "minItems": 2}
        }
    })
}

#[test]
fn a_schema_that_multiplies_ends_within_its_steps() {
    let schema = compile(bomb());
    let document = nested(40);
    let started = Instant::now();
    let mut spent = 0;
    let verdict = schema.check(&document, MOST_STEPS, &mut spent);
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    assert_ne!(verdict, Verdict::Fits);
    assert!(spent <= 2 * MOST_STEPS, "{spent}");
}

#[test]
fn steps_that_are_used_up_are_said_and_are_not_a_verdict() {
    let schema = compile(json!({"items": {"type": "integer"}}));
    let rows = Value::Array((0..10_000).map(Value::from).collect());
    assert_eq!(schema.check(&rows, 1_000, &mut 0), Verdict::TooCostly);
    assert_eq!(schema.check_whole(&rows), Verdict::Fits);
    // Nothing is left over for the next one.
    assert_eq!(schema.check(&json!([1]), 1_000, &mut 0), Verdict::Fits);
}

#[test]
fn many_violations_take_bounded_memory_and_the_first_are_told() {
    let schema = compile(json!({"items": {"type": "integer"}}));
    let rows = Value::Array((0..200_000).map(|_| json!("x")).collect());
    let Verdict::Breaks(violations) = schema.check_whole(&rows) else {
        panic!("it does not fit");
    };
    let pointers: Vec<&str> = violations.iter().map(|v| v.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        ["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9"]
    );
    assert!(
        violations
            .iter()
            .all(|v| v.message.contains("is not of type"))
    );
}

#[test]
fn what_is_told_of_a_value_is_short_and_the_log_gets_none_of_it() {
    let schema = compile(json!({
        "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "y"]}},
        "required": ["c/d"],
        "additionalProperties": false
    }));
    let document = json!({"a": "7".repeat(5_000_000), "b": "客户", "客户张三": 1});
    let Verdict::Breaks(violations) = schema.check_whole(&document) else {
        panic!("it does not fit");
    };
    assert_eq!(violations.len(), 4, "{violations:?}");
    for violation in &violations {
        assert!(violation.message.chars().count() <= 301, "{violation:?}");
        assert!(!violation.masked.contains("77"), "{violation:?}");
        assert!(!violation.masked.contains("客户"), "{violation:?}");
    }
    let pointers: Vec<&str> = violations.iter().map(|v| v.pointer.as_str()).collect();
    for pointer in ["/a", "/b", "/c~1d", "/客户张三"] {
        assert!(pointers.contains(&pointer), "{pointers:?}");
    }
}

#[test]
fn a_schema_that_could_take_the_hosts_time_is_refused_in_one_sentence() {
    let long_chain: serde_json::Map<String, Value> = (0..600)
        .map(|n| {
            (
                format!("d{n}"),
                json!({"$ref": format!("#/$defs/d{}", n + 1)}),
            )
        })
        .chain([("d600".to_owned(), json!({}))])
        .collect();
    let doubling: serde_json::Map<String, Value> = (0..40)
        .map(|n| {
            let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
            (format!("d{n}"), json!({"anyOf": [next, next]}))
        })
        .chain([("d40".to_owned(), json!({"type": "string"}))])
        .collect();
    let patterns: Vec<Value> = (0..600)
        .map(|n| json!({"pattern": format!("^{n}$")}))
        .collect();
    for (schema, part) in [
        (json!({"$ref": "#"}), "refers to itself without going into"),
        (
            json!({"anyOf": [{"$ref": "#"}, {"type": "null"}]}),
            "refers to itself without going into",
        ),
        (
            json!({"$ref": "#/$defs/d0", "$defs": long_chain}),
            "schemas deep",
        ),
        (
            json!({"$ref": "#/$defs/d0", "$defs": doubling}),
            "for one and the same value",
        ),
        (json!({"anyOf": patterns}), "patterns"),
        (
            json!({"$ref": "https://example.com/x"}),
            "which is not in it",
        ),
        (json!({"$ref": "#/$defs/nowhere"}), "which is not in it"),
        (json!({"$dynamicRef": "#x"}), "$dynamicRef"),
        (
            json!({"properties": {"a": {"$id": "urn:x"}}}),
            "`$id` inside",
        ),
        (
            json!({"$schema": "http://json-schema.org/draft-04/schema#"}),
            "draft 2020-12",
        ),
        (json!({"pattern": "^(?=a)b"}), "linear time"),
        (json!({"pattern": r"\w{5000}{5000}"}), "linear time"),
        (json!({"type": "objekt"}), "is not a JSON Schema"),
    ] {
        let said = refused(schema);
        assert!(said.contains(part), "{part}: {said}");
        assert!(
            !said.contains('\n') && said.chars().count() <= 301,
            "{said}"
        );
    }
}

#[test]
fn a_tree_may_refer_to_itself_and_its_deepest_document_fits_the_stack() {
    let tree = json!({
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}}
    });
    let deepest = json!({
        "anyOf": [{"type": "string", "minLength": 3}, {"type": "array", "items": {"allOf": [{"$ref": "#"}]}}]
    });
    let check = move || {
        let schema = compile(tree);
        let document = (0..60).fold(
            json!({"name": "leaf"}),
            |child, _| json!({"name": "inner", "children": [child]}),
        );
        assert_eq!(schema.check_whole(&document), Verdict::Fits);
        let schema = compile(deepest);
        let Verdict::Breaks(_) = schema.check_whole(&nested(MOST_LEVELS)) else {
            panic!("`x` is too short");
        };
    };
    // What a thread of the host has, with room for what calls it.
    let thread = std::thread::Builder::new().stack_size(3 << 19);
    thread
        .spawn(check)
        .expect("a thread")
        .join()
        .expect("no overflow");
}

#[test]
fn patterns_take_linear_time() {
    let schema = compile(json!({"pattern": "^(a+)+$"}));
    let started = Instant::now();
    let text = json!("a".repeat(100_000) + "b");
    assert!(matches!(schema.check_whole(&text), Verdict::Breaks(_)));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn numbers_and_lists_cannot_hide_their_cost() {
    let unique = compile(json!({"uniqueItems": true}));
    // No float holds them, and so they all have one hash.
    let huge: String = (0..40_000).map(|n| format!("1e{},", 400 + n)).collect();
    let huge: Value = serde_json::from_str(&format!("[{}1]", huge)).expect("JSON");
    let started = Instant::now();
    assert_eq!(unique.check_whole(&huge), Verdict::TooCostly);
    let multiple = compile(json!({"items": {"multipleOf": 0.01}}));
    let long = format!("[{}]", vec!["1e9999"; 2_000].join(","));
    let long: Value = serde_json::from_str(&long).expect("JSON");
    assert_eq!(multiple.check_whole(&long), Verdict::TooCostly);
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(unique.check_whole(&json!([1, 2, 1.0])), {
        let message = "[1,2,1.0] has non-unique elements".to_owned();
        Verdict::Breaks(vec![Violation {
            pointer: String::new(),
            message,
            masked: "an array of 3 elements has non-unique elements".into(),
        }])
    });
}

#[test]
fn every_digit_counts_as_before() {
    let schema = compile(json!({"type": "integer", "maximum": 9_007_199_254_740_993_u64}));
    for (text, fits) in [
        ("9007199254740993", true),
        ("9007199254740994", false),
        ("1.0", true),
        ("1.5", false),
    ] {
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(schema.check_whole(&value) == Verdict::Fits, fits, "{text}");
    }
    let schema = compile(json!({"const": {"a": [1, "x"]}}));
    assert_eq!(schema.check_whole(&json!({"a": [1.0, "x"]})), Verdict::Fits);
    assert_ne!(schema.check_whole(&json!({"a": [1.0, "y"]})), Verdict::Fits);
}
