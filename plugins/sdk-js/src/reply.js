// A platform's answer, read or explained.
import { fromUtf8 } from "./bytes.js";
import { fault } from "./fault.js";
import { json } from "./json.js";
import { outcome } from "./outcome.js";
import { httpDate } from "./time.js";

const EXCERPT_CHARS = 200, EXCERPT_LOOKED_AT = 4096;
const NO_BODY = "the answer has no body";

/** The first header of this name, upper and lower case alike, or undefined. */
export const header = (reply, name) =>
  reply.headers.find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1];

/** A reply's or a draft's body as text, without a byte order mark; empty for no body. */
export function bodyText(reply) {
  const { body } = reply;
  const text = body === null || body === undefined ? "" : typeof body === "string" ? body : fromUtf8(body);
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** The body as JSON; otherwise a fault that says what is there instead. */
export function readJson(reply) {
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
export function beginning(reply) {
  const words = line(reply);
  return words === null ? NO_BODY : `the answer begins: ${words}`;
}

/** Milliseconds that `Retry-After` asks to wait (seconds or a date), or null. */
export function retryAfterMs(context, reply) {
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
export function httpFailure(context, request, reply) {
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
export function httpAndOwn(context, request, reply, own) {
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
