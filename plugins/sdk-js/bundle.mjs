// Writes crossdock.js, the whole package as one module, from src/.
//
//   node bundle.mjs           writes it
//   node bundle.mjs --check   fails if it is not what src/ makes
import { readFileSync, writeFileSync } from "node:fs";

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const IMPORT = /^import .* from "(\..*)";\n/gm;
const HOST = 'import * as host from "crossdock:host";\n';

/** The text of the one module. */
export function bundle() {
  const done = new Set(), parts = [];
  const add = (name) => {
    if (done.has(name)) return;
    done.add(name);
    const text = read(`src/${name}`);
    for (const [, from] of text.matchAll(IMPORT)) add(from.slice(2));
    parts.push(text.replace(IMPORT, "").replace(HOST, "").replace(/^export (?=const|function|class)/gm, "").trim());
  };
  const index = read("src/index.js");
  const exported = [...index.matchAll(/^export \{ (.*) \} from "\.\/(.*)";$/gm)];
  for (const [, , from] of exported) add(from);
  const names = exported.flatMap(([, list]) => list.split(", "));
  const head = index.slice(0, index.indexOf("export {")).trim();
  const lines = names.map((name) => `  ${name},\n`).join("");
  return `${head}\n//\n// Made of src/ by bundle.mjs: change it there.\n${HOST}\n${parts.join("\n\n")}\n\nexport {\n${lines}};\n`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const file = new URL("crossdock.js", import.meta.url);
  if (process.argv[2] !== "--check") writeFileSync(file, bundle());
  else if (read("crossdock.js") !== bundle()) {
    console.error("plugins/sdk-js/crossdock.js is not what src/ makes: run `node plugins/sdk-js/bundle.mjs`");
    process.exit(1);
  }
}
