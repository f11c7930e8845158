// What became of an item.

const refused = (kind) => (code, message = "", details = []) => ({ [kind]: { code: String(code), message: String(message), details } });
const paused = (kind) => (code, message = "", afterMs = null) => ({ [kind]: { afterMs, code: String(code), message: String(message) } });

/** Outcomes: `accepted` with its result, refusals with the platform's own code and message. */
export const outcome = {
  /** Done. */
  accepted: (result = {}) => ({ accepted: result }),
  /** The platform had already applied this item. */
  duplicate: (result = {}) => ({ duplicate: result }),
  /** Permanently refused. */
  rejected: refused("rejected"),
  /** The credentials are not accepted. */
  unauthenticated: refused("unauthenticated"),
  /** The platform does not say whether it was applied. */
  unknown: refused("unknown"),
  /** Transient. Of a request that is not repeatable, it promises that nothing was applied. */
  retry: paused("retry"),
  /** Rate limited: the whole connection has to slow down. */
  throttled: paused("throttled"),
};
