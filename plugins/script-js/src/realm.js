// Confines the globals before a script sees them, and gives the engine what it
// needs of them. Runs before any
// script is known.
(function () {
  "use strict";
  const { defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, isFrozen } = Object;
  const { construct, ownKeys } = Reflect;
  const { rawJSON, isRawJSON } = JSON;
  const isObject = (value) =>
    typeof value === "object" ? value !== null : typeof value === "function";
  const replace = (object, key, value) =>
    defineProperty(object, key, { value, writable: true, enumerable: false, configurable: true });

  // Time and chance: the same item gives the same documents.
  const NativeDate = Date;
  const noClock = "a script has no clock; take a time from the item";
  const ConfinedDate = function Date(...parts) {
    if (!new.target || parts.length === 0) throw new TypeError(noClock);
    return construct(NativeDate, parts, new.target);
  };
  for (const key of ownKeys(NativeDate)) {
    if (key !== "prototype") defineProperty(ConfinedDate, key, getOwnPropertyDescriptor(NativeDate, key));
  }
  ConfinedDate.prototype = NativeDate.prototype;
  replace(ConfinedDate, "now", function now() { throw new TypeError(noClock); });
  replace(NativeDate.prototype, "constructor", ConfinedDate);
  replace(globalThis, "Date", ConfinedDate);
  replace(Math, "random", function random() {
    throw new TypeError("a script has no random numbers: the same item gives the same documents");
  });

  // Text is not code.
  const noCode = "a script makes no code from text";
  replace(globalThis, "eval", function () { throw new TypeError(noCode); });
  const samples = [function () {}, function* () {}, async function () {}, async function* () {}];
  for (const { constructor } of samples.map(getPrototypeOf)) {
    const confined = function () { throw new TypeError(noCode); };
    defineProperty(confined, "name", { value: constructor.name });
    defineProperty(confined, "prototype", { value: constructor.prototype });
    defineProperty(constructor.prototype, "constructor", { value: confined });
    if (constructor === globalThis.Function) replace(globalThis, "Function", confined);
  }

  // These show when memory is collected, or how long something takes; the two
  // of Error keep what is set in the engine itself, where freezing is no help.
  for (const name of ["WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "Atomics", "performance", "queueMicrotask"]) {
    delete globalThis[name];
  }
  delete Error.prepareStackTrace;
  delete Error.stackTraceLimit;

  const silent = {};
  for (const name of ["log", "info", "warn", "error", "debug", "trace"]) silent[name] = () => {};
  replace(globalThis, "console", silent);

  // A decimal with more digits than a number holds.
  class Decimal {
    #text;
    constructor(text) {
      this.#text = text;
      freeze(this);
    }
    toString() { return this.#text; }
    toJSON() { return rawJSON(this.#text); }
    [Symbol.toPrimitive](hint) {
      if (hint === "string") return this.#text;
      throw new TypeError(
        `${this.#text} has more digits than a number holds; String(…) keeps them, Number(String(…)) rounds`,
      );
    }
  }

  // Assigning to a field of one's own named like something frozen that is
  // inherited would fail: `error.name = "…"`, `counts["constructor"] = 1`.
  const assignable = (prototype) => {
    for (const key of ownKeys(prototype)) {
      const { value, writable } = getOwnPropertyDescriptor(prototype, key);
      if (!writable || typeof key === "symbol") continue;
      defineProperty(prototype, key, {
        get() { return value; },
        set(own) {
          if (this === prototype) throw new TypeError(`'${key}' is read-only`);
          defineProperty(this, key, { value: own, writable: true, enumerable: true, configurable: true });
        },
      });
    }
  };
  const errors = [Error, AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];
  for (const { prototype } of [Object, ...errors]) assignable(prototype);

  // The context document is another for each script.
  let shown;
  defineProperty(globalThis, "context", { get: () => shown, enumerable: true });

  // What is frozen already is so with all that it leads to.
  const freezeAll = (waiting) => {
    while (waiting.length > 0) {
      const object = waiting.pop();
      if (!isObject(object) || isFrozen(object)) continue;
      freeze(object);
      waiting.push(getPrototypeOf(object));
      for (const key of ownKeys(object)) {
        const { value, get, set } = getOwnPropertyDescriptor(object, key);
        waiting.push(value, get, set);
      }
    }
  };
  // Everything that can be reached by name, and what syntax alone reaches.
  freezeAll([
    globalThis, Decimal, ...samples, samples[1](), samples[3](), arguments,
    [].values(), new Map().entries(), new Set().values(), ""[Symbol.iterator](), "".matchAll(/./g),
    [].values().map((value) => value), Iterator.from({ next() {} }), new Error(),
  ]);
  const show = (context) => {
    freezeAll([context]);
    shown = context;
  };

  // What JSON cannot say of an object that is neither plain nor an array, and
  // what a boxed value holds.
  const unspeakable = [Map, Set, WeakMap, WeakSet, Promise, RegExp, Error, ArrayBuffer, DataView,
    getPrototypeOf(Uint8Array)];
  const kind = (object) => {
    if (object instanceof NativeDate) return "Date";
    for (const type of unspeakable) if (object instanceof type) return type.name;
    return typeof object.next === "function" && Symbol.iterator in object ? "iterator" : "";
  };
  const isBoxed = (object) => object instanceof Number || object instanceof String ||
    object instanceof Boolean || object instanceof BigInt;
  const unbox = (object) => (isBoxed(object) ? object.valueOf() : object);

  return {
    show,
    toBigInt: BigInt,
    toDecimal: (text) => new Decimal(text),
    rawJSON: (object) => (isRawJSON(object) ? object.rawJSON : null),
    kind,
    unbox,
    wellFormed: (text) => text.toWellFormed(),
    plain: Object.prototype,
  };
})
