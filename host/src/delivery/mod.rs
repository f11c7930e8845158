//! The one path: items → documents → drafts → signed requests → answers → outcomes.
//!
//! It is the same for a call, a dry run, and whatever starts a delivery later,
//! and it fails closed: a request leaves only if script, schema, `map` and
//! `sign` all succeeded for its items.
//!
//! | part | what it does |
//! |---|---|
//! | [`path`] | the path as a whole: from a call's items to its report |
//! | [`attempts`] | which document may leave when: order, attempts, pauses |
//! | [`round`] | what may leave is mapped and sent, several requests at a time |
//! | [`order`] | what must not overtake what: the manifest's declaration, applied to documents |
//! | [`intake`], [`lines`] | a body to items; NDJSON to pieces of items |
//! | [`item_keys`] | what tells one item from every other, over attempts and repeated calls |
//! | [`documents`], [`fit`] | items through the tenant's script; documents against the operation's schema |
//! | [`outgoing`] | a signed draft → exactly what is sent |
//! | [`exchange`], `reply` | one request and its follow-ups on the wire; the answer for the adapter |
//! | [`outcome`] | an adapter's outcome → the item's report, or "again" |
//! | [`read_back`] | what became of a request that left before a crash |
//! | [`trace`] | what was sent and logged on the way |
//! | [`journal`] | who writes down what leaves |
//! | [`items`] | documents' outcomes as items' |
//! | [`reply_script`] | results out, through the tenant's reply script |

pub mod attempts;
pub mod documents;
pub mod dry_run;
pub mod exchange;
pub mod fit;
pub mod intake;
pub mod item_keys;
pub mod items;
pub mod journal;
pub mod lines;
pub mod order;
pub mod outcome;
pub mod outgoing;
pub mod pages;
pub mod path;
pub mod read_back;
pub mod reply;
pub mod reply_script;
pub mod round;
pub mod trace;
