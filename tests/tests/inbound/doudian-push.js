// In the style of 抖店's message push: `event-sign` is the MD5 of app key, body and
// app secret; a body is an array of messages with an id each; the platform wants
// `{"code":0,"msg":"success"}`, and tries whether somebody is there with tag "0".
import { fromHex, header, secret, verify } from "crossdock";

export const manifest = {
  name: "doudian-push",
  version: "1.0.0",
  summary: "Messages that begin at the platform",
  settings: { type: "object", required: ["app_key"], properties: { app_key: { type: "string" } } },
  secrets: [{ name: "app-secret", purpose: "Verifies what is pushed", required: true }],
  operations: [{
    name: "thing.read", summary: "Reads a thing", repeatable: "always",
    document: { type: "object" }, result: { type: "object" },
  }],
};

export function receive({ settings }, push) {
  const given = fromHex(header(push, "event-sign") ?? "");
  const message = [settings.app_key, push.body ?? "", secret("app-secret")];
  if (!verify.hash("md5", message, given)) return null;
  const messages = JSON.parse(push.body).filter(({ tag }) => tag !== "0");
  return {
    items: messages.map(({ tag, msg_id, data }) => ({ key: msg_id, document: { tag, ...JSON.parse(data) } })),
    answer: { status: 200, headers: [["content-type", "application/json"]], body: '{"code":0,"msg":"success"}' },
  };
}

export function map(context, operation, items) {
  return { requests: items.map((_, at) => ({ draft: { method: "GET", path: "/" }, items: [at], repeatable: true })) };
}

export function sign() { return []; }

export function parseResponse(context, operation, request) {
  return { outcomes: request.items.map(() => ({ accepted: {} })) };
}
