//! How grants are getting on, told where their tenants want to hear of it
//! (`[notify]`). What is told is how it is now: of each connection, the newest that was
//! not taken. It is not written down: what somebody has to see to is told anew by the
//! next host.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::task::JoinSet;

use super::Shared;
use super::events::CredentialsEvent;
use crate::clock::{millis, now_ms, rfc3339};
use crate::config::NotifyConfig;
use crate::outbox::notify::{Courier, Follows, message_id, pause};
use crate::serving::snapshot::Snapshot;

/// The type of such a message.
const TYPE: &str = "credentials.changed";

/// Messages that are under way at once, of all tenants.
const MESSAGES: usize = 32;

/// How often it is looked whether other files serve.
const LOOK: Duration = Duration::from_secs(1);

/// What a tenant was not told yet.
struct Waiting {
    /// By connection.
    events: BTreeMap<String, Arc<CredentialsEvent>>,
    /// The message that says so, while nothing else is to be said.
    message: Option<(String, Bytes)>,
    failures: u32,
    next: Instant,
    under_way: bool,
}

impl Waiting {
    fn new() -> Self {
        Self {
            events: BTreeMap::new(),
            message: None,
            failures: 0,
            next: Instant::now(),
            under_way: false,
        }
    }

    fn add(&mut self, event: Arc<CredentialsEvent>) {
        // A message that is under way says what it says; this one is news.
        self.message = None;
        self.events.insert(event.shown.connection.clone(), event);
    }
}

/// How a message ended.
struct Sent {
    tenant: Arc<str>,
    events: Vec<Arc<CredentialsEvent>>,
    follows: Follows,
}

/// Tells until the host ends.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut news = shared.feed.news();
    let mut place = shared.begun;
    let mut telling = Telling {
        waiting: BTreeMap::new(),
        sending: JoinSet::new(),
        shared: shared.clone(),
    };
    loop {
        let (events, newest) = shared.feed.after(place);
        place = newest;
        let snapshot = (shared.serving)();
        for event in events {
            if notify(&snapshot, &event.tenant).is_some() {
                let waiting = telling.waiting.entry(event.tenant.clone());
                waiting.or_insert_with(Waiting::new).add(event);
            }
        }
        telling.send(&snapshot);
        let next = telling.waiting.values().filter(|it| !it.under_way);
        let next = next.map(|waiting| waiting.next).min();
        let next = next.map_or(LOOK, |next| next.saturating_duration_since(Instant::now()));
        tokio::select! {
            () = shared.closing.cancelled() => return,
            _ = news.changed() => {}
            Some(sent) = telling.sending.join_next() => {
                if let Ok(sent) = sent {
                    telling.ended(sent);
                }
            }
            // Files that ask for less are followed soon.
            () = tokio::time::sleep(next.clamp(Duration::from_millis(10), LOOK)) => {}
        }
    }
}

/// Where a tenant wants to hear of its credentials, if it does.
fn notify<'s>(snapshot: &'s Snapshot, tenant: &str) -> Option<&'s NotifyConfig> {
    let tenant = snapshot.tenants.get(tenant)?;
    let notify = tenant.config.notify.as_ref()?;
    notify.credentials.then_some(notify)
}

struct Telling {
    waiting: BTreeMap<Arc<str>, Waiting>,
    sending: JoinSet<Sent>,
    shared: Arc<Shared>,
}

impl Telling {
    /// Begins to send what is due.
    fn send(&mut self, snapshot: &Snapshot) {
        self.waiting
            .retain(|tenant, _| notify(snapshot, tenant).is_some());
        let now = Instant::now();
        for (tenant, waiting) in &mut self.waiting {
            let Some(config) = notify(snapshot, tenant) else {
                continue;
            };
            if waiting.under_way || waiting.next > now || self.sending.len() >= MESSAGES {
                continue;
            }
            give_up_old(tenant, waiting, config);
            let events: Vec<_> = waiting.events.values().cloned().collect();
            if events.is_empty() {
                // It is gone with the next look.
                waiting.next = now + LOOK;
                continue;
            }
            let message = waiting.message.get_or_insert_with(|| {
                let body = body(tenant, &events);
                (message_id(), body)
            });
            let (id, body) = message.clone();
            let (tenant, config) = (tenant.clone(), config.clone());
            let network = self.shared.config.network.clone();
            waiting.under_way = true;
            self.sending.spawn(async move {
                let courier = Courier::new(&config, &network);
                let follows = match courier {
                    Ok(courier) => courier.send(&id, &body).await,
                    Err(why) => Follows::Again {
                        why,
                        asked: Duration::ZERO,
                    },
                };
                Sent {
                    tenant,
                    events,
                    follows,
                }
            });
        }
        self.waiting
            .retain(|_, waiting| waiting.under_way || !waiting.events.is_empty());
    }

    /// A message was taken, or was not.
    fn ended(&mut self, sent: Sent) {
        let Some(waiting) = self.waiting.get_mut(&sent.tenant) else {
            return;
        };
        waiting.under_way = false;
        match sent.follows {
            // Whoever wants no more is told by its records' messages, and by the log.
            Follows::Taken | Follows::Gone => {
                for told in sent.events {
                    let connection = &told.shown.connection;
                    let same = |newest: &Arc<_>| Arc::ptr_eq(newest, &told);
                    if waiting.events.get(connection).is_some_and(same) {
                        waiting.events.remove(connection);
                    }
                }
                (waiting.message, waiting.failures) = (None, 0);
                waiting.next = Instant::now();
            }
            Follows::Again { why, asked } => {
                waiting.failures = waiting.failures.saturating_add(1);
                waiting.next = Instant::now() + pause(waiting.failures, asked);
                if waiting.failures == 1 {
                    tracing::warn!(
                        target: "crossdock::grants",
                        tenant = &*sent.tenant,
                        why,
                        "where this tenant wants to hear of its credentials does not take a message; it is tried again"
                    );
                }
            }
        }
    }
}

/// What nobody took for as long as the setting says is given up.
fn give_up_old(tenant: &str, waiting: &mut Waiting, config: &NotifyConfig) {
    let oldest = now_ms().saturating_sub(millis(config.longest));
    let before = waiting.events.len();
    waiting.events.retain(|_, event| event.at_ms >= oldest);
    let given_up = before - waiting.events.len();
    if given_up > 0 {
        waiting.message = None;
        tracing::error!(
            target: "crossdock::grants",
            tenant,
            events = given_up,
            "a message to where this tenant wants to hear of its credentials is given up"
        );
    }
}

fn body(tenant: &str, events: &[Arc<CredentialsEvent>]) -> Bytes {
    let at = events.iter().map(|event| event.at_ms).max();
    let events: Vec<&CredentialsEvent> = events.iter().map(|event| &**event).collect();
    let body = json!({
        "type": TYPE,
        "timestamp": rfc3339(at.unwrap_or_default()),
        "data": { "tenant": tenant, "events": events },
    });
    body.to_string().into()
}
