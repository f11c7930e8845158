// Numbers, digit for digit: JSON spells one number in many ways, and none of
// them may cost a digit.
import { fault } from "./fault.js";

/** A number by the grammar of JSON, from `lastIndex` on. */
export const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
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
export class Decimal {
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
export function readNumber(text) {
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
export const writtenNumber = (value) => {
  if (typeof value === "number") return Number.isFinite(value) ? shortest(value) : null;
  return typeof value === "bigint" || isDecimal(value) ? `${value}` : null;
};

/** The same, as it was written where it was read. */
export const asWritten = (value) => (typeof value === "number" && literals.get(value)) || writtenNumber(value);

/** A number in plain digits, as it was written unless that has an exponent: `1.5e1` → "15". Otherwise null. */
export function plain(value) {
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
export function integer(value) {
  const parts = /^(-?[0-9]+)(?:\.0+)?$/.exec(plain(value) ?? "");
  return parts && parts[1];
}

/** The digits of an identifier, from a whole number or a text of digits, otherwise null. */
export function digits(value) {
  const text = typeof value === "string" ? value : asWritten(value) ?? "";
  return /^(0|[1-9][0-9]*)$/.test(text) ? text : null;
}

/** The digits of a decimal with at most so many before and after the point, from a number or a text, otherwise null. */
export function decimal(value, whole = 15, fraction = 15) {
  const text = typeof value === "string" ? value : asWritten(value) ?? "";
  const parts = /^-?(0|[1-9][0-9]*)(?:\.([0-9]+))?$/.exec(text);
  return parts && parts[1].length <= whole && (parts[2] ?? "").length <= fraction ? text : null;
}

/** A number times 10^places as whole digits (`12.5`, 2 → "1250": a price in cents), or null if digits would be lost. */
export function scaled(value, places) {
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
export function code(value, pointer, success) {
  const quoted = typeof value === "string";
  if (!quoted && writtenNumber(value) === null) throw fault.invalidReply(pointer, "the answer's code is no number");
  const number = quoted ? (isNumber(value) ? integer(readNumber(value)) : null) : integer(value);
  if (number === null) throw fault.invalidReply(pointer, "the answer's code is no whole number");
  const found = number === "-0" ? "0" : number;
  if (found !== String(success)) return found;
  if (!quoted) return null;
  throw fault.invalidReply(pointer, `the answer's code is the text ${JSON.stringify(value)}, not the number ${success}`);
}
