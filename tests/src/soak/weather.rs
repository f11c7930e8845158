//! What the platforms do wrong, request by request.

use std::time::Duration;

use crossdock_stand_ins::{Call, Misbehaviour, Plan, StandIns};
use rand::RngExt;

use super::{PLATFORMS, TIMEOUT_MS, stream};

/// Answers that come too late, of each platform: each keeps a place busy until
/// the host gives it up.
const MOST_LATE: usize = 12;

/// Pauses that a platform asks for, of each: each holds up everything for a second.
const MOST_PAUSES: usize = 12;

/// An answer is as slow as that, at most, where nothing is wrong: so that a kill
/// finds requests on their way.
const MOST_MS: u64 = 40;

/// Whether it is a misbehaviour, and no answer that takes its time.
pub fn is_wrong(misbehaviour: &Misbehaviour) -> bool {
    !matches!(misbehaviour, Misbehaviour::Slow(time) if *time <= Duration::from_millis(MOST_MS))
}

/// From now on, about one request in eight meets a misbehaviour, and every second
/// one of the others takes its time.
pub fn begin(stand_ins: &StandIns, seed: u64) {
    for (number, platform) in PLATFORMS.into_iter().enumerate() {
        let mut rng = stream(seed, 1_000 + number as u64);
        let (mut late, mut pauses) = (MOST_LATE, MOST_PAUSES);
        stand_ins.misbehave_by(platform, move |call| {
            let number = rng.random_range(0..1_000);
            let time = Duration::from_millis(rng.random_range(1..=MOST_MS));
            let plan = drawn(number, time, call)?;
            let left = match plan.misbehaviour {
                Misbehaviour::Slow(_) if !is_wrong(&plan.misbehaviour) => return Some(plan),
                Misbehaviour::Slow(_) | Misbehaviour::ApplyLate { .. } => &mut late,
                Misbehaviour::Throttled { .. } | Misbehaviour::ThrottledByPlatform => &mut pauses,
                _ => return Some(plan),
            };
            *left = left.checked_sub(1)?;
            Some(plan)
        });
    }
}

/// The fault of a number below 1000.
fn drawn(number: u32, time: Duration, call: &Call) -> Option<Plan> {
    let plan = Plan::new;
    Some(match number {
        0..30 => plan(Misbehaviour::Http500),
        30..45 => plan(Misbehaviour::Http500).after_applying(),
        45..65 => plan(Misbehaviour::ResetBeforeApplying),
        65..95 => plan(Misbehaviour::ResetAfterApplying),
        95..105 => plan(Misbehaviour::Truncated),
        105..110 => plan(Misbehaviour::Html),
        110..115 => plan(Misbehaviour::EmptyBody),
        115..118 => plan(Misbehaviour::Throttled { retry_after: 1 }),
        118..120 => plan(Misbehaviour::ThrottledByPlatform),
        // A lock that arrives after the host has given it up. Of a total, that
        // would be an older one in the place of a newer, which no client can prevent.
        120..125 if call.mentions("/lock") => plan(Misbehaviour::ApplyLate { answers: 3 }),
        120..125 => plan(Misbehaviour::Slow(Duration::from_millis(
            TIMEOUT_MS + 1_000,
        ))),
        // Applied before the time, or after it unless the host is gone by then.
        125..350 => plan(Misbehaviour::Slow(time)),
        350..560 => plan(Misbehaviour::Slow(time)).before_applying(),
        _ => return None,
    })
}
