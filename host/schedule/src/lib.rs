//! When a flow runs. The library reads no clock.
//!
//! | module | responsibility |
//! |---|---|
//! | `schedule` | [`Schedule`]: the ticks of either kind |
//! | `every` | [`Every`]: an interval, counted from 1970 |
//! | `cron` | [`Cron`]: a pattern of five fields in a time zone |
//! | `zone` | time zones by name |
//! | `error` | [`ScheduleError`]: what is wrong with what was written |
//!
//! A tick is the time for which a run is, in milliseconds since 1970. So ticks of
//! one schedule and of the one that takes its place are in one order.

#![forbid(unsafe_code)]

mod cron;
mod error;
mod every;
mod schedule;
mod zone;

pub use cron::Cron;
pub use error::ScheduleError;
pub use every::Every;
pub use schedule::Schedule;
