//! One event: what became of an item, as listeners and receivers are told.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crossdock_store::{Change, Lane, Phase, Place, State, Store, StoreError};
use rand::Rng;
use serde::{Serialize, Serializer};

use super::blame;
use super::feed::Whose;
use crate::problem::{Blame, Problem};
use crate::seal::{Cipher, KEY};

/// What became of an item.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Its place in the sequence of all tenants, which nobody is shown: it
    /// counts what others do.
    #[serde(skip)]
    pub(super) seq: u64,
    #[serde(skip)]
    pub(super) state: State,
    /// The tenant.
    #[serde(serialize_with = "text")]
    pub(super) tenant: Arc<str>,
    /// Its delivery.
    pub(super) delivery: String,
    /// Its position in the delivery.
    index: u32,
    /// Its connection.
    pub(super) connection: String,
    /// Its operation.
    pub(super) operation: String,
    /// How it ended, or `held`.
    status: &'static str,
    /// When, Unix milliseconds.
    pub(super) at_ms: u64,
    /// When it was accepted, Unix milliseconds.
    accepted_ms: u64,
    /// What it is about: the values of its order key.
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
    /// Attempts so far. This and all below is absent once the item went on.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    /// The platform's code, or the host's name of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The platform's message, or one sentence of the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Who has to act.
    #[serde(skip_serializing_if = "Option::is_none")]
    blame: Option<Blame>,
    /// The number of the item that left in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded_by: Option<u64>,
    /// Where that one is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<Named>,
    /// `unknown` if an earlier attempt may have been applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier: Option<&'static str>,
}

/// What is said of attempts before the last one. Of what arrived in the end, or of
/// which nothing is known anyway, they say nothing more.
pub(super) fn earlier(state: State, doubt: bool) -> Option<&'static str> {
    use State::{Accepted, Duplicate, Skipped, Unknown};
    let says = doubt && !matches!(state, Accepted | Duplicate | Skipped | Unknown);
    says.then_some(Unknown.as_str())
}

/// An item by its delivery: as paths name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Its delivery.
    pub delivery: String,
    /// Its position in it.
    pub index: u32,
}

impl From<Place> for Named {
    fn from(place: Place) -> Self {
        Self {
            delivery: place.delivery.to_string(),
            index: place.index,
        }
    }
}

fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Event {
    pub(super) fn of(change: Change, lane: &Lane) -> Self {
        let end = change.end;
        let attempts = end.as_ref().map(|end| end.attempts);
        let blamed = end.as_ref().and_then(|end| end.blame);
        let newer = end.as_ref().and_then(|end| end.superseded_by);
        let successor = end.as_ref().and_then(|end| end.successor);
        let doubt = end.as_ref().is_some_and(|end| end.doubt);
        let (code, message) = end.map_or((None, None), |end| (end.code, end.message));
        Self {
            seq: change.seq,
            state: change.state,
            tenant: lane.tenant.as_str().into(),
            delivery: change.delivery.to_string(),
            index: change.index,
            connection: lane.connection.clone(),
            operation: lane.operation.clone(),
            status: change.state.as_str(),
            at_ms: change.at,
            accepted_ms: change.accepted,
            label: change.label,
            attempts,
            code,
            message,
            blame: blamed.map(blame::said),
            superseded_by: newer.map(|item| item.0),
            successor: successor.map(Named::from),
            earlier: earlier(change.state, doubt),
        }
    }
}

/// Which events are wanted. What is not given excludes nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this connection.
    pub connection: Option<String>,
    /// Of this operation.
    pub operation: Option<String>,
    /// In one of these states.
    pub states: Vec<State>,
}

impl EventFilter {
    /// Has a state wanted by its word.
    ///
    /// # Errors
    /// If no event has that.
    pub fn want(&mut self, word: &str) -> Result<(), Problem> {
        let told = |state: &State| state.phase() != Phase::Open || *state == State::Held;
        let told: Vec<State> = State::ALL.into_iter().filter(told).collect();
        match told.iter().find(|state| state.as_str() == word) {
            Some(state) => self.states.push(*state),
            None => {
                let words: Vec<&str> = told.iter().map(|state| state.as_str()).collect();
                let shown: String = word.chars().take(40).collect();
                let known = words.join(", ");
                return Err(Problem::caller(
                    "invalid-query",
                    format!("`{shown}` is no status of an event; these are: {known}"),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn wants(&self, event: &Event) -> bool {
        let is = |wanted: &Option<String>, name: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == name)
        };
        is(&self.connection, &event.connection)
            && is(&self.operation, &event.operation)
            && (self.states.is_empty() || self.states.contains(&event.state))
    }
}

/// The note with the key of places.
const KEY_NOTE: &str = "key of places";

/// The key of this outbox's places, which is made at the first start.
pub(super) fn own_key(store: &dyn Store, now: u64) -> Result<[u8; KEY], StoreError> {
    let notes = store.notes()?.into_iter();
    let mut notes = notes.filter(|(name, _)| name == KEY_NOTE);
    if let Some(key) = notes.next().and_then(|(_, key)| key.try_into().ok()) {
        return Ok(key);
    }
    let mut key = [0; KEY];
    rand::rng().fill_bytes(&mut key);
    store.set_note(KEY_NOTE, Some(key.to_vec()), now)?;
    Ok(key)
}

/// Places as listeners are given them: encrypted, since a number would count
/// what other tenants do.
pub(super) struct Places {
    cipher: Cipher,
}

impl Places {
    pub fn new(key: &[u8; KEY]) -> Self {
        Self {
            cipher: Cipher::new(key),
        }
    }

    fn whose(whose: &Whose) -> Vec<u8> {
        let tenant = whose.as_deref().unwrap_or_default();
        format!("place in the events\n{tenant}").into_bytes()
    }

    /// A place as text.
    pub fn show(&self, whose: &Whose, place: u64) -> String {
        let sealed = self.cipher.seal(&Self::whose(whose), &place.to_be_bytes());
        URL_SAFE_NO_PAD.encode(sealed.unwrap_or_default())
    }

    /// The place of a text that was given to the same listener before.
    pub fn read(&self, whose: &Whose, text: &str) -> Option<u64> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let place = self.cipher.open(&Self::whose(whose), &sealed)?;
        Some(u64::from_be_bytes(place.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_by_whom_it_was_given_to_and_tells_nothing() {
        let places = Places::new(&[7; KEY]);
        let (a, b, all): (Whose, Whose, Whose) = (Some("a".into()), Some("b".into()), None);
        let shown = places.show(&a, 17);
        assert_eq!(places.read(&a, &shown), Some(17));
        assert_eq!(shown.len(), places.show(&a, u64::MAX).len());
        assert_ne!(shown, places.show(&a, 17));
        for whose in [&b, &all] {
            assert_eq!(places.read(whose, &shown), None);
        }
        for text in ["", "17", &shown[1..], "ü"] {
            assert_eq!(places.read(&a, text), None, "{text}");
        }
        assert_eq!(Places::new(&[8; KEY]).read(&a, &shown), None);
    }

    #[test]
    fn an_earlier_attempt_is_told_of_where_the_last_one_says_less() {
        for state in State::ALL {
            use State::{Accepted, Duplicate, Skipped, Unknown};
            let says_all = [Accepted, Duplicate, Skipped, Unknown].contains(&state);
            assert_eq!(earlier(state, true).is_none(), says_all, "{state}");
            assert_eq!(earlier(state, false), None);
        }
    }

    #[test]
    fn only_states_that_events_have_can_be_wanted() {
        let mut filter = EventFilter::default();
        for word in ["accepted", "held", "unknown", "superseded"] {
            filter.want(word).unwrap();
        }
        assert_eq!(filter.states.len(), 4);
        for word in ["queued", "sending", "behind", "", "Accepted"] {
            assert_eq!(filter.want(word).unwrap_err().code, "invalid-query");
        }
    }
}
