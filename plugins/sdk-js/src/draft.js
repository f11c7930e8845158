// Requests without their authentication.
import { form, pairsOf } from "./encode.js";
import { json } from "./json.js";

const made = (method, path, query, headers, body) => ({ method, path, query: pairsOf(query), headers, body });
const typed = (type) => [["content-type", type]];

/** Drafts: `query` is not encoded, the host does that; order and duplicates stay. */
export const draft = {
  /** GET, without a body. */
  get: (path, query = []) => made("GET", path, query, [], null),
  /** A body of JSON: a text is JSON already, anything else is written as such. */
  json: (method, path, value, query = []) =>
    made(method, path, query, typed("application/json"), typeof value === "string" ? value : json.stringify(value)),
  /** A body of form fields, in their order. */
  form: (method, path, fields, query = []) => made(method, path, query, typed("application/x-www-form-urlencoded"), form(fields)),
  /** Any other body. */
  body: (method, path, type, body, query = []) => made(method, path, query, typed(type), body),
};
