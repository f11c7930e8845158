use super::*;
use crate::config::ConnectionOutbox;

fn pace(most: usize) -> Pace {
    let settings = ConnectionOutbox {
        breaker_requests: 10,
        ..ConnectionOutbox::default()
    };
    Pace::with(most, settings, &"acme".into(), &"shop".into())
}

/// What is heard of a request that left just now.
fn hear(pace: &Pace, heard: Heard) -> Change {
    let now = Instant::now();
    pace.heard(heard, now, now, false)
}

fn unauthenticated() -> Heard {
    Heard::Unauthenticated {
        code: "401".into(),
        message: "who are you".into(),
    }
}

#[test]
fn throttling_halves_once_for_what_left_together_and_answers_add_up() {
    let pace = pace(16);
    let start = Instant::now();
    let later = start + Duration::from_secs(1);
    for _ in 0..5 {
        pace.heard(Heard::Throttled, start, later, false);
    }
    assert_eq!(pace.stance(later), Stance::Go(8));
    assert_eq!(pace.shown().state, "slowed");
    pace.heard(Heard::Slow, later, later + Duration::from_secs(1), false);
    assert_eq!(pace.stance(later), Stance::Go(4));
    // About as many answers as are under way make it one more.
    for _ in 0..5 {
        hear(&pace, Heard::Fine);
    }
    assert_eq!(pace.stance(later), Stance::Go(5));
    for _ in 0..500 {
        hear(&pace, Heard::Fine);
    }
    assert_eq!(pace.stance(later), Stance::Go(16));
    assert_eq!(pace.shown().state, "open");
    let mut at = later + Duration::from_secs(10);
    for _ in 0..20 {
        at += Duration::from_secs(1);
        pace.heard(Heard::Throttled, at, at, false);
    }
    assert_eq!(pace.stance(at), Stance::Go(1), "never less than one");
}

#[test]
fn a_share_of_failures_breaks_and_one_request_finds_out() {
    let pace = pace(4);
    for failed in [true, false, true, false, true, false, true, false, true] {
        hear(&pace, if failed { Heard::Failed } else { Heard::Fine });
        assert_eq!(pace.shown().state, "open");
    }
    assert!(hear(&pace, Heard::Failed).keep);
    let pause = ConnectionOutbox::default().breaker_pause;
    let now = Instant::now();
    let Stance::From(until) = pace.stance(now) else {
        panic!("{:?}", pace.stance(now));
    };
    assert!(until <= now + pause);
    assert!(pace.is_shut());
    // One at a time finds out; if it fails, the pause begins anew.
    assert_eq!(pace.stance(until), Stance::Go(1));
    pace.heard(Heard::Failed, until, until, false);
    assert_eq!(pace.stance(until), Stance::From(until + pause));
    let again = until + pause;
    assert_eq!(pace.stance(again), Stance::Go(1));
    assert!(pace.heard(Heard::Fine, again, again, false).wake);
    // Its load comes back bit by bit.
    assert_eq!(pace.stance(again), Stance::Go(1));
    assert_eq!(pace.shown().state, "slowed");
    for _ in 0..20 {
        hear(&pace, Heard::Fine);
    }
    assert_eq!(pace.stance(again), Stance::Go(4));
}

#[test]
fn a_caller_who_gets_through_ends_a_break() {
    let pace = pace(4);
    for _ in 0..10 {
        hear(&pace, Heard::Failed);
    }
    assert!(pace.is_shut());
    assert!(hear(&pace, Heard::Fine).wake);
    assert!(!pace.is_shut());
}

#[tokio::test]
async fn without_credentials_nothing_leaves_until_they_change() {
    let old = Arc::new(pace(4));
    let began = now_ms();
    hear(&old, unauthenticated());
    assert_eq!(old.stance(Instant::now()), Stance::Stopped);
    // What left before the stop ends nothing.
    hear(&old, Heard::Fine);
    assert_eq!(old.stance(Instant::now()), Stance::Stopped);
    let soon = Instant::now() + Duration::from_secs(60);
    assert_eq!(old.enter(soon).await.unwrap_err(), NoTurn::Held);
    let shown = old.shown();
    assert_eq!((shown.state, shown.allowed), ("stopped", 0));
    assert_eq!(shown.code.as_deref(), Some("401"));
    assert!(old.stopped_between(began, began + 10_000) >= 9_000);
    assert_eq!(old.stopped_between(began - 10_000, began), 0);
    // Another account: one finds out.
    let new = pace(4);
    new.take_over(&old);
    assert_eq!(new.stance(Instant::now()), Stance::Go(1));
    let new = Arc::new(new);
    let entered = new.enter(soon).await.unwrap();
    assert_eq!(new.shown().under_way, 1);
    hear(&new, Heard::Fine);
    drop(entered);
    assert_eq!(new.shown().state, "slowed");
    assert!(new.stopped_between(began, now_ms() + 60_000) < 30_000);
}

#[test]
fn what_is_kept_goes_on_in_another_process() {
    let now = Instant::now();
    let broken = pace(8);
    for _ in 0..10 {
        hear(&broken, Heard::Slow);
    }
    let written = serde_json::to_vec(&broken.kept()).unwrap();
    let after = pace(8);
    after.resume(serde_json::from_slice(&written).unwrap(), now);
    assert!(matches!(after.stance(now), Stance::From(until) if until > now));
    assert_eq!(after.shown().concurrency, 8);
    let stopped = pace(8);
    hear(&stopped, unauthenticated());
    let after = pace(8);
    after.resume(stopped.kept(), now);
    // The environment may have other credentials now.
    assert_eq!(after.stance(now), Stance::Go(1));
    assert!(hear(&after, unauthenticated()).keep);
    assert_eq!(after.stance(now), Stance::Stopped);
    // Nothing that was written by another version, or by a person, breaks it.
    for odd in [
        r#"{}"#,
        r#"{"allowed":1e300,"until_ms":18446744073709551615,"gate":"broken"}"#,
    ] {
        let pace = pace_of(odd);
        assert!(pace.shown().allowed <= 8);
        let late = now + ConnectionOutbox::default().breaker_pause * 2;
        assert!(matches!(pace.stance(late), Stance::Go(_)));
    }
}

fn pace_of(kept: &str) -> Pace {
    let pace = pace(8);
    pace.resume(serde_json::from_str(kept).unwrap(), Instant::now());
    pace
}

#[test]
fn many_stops_are_remembered_as_few() {
    let pace = pace(4);
    let mut state = pace.state();
    for stop in 0..1000_u64 {
        state.kept.stopped_ms = Some(stop * 100);
        state.kept.stops.push((stop * 100, stop * 100 + 50));
        state.merge_stops();
    }
    assert_eq!(state.kept.stops.len(), STOPS);
    state.kept.stopped_ms = None;
    drop(state);
    assert!(pace.stopped_between(0, 100_000) >= 50_000);
    assert!(pace.stopped_between(0, 100_000) <= 100_000);
}
