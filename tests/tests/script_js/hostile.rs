//! Whatever a script does, it ends within its bounds, is blamed for it, and the
//! next call is served.

use std::time::{Duration, Instant};

use crossdock::delivery::report::ItemStatus;
use crossdock::problem::Blame;
use crossdock_tests::scripted::Scripted;

/// Guest time of one call in these tests.
const DEADLINE: Duration = Duration::from_millis(200);

/// Wall time a call may take beyond that: a guest's time only runs while it
/// runs, and a busy machine runs many things.
const MARGIN: Duration = Duration::from_secs(4);

/// What a script does to an item that says `bad`.
const HOSTILE: [(&str, &str); 32] = [
    ("endless-loop", "for (;;);"),
    (
        "endless-loop-caught",
        "for (;;) try { for (;;) throw 1; } catch {}",
    ),
    (
        "endless-iterator",
        "return [...(function* () { for (;;) yield 1; })()];",
    ),
    ("endless-getter", "return {get a() { for (;;); }};"),
    (
        "endless-to-json",
        "return {a: {__proto__: {toJSON() { for (;;); }}}};",
    ),
    (
        "endless-proxy",
        "return Object.keys(new Proxy({}, {ownKeys() { for (;;); }}));",
    ),
    (
        "endless-sort",
        "return [3, 2, 1].sort(() => { for (;;); });",
    ),
    (
        "endless-promises",
        "const again = () => Promise.resolve().then(again); again(); throw 1;",
    ),
    ("endless-error", "throw {get message() { for (;;); }};"),
    (
        "endless-stack",
        "const e = Error('x'); Object.defineProperty(e, 'stack', {get() { for (;;); }}); throw e;",
    ),
    (
        "endless-documents",
        "const all = []; for (;;) all.push({});",
    ),
    ("recursion", "const f = () => f() + 1; return f();"),
    (
        "recursion-in-replace",
        "const f = () => 'a'.replace(/a/, f); return f();",
    ),
    (
        "recursion-in-sort",
        "const f = () => [2, 1].sort(f); return f();",
    ),
    (
        "recursion-in-proxy",
        "const p = new Proxy({}, {get: (t, k, r) => r[k]}); return p.a;",
    ),
    (
        "recursion-in-prototypes",
        "let o = {}; for (let i = 0; i < 1e5; i++) o = Object.create(o); return {a: o.b.c};",
    ),
    (
        "recursion-in-bound",
        "let f = () => 1; for (let i = 0; i < 1e5; i++) f = f.bind(); return f().a.b;",
    ),
    ("gigabyte-text", "return {s: 'x'.repeat(1e9)};"),
    ("doubling-text", "let s = 'x'; for (;;) s += s;"),
    ("doubling-array", "let a = [0]; for (;;) a = a.concat(a);"),
    (
        "doubling-number",
        "let n = 99999999999999999999n; for (;;) n *= n;",
    ),
    (
        "many-objects",
        "const all = []; for (;;) all.push({a: [all]});",
    ),
    ("many-cycles", "for (;;) { const a = {}; a.a = a; }"),
    (
        "gigabyte-buffer",
        "return [...new Uint8Array(2 ** 31 - 1)];",
    ),
    (
        "memory-caught",
        "const all = []; for (;;) try { all.push('x'.repeat(1e7) + all.length); } catch {}",
    ),
    ("huge-output", "return {s: 'x'.repeat(3e7)};"),
    (
        "many-documents",
        "return Array.from({length: 1e5}, (_, n) => ({n}));",
    ),
    (
        "deep-result",
        "let x = {}; for (let i = 0; i < 1e5; i++) x = {x}; return x;",
    ),
    ("deep-text", "return JSON.parse('['.repeat(1e6));"),
    (
        "backtracking",
        "return {m: /^(((a*)*)*)*$/.test('a'.repeat(30000) + 'b')};",
    ),
    (
        "pattern-explosion",
        "return {m: new RegExp('(?:'.repeat(20) + 'a' + '{1,99})'.repeat(20)).test('a'.repeat(1e5) + 'b')}.m.n.o;",
    ),
    ("huge-padding", "return {s: 'x'.padEnd(2 ** 30 - 1, 'ab')};"),
];

fn script(bad: &str) -> String {
    format!("export default ({{n, bad}}) => {{\n  if (bad) {{ {bad} }}\n  return {{n}};\n}};")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_script_ends_within_its_deadline_and_harms_nobody() {
    let scripts: Vec<(&str, String)> = HOSTILE
        .iter()
        .map(|(name, bad)| (*name, script(bad)))
        .collect();
    let tenants = scripts.iter().map(|(name, script)| (*name, &**script));
    let config = "limits.guest_deadline_ms = 200\n";
    let scripted = Scripted::in_language("js", config, tenants).await;
    for status in scripted.host.tenants() {
        assert!(status.problems.is_empty(), "{:?}", status.problems);
    }
    for (name, _) in HOSTILE {
        let started = Instant::now();
        let report = scripted.call(name, r#"{"bad":true}"#).await;
        let took = started.elapsed();
        let item = &report.items[0];
        println!(
            "{name:24} {took:>9.1?}  {}: {}",
            item.code.as_deref().unwrap_or("no failure"),
            item.message.as_deref().unwrap_or_default()
        );
        assert_eq!(item.blame, Some(Blame::Script), "{name}: {item:?}");
        assert!(took < DEADLINE + MARGIN, "{name} took {took:?}");
        assert!(report.requests.is_empty());

        // The same tenant's next call is served, and so is the good item
        // beside a bad one.
        let report = scripted.call(name, r#"{"n":1}"#).await;
        assert_eq!(report.items[0].status, ItemStatus::Accepted, "{name}");
        let report = scripted.call(name, r#"[{"n":1},{"bad":true}]"#).await;
        assert_eq!(report.items[0].status, ItemStatus::Accepted, "{name}");
        assert_eq!(report.items[1].blame, Some(Blame::Script), "{name}");
    }
}
