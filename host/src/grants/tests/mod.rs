//! Grants in the hands of their task, against a platform that is played.

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::part::Want;
use super::platform::Platform;
use crate::config::Secret;
use crate::redact::Redactor;
use crate::serving::credentials::{Cell, Credentials};
use world::{HOUR, Mood, World, pass};

#[tokio::test]
async fn a_token_is_renewed_before_it_is_over_and_each_refresh_token_is_used_once() {
    let mut world = World::new(true, 2 * HOUR);
    world.begin().await;
    let mut seen = BTreeSet::new();
    for _ in 0..12 * 6 {
        seen.insert(world.token().await.unwrap());
        pass(HOUR / 6).await;
    }
    let played = world.fake.played();
    assert_eq!(played.twice, 0);
    assert_eq!(played.asked[0], "first");
    // Twelve hours: each lives two, and is replaced twelve to fourteen minutes ahead.
    assert!((6..=9).contains(&seen.len()), "{}", seen.len());
    assert_eq!(world.part().look().results[0] as usize, played.asked.len());
}

#[tokio::test]
async fn nothing_that_was_granted_lies_on_disk_as_it_is() {
    let mut world = World::new(true, HOUR);
    world.begin().await;
    let token = world.token().await.unwrap();
    let file = std::fs::read(world.folder.path().join("outbox/outbox.db")).unwrap();
    let wal = std::fs::read(world.folder.path().join("outbox/outbox.db-wal")).unwrap_or_default();
    for bytes in [file, wal] {
        for secret in [token.as_bytes(), b"refresh-token-1"] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret));
        }
    }
    // Whoever signs with it keeps it out of everything.
    let redactor = &world.credentials.armed().redactor;
    assert_eq!(
        redactor.redact(&format!("{token} refresh-token-1")),
        "«access_token» «refresh_token»"
    );
}

#[tokio::test]
async fn a_renewal_that_fails_is_told_long_before_the_end_and_goes_on_by_itself() {
    let mut world = World::new(true, 2 * HOUR);
    world.begin().await;
    let token = world.token().await.unwrap();
    world.fake.played().mood = Mood::Down;
    // Sooner than by itself, so that a busy machine has time for what is looked at.
    world.renew();
    world
        .until("an alarm", |world| world.part().look().alarm)
        .await;
    assert_eq!(world.state(), "failing");
    let failure = world.part().look().shown.failure.unwrap();
    assert_eq!((&*failure.code, failure.next_ms.is_some()), ("503", true));
    let left = world.part().look().shown.expires_ms.unwrap() - world.fake.now_ms();
    assert!(left > 60_000, "only {left} ms are left");
    // What there is goes on.
    assert_eq!(world.token().await.unwrap(), token);
    // It is over, and nobody waits who would wait in vain.
    pass(2 * HOUR).await;
    let why = world.refused_at_once("it is down").await;
    assert_eq!(why.code, "not-authorized");
    let asked = world.asked().len();
    assert!((5..=100).contains(&asked), "{asked}");
    world.fake.played().mood = Mood::Works;
    world.until("ready", |world| world.state() == "ready").await;
    assert_ne!(world.token().await.unwrap(), token);
    assert!(!world.part().look().alarm);
    // That it began was nothing new; that it failed was told once, and that it works.
    assert_eq!(world.told(), ["failing", "ready"]);
    assert_eq!(world.fake.resumed.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all_callers() {
    let mut world = World::new(true, 2 * HOUR);
    world.begin().await;
    world.token().await.unwrap();
    pass(HOUR + HOUR / 2).await;
    let version = world.credentials.armed().version;
    let deadline = tokio::time::Instant::now().into_std() + Duration::from_secs(10);
    let callers = (0..50).map(|_| world.credentials.refused(version, deadline));
    let renewed = futures_util::future::join_all(callers).await;
    assert!(
        renewed
            .iter()
            .all(|armed| armed.as_ref().unwrap().version > version)
    );
    assert_eq!(world.asked(), ["first", "refresh refresh-token-1"]);
    // Whoever comes with the old one has the new one at once.
    let late = world.credentials.refused(version, deadline).await;
    assert!(late.is_some());
    assert_eq!(world.asked().len(), 2);
}

#[tokio::test]
async fn a_connection_that_nobody_authorized_says_so_and_goes_on_when_somebody_does() {
    let mut world = World::new(false, 2 * HOUR);
    world.begin().await;
    let why = world.token().await.unwrap_err();
    assert!(
        why.detail
            .contains("crossdock connection authorize acme shop"),
        "{why}"
    );
    assert_eq!(world.state(), "missing");
    world.agree().await.unwrap();
    assert_eq!(world.token().await.unwrap(), "access-token-1");
    assert_eq!(world.fake.resumed.load(Ordering::Relaxed), 1);
    let shown = world.part().look().shown;
    assert_eq!(
        (shown.state, shown.account.as_deref()),
        ("ready", Some("shop 7"))
    );
    assert_eq!(world.asked(), ["code a-code"]);
    assert_eq!(world.told(), ["missing", "ready"]);
}

#[tokio::test]
async fn what_a_killed_host_may_have_used_up_is_tried_first_and_then_a_person_is_needed() {
    for mood in [Mood::Hangs, Mood::Down] {
        let mut world = World::new(false, 8 * HOUR);
        world.begin().await;
        world.agree().await.unwrap();
        world.fake.played().mood = mood;
        world.renew();
        world
            .until("a renewal", |world| world.asked().len() == 2)
            .await;
        world.kill().await;
        world.fake.played().mood = Mood::Works;
        world.begin().await;
        // The old token goes on while it lives, whatever becomes of the renewal.
        assert_eq!(world.token().await.unwrap(), "access-token-1");
        world
            .until("its end", |world| world.asked().len() == 3)
            .await;
        assert_eq!(world.asked()[2], "refresh refresh-token-1");
        if mood == Mood::Down {
            world
                .until("another token", |world| world.armed() == "access-token-2")
                .await;
            assert_eq!(world.state(), "ready");
            continue;
        }
        world
            .until("a person", |world| world.state() == "needs-person")
            .await;
        assert!(world.part().look().alarm);
        assert_eq!(world.token().await.unwrap(), "access-token-1");
        pass(9 * HOUR).await;
        let why = world.token().await.unwrap_err();
        assert!(why.detail.contains("it was used"), "{why}");
        // What the platform refused is not asked again, also by the next host.
        world.kill().await;
        world.begin().await;
        world
            .until("a person", |world| world.state() == "needs-person")
            .await;
        pass(HOUR).await;
        assert_eq!(world.asked().len(), 3);
        world.agree().await.unwrap();
        world.token().await.unwrap();
        assert_eq!(world.state(), "ready");
    }
}

#[tokio::test]
async fn a_host_that_is_killed_over_and_over_uses_no_refresh_token_twice_while_answers_come() {
    let mut world = World::new(true, 2 * HOUR);
    for round in 0..10_u64 {
        world.begin().await;
        world.token().await.unwrap();
        // At another moment each time, but not between question and answer.
        pass(Duration::from_secs(round * 977 % 7_000)).await;
        let asked = || world.part().look().results.iter().sum::<u64>() as usize;
        let before = world.asked().len() - asked();
        world
            .until("an answer", |world| world.asked().len() - before == asked())
            .await;
        world.kill().await;
    }
    assert_eq!(world.fake.played().twice, 0);
}

#[tokio::test]
async fn what_was_revoked_stays_so_until_a_person_agrees() {
    let mut world = World::new(true, 2 * HOUR);
    world.begin().await;
    world.token().await.unwrap();
    world.part().want(Want::Revoke).await.unwrap();
    let why = world.token().await.unwrap_err();
    assert!(why.detail.contains("taken back"), "{why}");
    world.kill().await;
    world.begin().await;
    world
        .until("revoked", |world| world.state() == "revoked")
        .await;
    pass(HOUR).await;
    assert_eq!(world.asked().len(), 1);
    world.part().want(Want::Renew).await.unwrap();
    assert_eq!(world.token().await.unwrap(), "access-token-2");
}

#[tokio::test]
async fn other_secrets_are_tried_at_once() {
    let mut world = World::new(true, 2 * HOUR);
    world.fake.played().valid = Some("none".into());
    world.begin().await;
    world.token().await.unwrap();
    {
        let mut played = world.fake.played();
        played.valid = Some("another".into());
        played.mood = Mood::Works;
    }
    world.fake.declared.lock().unwrap().first = false;
    world
        .until("a person", |world| world.state() == "needs-person")
        .await;
    let secrets = BTreeMap::from([("app".to_owned(), Secret::new("another".into()))]);
    {
        let mut declared = world.fake.declared.lock().unwrap();
        declared.first = true;
        declared.secrets = Arc::new(secrets);
    }
    world.fake.played().valid = Some("refresh-token-1".into());
    world.part().wake.notify_one();
    world.until("ready", |world| world.state() == "ready").await;
}

#[tokio::test]
async fn a_token_of_another_place_is_not_used() {
    let mut world = World::new(false, 2 * HOUR);
    world.begin().await;
    world.agree().await.unwrap();
    world.token().await.unwrap();
    let engine = Arc::new(AtomicBool::new(true));
    let cell = Arc::new(Cell::new(
        "acme".into(),
        "shop".into(),
        "there".into(),
        engine,
    ));
    let secrets = BTreeMap::clone(world.credentials.base());
    let there = Credentials::new(secrets, Redactor::builder().build(), cell.clone());
    {
        let mut declared = world.fake.declared.lock().unwrap();
        (declared.place, declared.cell) = ("there".into(), cell);
    }
    world.part().wake.notify_one();
    world
        .until("missing", |world| world.state() == "missing")
        .await;
    let deadline = tokio::time::Instant::now().into_std() + Duration::from_secs(1);
    assert!(there.ready(deadline).await.is_err());
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_leaves_a_doubt_that_the_next_host_knows() {
    let mut world = World::new(true, 2 * HOUR);
    world.begin().await;
    world.token().await.unwrap();
    world.fake.played().mood = Mood::Mute;
    world.renew();
    world
        .until("a renewal", |world| world.part().look().results[3] > 0)
        .await;
    world.kill().await;
    world.fake.played().mood = Mood::Works;
    world.begin().await;
    // Refused, since it was used; the application's own credentials get another.
    world
        .until("another token", |world| world.armed() == "access-token-3")
        .await;
    assert_eq!(world.state(), "ready");
    assert_eq!(world.asked().last().unwrap(), "first");
}

#[tokio::test]
async fn callers_whose_token_is_not_renewed_any_more_wait_for_one_by_the_applications_own_credentials()
 {
    let mut world = World::new(true, 2 * HOUR);
    world.begin().await;
    world.token().await.unwrap();
    world.fake.played().valid = Some("another".into());
    let version = world.credentials.armed().version;
    let deadline = tokio::time::Instant::now().into_std() + Duration::from_secs(10);
    let callers = (0..20).map(|_| world.credentials.refused(version, deadline));
    let renewed = futures_util::future::join_all(callers).await;
    assert!(renewed.iter().all(Option::is_some));
    assert_eq!(world.asked(), ["first", "refresh refresh-token-1", "first"]);
    assert!(world.told().is_empty(), "{:?}", world.told());
}
