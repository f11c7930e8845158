// Percent-encoding, forms and queries.
import { fromUtf8, utf8, wellFormed } from "./bytes.js";

/** Percent-encodes everything but RFC 3986's unreserved characters. */
export const percent = (text) =>
  encodeURIComponent(wellFormed(String(text))).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());

const formText = (text) => percent(text).replace(/%20|%2A|~/g, (c) => ({ "%20": "+", "%2A": "*", "~": "%7E" })[c]);
/** Pairs, from pairs or from an object. */
export const pairsOf = (pairs) => (Array.isArray(pairs) ? pairs : Object.entries(pairs).filter(([, value]) => value !== undefined));

/** `application/x-www-form-urlencoded` (WHATWG URL), in the order given. */
export const form = (pairs) => pairsOf(pairs).map(([name, value]) => `${formText(name)}=${formText(value)}`).join("&");

/** A query string with RFC 3986's encoding, in the order given: what AWS and Aliyun sign. */
export const query = (pairs) => pairsOf(pairs).map(([name, value]) => `${percent(name)}=${percent(value)}`).join("&");

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
export const formFields = (text) => text.split("&").filter((field) => field !== "").map((field) => {
  const at = field.indexOf("=");
  return at < 0 ? [decoded(field), ""] : [decoded(field.slice(0, at)), decoded(field.slice(at + 1))];
});
