// Hashes and HMACs over secrets that stay in the host, and the messages that
// platforms sign.
import * as host from "crossdock:host";
import { compare } from "./compare.js";
import { pairsOf } from "./encode.js";

/** The secret with this name, in a message: its bytes stay in the host. */
export const secret = (name) => ({ secret: name });

const hashing = (digest) => (...message) => host.hash(digest, message.flat());

/** Hashes and HMACs; with secrets in the message, during `sign` only. */
export const keys = {
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
export const verify = {
  hash: (digest, message, given) => host.isHash(digest, message, given),
  hmac: (digest, key, message, given) => host.isHmac(digest, key, [message], given),
  secret: (name, given) => host.isSecret(name, given),
};

/**
 * Pairs in the order of their names' bytes, joined to a message's chunks:
 * `equals` between name and value, `between` after all but the last pair.
 */
export function sorted(pairs, { equals = "", between = "", skipEmpty = false, encode = String } = {}) {
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
export const wrapped = (name, pairs, options) => [secret(name), ...sorted(pairs, options), secret(name)];
