// Adapters for crossdock in JavaScript: what most of them need.
//
// The runtime gives this to adapters as the module "crossdock", npm as
// "@crossdock/adapter". It uses nothing but the language itself, because the
// runtime is QuickJS: no Node, no TextEncoder, no Intl. What only the host can
// do comes from the module "crossdock:host".
//
// Made of src/ by bundle.mjs: change it there.
import * as host from "crossdock:host";

// Faults: what an adapter says instead of an answer.

/** A fault: thrown, it is the answer; in `failures`, it is about one item. */
class Fault extends Error {
  constructor(kind, value) {
    super(typeof value === "string" ? value : value.message);
    this[kind] = value;
  }
}

const detailed = (kind) => (pointer, message) => new Fault(kind, { pointer, message });

const fault = {
  invalidInput: detailed("invalidInput"),
  invalidSettings: detailed("invalidSettings"),
  invalidReply: detailed("invalidReply"),
  unsupported: (operation) => new Fault("unsupported", operation),
  other: (message) => new Fault("other", message),
};

// Text, bytes, hexadecimal and Base64. QuickJS has no TextEncoder. In the host, what
// the runtime has of these is quicker; `undefined` comes from it for what it does not
// take.

/** Text with U+FFFD in the place of halves of characters. */
const wellFormed = (text) => text.toWellFormed();

/** Text → its bytes in UTF-8. */
function utf8(text) {
  const made = host.utf8?.(text);
  if (made !== undefined) return made;
  const escaped = encodeURIComponent(wellFormed(text));
  const bytes = [];
  for (let at = 0; at < escaped.length; at++) {
    if (escaped[at] !== "%") bytes.push(escaped.charCodeAt(at));
    else bytes.push(parseInt(escaped.slice(at + 1, (at += 2) + 1), 16));
  }
  return Uint8Array.from(bytes);
}

/** Bytes in UTF-8 → text; what is no UTF-8 becomes U+FFFD. */
function fromUtf8(bytes) {
  const made = host.fromUtf8?.(bytes);
  if (made !== undefined) return made;
  const out = [];
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at++];
    if (first < 0x80) { out.push(String.fromCharCode(first)); continue; }
    const more = first >= 0xf0 && first <= 0xf4 ? 3 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xc2 && first < 0xe0 ? 1 : 0;
    let code = more === 3 ? first & 7 : more === 2 ? first & 15 : first & 31;
    let left = more;
    // The second byte has bounds of its own: nothing overlong, no surrogates.
    let low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    let high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    while (left > 0 && bytes[at] >= low && bytes[at] <= high) {
      code = code << 6 | bytes[at++] & 63;
      [low, high, left] = [0x80, 0xbf, left - 1];
    }
    out.push(more === 0 || left > 0 ? "\ufffd" : String.fromCodePoint(code));
  }
  return out.join("");
}

const hexOf = (bytes) => Array.from(bytes, (byte) => (byte < 16 ? "0" : "") + byte.toString(16)).join("");
const bytesOf = (value) => (typeof value === "string" ? utf8(value) : value);

/** Bytes (or text, as UTF-8) → lower-case hexadecimal. */
const hex = (bytes) => host.hex?.(bytes) ?? hexOf(bytesOf(bytes));
/** The same in upper case. */
const hexUpper = (bytes) => hex(bytes).toUpperCase();

/** Hexadecimal → bytes, or null if it is none. */
function fromHex(text) {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) return null;
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Bytes (or text, as UTF-8) → Base64 with padding (RFC 4648, section 4). */
function base64(value) {
  const made = host.base64?.(value);
  if (made !== undefined) return made;
  const bytes = bytesOf(value);
  let out = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const held = bytes.length - at;
    const bits = bytes[at] << 16 | (bytes[at + 1] ?? 0) << 8 | (bytes[at + 2] ?? 0);
    out += ALPHABET[bits >> 18] + ALPHABET[bits >> 12 & 63];
    out += (held > 1 ? ALPHABET[bits >> 6 & 63] : "=") + (held > 2 ? ALPHABET[bits & 63] : "=");
  }
  return out;
}

/** Base64 with padding → bytes, or null if it is none. */
function fromBase64(text) {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const out = [];
  let bits = 0, held = 0;
  for (const digit of text.replace(/=+$/, "")) {
    bits = (bits << 6 | ALPHABET.indexOf(digit)) & 0xffff;
    held += 6;
    if (held >= 8) { held -= 8; out.push(bits >> held & 255); }
  }
  return Uint8Array.from(out);
}

// Percent-encoding, forms and queries.

/** Percent-encodes everything but RFC 3986's unreserved characters. */
const percent = (text) =>
  encodeURIComponent(wellFormed(String(text))).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());

const formText = (text) => percent(text).replace(/%20|%2A|~/g, (c) => ({ "%20": "+", "%2A": "*", "~": "%7E" })[c]);
/** Pairs, from pairs or from an object. */
const pairsOf = (pairs) => (Array.isArray(pairs) ? pairs : Object.entries(pairs).filter(([, value]) => value !== undefined));

/** `application/x-www-form-urlencoded` (WHATWG URL), in the order given. */
const form = (pairs) => pairsOf(pairs).map(([name, value]) => `${formText(name)}=${formText(value)}`).join("&");

/** A query string with RFC 3986's encoding, in the order given: what AWS and Aliyun sign. */
const query = (pairs) => pairsOf(pairs).map(([name, value]) => `${percent(name)}=${percent(value)}`).join("&");

// Byte by byte, where a part holds what is no escape, or bytes that are no UTF-8.
function decodedSlowly(text) {
  const bytes = [];
  for (let at = 0; at < text.length; at++) {
    if (/^%[0-9a-fA-F]{2}/.test(text.slice(at, at + 3))) {
      bytes.push(parseInt(text.slice(at + 1, at + 3), 16));
      at += 2;
      continue;
    }
    const character = String.fromCodePoint(text.codePointAt(at));
    for (const byte of utf8(character)) bytes.push(byte);
    at += character.length - 1;
  }
  return fromUtf8(bytes);
}

function decoded(part) {
  const text = part.replaceAll("+", " ");
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return decodedSlowly(text);
  }
}

/** The fields of a form or query text, decoded, in their order. */
const formFields = (text) => text.split("&").filter((field) => field !== "").map((field) => {
  const at = field.indexOf("=");
  return at < 0 ? [decoded(field), ""] : [decoded(field.slice(0, at)), decoded(field.slice(at + 1))];
});

// Numbers, digit for digit: JSON spells one number in many ways, and none of
// them may cost a digit.

/** A number by the grammar of JSON, from `lastIndex` on. */
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const MOST_ZEROS = 40;

const isNumber = (text) => {
  NUMBER.lastIndex = 0;
  return NUMBER.exec(text)?.[0].length === text.length;
};

/** 0.DIGITS × 10^point of a number's text, without zeros at either end: equal for equal numbers. */
function canonical(text) {
  const [, whole, fraction = "", exponent = "0"] = /^-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text);
  const digits = whole + fraction, first = digits.search(/[1-9]/);
  if (first < 0) return "0";
  return `${digits.slice(first).replace(/0+$/, "")}e${whole.length - first + Number(exponent)}`;
}

/** A decimal with more digits than a Number holds. Its text has them all; arithmetic would lose some, and is refused. */
class Decimal {
  #text;
  constructor(text) {
    if (!isNumber(text)) throw new TypeError(`'${text}' is no number`);
    this.#text = text;
    Object.freeze(this);
  }
  toString() { return this.#text; }
  toJSON() { return JSON.rawJSON ? JSON.rawJSON(this.#text) : Number(this.#text); }
  [Symbol.toPrimitive](hint) {
    if (hint === "string") return this.#text;
    throw new TypeError(`${this.#text} has more digits than a number holds; String(…) keeps them, Number(String(…)) rounds`);
  }
}

/** How numbers were written that a Number would be written otherwise, `12.3400`; null where in several ways. */
const literals = new Map();

/** The text of a number → a Number, or a Decimal if that would lose digits. */
function readNumber(text) {
  const number = Number(text);
  if (!/[.eE]/.test(text)) return Number.isSafeInteger(number) ? number : BigInt(text);
  if (!Number.isFinite(number) || canonical(text) !== canonical(shortest(number))) return new Decimal(text);
  // A whole number may be any other as well.
  if (!Number.isInteger(number)) literals.set(number, literals.has(number) && literals.get(number) !== text ? null : text);
  return number;
}

const shortest = (number) => (Object.is(number, -0) ? "-0" : String(number));

// A Decimal of this module or of the runtime, which has its own.
const isDecimal = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) &&
  Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null &&
  !(value instanceof Uint8Array) && isNumber(`${value}`);

/** The text of a value that is a number, otherwise null. */
const writtenNumber = (value) => {
  if (typeof value === "number") return Number.isFinite(value) ? shortest(value) : null;
  return typeof value === "bigint" || isDecimal(value) ? `${value}` : null;
};

/** The same, as it was written where it was read. */
const asWritten = (value) => (typeof value === "number" && literals.get(value)) || writtenNumber(value);

/** A number in plain digits, as it was written unless that has an exponent: `1.5e1` → "15". Otherwise null. */
function plain(value) {
  const text = asWritten(value);
  const parts = text === null ? null : /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text);
  if (parts === null) return null;
  const [, sign, whole, fraction = "", exponent] = parts;
  if (exponent === undefined) return text;
  const digits = whole + fraction;
  if (/^0*$/.test(digits)) return sign + "0";
  const point = whole.length + Number(exponent);
  if (point - digits.length > MOST_ZEROS || -point > MOST_ZEROS) return null;
  const padded = point < 0 ? "0".repeat(-point) + digits : digits.padEnd(point, "0");
  const before = (point > 0 ? padded.slice(0, point) : "").replace(/^0+/, "") || "0";
  const after = padded.slice(Math.max(point, 0));
  return sign + before + (after && "." + after);
}

/** The digits of a whole number in any spelling (`20`, `20.0`, `2e1`), otherwise null. */
function integer(value) {
  const parts = /^(-?[0-9]+)(?:\.0+)?$/.exec(plain(value) ?? "");
  return parts && parts[1];
}

/** The digits of an identifier, from a whole number or a text of digits, otherwise null. */
function digits(value) {
  const text = typeof value === "string" ? value : asWritten(value) ?? "";
  return /^(0|[1-9][0-9]*)$/.test(text) ? text : null;
}

/** The digits of a decimal with at most so many before and after the point, from a number or a text, otherwise null. */
function decimal(value, whole = 15, fraction = 15) {
  const text = typeof value === "string" ? value : asWritten(value) ?? "";
  const parts = /^-?(0|[1-9][0-9]*)(?:\.([0-9]+))?$/.exec(text);
  return parts && parts[1].length <= whole && (parts[2] ?? "").length <= fraction ? text : null;
}

/** A number times 10^places as whole digits (`12.5`, 2 → "1250": a price in cents), or null if digits would be lost. */
function scaled(value, places) {
  const parts = /^(-?)([0-9]+)(?:\.([0-9]*?)0*)?$/.exec((typeof value === "string" ? decimal(value, 40, 40) : plain(value)) ?? "");
  const [, sign, whole, fraction = ""] = parts ?? [null, "", "", ""];
  if (parts === null || fraction.length > places) return null;
  const all = (whole + fraction.padEnd(places, "0")).replace(/^0+/, "") || "0";
  return all === "0" ? all : sign + all;
}

/**
 * What an envelope's code says, where its document says that it is a whole
 * number and which one is success: null for success, or the failure's digits.
 */
function code(value, pointer, success) {
  const quoted = typeof value === "string";
  if (!quoted && writtenNumber(value) === null) throw fault.invalidReply(pointer, "the answer's code is no number");
  const number = quoted ? (isNumber(value) ? integer(readNumber(value)) : null) : integer(value);
  if (number === null) throw fault.invalidReply(pointer, "the answer's code is no whole number");
  const found = number === "-0" ? "0" : number;
  if (found !== String(success)) return found;
  if (!quoted) return null;
  throw fault.invalidReply(pointer, `the answer's code is the text ${JSON.stringify(value)}, not the number ${success}`);
}

// The order in which platforms sort names.

const HALVES = /[\ud800-\udfff]/;

// Half of a character beyond U+FFFF comes after all others, as in UTF-8.
const rank = (unit) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);

/** The order of texts by their bytes in UTF-8, which `<` has not always. */
function compare(one, other) {
  if (one === other) return 0;
  if (!HALVES.test(one) && !HALVES.test(other)) return one < other ? -1 : 1;
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const difference = rank(one.charCodeAt(at)) - rank(other.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

// JSON that keeps digits.

const MOST_LEVELS = 128;

/** JSON text → values: numbers as Number, as BigInt beyond 2^53, as Decimal where a Number would lose digits. */
function parse(text) {
  if (host.parse) return host.parse(text);
  let at = 0;
  const wrong = (what) => { throw new SyntaxError(`${what} at character ${at + 1}`); };
  const space = () => { while (" \n\r\t".includes(text[at] ?? "x")) at++; };
  const string = () => {
    let end = at + 1;
    for (;;) {
      end = text.indexOf('"', end);
      if (end < 0) { at = text.length; wrong("the text ends within a string"); }
      let before = end;
      while (text[before - 1] === "\\") before--;
      end++;
      if ((end - 1 - before) % 2 === 0) break;
    }
    const literal = text.slice(at, end);
    try {
      const value = JSON.parse(literal);
      at = end;
      return value;
    } catch { return wrong("a string is no JSON"); }
  };
  const number = () => {
    NUMBER.lastIndex = at;
    const written = NUMBER.exec(text)?.[0];
    if (written === undefined) wrong(at < text.length ? "there is no JSON value" : "the text ends too early");
    at += written.length;
    return readNumber(written);
  };
  const value = (level) => {
    space();
    if (level > MOST_LEVELS) wrong(`the text is nested deeper than ${MOST_LEVELS} levels`);
    const first = text[at];
    if (first === '"') return string();
    if (first === "{" || first === "[") return first === "[" ? array(level) : object(level);
    for (const [word, meaning] of [["true", true], ["false", false], ["null", null]]) {
      if (text.startsWith(word, at)) { at += word.length; return meaning; }
    }
    return number();
  };
  const list = (close, member) => {
    at++;
    space();
    if (text[at] === close) { at++; return; }
    for (;;) {
      member();
      space();
      if (text[at] === close) { at++; return; }
      if (text[at++] !== ",") { at--; wrong(at < text.length ? `there is no ',' or '${close}'` : "the text ends too early"); }
      space();
    }
  };
  const array = (level) => {
    const out = [];
    list("]", () => out.push(value(level + 1)));
    return out;
  };
  const object = (level) => {
    const out = {};
    list("}", () => {
      if (text[at] !== '"') wrong(at < text.length ? "there is no member's name" : "the text ends too early");
      const name = string();
      space();
      if (text[at] !== ":") wrong(at < text.length ? "there is no ':'" : "the text ends too early");
      at++;
      if (Object.hasOwn(out, name)) wrong(`the member '${name}' is there twice`);
      // Defined, not assigned: `__proto__` is a member like any other.
      const held = { value: value(level + 1), writable: true, enumerable: true, configurable: true };
      Object.defineProperty(out, name, held);
    });
    return out;
  };
  const whole = value(0);
  space();
  if (at < text.length) wrong("there is something behind the JSON");
  return whole;
}

/** Values → compact JSON text with every digit; members in their order, or sorted at every level. */
function stringify(value, { sorted = false } = {}) {
  if (host.stringify && !sorted) return host.stringify(value);
  const write = (value, pointer) => {
    const number = asWritten(value);
    if (number !== null) return number;
    if (value === null || typeof value === "boolean") return String(value);
    if (typeof value === "string") return JSON.stringify(wellFormed(value));
    if (Array.isArray(value)) return `[${value.map((element, at) => write(element, `${pointer}/${at}`)).join(",")}]`;
    if (typeof value !== "object" || value instanceof Uint8Array) throw new TypeError(`'${pointer}' is ${typeof value === "object" ? "bytes" : String(value)}, which is no JSON`);
    if (typeof value.toJSON === "function") return write(value.toJSON(), pointer);
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    if (sorted) members.sort(([one], [other]) => compare(one, other));
    return `{${members.map(([name, member]) => `${JSON.stringify(wellFormed(name))}:${write(member, `${pointer}/${name}`)}`).join(",")}}`;
  };
  return write(value, "");
}

const json = { parse, stringify, plain, integer, digits, decimal, scaled, code };

// Hashes and HMACs over secrets that stay in the host, and the messages that
// platforms sign.

/** The secret with this name, in a message: its bytes stay in the host. */
const secret = (name) => ({ secret: name });

const hashing = (digest) => (...message) => host.hash(digest, message.flat());

/** Hashes and HMACs; with secrets in the message, during `sign` only. */
const keys = {
  hash: (digest, message) => host.hash(digest, message),
  hmac: (digest, key, messages) => host.hmac(digest, key, messages),
  md5: hashing("md5"),
  sha1: hashing("sha1"),
  sha256: hashing("sha256"),
  sha512: hashing("sha512"),
};

/**
 * Whether somebody knows a secret, during `receive` only. The host compares, and takes
 * nothing in a call in which none of these said true. `given` is bytes, text, or null.
 */
const verify = {
  hash: (digest, message, given) => host.isHash(digest, message, given),
  hmac: (digest, key, message, given) => host.isHmac(digest, key, [message], given),
  secret: (name, given) => host.isSecret(name, given),
};

/**
 * Pairs in the order of their names' bytes, joined to a message's chunks:
 * `equals` between name and value, `between` after all but the last pair.
 */
function sorted(pairs, { equals = "", between = "", skipEmpty = false, encode = String } = {}) {
  const isSecret = (value) => typeof value === "object" && value !== null && typeof value.secret === "string";
  const wanted = pairsOf(pairs).filter(([, value]) => !(skipEmpty && (value === "" || value === null)));
  wanted.sort(([one], [other]) => compare(one, other));
  const chunks = [];
  let stretch = "";
  wanted.forEach(([name, value], at) => {
    stretch += (at > 0 ? between : "") + encode(name) + equals;
    if (isSecret(value)) { chunks.push(stretch, value); stretch = ""; } else stretch += encode(value);
  });
  return stretch === "" ? chunks : [...chunks, stretch];
}

/** A secret, the sorted pairs, the secret again: what most Chinese platforms hash. */
const wrapped = (name, pairs, options) => [secret(name), ...sorted(pairs, options), secret(name)];

// The plugin's log.

const logging = (level) => (message) => host.log(level, String(message));

/** Lines for the plugin's log, kept with the delivery. */
const log = { debug: logging("debug"), info: logging("info"), warn: logging("warn"), error: logging("error") };

// Requests without their authentication.

const made = (method, path, query, headers, body) => ({ method, path, query: pairsOf(query), headers, body });
const typed = (type) => [["content-type", type]];

/** Drafts: `query` is not encoded, the host does that; order and duplicates stay. */
const draft = {
  /** GET, without a body. */
  get: (path, query = []) => made("GET", path, query, [], null),
  /** A body of JSON: a text is JSON already, anything else is written as such. */
  json: (method, path, value, query = []) =>
    made(method, path, query, typed("application/json"), typeof value === "string" ? value : json.stringify(value)),
  /** A body of form fields, in their order. */
  form: (method, path, fields, query = []) => made(method, path, query, typed("application/x-www-form-urlencoded"), form(fields)),
  /** Any other body. */
  body: (method, path, type, body, query = []) => made(method, path, query, typed(type), body),
};

// Misspelt names.

/** How many letters have to change to make one name of another, upper and lower case alike. */
function distance(one, other) {
  const from = one.toLowerCase(), to = other.toLowerCase();
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let at = 0; at < from.length; at++) {
    const next = [at + 1];
    for (let place = 0; place < to.length; place++) {
      next.push(Math.min(row[place] + (from[at] === to[place] ? 0 : 1), row[place + 1] + 1, next[place] + 1));
    }
    row = next;
  }
  return row[to.length];
}

/** Throws where an option was given that nobody reads: it may be a misspelt one. */
function refuseOthers(who, others, known) {
  const [name] = Object.keys(others);
  if (name === undefined) return;
  const near = known.find((option) => distance(name, option) <= 1 + option.length / 4);
  const meant = near === undefined ? `its options are ${known.join(", ")}` : `did you mean \`${near}\`?`;
  throw new TypeError(`\`${who}\` has no option \`${name}\`; ${meant}`);
}

// What became of an item.

const refused = (kind) => (code, message = "", details = []) => ({ [kind]: { code: String(code), message: String(message), details } });
const paused = (kind) => (code, message = "", afterMs = null) => ({ [kind]: { afterMs, code: String(code), message: String(message) } });

/** Outcomes: `accepted` with its result, refusals with the platform's own code and message. */
const outcome = {
  /** Done. */
  accepted: (result = {}) => ({ accepted: result }),
  /** The platform had already applied this item. */
  duplicate: (result = {}) => ({ duplicate: result }),
  /** Permanently refused. */
  rejected: refused("rejected"),
  /** The credentials are not accepted. */
  unauthenticated: refused("unauthenticated"),
  /** The platform does not say whether it was applied. */
  unknown: refused("unknown"),
  /** Transient. Of a request that is not repeatable, it promises that nothing was applied. */
  retry: paused("retry"),
  /** Rate limited: the whole connection has to slow down. */
  throttled: paused("throttled"),
};

// From items to requests of limited size, and from a platform's rows back to
// items.

const BATCH_OPTIONS = ["size", "read", "groupBy", "draft", "repeatable"];

/**
 * Reads every item; what `read` throws as a fault becomes a failure of that
 * item. The others are rows: { index, key, value }.
 */
function rows(items, read) {
  const found = [], failures = [];
  for (let index = 0; index < items.length; index++) {
    try {
      found.push({ index, key: items[index].key, value: read(items[index], index) });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      failures.push({ item: index, fault: error });
    }
  }
  return { rows: found, failures };
}

/** Rows with equal keys together; groups and rows keep the order of the items. */
function group(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row.value);
    if (groups.has(name)) groups.get(name).push(row);
    else groups.set(name, [row]);
  }
  return [...groups];
}

/** A list in pieces of at most so many. */
function chunks(list, size) {
  const pieces = [];
  for (let at = 0; at < list.length; at += size) pieces.push(list.slice(at, at + size));
  return pieces;
}

/**
 * What `map` returns, for items that are read one by one and sent `size` at a
 * time: `read` makes a value of an item or throws a fault, `groupBy` names what
 * must not share a request, `draft` makes the request of some values.
 */
function batch(items, { size = Infinity, read = (item) => item.document, groupBy, draft, repeatable = false, ...others }) {
  refuseOthers("batch", others, BATCH_OPTIONS);
  const { rows: found, failures } = rows(items, read);
  const groups = groupBy ? group(found, groupBy) : [[undefined, found]];
  const requests = [];
  for (let at = 0; at < groups.length; at++) {
    const name = groups[at][0];
    const pieces = chunks(groups[at][1], size);
    for (let piece = 0; piece < pieces.length; piece++) {
      const some = pieces[piece];
      const values = [], indices = [];
      for (let row = 0; row < some.length; row++) {
        values.push(some[row].value);
        indices.push(some[row].index);
      }
      requests.push({
        draft: draft(values, name, some),
        items: indices,
        repeatable: typeof repeatable === "function" ? repeatable(values) : repeatable,
      });
    }
  }
  return { requests, failures };
}

/** What `parseResponse` returns: the same outcome for every item of the request. */
const every = (request, outcome, next) => of(request.items.map(() => outcome), next);

/** What `parseResponse` returns: one outcome per item, and perhaps what is sent next. */
const of = (outcomes, next) => (next ? { outcomes, next } : { outcomes });

/**
 * One outcome per item where a platform lists the rows that failed: all others
 * are accepted. `named` has each row's name, in the request's order; without
 * it, rows are numbered from 0. `failed` gives [name, outcome] of a listed row.
 */
function perRow(request, listed, failed, { named, accepted = {}, pointer = "" } = {}) {
  if (!Array.isArray(listed)) throw fault.invalidReply(pointer, "the answer has no list of rows here");
  const outcomes = request.items.map(() => outcome.accepted(accepted));
  const names = (named ?? request.items.map((_, at) => at)).map(String);
  listed.forEach((row, at) => {
    if (typeof row !== "object" || row === null) throw fault.invalidReply(`${pointer}/${at}`, "a row of the answer is no object");
    const [name, said] = failed(row, at);
    const wanted = typeof name === "string" ? name : json.integer(name);
    const places = names.flatMap((known, place) => (known === wanted ? [place] : []));
    if (places.length === 0) throw fault.invalidReply(`${pointer}/${at}`, `the answer is about '${wanted}', which was not sent`);
    for (const place of places) outcomes[place] = said;
  });
  return outcomes;
}

// Times as platforms write them, from the context's.

// Zones without summer time, in minutes. There are no others: what changes with
// parliaments is in no adapter.
const ZONES = {
  UTC: 0, GMT: 0,
  "Asia/Shanghai": 480, "Asia/Hong_Kong": 480, "Asia/Macau": 480, "Asia/Taipei": 480,
  "Asia/Singapore": 480, "Asia/Kuala_Lumpur": 480, "Asia/Manila": 480,
  "Asia/Tokyo": 540, "Asia/Seoul": 540,
  "Asia/Bangkok": 420, "Asia/Ho_Chi_Minh": 420, "Asia/Jakarta": 420, "Asia/Kolkata": 330,
};

/** Minutes east of Greenwich of `+08:00`, `+0800`, `Z` or a zone without summer time. */
function zoneMinutes(zone) {
  if (Object.hasOwn(ZONES, zone)) return ZONES[zone];
  const parts = /^([+-])([01][0-9]):?([0-5][0-9])$/.exec(zone === "Z" ? "+00:00" : zone);
  if (parts) return (parts[1] === "-" ? -1 : 1) * (Number(parts[2]) * 60 + Number(parts[3]));
  throw new RangeError(`'${zone}' is no zone that is known here: write its offset, as +08:00`);
}

const two = (number) => String(number).padStart(2, "0");
const offset = (minutes, colon) =>
  (minutes < 0 ? "-" : "+") + two(Math.trunc(Math.abs(minutes) / 60)) + colon + two(Math.abs(minutes) % 60);

/**
 * A Unix time in milliseconds by a pattern of yyyy, MM, dd, HH, mm, ss, SSS, Z
 * (`+0800`) and XXX (`+08:00`); a quoted stretch ('T') stays as it is.
 */
function formatTime(unixMs, pattern, zone = "+08:00") {
  const minutes = zoneMinutes(zone);
  const local = new Date(unixMs + minutes * 60000);
  return pattern.replace(/'([^']*)'|yyyy|MM|dd|HH|mm|ss|SSS|XXX|Z/g, (field, quoted) => {
    if (quoted !== undefined) return quoted;
    switch (field) {
      case "yyyy": return String(local.getUTCFullYear()).padStart(4, "0");
      case "MM": return two(local.getUTCMonth() + 1);
      case "dd": return two(local.getUTCDate());
      case "HH": return two(local.getUTCHours());
      case "mm": return two(local.getUTCMinutes());
      case "ss": return two(local.getUTCSeconds());
      case "SSS": return String(local.getUTCMilliseconds()).padStart(3, "0");
      case "Z": return offset(minutes, "");
      default: return offset(minutes, ":");
    }
  });
}

/** `yyyy-MM-dd HH:mm:ss`, in Chinese time if nothing else is said. */
const dateTime = (unixMs, zone) => formatTime(unixMs, "yyyy-MM-dd HH:mm:ss", zone);

/** `yyyy-MM-dd HH:mm:ss`, `T` and milliseconds allowed → Unix milliseconds; null if it is none. */
function readDateTime(text, zone = "+08:00") {
  const parts = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{3}))?$/.exec(text);
  if (parts === null) return null;
  const [year, month, day, hour, minute, second, ms] = parts.slice(1).map((part) => Number(part ?? 0));
  return utc(year, month, day, hour, minute, second, ms, zoneMinutes(zone));
}

function utc(year, month, day, hour, minute, second, ms, minutes) {
  if (hour > 23 || minute > 59 || second > 59) return null;
  const time = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  const back = new Date(time);
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day || back.getUTCFullYear() !== year) return null;
  return time - minutes * 60000;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Sun, 06 Nov 1994 08:49:37 GMT` → Unix milliseconds; null if it is none. */
function httpDate(text) {
  const parts = /^[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/.exec(text);
  const month = parts === null ? 0 : MONTHS.indexOf(parts[2]) + 1;
  if (month === 0) return null;
  return utc(Number(parts[3]), month, Number(parts[1]), Number(parts[4]), Number(parts[5]), Math.min(Number(parts[6]), 59), 0, 0);
}

// A platform's answer, read or explained.

const EXCERPT_CHARS = 200, EXCERPT_LOOKED_AT = 4096;
const NO_BODY = "the answer has no body";

/** The first header of this name, upper and lower case alike, or undefined. */
const header = (reply, name) =>
  reply.headers.find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1];

/** A reply's or a draft's body as text, without a byte order mark; empty for no body. */
function bodyText(reply) {
  const { body } = reply;
  const text = body === null || body === undefined ? "" : typeof body === "string" ? body : fromUtf8(body);
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** The body as JSON; otherwise a fault that says what is there instead. */
function readJson(reply) {
  const text = bodyText(reply);
  try {
    return json.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const begin = text.trimStart();
    if (begin === "") throw fault.invalidReply("", "the answer is empty");
    if (begin.startsWith("<")) throw fault.invalidReply("", "the answer is a web page or XML, not JSON");
    throw fault.invalidReply("", `the answer is not the JSON expected: ${error.message}`);
  }
}

function line(reply) {
  const text = bodyText(reply);
  const begin = text.slice(0, EXCERPT_LOOKED_AT);
  const words = begin.split(/[\s\u0000-\u001f\u007f-\u009f]+/).filter((word) => word !== "").join(" ");
  if (words === "") return null;
  const shown = Array.from(words);
  if (shown.length > EXCERPT_CHARS) return shown.slice(0, EXCERPT_CHARS).join("") + "…";
  return begin.length < text.length ? words + "…" : words;
}

/** The beginning of the body on one line, or its absence, as part of a sentence. */
function beginning(reply) {
  const words = line(reply);
  return words === null ? NO_BODY : `the answer begins: ${words}`;
}

/** Milliseconds that `Retry-After` asks to wait (seconds or a date), or null. */
function retryAfterMs(context, reply) {
  const value = header(reply, "retry-after")?.trim();
  if (value === undefined) return null;
  const date = httpDate(value);
  if (!/^[0-9]+$/.test(value) && date === null) return null;
  const ms = date === null ? Number(value) * 1000 : Math.max(date - context.nowMs, 0);
  return Math.min(ms, 0xffffffff);
}

/**
 * What an HTTP status other than 2xx means for every item of the request; null
 * for 2xx, whose body the adapter reads.
 *
 * | status | outcome |
 * |---|---|
 * | 0: no answer | unknown, code `no-answer` |
 * | 401, 403 | unauthenticated |
 * | 429 | throttled, after `Retry-After` |
 * | 408, 425, 5xx | retry after `Retry-After` if the request is repeatable, or else unknown |
 * | others | rejected |
 */
function httpFailure(context, request, reply) {
  const { status } = reply;
  if (status >= 200 && status < 300) return null;
  if (status === 0) return outcome.unknown("no-answer", "no answer came; the platform may have applied the request");
  const code = `http-${status}`, message = line(reply) ?? NO_BODY;
  if (status === 401 || status === 403) return outcome.unauthenticated(code, message);
  if (status === 429) return outcome.throttled(code, message, retryAfterMs(context, reply));
  if (status !== 408 && status !== 425 && status < 500) return outcome.rejected(code, message);
  return request.repeatable ? outcome.retry(code, message, retryAfterMs(context, reply)) : outcome.unknown(code, message);
}

/**
 * What an answer means for every item of the request whose envelope means what
 * `own` returns, a fault if there is none: HTTP's status and the envelope
 * together. A platform's success under a refusing status is unknown.
 */
function httpAndOwn(context, request, reply, own) {
  const http = httpFailure(context, request, reply);
  if (http === null) return own();
  if (reply.status === 0) return http;
  let said;
  try {
    said = own();
  } catch (error) {
    if (error.invalidReply) return http;
    throw error;
  }
  if (said.duplicate) return said;
  if (said.throttled) {
    const afterMs = retryAfterMs(context, reply) ?? said.throttled.afterMs ?? null;
    return { throttled: { ...said.throttled, afterMs } };
  }
  if ("accepted" in said) {
    if (reply.status >= 500) return http;
    return outcome.unknown(`http-${reply.status}`, "the answer's HTTP status is a refusal and its body a success: which of them holds, the platform does not say");
  }
  if (http.rejected && !said.rejected || http.unauthenticated && said.retry) return said;
  const [[kind, old]] = Object.entries(http);
  const [[, words]] = Object.entries(said);
  const together = { ...old, code: words.code || old.code, message: words.message || old.message };
  if ("details" in old) together.details = words.details ?? [];
  return { [kind]: together };
}

export {
  Fault,
  fault,
  base64,
  fromBase64,
  fromHex,
  fromUtf8,
  hex,
  hexUpper,
  utf8,
  form,
  formFields,
  percent,
  query,
  Decimal,
  json,
  compare,
  keys,
  secret,
  sorted,
  verify,
  wrapped,
  log,
  draft,
  batch,
  chunks,
  every,
  group,
  of,
  perRow,
  rows,
  outcome,
  beginning,
  bodyText,
  header,
  httpAndOwn,
  httpFailure,
  readJson,
  retryAfterMs,
  dateTime,
  formatTime,
  readDateTime,
  zoneMinutes,
};
