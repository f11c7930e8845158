//! What ERP and shops do wrong, request by request.

use crossdock_stand_ins::{Misbehaviour, Plan, StandIns};
use rand::RngExt;

use super::{ERP, SHOPS};

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
