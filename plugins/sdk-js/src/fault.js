// Faults: what an adapter says instead of an answer.

/** A fault: thrown, it is the answer; in `failures`, it is about one item. */
export class Fault extends Error {
  constructor(kind, value) {
    super(typeof value === "string" ? value : value.message);
    this[kind] = value;
  }
}

const detailed = (kind) => (pointer, message) => new Fault(kind, { pointer, message });

export const fault = {
  invalidInput: detailed("invalidInput"),
  invalidSettings: detailed("invalidSettings"),
  invalidReply: detailed("invalidReply"),
  unsupported: (operation) => new Fault("unsupported", operation),
  other: (message) => new Fault("other", message),
};
