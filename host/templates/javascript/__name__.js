/// <reference path="./crossdock.d.ts" />
// The adapter __name__. It can be dropped into a plugins folder as it is.

import { batch, bodyText, draft, every, fault, hex, httpFailure, json, keys, outcome, readJson, secret } from "crossdock";

/** Most products the platform takes at once. */
const MOST_SKUS = 50;

/** @type {import("crossdock").Manifest} */
export const manifest = __manifest__;

/** @type {import("crossdock").Map} */
export function map(context, operation, items) {
  if (operation !== "stock.query") throw fault.unsupported(operation);
  return batch(items, {
    size: MOST_SKUS,
    read: (item) => item.document.sku,
    draft: (skus) => question(context.settings.shop, skus, 1),
    repeatable: true,
  });
}

/** @type {import("crossdock").Sign} */
export function sign(context, operation, draft) {
  const time = String(Math.floor(context.nowMs / 1000));
  // The secret is named, not read: the host computes with it.
  const sign = hex(keys.hmac("sha256", [secret("app-secret")], [[time, draft.body]]));
  return [{ setQuery: ["time", time] }, { setQuery: ["sign", sign] }];
}

/** @type {import("crossdock").ParseResponse} */
export function parseResponse(context, operation, request, reply) {
  const failure = httpFailure(context, request, reply);
  if (failure) return every(request, failure);
  const answer = readJson(reply);
  // An answer that says nothing certain is a fault, not a guess.
  if (typeof answer?.ok !== "boolean") throw fault.invalidReply("/ok", "an answer says whether it is a success");
  if (!answer.ok) return every(request, refused(answer));
  if (!Array.isArray(answer.rows)) throw fault.invalidReply("/rows", "a success has rows");
  const asked = json.parse(bodyText(request.draft));
  const unknown = [answer.unknown ?? []].flat();
  const outcomes = asked.skus.map((sku) =>
    unknown.includes(sku)
      ? outcome.rejected("unknown-sku", "the platform does not know it")
      : outcome.accepted({
          stock: answer.rows
            .filter((row) => row?.sku === sku)
            .map(({ location, quantity }) => ({ location, quantity })),
        }),
  );
  // A page with nothing in it is the last one, whatever it says of more.
  const more = answer.more && answer.rows.length > 0;
  return { outcomes, next: more ? question(asked.shop, asked.skus, asked.page + 1) : null };
}

/** A request without its signature. The body is written once: these bytes are signed, and these are sent. */
function question(shop, skus, page) {
  return draft.json("POST", "/v1/stock/query", { shop, skus, page });
}

/** The platform's refusal, with its own code and message. */
function refused({ code, message }) {
  switch (code) {
    case "E401":
      return outcome.unauthenticated(code, message);
    case "E429":
      return outcome.throttled(code, message);
    default:
      return outcome.rejected(code, message);
  }
}
