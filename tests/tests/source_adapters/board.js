// A board of prices that nobody has: one request for all items, signed.
import { hex, json, keys, secret } from "crossdock";

const LABEL = "v1";

export const manifest = {
  name: "board",
  version: "1.0.0",
  summary: "Shows prices on a board.",
  operations: [
    {
      name: "price.update",
      summary: "Sets the price of an article.",
      document: { type: "object", required: ["sku"], properties: { sku: { type: "string" } } },
      result: { type: "object" },
      repeatable: "always",
      max_items: 100,
      order: { key: ["/sku"], effect: "absolute" },
    },
  ],
  settings: { type: "object" },
  secrets: [{ name: "key", purpose: "Signs every request", required: true }],
  examples: [
    {
      name: "one price",
      provenance: "computed",
      operation: "price.update",
      items: [{ document: { sku: "A-1", price: 5 } }],
      secrets: { key: "Jefe" },
      requests: [
        {
          method: "POST",
          path: "/prices",
          query: [],
          headers: [
            ["content-type", "application/json"],
            ["x-label", LABEL],
            ["x-sign", "f1a78ddc510b9add1266cfc58f10286fc105248a1379832a183570f63a51c4f2"],
          ],
          body: '{"rows":[{"sku":"A-1","price":5}]}',
          items: [0],
          repeatable: true,
        },
      ],
      replies: [],
    },
  ],
};

export function map(context, operation, items) {
  const rows = items.map((item) => item.document);
  const body = json.stringify({ rows });
  const headers = [["content-type", "application/json"], ["x-label", LABEL]];
  const draft = { method: "POST", path: "/prices", query: [], headers, body };
  return { requests: [{ draft, items: items.map((_, index) => index), repeatable: true }] };
}

export function sign(context, operation, draft) {
  const mac = keys.hmac("sha256", [secret("key")], [[draft.body]]);
  return [{ setHeader: ["x-sign", hex(mac)] }];
}

export function parseResponse(context, operation, request, reply) {
  const answer = JSON.parse(reply.body);
  return { outcomes: request.items.map(() => ({ accepted: { label: LABEL, answer } })) };
}
