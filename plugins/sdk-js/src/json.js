// JSON that keeps digits.
import * as host from "crossdock:host";
import { wellFormed } from "./bytes.js";
import { compare } from "./compare.js";
import { asWritten, code, decimal, digits, integer, NUMBER, plain, readNumber, scaled } from "./number.js";

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

export const json = { parse, stringify, plain, integer, digits, decimal, scaled, code };
