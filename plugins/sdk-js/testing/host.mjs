// What the host gives an adapter, for tests in Node: hashes over test secrets,
// and a log that can be read.
import { createHash, createHmac } from "node:crypto";

let secrets = null;

/** Lines that were logged: [level, message]. */
export const logged = [];

/** Runs something as `sign` runs: with these secrets, and only then. */
export function withSecrets(given, work) {
  secrets = given;
  try {
    return work();
  } finally {
    secrets = null;
  }
}

// A fault as the runtime throws it.
const fault = (kind, value) => Object.assign(new Error(value.message ?? value), { [kind]: value });

function bytes(chunks) {
  return Buffer.concat(chunks.map((chunk) => {
    if (typeof chunk === "string" || chunk instanceof Uint8Array) return Buffer.from(chunk);
    const name = chunk?.secret;
    if (typeof name !== "string") throw new TypeError("a message is made of texts, bytes and secrets");
    if (secrets === null) throw fault("other", "secrets can be used in `sign` only");
    if (Object.hasOwn(secrets, name)) return Buffer.from(secrets[name]);
    throw fault("invalidSettings", { pointer: "", message: `the secret \`${name}\` is not set` });
  }));
}

export function hash(digest, message) {
  return new Uint8Array(createHash(digest).update(bytes(message)).digest());
}

export function hmac(digest, key, messages) {
  if (messages.length < 1 || messages.length > 16) throw fault("other", "an HMAC has 1 to 16 messages");
  return new Uint8Array(messages.reduce((key, message) => createHmac(digest, key).update(bytes(message)).digest(), bytes(key)));
}

const same = (one, given) => given != null && Buffer.compare(Buffer.from(one), Buffer.from(given)) === 0;

export const isHash = (digest, message, given) => same(hash(digest, message), given);
export const isHmac = (digest, key, messages, given) => same(hmac(digest, key, messages), given);
export const isSecret = (name, given) => same(bytes([{ secret: name }]), given);

export function log(level, message) {
  logged.push([level, message]);
}
