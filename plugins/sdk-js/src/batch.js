// From items to requests of limited size, and from a platform's rows back to
// items.
import { Fault, fault } from "./fault.js";
import { json } from "./json.js";
import { refuseOthers } from "./nearest.js";
import { outcome } from "./outcome.js";

const BATCH_OPTIONS = ["size", "read", "groupBy", "draft", "repeatable"];

/**
 * Reads every item; what `read` throws as a fault becomes a failure of that
 * item. The others are rows: { index, key, value }.
 */
export function rows(items, read) {
  const found = [], failures = [];
  for (let index = 0; index < items.length; index++) {
    try {
      found.push({ index, key: items[index].key, value: read(items[index], index) });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      failures.push({ item: index, fault: error });
    }
  }
  return { rows: found, failures };
}

/** Rows with equal keys together; groups and rows keep the order of the items. */
export function group(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row.value);
    if (groups.has(name)) groups.get(name).push(row);
    else groups.set(name, [row]);
  }
  return [...groups];
}

/** A list in pieces of at most so many. */
export function chunks(list, size) {
  const pieces = [];
  for (let at = 0; at < list.length; at += size) pieces.push(list.slice(at, at + size));
  return pieces;
}

/**
 * What `map` returns, for items that are read one by one and sent `size` at a
 * time: `read` makes a value of an item or throws a fault, `groupBy` names what
 * must not share a request, `draft` makes the request of some values.
 */
export function batch(items, { size = Infinity, read = (item) => item.document, groupBy, draft, repeatable = false, ...others }) {
  refuseOthers("batch", others, BATCH_OPTIONS);
  const { rows: found, failures } = rows(items, read);
  const groups = groupBy ? group(found, groupBy) : [[undefined, found]];
  const requests = [];
  for (let at = 0; at < groups.length; at++) {
    const name = groups[at][0];
    const pieces = chunks(groups[at][1], size);
    for (let piece = 0; piece < pieces.length; piece++) {
      const some = pieces[piece];
      const values = [], indices = [];
      for (let row = 0; row < some.length; row++) {
        values.push(some[row].value);
        indices.push(some[row].index);
      }
      requests.push({
        draft: draft(values, name, some),
        items: indices,
        repeatable: typeof repeatable === "function" ? repeatable(values) : repeatable,
      });
    }
  }
  return { requests, failures };
}

/** What `parseResponse` returns: the same outcome for every item of the request. */
export const every = (request, outcome, next) => of(request.items.map(() => outcome), next);

/** What `parseResponse` returns: one outcome per item, and perhaps what is sent next. */
export const of = (outcomes, next) => (next ? { outcomes, next } : { outcomes });

/**
 * One outcome per item where a platform lists the rows that failed: all others
 * are accepted. `named` has each row's name, in the request's order; without
 * it, rows are numbered from 0. `failed` gives [name, outcome] of a listed row.
 */
export function perRow(request, listed, failed, { named, accepted = {}, pointer = "" } = {}) {
  if (!Array.isArray(listed)) throw fault.invalidReply(pointer, "the answer has no list of rows here");
  const outcomes = request.items.map(() => outcome.accepted(accepted));
  const names = (named ?? request.items.map((_, at) => at)).map(String);
  listed.forEach((row, at) => {
    if (typeof row !== "object" || row === null) throw fault.invalidReply(`${pointer}/${at}`, "a row of the answer is no object");
    const [name, said] = failed(row, at);
    const wanted = typeof name === "string" ? name : json.integer(name);
    const places = names.flatMap((known, place) => (known === wanted ? [place] : []));
    if (places.length === 0) throw fault.invalidReply(`${pointer}/${at}`, `the answer is about '${wanted}', which was not sent`);
    for (const place of places) outcomes[place] = said;
  });
  return outcomes;
}
