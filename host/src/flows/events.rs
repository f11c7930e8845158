//! What runs do, as they do it, for whoever listens. Every run is in the store, too.

use std::sync::Arc;

use crossdock_store::{RunRow, RunState};
use serde::{Serialize, Serializer};

use super::Flows;
use super::part::Part;
use super::shown::RunShown;
use crate::outbox::listening::Begin;
use crate::outbox::newest::{EventPage, Happened, Listening};
use crate::problem::Problem;

/// Something that a run did.
#[derive(Debug, Serialize)]
pub struct FlowEvent {
    /// The tenant.
    #[serde(serialize_with = "text")]
    tenant: Arc<str>,
    /// The flow.
    #[serde(serialize_with = "text")]
    flow: Arc<str>,
    /// `begun` or `ended`.
    event: &'static str,
    /// When, Unix milliseconds.
    at_ms: u64,
    /// The run as it was then.
    #[serde(flatten)]
    run: RunShown,
}

#[cfg(test)]
impl FlowEvent {
    /// One for the tests of interfaces.
    pub fn example(run: RunShown) -> Self {
        Self {
            tenant: "acme".into(),
            flow: "stock".into(),
            event: "begun",
            at_ms: 1,
            run,
        }
    }
}

fn text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// Which events are wanted. What is not given excludes nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct FlowEventFilter {
    /// Of this flow.
    pub flow: Option<String>,
    /// Of runs in one of these states.
    pub states: Vec<&'static str>,
}

impl FlowEventFilter {
    /// Has a state wanted by its word.
    ///
    /// # Errors
    /// If no event has that.
    pub fn want(&mut self, word: &str) -> Result<(), Problem> {
        let told = RunState::ALL
            .into_iter()
            .filter(|state| *state != RunState::Waiting)
            .map(RunState::as_str);
        let told: Vec<&'static str> = told.collect();
        match told.iter().find(|state| **state == word) {
            Some(state) => self.states.push(state),
            None => {
                let shown: String = word.chars().take(40).collect();
                let known = told.join(", ");
                return Err(Problem::caller(
                    "invalid-query",
                    format!("`{shown}` is no state of an event; these are: {known}"),
                ));
            }
        }
        Ok(())
    }

    fn wants(&self, event: &FlowEvent) -> bool {
        let of = |flow: &String| **flow == *event.flow;
        self.flow.as_ref().is_none_or(of)
            && (self.states.is_empty() || self.states.contains(&event.run.state))
    }
}

impl Happened for FlowEvent {
    const ABOUT: &'static str = "runs";

    fn tenant(&self) -> &str {
        &self.tenant
    }
}

impl FlowEvent {
    /// That a run has begun, or how it has ended.
    pub(super) fn of(part: &Part, run: &RunRow) -> Self {
        let (event, at_ms) = match run.state.is_end() {
            true => ("ended", run.ended.unwrap_or_else(super::now)),
            false => ("begun", run.began),
        };
        Self {
            tenant: part.tenant.clone(),
            flow: part.name.clone(),
            event,
            at_ms,
            run: RunShown::from(run.clone()),
        }
    }
}

/// Somebody who listens to the runs of a tenant.
pub struct FlowListening {
    listening: Listening<FlowEvent>,
    filter: FlowEventFilter,
}

impl Flows {
    /// Listens to what the runs of a tenant's flows do.
    ///
    /// # Errors
    /// If the id is none that was given to the same listener.
    pub fn listen(
        &self,
        tenant: &str,
        filter: FlowEventFilter,
        begin: &Begin,
    ) -> Result<FlowListening, Problem> {
        let (feed, outbox) = (&self.shared.feed, &self.shared.outbox);
        let listening = feed.listen(outbox, tenant, begin)?;
        Ok(FlowListening { listening, filter })
    }
}

impl FlowListening {
    /// The id with which this place is found again.
    pub fn place(&self) -> String {
        self.listening.place()
    }

    /// What comes next, which may be nothing.
    pub fn page(&mut self) -> EventPage<FlowEvent> {
        self.listening.page(|event| self.filter.wants(event))
    }

    /// Waits until there is something new, of whichever flow.
    pub async fn news(&mut self) {
        self.listening.news().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> FlowEvent {
        let run = RunRow {
            id: crossdock_store::RunId(1),
            flow: crossdock_store::FlowId(1),
            tick: None,
            cause: "a test".into(),
            state: RunState::Running,
            began: 1,
            ended: None,
            pages: 0,
            open_pages: 0,
            counts: Default::default(),
            stages: Default::default(),
            problem: None,
        };
        FlowEvent {
            tenant: "a".into(),
            flow: "stock".into(),
            event: "begun",
            at_ms: 1,
            run: run.into(),
        }
    }

    #[test]
    fn only_states_that_events_have_can_be_wanted() {
        let mut filter = FlowEventFilter::default();
        assert!(filter.wants(&event()));
        for word in ["done", "failed", "stopped"] {
            filter.want(word).unwrap();
        }
        assert!(!filter.wants(&event()));
        filter.want("running").unwrap();
        assert!(filter.wants(&event()));
        filter.flow = Some("goods".into());
        assert!(!filter.wants(&event()));
        for word in ["waiting", "begun", "", "Done"] {
            assert_eq!(filter.want(word).unwrap_err().code, "invalid-query");
        }
    }
}
