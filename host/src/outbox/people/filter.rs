//! Which items are meant.

use crossdock_store::{Filter, State};

use super::super::blame;
use super::Whose;
use super::act::Act;
use crate::problem::{Blame, Problem};

/// Which items are meant. What is not given excludes nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of this tenant, where those of all may be asked for.
    pub tenant: Option<String>,
    /// Of this connection.
    pub connection: Option<String>,
    /// Of this operation.
    pub operation: Option<String>,
    /// In one of these states, by their words; in any if there are none.
    pub states: Vec<String>,
    /// With this code.
    pub code: Option<String>,
    /// With this blame, by its word.
    pub blame: Option<String>,
    /// With this text in their label.
    pub label: Option<String>,
    /// Accepted at this time or later, Unix milliseconds.
    pub since: Option<u64>,
    /// Accepted before this time.
    pub until: Option<u64>,
}

impl Wanted {
    /// As the store takes it.
    ///
    /// # Errors
    /// If a word is none.
    pub(super) fn filter(&self, whose: &Whose) -> Result<Filter, Problem> {
        let tenant = match whose {
            Whose::Tenant(tenant) => Some(tenant.clone()),
            Whose::All => self.tenant.clone(),
        };
        Ok(Filter {
            tenant,
            connection: self.connection.clone(),
            operation: self.operation.clone(),
            states: self.states()?,
            code: self.code.clone(),
            blame: self.blame()?.map(blame::kept),
            from: self.since,
            until: self.until,
            label: self.label.clone(),
        })
    }

    fn states(&self) -> Result<Vec<State>, Problem> {
        let mut states = Vec::new();
        for word in &self.states {
            let known = State::ALL.iter().find(|state| state.as_str() == word);
            let Some(state) = known else {
                let words = State::ALL.map(State::as_str).join(", ");
                return Err(not_a_word(word, "status of an item", &words));
            };
            if !states.contains(state) {
                states.push(*state);
            }
        }
        Ok(states)
    }

    fn blame(&self) -> Result<Option<Blame>, Problem> {
        let Some(word) = &self.blame else {
            return Ok(None);
        };
        let mut known = Blame::ALL.into_iter();
        let blame = known.find(|blame| blame.as_str() == word);
        let words = Blame::ALL.map(Blame::as_str).join(", ");
        blame
            .map(Some)
            .ok_or_else(|| not_a_word(word, "blame", &words))
    }

    /// The same for doing something with whatever matches: it says in which states
    /// that is, and only in such in which it can be done.
    ///
    /// # Errors
    /// If it does not.
    pub(super) fn filter_to(&self, whose: &Whose, act: Act) -> Result<Filter, Problem> {
        let filter = self.filter(whose)?;
        let possible = act.possible();
        let words: Vec<&str> = possible.iter().map(|state| state.as_str()).collect();
        let words = words.join(", ");
        let wrong = filter.states.iter().find(|state| !possible.contains(state));
        if filter.states.is_empty() {
            let verb = act.verb();
            return Err(Problem::caller(
                "invalid-query",
                format!("say which items to {verb}: `status`, at least once, is one of {words}"),
            ));
        }
        if let Some(state) = wrong {
            let done = act.done();
            return Err(Problem::caller(
                "invalid-query",
                format!("nothing that is `{state}` can be {done}; what is {words} can"),
            ));
        }
        Ok(filter)
    }
}

fn not_a_word(word: &str, what: &str, words: &str) -> Problem {
    let shown: String = word.chars().take(40).collect();
    Problem::caller(
        "invalid-query",
        format!("`{shown}` is no {what}; these are: {words}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(states: &[&str]) -> Wanted {
        Wanted {
            states: states.iter().map(|&state| state.to_owned()).collect(),
            ..Wanted::default()
        }
    }

    #[test]
    fn words_that_are_none_are_refused_and_the_others_named() {
        let all = Whose::All;
        let refused = wanted(&["failed", "broken"]).filter(&all).unwrap_err();
        assert!(refused.detail.contains("`broken`") && refused.detail.contains("superseded"));
        let mut blamed = wanted(&[]);
        blamed.blame = Some("nobody".into());
        let refused = blamed.filter(&all).unwrap_err();
        assert!(refused.detail.contains("caller, script"), "{refused}");
        let twice = wanted(&["failed", "failed"]).filter(&all).unwrap();
        assert_eq!(twice.states, [State::Failed]);
    }

    #[test]
    fn a_tenant_cannot_ask_for_anothers() {
        let mut other = wanted(&[]);
        other.tenant = Some("other".into());
        let own = Whose::Tenant("acme".into());
        assert_eq!(other.filter(&own).unwrap().tenant.as_deref(), Some("acme"));
        assert_eq!(
            other.filter(&Whose::All).unwrap().tenant.as_deref(),
            Some("other")
        );
    }

    #[test]
    fn whoever_acts_on_what_matches_names_states_in_which_that_can_be_done() {
        let all = Whose::All;
        for (states, possible) in [
            (&["failed", "unknown", "held"][..], true),
            (&[], false),
            (&["accepted"], false),
            (&["failed", "sending"], false),
            (&["behind"], false),
        ] {
            let asked = wanted(states).filter_to(&all, Act::Retry);
            assert_eq!(asked.is_ok(), possible, "{states:?}");
        }
        let discarded = wanted(&["behind"]).filter_to(&all, Act::Discard);
        assert!(discarded.is_ok());
    }
}
