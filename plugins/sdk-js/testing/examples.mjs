// Golden examples of a folder, run in Node: the same files that
// `crossdock plugin test` reads and `crossdock plugin build` packs.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { formFields, json } from "crossdock";
import { edited, withSecrets } from "./index.mjs";

const folders = (dir) => readdirSync(dir).filter((name) => statSync(join(dir, name)).isDirectory()).sort();
const numbered = (dir, stem, end) => {
  const files = [];
  for (let at = 1; ; at++) {
    const file = join(dir, at === 1 ? `${stem}.${end}` : `${stem}-${at}.${end}`);
    if (!existsSync(file)) return files;
    files.push(file);
  }
};

// First line, headers, empty line, body without the file's last line end.
function message(file) {
  const text = readFileSync(file, "utf8");
  const end = text.search(/\r?\n\r?\n/);
  const head = end < 0 ? text : text.slice(0, end);
  const body = end < 0 ? "" : text.slice(end).replace(/^\r?\n\r?\n/, "").replace(/\n$/, "");
  const lines = head.split(/\r?\n/).filter((line) => line !== "");
  let first = lines.shift().replace(/ HTTP\/1\.1$/, "");
  while (/^\s+[?&]/.test(lines[0] ?? "")) first += lines.shift().trim();
  const headers = lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).replace(/^ /, "")]);
  return { first, headers, body: body === "" ? null : body };
}

function requestOf(file) {
  const { first, headers, body } = message(file);
  const [method, target] = first.split(" ");
  const at = target.indexOf("?");
  const path = at < 0 ? target : target.slice(0, at);
  return { method, path, query: at < 0 ? [] : formFields(target.slice(at + 1)), headers, body };
}

/** Reads a folder of examples: operation folders with a folder for each example. */
export function readExamples(dir) {
  return folders(dir).flatMap((operation) => folders(join(dir, operation)).map((name) => {
    const at = join(dir, operation, name);
    const read = (file, otherwise) => (existsSync(join(at, file)) ? json.parse(readFileSync(join(at, file), "utf8")) : otherwise);
    const about = read("example.json", {});
    const items = read("items.json").map((item, index) => {
      const keyed = typeof item === "object" && item !== null && "document" in item && Object.keys(item).every((key) => key === "document" || key === "key");
      return keyed ? { key: item.key ?? `item-${index}`, document: item.document } : { key: `item-${index}`, document: item };
    });
    const requests = numbered(at, "request", "http").map(requestOf);
    const replies = numbered(at, "reply", "http").map((file, index) => {
      const { first, headers, body } = message(file);
      const beside = (stem, end) => file.replace(/reply((?:-\d+)?)\.http$/, `${stem}$1.${end}`);
      const [outcomes, next] = [beside("outcomes", "json"), beside("next", "http")];
      return {
        request: about.replies?.[index]?.request ?? (index < requests.length ? index : 0),
        follows: about.replies?.[index]?.follows,
        reply: { status: Number(first.split(" ")[1]), headers, body },
        outcomes: existsSync(outcomes) ? json.parse(readFileSync(outcomes, "utf8")) : undefined,
        next: existsSync(next) ? requestOf(next) : null,
      };
    });
    return { dir: at, name: about.name ?? `${operation}: ${name}`, operation: about.operation ?? operation.replaceAll("-", "."), about, context: read("context.json", {}), items, requests, replies };
  }));
}

const plainDraft = ({ method, path, query = [], headers = [], body = null }) => ({ method, path, query, headers, body: body === "" ? null : body });

/** Runs one example of an adapter's module; throws an assertion with what differs. */
export function runExample(adapter, example) {
  const { context: { secrets = {}, settings = {}, now_ms = 0, nonce = "0".repeat(32) }, about, operation } = example;
  const context = { nowMs: now_ms, nonce, settings };
  const signed = (draft) => {
    const given = plainDraft(draft);
    if (!adapter.sign || adapter.manifest.signs === false) return given;
    return plainDraft(edited(given, withSecrets(secrets, () => adapter.sign(context, operation, given)), secrets));
  };
  const mapped = adapter.map(context, operation, example.items);
  const requests = mapped.requests.map((request) => ({ ...request, draft: signed(request.draft) }));
  assert.deepEqual(requests.map((request) => request.draft), example.requests, `${example.name}: requests`);
  (about.requests ?? []).forEach(({ items, repeatable }, at) => {
    if (items) assert.deepEqual(requests[at].items, items, `${example.name}: items of request ${at}`);
    if (repeatable !== undefined) assert.equal(requests[at].repeatable, repeatable, `${example.name}: repeatable of request ${at}`);
  });
  const failures = (mapped.failures ?? []).map(({ item, fault }) => ({ item, pointer: Object.values(fault)[0].pointer }));
  assert.deepEqual(failures.map(({ item }) => item), (about.failures ?? []).map(({ item }) => item), `${example.name}: failures`);
  (about.failures ?? []).forEach(({ pointer }, at) => pointer !== undefined && assert.equal(failures[at].pointer, pointer, example.name));
  const followUps = []; // What follows each reply, in its place.
  for (const { request, follows, reply, outcomes, next } of example.replies) {
    const asked = follows === undefined ? mapped.requests[request] : followUps[follows];
    assert.ok(asked, `${example.name}: a reply to a request that is not there`);
    const read = () => adapter.parseResponse(context, operation, asked, reply);
    if (outcomes === undefined) {
      assert.throws(read, (error) => Object.keys(error).some((key) => /^(invalidReply|other)$/.test(key)), `${example.name}: an answer that is unreadable`);
      followUps.push(undefined);
      continue;
    }
    const parsed = read();
    followUps.push(parsed.next && { ...asked, draft: parsed.next });
    assert.deepEqual(parsed.outcomes.map((outcome, at) => shown(outcome, outcomes[at] ?? {})), outcomes, `${example.name}: outcomes`);
    assert.deepEqual(parsed.next ? signed(parsed.next) : null, next, `${example.name}: what is sent next`);
  }
}

// An outcome in the words of an example, as far as the example says something.
function shown(outcome, wanted) {
  const [[status, value]] = Object.entries(outcome);
  const words = { status, result: value, code: value?.code, message: value?.message, after_ms: value?.afterMs };
  const plain = (member) => (member === undefined ? undefined : json.parse(json.stringify(member)));
  return Object.fromEntries(Object.entries(words).filter(([name]) => name === "status" || name in wanted).map(([name, member]) => [name, plain(member)]));
}
