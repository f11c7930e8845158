// Misspelt names.

/** How many letters have to change to make one name of another, upper and lower case alike. */
function distance(one, other) {
  const from = one.toLowerCase(), to = other.toLowerCase();
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let at = 0; at < from.length; at++) {
    const next = [at + 1];
    for (let place = 0; place < to.length; place++) {
      next.push(Math.min(row[place] + (from[at] === to[place] ? 0 : 1), row[place + 1] + 1, next[place] + 1));
    }
    row = next;
  }
  return row[to.length];
}

/** Throws where an option was given that nobody reads: it may be a misspelt one. */
export function refuseOthers(who, others, known) {
  const [name] = Object.keys(others);
  if (name === undefined) return;
  const near = known.find((option) => distance(name, option) <= 1 + option.length / 4);
  const meant = near === undefined ? `its options are ${known.join(", ")}` : `did you mean \`${near}\`?`;
  throw new TypeError(`\`${who}\` has no option \`${name}\`; ${meant}`);
}
