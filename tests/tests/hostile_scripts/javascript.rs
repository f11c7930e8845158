//! Hostile JavaScript.

use super::set::{self, Language};

const JAVASCRIPT: Language = Language {
    extension: "js",
    script: |bad| {
        format!("export default ({{n, bad}}) => {{\n  if (bad) {{ {bad} }}\n  return {{n}};\n}};")
    },
};

/// What a script does to an item that says `bad`.
const HOSTILE: &[(&str, &str)] = &[
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
    (
        "endless-await",
        "(async () => { for (;;) await null; })(); throw 1;",
    ),
    (
        "endless-thenable",
        "return {then(resolve) { for (;;); }, toJSON() { return Promise.resolve(this); }};",
    ),
    ("endless-finally", "try { for (;;); } finally { for (;;); }"),
    (
        "endless-symbol-iterator",
        "const [...all] = {[Symbol.iterator]() { return {next: () => ({value: 1, done: false})}; }}; return {all};",
    ),
    (
        "endless-error-text",
        "throw {toString() { for (;;); }, toJSON() { for (;;); }};",
    ),
    (
        "endless-error-name",
        "throw Object.defineProperty(Error(), 'name', {get() { for (;;); }});",
    ),
    (
        "endless-primitive",
        "throw {message: {[Symbol.toPrimitive]() { for (;;); }}};",
    ),
    (
        "endless-reviver",
        "return JSON.parse('[1]', function (key, value) { for (;;); });",
    ),
    (
        "endless-array-length",
        "return Object.assign([], {length: 2 ** 32 - 1});",
    ),
    (
        "array-length-field",
        "return {all: Object.assign([], {length: 2 ** 32 - 1})};",
    ),
    ("array-fill", "return new Array(2 ** 32 - 1).fill(n);"),
    ("array-join", "return {s: new Array(2 ** 30).join('ab')};"),
    (
        "array-of-infinity",
        "return Array.from({length: Infinity}, () => 1);",
    ),
    ("shifted-number", "return {n: 1n << (1n << 29n)};"),
    ("power-number", "return {n: 9n ** 99999999n};"),
    ("number-as-text", "return {n: (7n ** 9999999n).toString()};"),
    (
        "getter-trap",
        "return {a: new Proxy({}, {get() { for (;;); }, ownKeys() { for (;;); }, getPrototypeOf() { for (;;); }})};",
    ),
    (
        "getter-recursion",
        "class A { toJSON() { return this.a; } get a() { return this.toJSON(); } } return new A();",
    ),
    (
        "to-json-recursion",
        "class A { toJSON() { return new A(); } } return new A();",
    ),
    (
        "changed-builtins",
        "Array.prototype.map = () => { for (;;); };",
    ),
    (
        "changed-prototype",
        "Object.setPrototypeOf(Object.prototype, new Proxy({}, {get() { for (;;); }}));",
    ),
    ("eval", "eval('for (;;);');"),
    ("function", "(() => {}).constructor('for (;;);')();"),
    (
        "many-jobs",
        "for (let i = 0; i < 1e9; i++) Promise.resolve().then(() => {});",
    ),
    (
        "growing-buffer",
        "const b = new ArrayBuffer(1, {maxByteLength: 2 ** 31 - 1}); b.resize(2 ** 31 - 1); return {n: b.byteLength}.n.o.p;",
    ),
    ("huge-error", "throw Error('x'.repeat(3e7));"),
    (
        "deep-error",
        "let e = Error('x'); for (let i = 0; i < 1e6; i++) e = Error('x', {cause: e}); throw e;",
    ),
];

#[test]
fn hostile_javascript_ends_within_its_deadline_and_harms_nobody() {
    set::run(&JAVASCRIPT, HOSTILE);
}

/// Ways to remember an item for the next one, or for another tenant. The
/// engine's own tests have more.
const SPIES: &[(&str, &str)] = &[
    (
        "variable",
        "let seen = 0; export default ({n}) => ({n, seen: seen++});",
    ),
    (
        "global",
        "export default ({n}) => { const seen = globalThis.seen ?? 0; try { globalThis.seen = 1; } catch {} return {n, seen}; };",
    ),
    (
        "builtin",
        "export default ({n}) => { const seen = [].seen ?? 0; try { Array.prototype.seen = 1; } catch {} return {n, seen}; };",
    ),
    (
        "prototype",
        "export default ({n}) => { const seen = n.seen ?? 0; try { n.__proto__.__proto__.seen = 1; } catch {} return {n, seen}; };",
    ),
    (
        "replaced-builtin",
        "export default ({n}) => { const seen = Math.max(0); try { Math.max = () => 1; } catch {} return {n, seen}; };",
    ),
    (
        "context",
        "export default ({n}, context) => { const seen = context.seen ?? context.settings.seen ?? 0; try { context.seen = 1; } catch {} try { context.settings.seen = 1; } catch {} return {n, seen}; };",
    ),
    (
        "later",
        "let seen = 0; export default ({n}) => { Promise.resolve().then(() => { seen = 1; }); return {n, seen}; };",
    ),
    (
        "symbol",
        "export default ({n}) => { const key = Symbol.for('seen'); const seen = Error[key] ?? 0; try { Error[key] = 1; } catch {} return {n, seen}; };",
    ),
    (
        "pattern",
        "export default ({n}) => { const seen = RegExp.$1 ? 1 : 0; /(x)/.test('x'); return {n, seen}; };",
    ),
    (
        "template",
        "const all = new WeakMap(); const tag = at => { const seen = all.get(at) ?? 0; all.set(at, 1); return seen; }; export default ({n}) => ({n, seen: tag`x`});",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn javascript_sees_nothing_across_items_or_tenants() {
    set::nothing_is_seen(&JAVASCRIPT, SPIES).await;
}
