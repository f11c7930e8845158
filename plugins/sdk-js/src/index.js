// Adapters for crossdock in JavaScript: what most of them need.
//
// The runtime gives this to adapters as the module "crossdock", npm as
// "@crossdock/adapter". It uses nothing but the language itself, because the
// runtime is QuickJS: no Node, no TextEncoder, no Intl. What only the host can
// do comes from the module "crossdock:host".
export { Fault, fault } from "./fault.js";
export { base64, fromBase64, fromHex, fromUtf8, hex, hexUpper, utf8 } from "./bytes.js";
export { form, formFields, percent, query } from "./encode.js";
export { Decimal } from "./number.js";
export { json } from "./json.js";
export { compare } from "./compare.js";
export { keys, secret, sorted, verify, wrapped } from "./keys.js";
export { log } from "./log.js";
export { draft } from "./draft.js";
export { batch, chunks, every, group, of, perRow, rows } from "./batch.js";
export { outcome } from "./outcome.js";
export { beginning, bodyText, header, httpAndOwn, httpFailure, readJson, retryAfterMs } from "./reply.js";
export { dateTime, formatTime, readDateTime, zoneMinutes } from "./time.js";
