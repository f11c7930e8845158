//! What is put into a store and what it tells, as plain values.
//!
//! | file | what is in it |
//! |---|---|
//! | `ids` | deliveries, items, attempts and lanes by number |
//! | `lane` | tenant, connection, operation |
//! | `state` | what became of an item so far; whose fault |
//! | `delivery` | what is accepted, in which order it may leave |
//! | `attempt` | what is about to leave, and what came of it |
//! | `query` | filters, pages, and what people are shown |
//! | `upkeep` | retention, depths, the sequence of changes, health |
//! | `flow` | what is kept of flows |
//! | `grant` | what is kept of what platforms granted |
//! | `limits` | the most that a store takes of everything |
//!
//! Every time is in milliseconds since 1970, and given by the caller.

mod attempt;
mod delivery;
mod flow;
mod grant;
mod ids;
mod lane;
pub mod limits;
mod query;
mod state;
mod upkeep;

pub use attempt::{
    AttemptEnd, Claimed, ConnectionState, Hold, Intent, Next, OpenAttempt, OpenItem, Outcome,
    Recovery, Repeat, Settled, Settlement,
};
pub use delivery::{Accepted, Effect, Idempotency, NewDelivery, NewItem, Order, Origin};
pub use flow::{
    Begun, FlowId, FlowRetained, FlowRetention, FlowRow, NewPage, NewParked, NewReceived, NewSeen,
    PageDelivery, PageHead, PageRow, PageState, ParkedId, ParkedRow, ReceivedId, ReceivedRow,
    RunCounts, RunId, RunRow, RunState, RunUpdate, SentPage, StageTimes, SteppedPage,
};
pub use grant::{Authorization, Authorized, GrantChange, GrantName, GrantRow, NewAuthorization};
pub use ids::{AttemptId, DeliveryId, ItemId, LaneId, NotAnId};
pub use lane::{ConnectionName, Lane};
pub use query::{
    AttemptView, Cursor, DeliveryView, Edit, EditView, Filter, ItemBytes, ItemSummary, ItemView,
    Overwrites, Overwritten, Page, Place, Selected, Selection,
};
pub use state::{Blame, Phase, State};
pub use upkeep::{
    Change, Changes, Depth, DueLane, EndView, Health, Held, Retained, Retention, SetAside, Waiting,
};
