//! The one path: items → documents → drafts → signed requests → answers → outcomes.
//!
//! It is the same for a call, a dry run, and whatever starts a delivery later,
//! and it fails closed: a request leaves only if script, schema, `map` and
//! `sign` all succeeded for its items.
//!
//! | part | what it does |
//! |---|---|
//! | [`path`] | the path as a whole: rounds of attempts until every item is settled |
//! | [`intake`] | a body to items; names to what serves under them |
//! | [`documents`] | items through the tenant's script and the operation's schema |
//! | [`promise`] | what an adapter promises, checked |
//! | [`signing`], [`outgoing`] | draft + edits + auth → exactly what is sent |
//! | [`exchange`], `reply` | one request and its follow-ups on the wire; the answer for the adapter |
//! | [`outcome`] | an adapter's outcome → the item's report, or "again" |
//! | [`state`], [`connection`] | what outlives a generation, and what does not |
//! | [`redact`] | no secret in anything that leaves the path |
//! | [`report`] | the answer |

pub mod connection;
pub mod documents;
pub mod dry_run;
pub mod exchange;
pub mod intake;
pub mod outcome;
pub mod outgoing;
pub mod pages;
pub mod path;
pub mod promise;
pub mod redact;
mod reply;
pub mod report;
pub mod signing;
pub mod state;
