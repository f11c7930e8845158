//! Stand-ins of the platforms that crossdock's adapters speak to.
//!
//! A stand-in follows the platform's document, not our adapter: it verifies
//! signatures, time windows, limits, field names and field types with its own
//! code, keeps the state a platform would keep, and can be told to misbehave.
//! What no document gives is not invented: it is an option, and the option
//! says that it is unknown.
//!
//! How to read this crate:
//!
//! * [`server`] accepts connections and takes one request from the wire to
//!   its answer; [`wire`] is the socket and the bodies that misbehave on it.
//! * [`exchange`] has the request and the answer as a platform sees them.
//! * [`check`] tests JSON against the tables of a document; [`decimal`],
//!   [`digest`], [`form`] and [`time`] are what several documents need.
//! * [`misbehave`] is the queue of faults, [`record`] the log of requests.
//! * [`control`] is the same for programs that only speak HTTP.
//! * [`oci`] is a registry of artifacts.
//! * [`platforms`] has one module per platform.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use crossdock_stand_ins::{Misbehaviour, Options, StandIns, Times};
//!
//! let stand_ins = StandIns::start(Options::default()).await?;
//! let base_url = stand_ins.base_url("lingzhi");
//! stand_ins.misbehave("lingzhi", Misbehaviour::ResetAfterApplying, Times::Once);
//! // … send something to base_url …
//! assert_eq!(stand_ins.counters("lingzhi").applied, 1);
//! # Ok(())
//! # }
//! ```

pub mod check;
pub mod control;
pub mod decimal;
pub mod digest;
pub mod exchange;
pub mod form;
pub mod misbehave;
pub mod oci;
pub mod options;
pub mod platforms;
pub mod record;
pub mod server;
pub mod stand_ins;
pub mod station;
pub mod time;
pub mod wire;

pub use check::{Breach, Violation};
pub use exchange::{Answer, Call};
pub use misbehave::{Misbehaviour, Moment, Plan, Refusal, Times};
pub use options::Options;
pub use record::{Counters, Recorded, Verdict};
pub use stand_ins::StandIns;
pub use time::Clock;
