//! Nothing is seen across items, nothing outside is reached.

yields! {
    no_clock: "item => ({t: Date.now()})", "1" => "1:34: TypeError: a script has no clock; take a time from the item";
    no_current_date: "item => ({t: new Date()})", "1" => "1:33: TypeError: a script has no clock; take a time from the item";
    no_current_date_as_text: "item => ({t: Date()})", "1" => "1:29: TypeError: a script has no clock; take a time from the item";
    no_current_date_by_inheritance: "item => { class D extends Date {} return {t: new D()}; }", "1" => "1:1: TypeError: a script has no clock; take a time from the item";
    no_current_date_by_construction: "item => ({t: new (new Date(0).constructor)()})", "1" => "1:38: TypeError: a script has no clock; take a time from the item";
    no_random_numbers: "item => ({r: Math.random()})", "1" => "1:34: TypeError: a script has no random numbers: the same item gives the same documents";
    no_eval: "item => eval('1')", "1" => "1:24: TypeError: a script makes no code from text";
    no_indirect_eval: "item => (0, eval)('1')", "1" => "1:28: TypeError: a script makes no code from text";
    no_new_function: "item => new Function('return 1')()", "1" => "1:28: TypeError: a script makes no code from text";
    no_function_by_its_constructor: "item => (() => 1).constructor('return 1')()", "1" => "1:34: TypeError: a script makes no code from text";
    no_generator_by_its_constructor: "item => (function* () {}).constructor('yield 1')()", "1" => "1:42: TypeError: a script makes no code from text";
    no_async_by_its_constructor: "item => (async () => 1).constructor('return 1')()", "1" => "1:40: TypeError: a script makes no code from text";
    no_timers: "item => setTimeout(() => 1, 0)", "1" => "1:24: ReferenceError: setTimeout is not defined: a script answers at once";
    no_network: "item => fetch('http://x')", "1" => "1:24: ReferenceError: fetch is not defined: a script reaches nothing outside of the item; lookup tables are in `context`";
    no_process: "item => process.env", "1" => "1:24: ReferenceError: process is not defined: the connection's settings are in `context`";
    no_modules: "item => require('fs')", "1" => "1:24: ReferenceError: require is not defined: a script reaches nothing outside of the item; lookup tables are in `context`";
    no_collector: "item => ({w: typeof WeakRef, f: typeof FinalizationRegistry, a: typeof Atomics, s: typeof SharedArrayBuffer, p: typeof performance})", "1" => r#"{"w":"undefined","f":"undefined","a":"undefined","s":"undefined","p":"undefined"}"#;
    functions_are_still_functions: "item => ({a: (() => 1) instanceof Function, d: new Date(0) instanceof Date, n: Date.name, f: Function.name})", "1" => r#"{"a":true,"d":true,"n":"Date","f":"Function"}"#;

    no_new_globals: "item => { globalThis.x = 1; }", "1" => "1:26: TypeError: object is not extensible";
    no_undeclared_variables: "item => { x = 1; }", "1" => "1:26: ReferenceError: x is not defined";
    no_polluted_objects: "item => { Object.prototype.x = 1; }", "1" => "1:26: TypeError: object is not extensible";
    no_polluted_objects_by_proto: "item => { ({}).__proto__.x = 1; }", "1" => "1:26: TypeError: object is not extensible";
    no_polluted_objects_by_definition: "item => { Object.defineProperty(Object.prototype, 'toJSON', {value: 1}); }", "1" => "1:48: TypeError: object is not extensible";
    no_polluted_objects_by_setter: "item => { Object.prototype.__defineGetter__('x', () => 1); }", "1" => "1:43: TypeError: object is not extensible";
    no_other_prototype: "item => { Object.setPrototypeOf(Object.prototype, null); Object.setPrototypeOf(Array.prototype, null); }", "1" => "1:95: TypeError: object is not extensible";
    no_replaced_methods: "item => { Array.prototype.map = 1; }", "1" => "1:26: TypeError: 'map' is read-only";
    no_replaced_inherited_methods: "item => { Object.prototype.toString = () => 'x'; }", "1" => "1:26: TypeError: 'toString' is read-only";
    no_replaced_functions: "item => { JSON.stringify = 1; }", "1" => "1:26: TypeError: 'stringify' is read-only";
    no_replaced_iterators: "item => { [][Symbol.iterator]().__proto__.next = 1; }", "1" => "1:36: TypeError: 'next' is read-only";
    no_replaced_generators: "item => { (function* () {})().__proto__.__proto__.next = 1; }", "1" => "1:40: TypeError: 'next' is read-only";
    no_stack_trace_hook: "item => { Error.prepareStackTrace = () => 1; }", "1" => "1:26: TypeError: object is not extensible";
    no_stack_trace_limit: "item => { Error.stackTraceLimit = 0; }", "1" => "1:26: TypeError: object is not extensible";
    no_changed_context: "item => { context.tenant = 'x'; }", "1" => "1:26: TypeError: 'tenant' is read-only";
    no_changed_tables: "(item, context) => { context.tables.stores['1'] = 'x'; }", "1" => "1:37: TypeError: '1' is read-only";
    no_replaced_context: "item => { globalThis.context = 1; }", "1" => "1:26: TypeError: no setter for property";
    no_changed_log: "item => { console.log = 1; }", "1" => "1:26: TypeError: 'log' is read-only";

    too_deep_a_recursion: "export default function f(item) { return f(item) + 1; }", "1" => "1:44: RangeError: Maximum call stack size exceeded";
    a_recursion_in_a_getter: "item => { const o = {get a() { return this.a; }}; return {a: o.a}; }", "1" => "1:1: RangeError: Maximum call stack size exceeded";
    a_recursion_in_a_callback: "item => { const f = () => [1].map(f); return f(); }", "1" => "1:50: RangeError: Maximum call stack size exceeded";
    a_recursion_that_is_caught: "item => { const f = () => f() + 1; try { f(); } catch (e) { return {e: e.name}; } }", "1" => r#"{"e":"RangeError"}"#;
    a_recursion_in_a_text: "item => { const o = {toString: () => `${o}`}; return String(o); }", "1" => "1:56: RangeError: Maximum call stack size exceeded";
    a_deep_pattern: "item => { try { new RegExp('('.repeat(100000) + ')'.repeat(100000)); } catch (e) { return {e: e.name}; } }", "1" => r#"{"e":"SyntaxError"}"#;
}

/// Ways to remember an item for the next one.
macro_rules! forgets {
    ($($name:ident: $source:expr;)*) => {
        $(#[test] fn $name() {
            let answers = super::answers($source, &["1", "1"]);
            assert_eq!(answers[0], answers[1]);
            assert!(answers[0].starts_with("Ok"), "{}", answers[0]);
        })*
    };
}

forgets! {
    variables_of_the_file: "let n = 0; export default () => ({n: n++})";
    collections_of_the_file: "const seen = new Set(); export default x => { const was = seen.has(x); seen.add(x); return {was}; }";
    enclosed_variables: "export default (() => { let n = 0; return () => ({n: n++}); })()";
    fields_of_the_function: "export default function f() { f.n = (f.n ?? 0) + 1; return {n: f.n}; }";
    fields_of_a_class: "class C { static n = 0; } export default () => ({n: C.n++})";
    fields_of_patterns: "const r = /x/g; export default () => { const at = r.lastIndex; r.test('x'); return {at}; }";
    tagged_templates: "const seen = new WeakMap(); const tag = t => { const n = (seen.get(t) ?? 0) + 1; seen.set(t, n); return n; }; export default () => ({n: tag`x`})";
    generators_of_the_file: "const g = (function* () { let n = 0; for (;;) yield n++; })(); export default () => ({n: g.next().value})";
    work_put_off: "let n = 0; export default () => { Promise.resolve().then(() => { n = 9; }); return {n}; }";
    sloppy_this: "export default () => { try { (function () { this.x = (this.x ?? 0) + 1; })(); } catch {} return {x: typeof globalThis.x}; }";
    caught_pollution: "export default () => { const n = Object.prototype.n ?? 0; try { Object.prototype.n = n + 1; } catch {} return {n}; }";
    caught_errors: "export default () => { const n = TypeError.prototype.n ?? 0; try { TypeError.prototype.n = n + 1; } catch {} return {n}; }";
    caught_prototypes: "export default () => { const n = Number.prototype.n ?? 0; try { Reflect.set(Number.prototype, 'n', n + 1); } catch {} return {n}; }";
    the_iterators_setter: "export default () => { const p = Iterator.prototype; try { p.constructor = 1; } catch {} try { Reflect.set(p, Symbol.toStringTag, 'x', p); } catch {} return {n: p[Symbol.toStringTag]}; }";
    registered_symbols: "export default () => { const s = Symbol.for('n'); const n = s.n; try { s.n = 1; } catch {} return {n: n ?? 0}; }";
    legacy_pattern_fields: "export default () => { const was = RegExp.$1 ?? 'none'; /(x)/.test('x'); return {was}; }";
    thrown_errors: "export default () => { const e = new Error('x'); const n = e.__proto__.n ?? 0; try { e.__proto__.n = n + 1; } catch {} return {n}; }";
    intrinsics_found_by_syntax: "const all = [async function* () {}, function* () {}, async () => {}, [].values(), new Map().keys(), new Set().keys(), 'x'.matchAll(/x/g), ''[Symbol.iterator](), [].values().map(x => x), Iterator.from({next() {}}), (async function* () {})(), (function* () {})(), Promise.resolve(), /x/, new Date(0), new Uint8Array(1), new DataView(new ArrayBuffer(1)), new Proxy({}, {}), Object(1n), Object(Symbol()), new WeakMap(), new AggregateError([])]; export default () => { let n = 0; for (let p of all) for (p = Object.getPrototypeOf(p); p; p = Object.getPrototypeOf(p)) { n += p.n ?? 0; try { p.n = 1; } catch {} } return {n}; }";
    accessors_found_by_syntax: "export default () => { const d = Object.getOwnPropertyDescriptor(Object.prototype, '__proto__'); const n = d.get.n ?? 0; try { d.get.n = 1; } catch {} try { d.set.n = 1; } catch {} return {n}; }";
}

#[test]
fn scripts_share_nothing() {
    let write = "export default () => { try { globalThis.x = 1; } catch {} try { Array.prototype.x = 1; } catch {} }";
    let read = "export default () => ({x: typeof x, y: typeof [].x})";
    assert_eq!(super::run(write, "1"), "");
    assert_eq!(
        super::run(read, "1"),
        r#"{"x":"undefined","y":"undefined"}"#
    );
}
