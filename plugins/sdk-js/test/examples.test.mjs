// The example adapters in JavaScript, with their golden examples.
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { readExamples, runExample } from "../testing/examples.mjs";

const folder = new URL("../../../examples/adapters/", import.meta.url);

for (const name of readdirSync(folder)) {
  const file = new URL(`${name}/${name}.js`, folder);
  if (!existsSync(file) || !existsSync(new URL(`${name}/examples`, folder))) continue;
  const adapter = await import(file.href);
  for (const example of readExamples(new URL(`${name}/examples`, folder).pathname)) {
    test(`${name}: ${example.name}`, () => runExample(adapter, example));
  }
}
