// The plugin's log.
import * as host from "crossdock:host";

const logging = (level) => (message) => host.log(level, String(message));

/** Lines for the plugin's log, kept with the delivery. */
export const log = { debug: logging("debug"), info: logging("info"), warn: logging("warn"), error: logging("error") };
