// Where Node finds what the host's runtime has built in.
const MODULES = {
  crossdock: new URL("../crossdock.js", import.meta.url).href,
  "crossdock:host": new URL("host.mjs", import.meta.url).href,
};

export function resolve(specifier, context, next) {
  const url = Object.hasOwn(MODULES, specifier) ? MODULES[specifier] : undefined;
  return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
}
