// Confines the globals before a script sees them, and gives the engine what it
// needs of them. Runs before any script is known. `readJson` is the engine's own
// reader of items; `spelled` says whether a date is in a known format (0), no day
// of the calendar, or neither; `flavour` is what messages say of who is confined.
(function (readJson, spelled, flavour) {
  "use strict";
  const { defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, isFrozen } = Object;
  const { apply, construct, ownKeys } = Reflect;
  const { rawJSON, isRawJSON, parse: reviveJson, stringify: writeJson } = JSON;
  const { who, log } = flavour;
  const { exec } = RegExp.prototype;
  const { includes, trim } = String.prototype;
  const bigText = BigInt.prototype.toString;
  const matched = (pattern, text) => apply(exec, pattern, [text]);
  const isObject = (value) =>
    typeof value === "object" ? value !== null : typeof value === "function";
  const replace = (object, key, value) =>
    defineProperty(object, key, { value, writable: true, enumerable: false, configurable: true });

  // Time and chance: the same item gives the same documents.
  const NativeDate = Date;
  const noClock = `${who} has no clock; ${flavour.clock}`;
  // What QuickJS reads as it guesses is refused. What it cannot read at all
  // stays an invalid date, which scripts ask for by isNaN.
  const readDate = NativeDate.parse;
  const dateOf = (given) => {
    const text = apply(trim, given, []), time = readDate(text);
    const spelling = time === time ? spelled(text) : 0;
    if (spelling === 0) return time;
    throw new RangeError(spelling === 1 ? `'${text}' is no time of the calendar`
      : `'${text}' is no date that ${who} reads; write it as 2024-03-05T08:30:00+08:00`);
  };
  const ConfinedDate = function Date(...parts) {
    if (!new.target || parts.length === 0) throw new TypeError(noClock);
    if (parts.length === 1) {
      if (parts[0] instanceof String) parts[0] = `${parts[0]}`;
      if (typeof parts[0] === "string") parts[0] = dateOf(parts[0]);
    }
    return construct(NativeDate, parts, new.target);
  };
  for (const key of ownKeys(NativeDate)) {
    if (key !== "prototype") defineProperty(ConfinedDate, key, getOwnPropertyDescriptor(NativeDate, key));
  }
  ConfinedDate.prototype = NativeDate.prototype;
  replace(ConfinedDate, "now", function now() { throw new TypeError(noClock); });
  replace(ConfinedDate, "parse", function parse(text) { return dateOf(`${text}`); });
  replace(NativeDate.prototype, "constructor", ConfinedDate);
  replace(globalThis, "Date", ConfinedDate);
  replace(Math, "random", function random() {
    throw new TypeError(`${who} has no random numbers: ${flavour.chance}`);
  });

  // Text is not code.
  const noCode = `${who} makes no code from text`;
  replace(globalThis, "eval", function () { throw new TypeError(noCode); });
  const samples = [function () {}, function* () {}, async function () {}, async function* () {}];
  for (const { constructor } of samples.map(getPrototypeOf)) {
    const confined = function () { throw new TypeError(noCode); };
    defineProperty(confined, "name", { value: constructor.name });
    defineProperty(confined, "prototype", { value: constructor.prototype });
    defineProperty(constructor.prototype, "constructor", { value: confined });
    if (constructor === globalThis.Function) replace(globalThis, "Function", confined);
  }

  // Languages and zones: what is not known is said, not ignored.
  const noLocale = `${who} has no languages and no time zones; toFixed, padStart and toISOString write formats`;
  const localized = ["toLocaleString", "toLocaleDateString", "toLocaleTimeString"];
  for (const { prototype } of [Number, BigInt, NativeDate, Array, getPrototypeOf(Uint8Array)]) {
    for (const name of localized) {
      if (name !== "toLocaleString" && !Object.hasOwn(prototype, name)) continue;
      replace(prototype, name, { [name]() { throw new TypeError(noLocale); } }[name]);
    }
  }
  // Without a language, these are what they are in all of Unicode.
  for (const [name, own] of [["localeCompare", 1], ["toLocaleLowerCase", 0], ["toLocaleUpperCase", 0]]) {
    const native = String.prototype[name];
    replace(String.prototype, name, {
      [name](...given) {
        for (let at = own; at < given.length; at++) {
          if (given[at] !== undefined) throw new TypeError(noLocale);
        }
        return apply(native, this, given);
      },
    }[name]);
  }

  // Long ids: a conversion that would change one is refused.
  const { isFinite, isSafeInteger } = Number;
  const NativeNumber = Number, NativeBigInt = BigInt;
  const whole = /^[+-]?\d{16,}$/, begin = /^[+-]?\d{16,}(?![\d.eE])/;
  const kept = (number, digits) => {
    if (isFinite(number) && NativeBigInt(number) === NativeBigInt(digits[0] === "+" ? digits.slice(1) : digits)) {
      return number;
    }
    throw new RangeError(`${digits} has more digits than a number holds; BigInt(…) keeps them`);
  };
  const keptOf = (pattern, text, number) => {
    if (isSafeInteger(number) || typeof text !== "string") return number;
    const digits = matched(pattern, apply(trim, text, []));
    return digits ? kept(number, digits[0]) : number;
  };
  const ConfinedNumber = function Number(...given) {
    if (new.target) return construct(NativeNumber, given, new.target);
    if (given.length === 0) return 0;
    const [value] = given, number = NativeNumber(value);
    return typeof value === "bigint" ? kept(number, apply(bigText, value, [])) : keptOf(whole, value, number);
  };
  for (const key of ownKeys(NativeNumber)) {
    if (key !== "prototype") defineProperty(ConfinedNumber, key, getOwnPropertyDescriptor(NativeNumber, key));
  }
  ConfinedNumber.prototype = NativeNumber.prototype;
  replace(NativeNumber.prototype, "constructor", ConfinedNumber);
  replace(globalThis, "Number", ConfinedNumber);
  const { parseInt: readInt, parseFloat: readFloat } = globalThis;
  const conversions = {
    parseInt(text, radix) {
      if (typeof text !== "string") text = `${text}`;
      const number = readInt(text, radix);
      return radix === undefined || +radix === 10 || +radix === 0 ? keptOf(begin, text, number) : number;
    },
    parseFloat(text) {
      if (typeof text !== "string") text = `${text}`;
      return keptOf(begin, text, readFloat(text));
    },
  };
  for (const owner of [globalThis, ConfinedNumber]) {
    for (const name of ["parseInt", "parseFloat"]) replace(owner, name, conversions[name]);
  }

  // JSON in a text is as JSON in an item: every digit stays, and what JSON
  // cannot say is an error.
  replace(NativeBigInt.prototype, "toJSON", function toJSON() { return rawJSON(apply(bigText, this, [])); });
  const exactly = (change) => function (key, value) {
    const held = this[key];
    // What `toJSON` has not changed yet, as everywhere for numbers.
    if (typeof held === "bigint" || held instanceof Decimal) value = held;
    if (change) value = apply(change, this, [key, value]);
    if (typeof value === "bigint") return rawJSON(apply(bigText, value, []));
    if (value instanceof Decimal) return value.toJSON();
    if (typeof value === "number" && !isFinite(value)) {
      throw new TypeError(`'${key}' is ${value}, which is no JSON number`);
    }
    if (value === null && held instanceof NativeDate) throw new TypeError(`'${key}' is an invalid date`);
    return value;
  };
  // Of the fields that are named, for a list in a replacer's place.
  const named = (names) => {
    let outermost = true;
    return function (key, value) {
      const known = outermost || Array.isArray(this) || names.includes(key);
      outermost = false;
      return known ? value : undefined;
    };
  };
  const writeSpelled = flavour.write;
  replace(JSON, "stringify", function stringify(value, change, space) {
    if (writeSpelled && change === undefined && space === undefined) {
      const text = writeSpelled(value, helpers);
      if (typeof text === "string") return text;
    }
    if (typeof change === "function") return writeJson(value, exactly(change), space);
    const checked = () => writeJson(value, exactly(Array.isArray(change) ? named(change.map(String)) : null), space);
    let text;
    try {
      text = writeJson(value, change, space);
    } catch (error) {
      // A `toJSON` of the script may have given a BigInt.
      if (error instanceof TypeError) return checked();
      throw error;
    }
    // It writes `null` of what is no number.
    if (text !== undefined && apply(includes, text, ["null"])) checked();
    return text;
  });
  // What a script wants as text.
  let texts = 0;
  const read = (text) => readJson(text, helpers, texts);
  replace(JSON, "parse", function parse(text, revive) {
    if (typeof text !== "string") text = `${text}`;
    if (typeof revive !== "function") return read(text);
    return reviveJson(text, function (key, value, context) {
      if (typeof value === "number" && typeof context.source === "string") value = read(context.source);
      return apply(revive, this, [key, value, context]);
    });
  });

  // These show when memory is collected, or how long something takes; the two
  // of Error keep what is set in the engine itself, where freezing is no help.
  for (const name of ["WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "Atomics", "performance", "queueMicrotask"]) {
    delete globalThis[name];
  }
  delete Error.prepareStackTrace;
  delete Error.stackTraceLimit;

  // Every part as a person would read it; what is not text as JSON.
  const shown = (part) => {
    if (typeof part === "string") return part;
    if (part instanceof Error) return `${part}`;
    try {
      const text = isObject(part) ? JSON.stringify(part) : undefined;
      return text === undefined ? String(part) : text;
    } catch {
      return Object.prototype.toString.call(part);
    }
  };
  const console = {};
  for (const [name, level] of [["log", "info"], ["info", "info"], ["warn", "warn"], ["error", "error"],
    ["debug", "debug"], ["trace", "debug"]]) {
    console[name] = log ? (...parts) => { log(level, parts.map(shown).join(" ")); } : () => {};
  }
  replace(globalThis, "console", console);

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
  let document;
  if (flavour.context) defineProperty(globalThis, "context", { get: () => document, enumerable: true });

  // What an object leads to: anything at all, or a document's fields and
  // elements, where there is nothing to look up but values.
  const everything = (object, found) => {
    found.push(getPrototypeOf(object));
    for (const key of ownKeys(object)) {
      const { value, get, set } = getOwnPropertyDescriptor(object, key);
      found.push(value, get, set);
    }
  };
  const values = (object, found) => {
    for (const key of ownKeys(object)) found.push(object[key]);
  };
  // Tables that stay outside: they refuse to be changed by themselves.
  const tables = new WeakMap();
  // What is frozen already is so with all that it leads to.
  const freezeAll = (waiting, leadsTo) => {
    while (waiting.length > 0) {
      const object = waiting.pop();
      if (!isObject(object) || tables.has(object) || isFrozen(object)) continue;
      freeze(object);
      leadsTo(object, waiting);
    }
  };
  // Everything that can be reached by name, and what syntax alone reaches.
  freezeAll([
    globalThis, Decimal, ...samples, samples[1](), samples[3](), arguments,
    [].values(), new Map().entries(), new Set().values(), ""[Symbol.iterator](), "".matchAll(/./g),
    [].values().map((value) => value), Iterator.from({ next() {} }), new Error(),
  ], everything);
  const show = (context) => {
    freezeAll([context], values);
    document = context;
  };

  // A table that stays outside, as an object of its rows. `find` gives a row's text by
  // its key; `whole` that of all rows, or throws. Rows are frozen like all of `context`.
  const table = (find, whole) => {
    const { get, has } = Reflect;
    const made = (text) => {
      const value = read(text);
      freezeAll([value], values);
      return value;
    };
    // The last row, since its fields are asked for in turn, and all of them, once.
    let last, found = false, row, all;
    const finds = (key) => {
      if (typeof key !== "string") return false;
      if (key === last) return found;
      const text = find(key);
      found = typeof text === "string";
      row = found ? made(text) : undefined;
      last = key;
      return found;
    };
    const rows = () => (all ??= made(whole()));
    const refuse = () => { throw new TypeError("a table cannot be changed"); };
    const proxy = new Proxy({}, {
      get(target, key) { return finds(key) ? row : get(target, key); },
      has(target, key) { return finds(key) || has(target, key); },
      getOwnPropertyDescriptor(target, key) {
        if (finds(key)) return { value: row, writable: false, enumerable: true, configurable: true };
      },
      ownKeys() { return ownKeys(rows()); },
      set: refuse, defineProperty: refuse, deleteProperty: refuse, setPrototypeOf: refuse, preventExtensions: refuse,
    });
    tables.set(proxy, rows);
    return proxy;
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

  const helpers = {
    show,
    table,
    rows: (proxy) => tables.get(proxy)?.(),
    numbers: (wanted) => { texts = wanted; },
    toBigInt: BigInt,
    toDecimal: (text) => new Decimal(text),
    rawJSON: (object) => (isRawJSON(object) ? object.rawJSON : null),
    kind,
    unbox,
    wellFormed: (text) => text.toWellFormed(),
    plain: Object.prototype,
  };
  return helpers;
})
