import { chunks, fault, outcome, readJson } from "crossdock";

// Where the next page is.
const later = (page) => page + 1;

// Most goods that are changed at once.
const MOST = 100;

const read = { status: 200, headers: [], body: '{"code":0,"msg":"ok","total":3,"rows":[{"sku":"A"},{"sku":"B"}]}' };
const request = { method: "GET", path: "/goods", query: [["page", "1"]] };
const item = { document: { sku: "A" } };

export const manifest = {
  name: "goods",
  version: "0.1.0",
  summary: "Lists goods and changes them.",
  operations: [
    {
      name: "goods.list",
      summary: "All goods.",
      document: { type: "object" },
      result: { type: "object" },
      repeatable: "always",
      order: { effect: "read" },
    },
    {
      name: "goods.put",
      summary: "Changes goods.",
      max_items: 100,
      document: { type: "object" },
      result: { type: "object" },
      repeatable: "always",
      order: { key: ["/sku"], effect: "absolute" },
    },
  ],
  settings: { type: "object" },
  codes: [
    { code: "0", meaning: "done", outcome: "accepted" },
    { code: "7", meaning: "the credentials are wrong", outcome: "unauthenticated" },
    { code: "27", meaning: "too many calls", outcome: "throttled" },
  ],
  examples: [
    {
      name: "the first page",
      provenance: "computed",
      operation: "goods.list",
      items: [item],
      requests: [request],
      replies: [
        {
          ...read,
          outcomes: [{ status: "accepted" }],
          next: { ...request, query: [["page", String(later(1))]] },
        },
      ],
    },
    {
      name: "the only page",
      provenance: "computed",
      operation: "goods.list",
      items: [item],
      requests: [request],
      replies: [
        {
          status: 200,
          headers: [],
          body: '{"code":0,"msg":"ok","total":0,"rows":[{"sku":"A"}]}',
          outcomes: [{ status: "accepted" }],
        },
      ],
    },
    {
      name: "the credentials are wrong",
      provenance: "computed",
      operation: "goods.list",
      items: [item],
      requests: [request],
      replies: [
        {
          status: 200,
          headers: [],
          body: '{"code":7,"msg":"who is this","total":0,"rows":null}',
          outcomes: [{ status: "unauthenticated", code: "7" }],
        },
      ],
    },
    {
      name: "changed",
      provenance: "computed",
      operation: "goods.put",
      items: [item],
      requests: [{ method: "POST", path: "/goods" }],
      replies: [{ status: 200, headers: [], body: '{"code":0,"msg":"ok","id":12}', outcomes: [{ status: "accepted" }] }],
    },
    {
      name: "two changed",
      provenance: "computed",
      operation: "goods.put",
      items: [item, { document: { sku: "B" } }],
      requests: [{ method: "POST", path: "/goods", items: [0, 1] }],
      replies: [
        {
          status: 200,
          headers: [],
          body: '{"code":0,"msg":"ok","done":[{"sku":"A"},{"sku":"B"}]}',
          outcomes: [{ status: "accepted" }, { status: "accepted" }],
        },
      ],
    },
  ],
};

export function map(context, operation, items) {
  if (!["goods.list", "goods.put"].includes(operation)) throw fault.unsupported(operation);
  const draft =
    operation === "goods.list"
      ? { method: "GET", path: "/goods", query: [["page", "1"]] }
      : { method: "POST", path: "/goods" };
  const indices = items.map((_, index) => index);
  const pieces = chunks(indices, operation === "goods.list" ? 1 : MOST);
  return { requests: pieces.map((some) => ({ draft, items: some, repeatable: true })) };
}

export function sign() {
  return [];
}

const every = (request, one) => request.items.map(() => one);
const failed = (answer) => String(answer.code) !== "0";
const refused = (request, answer) => ({
  outcomes: every(request, outcome.unauthenticated(String(answer.code), String(answer.msg))),
});

export function parseResponse(context, operation, request, reply) {
  if (reply.status !== 200) throw fault.invalidReply("", "the status is none of success");
  const answer = readJson(reply);
  if (answer === null || typeof answer !== "object" || Array.isArray(answer)) throw fault.invalidReply("", "it is no object");
  if (operation === "goods.put") {
    if (failed(answer)) return refused(request, answer); // put
    if (answer.done && answer.done.length !== request.items.length) throw fault.invalidReply("/done", "a row is missing");
    return { outcomes: every(request, { accepted: {} }) };
  }
  if (failed(answer)) return refused(request, answer); // list
  if (!Array.isArray(answer.rows)) throw fault.invalidReply("/rows", "there are no rows");
  if (typeof answer.total !== "number") throw fault.invalidReply("/total", "it is no number that can be compared");
  const page = Number(request.draft.query[0][1]);
  const more = page * 2 < Number(answer.total);
  return {
    outcomes: every(request, { accepted: { rows: answer.rows } }),
    next: more ? { ...request.draft, query: [["page", String(later(page))]] } : undefined,
  };
}
