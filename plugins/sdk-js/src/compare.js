// The order in which platforms sort names.

const HALVES = /[\ud800-\udfff]/;

// Half of a character beyond U+FFFF comes after all others, as in UTF-8.
const rank = (unit) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);

/** The order of texts by their bytes in UTF-8, which `<` has not always. */
export function compare(one, other) {
  if (one === other) return 0;
  if (!HALVES.test(one) && !HALVES.test(other)) return one < other ? -1 : 1;
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const difference = rank(one.charCodeAt(at)) - rank(other.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}
