// Text, bytes, hexadecimal and Base64. QuickJS has no TextEncoder. In the host, what
// the runtime has of these is quicker; `undefined` comes from it for what it does not
// take.
import * as host from "crossdock:host";

/** Text with U+FFFD in the place of halves of characters. */
export const wellFormed = (text) => text.toWellFormed();

/** Text → its bytes in UTF-8. */
export function utf8(text) {
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
export function fromUtf8(bytes) {
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
export const hex = (bytes) => host.hex?.(bytes) ?? hexOf(bytesOf(bytes));
/** The same in upper case. */
export const hexUpper = (bytes) => hex(bytes).toUpperCase();

/** Hexadecimal → bytes, or null if it is none. */
export function fromHex(text) {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) return null;
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Bytes (or text, as UTF-8) → Base64 with padding (RFC 4648, section 4). */
export function base64(value) {
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
export function fromBase64(text) {
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
