// For `node --import @crossdock/adapter/testing/register`: adapters find the
// modules "crossdock" and "crossdock:host" in Node as they do in the host.
import { register } from "node:module";

register("./hooks.mjs", import.meta.url);
