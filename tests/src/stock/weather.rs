//! What ERP and shops do wrong, request by request.

use std::time::Duration;

use crossdock_stand_ins::{Misbehaviour, Plan, StandIns, Verdict};
use rand::RngExt;
use rand::rngs::StdRng;

use super::{ERP, SHOPS};

/// How long a request waits that a kill is to meet: longer than until the kill, and
/// shorter than the host waits for an answer.
const HELD: Duration = Duration::from_secs(2);

/// What the ERP is told of an article.
const CONFIRMATION: &str = "syncSuccess";

/// Whether something was done wrong with a request. An answer that took its time, so
/// that a kill met the request, is a right one.
pub fn went_wrong(verdict: &Verdict) -> bool {
    let misbehaviour = verdict.misbehaviour.as_ref();
    misbehaviour.is_some_and(|it| !matches!(it, Misbehaviour::Slow(_)))
}

/// Has the next request of a far end wait for its answer; whether it is carried out
/// before is drawn.
pub fn hold_next(stand_ins: &StandIns, platform: &str, rng: &mut StdRng) {
    let held = Plan::new(Misbehaviour::Slow(HELD));
    let held = match rng.random_bool(0.5) {
        true => held.before_applying(),
        false => held.after_applying(),
    };
    // That the ERP is asked each second whether there is anything cuts nothing off.
    let held = match platform {
        ERP => held.only(CONFIRMATION),
        _ => held,
    };
    stand_ins.misbehave_as(platform, held);
}

/// From now on, about one request of a shop in ten meets a misbehaviour, and one of
/// the ERP in thirty.
pub fn begin(stand_ins: &StandIns, seed: u64) {
    for (number, platform) in SHOPS.into_iter().enumerate() {
        let mut rng = crate::soak::stream(seed, 3_000 + number as u64);
        stand_ins.misbehave_by(platform, move |_| of_a_shop(rng.random_range(0..1_000)));
    }
    let mut rng = crate::soak::stream(seed, 3_100);
    stand_ins.misbehave_by(ERP, move |_| of_the_erp(rng.random_range(0..1_000)));
}

/// The fault of a number below 1000.
fn of_a_shop(number: u32) -> Option<Plan> {
    let plan = Plan::new;
    Some(match number {
        0..20 => plan(Misbehaviour::Http500),
        20..30 => plan(Misbehaviour::Http500).after_applying(),
        30..50 => plan(Misbehaviour::ResetBeforeApplying),
        50..80 => plan(Misbehaviour::ResetAfterApplying),
        80..90 => plan(Misbehaviour::Truncated),
        90..95 => plan(Misbehaviour::Html),
        95..100 => plan(Misbehaviour::EmptyBody),
        _ => return None,
    })
}

fn of_the_erp(number: u32) -> Option<Plan> {
    let plan = Plan::new;
    Some(match number {
        0..12 => plan(Misbehaviour::Http500),
        12..22 => plan(Misbehaviour::ResetBeforeApplying),
        22..32 => plan(Misbehaviour::ResetAfterApplying),
        _ => return None,
    })
}
