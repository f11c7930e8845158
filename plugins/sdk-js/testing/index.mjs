// For tests of adapters in Node; run them with
// `node --import @crossdock/adapter/testing/register --test`.
export { logged, withSecrets } from "./host.mjs";

/** A draft after the edits of `sign`, with test secrets in the place of real ones. */
export function edited(draft, edits, secrets = {}) {
  const set = (pairs, [name, value], same) => {
    const at = pairs.findIndex(([known]) => same(known) === same(name));
    const others = pairs.filter(([known], place) => place === at || same(known) !== same(name));
    if (at < 0) return [...others, [name, value]];
    others[at] = [name, value];
    return others;
  };
  const exactly = (name) => name, header = (name) => name.toLowerCase();
  return edits.reduce((draft, edit) => {
    if (edit.setQuery) return { ...draft, query: set(draft.query, edit.setQuery, exactly) };
    if (edit.setHeader) return { ...draft, headers: set(draft.headers, edit.setHeader, header) };
    if ("replaceBody" in edit) return { ...draft, body: edit.replaceBody };
    const [kind, same, pairs] = edit.secretQuery ? ["query", exactly, edit.secretQuery] : ["headers", header, edit.secretHeader];
    return { ...draft, [kind]: set(draft[kind], [pairs[0], secrets[pairs[1]]], same) };
  }, draft);
}
