//! What becomes of a document that did not get its turn.

use crate::problem::Problem;
use crate::report::ItemReport;
use crate::serving::connection_limits::NoTurn;

/// What becomes of a document for which the time was over before it left.
pub fn too_late() -> ItemReport {
    no_turn(NoTurn::Time)
}

/// What becomes of a document that had not left when the host was told to end.
pub fn ending() -> ItemReport {
    no_turn(NoTurn::Ending)
}

/// The same, whatever kept it from its turn.
pub(super) fn no_turn(why: NoTurn) -> ItemReport {
    let problem = match why {
        NoTurn::Limits(_) | NoTurn::Held | NoTurn::Ending | NoTurn::Time => {
            Problem::host("no-turn", why.to_string())
        }
        NoTurn::Paused(_) => Problem::platform("throttled", why.to_string()),
    };
    let mut report = ItemReport::failed(0, problem);
    report.untried = !matches!(why, NoTurn::Time);
    if let NoTurn::Paused(left) | NoTurn::Limits(Some(left)) = why {
        report.retry_after_ms = u32::try_from(left.as_millis()).ok();
    }
    report
}
