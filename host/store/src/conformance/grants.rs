//! Promises about grants.

use std::collections::BTreeSet;

use super::random::Dice;
use crate::model::limits;
use crate::{
    Authorization, Authorized, GrantChange, GrantName, GrantRow, GrantStore, NewAuthorization,
    Store, StoreError,
};

/// A time to begin with.
const T: u64 = 1_700_000_000_000;

/// Walks of a host that stops anywhere.
const SEEDS: u64 = 20;

/// One thing that holds for every store.
type Promise = fn(&dyn GrantStore);

const PROMISES: &[Promise] = &[
    a_grant_changes_only_at_the_version_that_was_read,
    a_renewal_that_began_is_known_until_its_end_is,
    what_was_forgotten_stays_forgotten_and_takes_no_old_answer,
    places_are_told_apart_and_the_last_ones_are_kept,
    an_authorization_is_taken_once_and_in_time,
    the_newest_authorization_of_a_connection_is_found,
    what_is_too_large_or_has_no_name_is_refused,
];

/// Holds a store to everything that stores promise about grants.
pub fn run<S: Store + GrantStore>(fresh: &dyn Fn() -> S) {
    for promise in PROMISES {
        let store = fresh();
        promise(&store);
        assert_eq!(store.check().unwrap(), [""; 0]);
    }
    for seed in 0..SEEDS {
        walk(&fresh(), seed);
    }
}

fn name() -> GrantName {
    at("place")
}

fn at(place: &str) -> GrantName {
    GrantName {
        tenant: "acme".into(),
        connection: "shop".into(),
        place: place.into(),
    }
}

fn put(text: &str) -> GrantChange {
    GrantChange::Put(text.into())
}

fn change(store: &dyn GrantStore, version: u64, change: GrantChange) -> Option<u64> {
    store.grant_change(&name(), version, change, T).unwrap()
}

fn row(store: &dyn GrantStore) -> GrantRow {
    store.grant(&name()).unwrap().unwrap()
}

fn text(row: &GrantRow) -> Option<&str> {
    let state = row.state.as_deref();
    state.map(|state| str::from_utf8(state).unwrap())
}

fn a_grant_changes_only_at_the_version_that_was_read(store: &dyn GrantStore) {
    assert_eq!(store.grant(&name()).unwrap(), None);
    assert_eq!(change(store, 1, put("a")), None, "there is none yet");
    let first = change(store, 0, put("a")).unwrap();
    assert_eq!(change(store, 0, put("b")), None, "somebody was first");
    let second = change(store, first, put("b")).unwrap();
    assert!(second > first);
    assert_eq!(change(store, first, put("c")), None);
    assert_eq!(change(store, first, GrantChange::Begin), None);
    let row = row(store);
    assert_eq!((row.version, text(&row)), (second, Some("b")));
    assert_eq!((row.started, row.changed), (None, T));
}

fn a_renewal_that_began_is_known_until_its_end_is(store: &dyn GrantStore) {
    let version = change(store, 0, put("a")).unwrap();
    let begun = change(store, version, GrantChange::Begin).unwrap();
    let known = row(store);
    assert_eq!((known.started, text(&known)), (Some(T), Some("a")));
    // Another one that begins with the old version would use the same up.
    assert_eq!(change(store, version, GrantChange::Begin), None);
    let unused = change(store, begun, GrantChange::Unused).unwrap();
    let known = row(store);
    assert_eq!((known.started, text(&known)), (None, Some("a")));
    let begun = change(store, unused, GrantChange::Begin).unwrap();
    change(store, begun, put("b")).unwrap();
    let known = row(store);
    assert_eq!((known.started, text(&known)), (None, Some("b")));
    // The first may be asked for with something that works once, too.
    let other = at("other");
    let begun = store.grant_change(&other, 0, GrantChange::Begin, T);
    assert_eq!(begun.unwrap(), Some(1));
    let known = store.grant(&other).unwrap().unwrap();
    assert_eq!((known.started, known.state), (Some(T), None));
}

fn what_was_forgotten_stays_forgotten_and_takes_no_old_answer(store: &dyn GrantStore) {
    let version = change(store, 0, put("a")).unwrap();
    let begun = change(store, version, GrantChange::Begin).unwrap();
    store.grant_change(&at("other"), 0, put("o"), T).unwrap();
    let forget = GrantChange::Forget(b"gone".to_vec());
    let forgotten = change(store, begun, forget).unwrap();
    assert_eq!(change(store, begun, put("b")), None, "it came too late");
    let known = row(store);
    assert_eq!((known.started, text(&known)), (None, Some("gone")));
    assert_eq!(store.grant(&at("other")).unwrap(), None);
    assert!(change(store, forgotten, put("c")).is_some());
}

fn places_are_told_apart_and_the_last_ones_are_kept(store: &dyn GrantStore) {
    let many = limits::GRANT_PLACES as u64 + 3;
    for number in 0..many {
        let name = at(&format!("place {number}"));
        let put = put(&number.to_string());
        store.grant_change(&name, 0, put, T + number).unwrap();
    }
    let other = GrantName {
        connection: "other".into(),
        ..at("place 0")
    };
    store.grant_change(&other, 0, put("other"), T).unwrap();
    for number in 0..many {
        let kept = store.grant(&at(&format!("place {number}"))).unwrap();
        assert_eq!(kept.is_some(), number >= 3, "{number}");
    }
    assert!(store.grant(&other).unwrap().is_some());
}

fn authorization(hash: u8, until: u64) -> NewAuthorization {
    NewAuthorization {
        hash: [hash; 32],
        name: name(),
        proof: vec![hash],
        until,
    }
}

fn take(store: &dyn GrantStore, hash: u8, now: u64) -> Option<Authorization> {
    let which = Authorized::Hash([hash; 32]);
    store.authorization_take(which, now).unwrap()
}

fn an_authorization_is_taken_once_and_in_time(store: &dyn GrantStore) {
    for hash in 1..4 {
        let new = authorization(hash, T + 100 * u64::from(hash));
        store.authorization_put(new, T).unwrap();
    }
    assert_eq!(take(store, 9, T), None);
    let taken = take(store, 1, T + 100).unwrap();
    assert_eq!((taken.name, taken.proof), (name(), vec![1]));
    assert_eq!(take(store, 1, T), None, "it was taken");
    assert_eq!(take(store, 2, T + 201), None, "it is over");
    // What is over is removed with the next one.
    store
        .authorization_put(authorization(4, T + 900), T + 250)
        .unwrap();
    assert_eq!(take(store, 2, T), None);
    assert!(take(store, 3, T + 250).is_some());
}

fn the_newest_authorization_of_a_connection_is_found(store: &dyn GrantStore) {
    let newest = || Authorized::Newest {
        tenant: "acme".into(),
        connection: "shop".into(),
    };
    assert_eq!(store.authorization_take(newest(), T).unwrap(), None);
    let most = limits::AUTHORIZATIONS as u8;
    for hash in 0..=most {
        let new = authorization(hash, T + u64::from(hash));
        store.authorization_put(new, T).unwrap();
    }
    let taken = store.authorization_take(newest(), T).unwrap().unwrap();
    assert_eq!(taken.proof, [most]);
    assert_eq!(take(store, 0, T), None, "it gave way to the last");
    assert!(take(store, 1, T).is_some());
    let elsewhere = Authorized::Newest {
        tenant: "acme".into(),
        connection: "other".into(),
    };
    assert_eq!(store.authorization_take(elsewhere, T).unwrap(), None);
    let late = store.authorization_take(newest(), T + 1_000);
    assert_eq!(late.unwrap(), None, "it is over");
}

fn what_is_too_large_or_has_no_name_is_refused(store: &dyn GrantStore) {
    let large = GrantChange::Put(vec![0; limits::GRANT + 1]);
    let refused = store.grant_change(&name(), 0, large, T);
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
    let refused = store.grant_change(&at(""), 0, put("a"), T);
    assert!(matches!(refused, Err(StoreError::Invalid(_))));
    let proof = NewAuthorization {
        proof: vec![0; limits::PROOF + 1],
        ..authorization(1, T)
    };
    let refused = store.authorization_put(proof, T);
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
    assert_eq!(store.grant(&name()).unwrap(), None);
}

/// A platform whose refresh tokens are numbers, each of which works once.
#[derive(Default)]
struct Platform {
    used: BTreeSet<u64>,
    /// The one that works.
    valid: u64,
}

impl Platform {
    fn renew(&mut self, refresh: u64) -> Option<u64> {
        let works = self.valid == refresh && self.used.insert(refresh);
        works.then(|| {
            self.valid += 1;
            self.valid
        })
    }
}

/// A host that renews, and stops anywhere: it never gives up what works for what
/// does not, and always knows when it may have used something up.
fn walk(store: &dyn GrantStore, seed: u64) {
    let mut dice = Dice(seed);
    let mut platform = Platform::default();
    change(store, 0, put("0")).unwrap();
    for step in 0..100 {
        // What a host does that begins.
        let row = row(store);
        let kept: u64 = text(&row).unwrap().parse().unwrap();
        match row.started {
            None => assert_eq!(kept, platform.valid, "seed {seed}, step {step}"),
            // It may have been used: then it is the one just before.
            Some(_) => assert!(kept == platform.valid || kept + 1 == platform.valid),
        }
        let begun = change(store, row.version, GrantChange::Begin).unwrap();
        if dice.roll(5) == 0 {
            continue;
        }
        match platform.renew(kept) {
            // A person has to agree anew.
            None => {
                assert!(row.started.is_some(), "seed {seed}, step {step}");
                let granted = platform.valid.to_string();
                change(store, begun, put(&granted)).unwrap();
            }
            Some(_) if dice.roll(5) == 0 => {}
            Some(next) => {
                change(store, begun, put(&next.to_string())).unwrap();
            }
        }
    }
}
