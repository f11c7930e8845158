//! What is kept of flows: which there are, their runs and pages, what they hold
//! for later.
//!
//! | file | what is in it |
//! |---|---|
//! | `ids` | flows, runs, and records held for later, by number |
//! | `run` | a flow, a run of it, what a run counted |
//! | `page` | records that are worked on at once |
//! | `held` | records that are parked, records that came in, what targets took last |

mod held;
mod ids;
mod page;
mod run;

pub use held::{NewParked, NewReceived, NewSeen, ParkedRow, ReceivedRow};
pub use ids::{FlowId, ParkedId, ReceivedId, RunId};
pub use page::{NewPage, PageDelivery, PageHead, PageRow, PageState, SentPage, SteppedPage};
pub use run::{
    Begun, FlowRetained, FlowRetention, FlowRow, RunCounts, RunRow, RunState, RunUpdate, StageTimes,
};
