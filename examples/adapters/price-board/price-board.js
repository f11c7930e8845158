// The adapter of the price board.
import { batch, draft, every, fault, hex, httpFailure, keys, of, outcome, perRow, readJson, secret } from "crossdock";

export const manifest = {
  name: "price-board",
  version: "0.1.0",
  summary: "Sets prices on the price board.",
  operations: [
    {
      name: "price.update",
      summary: "Sets the price of products.",
      call: "POST /v1/prices",
      repeatable: "always",
      max_items: 50,
      order: { key: ["/sku"], effect: "absolute" },
      document: {
        type: "object",
        required: ["sku", "price"],
        additionalProperties: false,
        properties: {
          sku: { type: "string", minLength: 1, title: "Product" },
          price: { type: "number", minimum: 0, title: "Price", description: "Sent digit for digit." },
        },
      },
      result: { type: "object" },
    },
  ],
  settings: {
    type: "object",
    required: ["shop"],
    additionalProperties: false,
    properties: { shop: { type: "string", minLength: 1, description: "The shop's number." } },
  },
  secrets: [{ name: "app-secret", purpose: "Signs requests; never sent.", required: true }],
  codes: [{ code: "E7", meaning: "The product does not exist.", outcome: "rejected" }],
  unknown: ["Whether a price of 0 is accepted."],
};

export function map(context, operation, items) {
  if (operation !== "price.update") throw fault.unsupported(operation);
  return batch(items, {
    size: 50,
    read: ({ document: { sku, price } }) => ({ sku, price }),
    draft: (prices) => draft.json("POST", "/v1/prices", prices, { shop: context.settings.shop }),
    repeatable: true,
  });
}

export function sign(context, operation, { body }) {
  const time = String(Math.floor(context.nowMs / 1000));
  const signature = hex(keys.md5(secret("app-secret"), time, body, secret("app-secret")));
  return [{ setQuery: ["time", time] }, { setQuery: ["sign", signature] }];
}

export function parseResponse(context, operation, request, reply) {
  const failure = httpFailure(context, request, reply);
  if (failure) return every(request, failure);
  const answer = readJson(reply);
  if (answer?.ok !== true) throw fault.invalidReply("/ok", "a refusal of everything is not documented");
  const refused = ({ row, code, message }) => [row, outcome.rejected(code, message)];
  return of(perRow(request, answer.failed ?? [], refused, { pointer: "/failed" }));
}
