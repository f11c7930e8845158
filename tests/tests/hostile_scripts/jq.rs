//! Hostile jq.

use super::set::{self, Language};

const JQ: Language = Language {
    extension: "jq",
    script: |bad| format!("if .bad then ({bad}) else {{n: .n}} end"),
};

/// What a script does to an item that says `bad`.
const HOSTILE: &[(&str, &str)] = &[
    ("endless-recursion", "def f: f; f"),
    ("endless-arguments", "def f(g): f(g | g); f(.)"),
    ("deep-recursion", "def f: [f]; f"),
    ("deep-sum", "def f: 1 + f; f"),
    ("endless-generator", "last(repeat(1))"),
    ("endless-array", "[repeat(.)]"),
    ("endless-range", "[range(1e12)] | length"),
    ("endless-infinite-range", "last(range(infinite))"),
    ("endless-loop", "until(false; .)"),
    ("endless-search", "first(range(1e12) | select(. < 0))"),
    ("endless-combinations", "[[range(99)] | combinations(9)]"),
    ("endless-documents", "repeat({})"),
    ("gigabyte-string", r#""x" * 1000000000"#),
    ("doubling-string", r#"reduce range(40) as $i ("x"; . + .)"#),
    ("doubling-array", "reduce range(40) as $i ([0]; . + .)"),
    (
        "doubling-number",
        "reduce range(40) as $i (99999999999999999999; . * .) | tostring",
    ),
    ("sparse-array", "[] | .[1000000000] = 1"),
    ("huge-output", r#"{s: ("x" * 30000000)}"#),
    ("many-outputs", "range(1e6) | {n: .}"),
    ("deep-array", "reduce range(1e6) as $i (0; [.]) | {deep: .}"),
    ("deep-text", r#"("[" * 1000000) | fromjson"#),
    (
        "backtracking",
        r#"("a" * 30000) + "b" | [match("(((a*)*)*)*$"; "g")]"#,
    ),
    (
        "pattern-explosion",
        r#""a" | test("((a{1,1000}){1,1000}){1,1000}")"#,
    ),
    ("far-date", "1e300 | todate"),
    ("impossible-text", "[1114112, -1, 55296] | implode"),
    ("nothing-as-error", "error(null)"),
    ("huge-error", r#"error("x" * 30000000)"#),
    ("deep-error", "error(reduce range(1e6) as $i (0; [.]))"),
    ("endless-try", "def f: try error(1) catch f; f"),
    (
        "endless-label",
        "label $out | repeat(.) | select(false) | break $out",
    ),
    ("endless-reduce", "reduce repeat(1) as $x (0; . + $x)"),
    (
        "endless-foreach",
        "foreach repeat(1) as $x (0; . + $x) | select(. < 0)",
    ),
    ("endless-path", "path(..|recurse(.))"),
    ("recursive-update", "def f: .a |= f; {} | f"),
    (
        "deep-path",
        "reduce range(1e6) as $i ({}; setpath([range($i) | tostring]; 1))",
    ),
    (
        "many-keys",
        "reduce range(1e9) as $i ({}; .[$i | tostring] = $i)",
    ),
    ("sort-bomb", "[range(1e9)] | sort | group_by(.)"),
    (
        "split-bomb",
        r#"("ab" * 10000000) | split("") | length | {n: .} | error"#,
    ),
    // Plain expressions, which the engine computes without jaq.
    (
        "plain-loops",
        "[1, 2, 3, 4, 5, 6, 7, 8, 9] | [.[] as $a | .[] as $b | .[] as $c | .[] as $d | .[] as $e | .[] as $f | .[] as $g | .[] as $h | .[] as $i | .[] as $j | select($a > $j + 9)]",
    ),
    (
        "plain-documents",
        "[1, 2, 3, 4, 5, 6, 7, 8, 9] | .[] as $a | .[] as $b | .[] as $c | .[] as $d | .[] as $e | .[] as $f | .[] as $g | .[] as $h | {$a, $h}",
    ),
    (
        "plain-text",
        r#""x" * 99 | . * 99 | . * 99 | . * 99 | . * 99"#,
    ),
    (
        "plain-array",
        "[1, 1] | [.[] as $a | .] | [.[] as $a | .] | map(., .) | map(., ., ., .) | map(., ., ., ., ., ., .) | map(., ., ., ., ., ., .) | map(., ., ., ., ., ., .) | map(., ., ., ., ., ., .) | map(., ., ., ., ., ., .) | map(., ., ., ., ., ., .) | map(., ., ., ., ., ., .)",
    ),
];

#[test]
fn hostile_jq_ends_within_its_deadline_and_harms_nobody() {
    set::run(&JQ, HOSTILE);
}

/// Ways to remember an item, which jq does not have; what comes nearest.
const SPIES: &[(&str, &str)] = &[
    (
        "context",
        "(($context | .seen = 1) | 0) as $_ | {n, seen: ($context.seen // 0)}",
    ),
    (
        "variables",
        "def f($seen): {n, seen: $seen}; f(0), (f(1) | empty)",
    ),
    (
        "failed-update",
        "(try ($context.settings |= error(\"x\")) catch 0) as $_ | {n, seen: ($context.seen // 0)}",
    ),
    ("item", "{n, seen: ([paths] | length - 1)}"),
];

#[tokio::test(flavor = "multi_thread")]
async fn jq_sees_nothing_across_items_or_tenants() {
    set::nothing_is_seen(&JQ, SPIES).await;
}
