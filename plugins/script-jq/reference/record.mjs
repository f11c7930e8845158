// Writes reference/jq-VERSION.json: what jq itself makes of expressions.txt.
//
//   npm pack jq-wasm@1.1.0-jq-1.7.1 && mkdir jq-1.7 && tar xzf jq-wasm-1.1.0-jq-1.7.1.tgz -C jq-1.7
//   npm pack jq-wasm@3.0.0-jq-1.8.2 && mkdir jq-1.8 && tar xzf jq-wasm-3.0.0-jq-1.8.2.tgz -C jq-1.8
//   node plugins/script-jq/reference/record.mjs 1.7.1 jq-1.7/package
//   node plugins/script-jq/reference/record.mjs 1.8.2 jq-1.8/package
//
// One line per case: [input, expression, outputs before an error, error or null].
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

const [version, folder] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const jq = require(resolve(folder));
const here = (name) => new URL(name, import.meta.url);

const cases = readFileSync(here("expressions.txt"), "utf8").split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split("\t"));

const lines = [];
for (const [input, expression] of cases) {
  let stdout = "", stderr = "";
  try {
    const result = await jq.raw(input, expression, ["-c"]);
    if (typeof result === "string") stdout = result;
    else ({ stdout, stderr } = result);
  } catch (error) {
    stderr = String(error.stderr ?? error.message ?? error);
  }
  // Emscripten's own lines are no word of jq's.
  const said = stderr.split("\n").filter((line) => /^(Error: )?jq: /.test(line)).join(" ");
  const outputs = stdout.split("\n").filter((line) => line !== "");
  lines.push(JSON.stringify([input, expression, outputs, said === "" ? null : said.replace(/^Error: /, "")]));
}
writeFileSync(here(`jq-${version}.json`), `[\n${lines.join(",\n")}\n]\n`);
