//! The most that a store takes of everything. What is given as bytes may be
//! encrypted and is refused when it is too long; texts for people are cut.

/// Items of one delivery.
pub const ITEMS: usize = 10_000;
/// Bytes of one item's input.
pub const INPUT: usize = 16 << 20;
/// Bytes of all inputs of one delivery.
pub const DELIVERY: usize = 64 << 20;
/// Bytes of a tenant's, a connection's or an operation's name.
pub const NAME: usize = 256;
/// Bytes of an order key. A longer one is to be given as its hash.
pub const KEY: usize = 512;
/// Bytes of a label, which is cut.
pub const LABEL: usize = 256;
/// Bytes of a code, of an attempt's generations, of a hold's generation and of
/// whoever edits, which are cut.
pub const WORD: usize = 256;
/// Bytes of a message or a reason, which are cut.
pub const MESSAGE: usize = 4 << 10;
/// Bytes of an item's result.
pub const RESULT: usize = 1 << 20;
/// Bytes of a request's summary.
pub const REQUEST: usize = 256 << 10;
/// Bytes of the part of an answer that is kept.
pub const ANSWER: usize = 64 << 10;
/// Bytes of a note's value.
pub const NOTE: usize = 64 << 10;
/// Bytes of a connection's state.
pub const CONNECTION_STATE: usize = 64 << 10;
/// Attempts and intents of one request to the store.
pub const ATTEMPTS: usize = 1_000;
/// Edits of one item.
pub const EDITS: usize = 100;
/// Bytes of inputs before edits that are shown of one item.
pub const EDITS_SHOWN: usize = 16 << 20;
/// Items, lanes or changes of one answer.
pub const PAGE: usize = 1_000;
/// Bytes of the inputs that one claim returns, one item at least.
pub const CLAIM: usize = 64 << 20;
/// Attempts that are shown of one item: the newest.
pub const ATTEMPTS_SHOWN: usize = 100;
/// Items, or changes of all tenants, that one look for a page goes through. A page may be short, or empty,
/// and have a cursor nevertheless.
pub const LOOKED_AT: usize = 20_000;
/// Items, the newest of all lanes, among which is looked for what was delivered
/// after a total about the same thing.
pub const LOOKED_BACK: u64 = 200_000;

/// Bytes of the records of a page, or of its plan: 64 MiB and what encryption adds.
pub const FLOW_RECORDS: usize = (64 << 20) + 1024;
/// Bytes of a cursor, of a page's origin, or of a problem.
pub const FLOW_NOTE: usize = 64 << 10;
/// Targets of a page.
pub const FLOW_TARGETS: usize = 100;
/// Records, keys or items of one request about a flow.
pub const FLOW_BATCH: usize = 10_000;
/// Records that one flow may have parked.
pub const FLOW_PARKED: u64 = 10_000;
/// Bytes of these.
pub const FLOW_PARKED_BYTES: u64 = 256 << 20;
/// Records that came in for one flow and are not yet sent.
pub const FLOW_RECEIVED: u64 = 100_000;
/// Bytes of these.
pub const FLOW_RECEIVED_BYTES: u64 = 256 << 20;

/// Bytes of a grant.
pub const GRANT: usize = 256 << 10;
/// Places of one connection whose grants are kept: the ones that changed last.
pub const GRANT_PLACES: usize = 8;
/// Bytes of what proves who sent a person to a platform.
pub const PROOF: usize = 4 << 10;
/// People who may be on the way to grant something to one connection. With one more,
/// the one who left first is forgotten.
pub const AUTHORIZATIONS: usize = 20;
