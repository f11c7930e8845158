//! What happens to grants that somebody has to know of, as it happens, for whoever
//! listens. How each is getting on now can always be asked.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::{CredentialsShown, Grants};
use crate::config::did_you_mean;
use crate::outbox::listening::Begin;
use crate::outbox::newest::{EventPage, Happened, Listening};
use crate::problem::Problem;

/// States that are told.
const STATES: [&str; 5] = ["ready", "failing", "missing", "needs-person", "revoked"];

/// A grant that is getting on in another way than before.
#[derive(Debug, Clone, Serialize)]
pub struct CredentialsEvent {
    /// The tenant.
    #[serde(serialize_with = "text")]
    pub tenant: Arc<str>,
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// How it is getting on since then.
    #[serde(flatten)]
    pub shown: CredentialsShown,
}

fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Happened for CredentialsEvent {
    const ABOUT: &'static str = "credentials";

    fn tenant(&self) -> &str {
        &self.tenant
    }
}

/// Which events are wanted. What is not given excludes nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CredentialsEventFilter {
    /// Of this connection.
    pub connection: Option<String>,
    /// That came to one of these states.
    pub states: Vec<&'static str>,
}

impl CredentialsEventFilter {
    /// Has a state wanted by its word.
    ///
    /// # Errors
    /// If no event has that.
    pub fn want(&mut self, word: &str) -> Result<(), Problem> {
        match STATES.into_iter().find(|state| *state == word) {
            Some(state) => self.states.push(state),
            None => {
                let shown: String = word.chars().take(40).collect();
                let meant = did_you_mean(&shown, STATES, "the states are");
                return Err(Problem::caller(
                    "invalid-query",
                    format!("`{shown}` is no state of an event; {meant}"),
                ));
            }
        }
        Ok(())
    }

    fn wants(&self, event: &CredentialsEvent) -> bool {
        let shown = &event.shown;
        let of = |name: &String| *name == shown.connection;
        self.connection.as_ref().is_none_or(of)
            && (self.states.is_empty() || self.states.contains(&shown.state))
    }
}

/// Somebody who listens to the credentials of a tenant.
pub struct CredentialsListening {
    listening: Listening<CredentialsEvent>,
    filter: CredentialsEventFilter,
}

impl Grants {
    /// Listens to how the credentials of a tenant's connections are getting on.
    ///
    /// # Errors
    /// If there is no such tenant, or the id is none that was given to the same
    /// listener.
    pub fn listen(
        &self,
        tenant: &str,
        filter: CredentialsEventFilter,
        begin: &Begin,
    ) -> Result<CredentialsListening, Problem> {
        // Of a tenant that does not serve, there would be silence.
        self.known(tenant)?;
        let (feed, outbox) = (&self.shared.feed, &self.shared.outbox);
        let listening = feed.listen(outbox, tenant, begin)?;
        Ok(CredentialsListening { listening, filter })
    }
}

impl CredentialsListening {
    /// The id with which this place is found again.
    pub fn place(&self) -> String {
        self.listening.place()
    }

    /// What comes next, which may be nothing.
    pub fn page(&mut self) -> EventPage<CredentialsEvent> {
        self.listening.page(|event| self.filter.wants(event))
    }

    /// Waits until there is something new.
    pub async fn news(&mut self) {
        self.listening.news().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_states_that_events_have_can_be_wanted() {
        let event = CredentialsEvent {
            tenant: "acme".into(),
            at_ms: 1,
            shown: CredentialsShown {
                state: "failing",
                ..CredentialsShown::none("shop")
            },
        };
        let mut filter = CredentialsEventFilter::default();
        assert!(filter.wants(&event));
        filter.want("needs-person").unwrap();
        assert!(!filter.wants(&event));
        filter.want("failing").unwrap();
        assert!(filter.wants(&event));
        filter.connection = Some("other".into());
        assert!(!filter.wants(&event));
        for word in ["none", "", "Failing"] {
            assert_eq!(filter.want(word).unwrap_err().code, "invalid-query");
        }
        let said = serde_json::to_value(&event).unwrap();
        assert_eq!(
            (&said["tenant"], &said["connection"], &said["state"]),
            (&"acme".into(), &"shop".into(), &"failing".into())
        );
    }
}
