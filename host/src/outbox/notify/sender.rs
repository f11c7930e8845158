//! One tenant's messages, one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::super::event::Event;
use super::super::feed::Subscription;
use super::super::{HOST_PAUSE, Shared, now};
use super::answer::{Follows, follows, pause};
use super::message::{self, MOST_BYTES};
use super::place::{Bounds, Place};
use super::{Setting, Taking, seconds};
use crate::clock::millis;
use crate::config::{HostNetwork, NotifyConfig, ProxyChoice};
use crate::http::{Client, ClientOptions};
use crate::problem::Problem;

/// Longest a receiver may take, as Standard Webhooks recommends: 15 to 30 s.
pub(super) const TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes of a receiver's answer, of which only the head counts.
const MOST_ANSWER: usize = 1 << 20;

/// Events that are read at once.
const PAGE: usize = 500;

/// How often a place is written down that moves on without a message.
const SAVE: Duration = Duration::from_secs(10 * 60);

/// How often the log says that a receiver does not take a message.
const TELL: Duration = Duration::from_secs(60 * 60);

/// How long a message that is under way may delay the end of the host.
const LAST: Duration = Duration::from_secs(2);

/// One tenant's sender.
pub(super) struct Sender {
    shared: Arc<Shared>,
    tenant: Arc<str>,
    subscription: Subscription,
    place: Place,
    /// The place as it is on disk.
    saved: (Place, Instant),
    setting: watch::Receiver<Arc<Setting>>,
    stop: CancellationToken,
    turns: Arc<Semaphore>,
}

/// A message, as far as it is known before it leaves.
struct Message {
    bounds: Bounds,
    body: Bytes,
    events: usize,
    /// When the newest of its events was, Unix milliseconds.
    newest_ms: u64,
}

/// How a message ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It was taken, or given up.
    Over { given_up: bool },
    /// The receiver wants nothing any more.
    Gone,
    /// Another setting is there.
    Changed,
    /// The sender ends.
    Stopped,
}

impl Sender {
    pub fn new(
        shared: Arc<Shared>,
        tenant: Arc<str>,
        subscription: Subscription,
        place: Place,
        setting: watch::Receiver<Arc<Setting>>,
        stop: CancellationToken,
        turns: Arc<Semaphore>,
    ) -> Self {
        Self {
            shared,
            tenant,
            subscription,
            saved: (place.clone(), Instant::now()),
            place,
            setting,
            stop,
            turns,
        }
    }

    /// Sends until it is stopped. What cannot be read or written down now is
    /// tried again.
    pub async fn run(mut self) {
        let mut told = false;
        self.takes(Taking::Working);
        while !self.stop.is_cancelled() {
            let setting = self.setting.borrow_and_update().clone();
            let client = match client(&setting.config, &self.shared.config.network) {
                Ok(client) => client,
                Err(why) => {
                    tracing::error!(
                        tenant = &*self.tenant,
                        why,
                        "no message can be sent to where this tenant wants to hear of its records"
                    );
                    self.takes(Taking::Failing);
                    self.another_setting().await;
                    continue;
                }
            };
            match self.send_all(&setting, &client).await {
                Ok(()) => told = false,
                Err(problem) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(tenant = &*self.tenant, %problem, "messages to where this tenant wants to hear of its records wait for the outbox");
                    }
                    tokio::select! {
                        () = self.stop.cancelled() => {}
                        () = tokio::time::sleep(HOST_PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Says how the receiver takes messages, unless nobody wants to tell it any more.
    fn takes(&self, taking: Taking) {
        if !self.stop.is_cancelled() {
            self.shared.receivers.set(&self.tenant, taking);
        }
    }

    async fn another_setting(&mut self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            changed = self.setting.changed() => if changed.is_err() {
                self.stop.cancel();
            }
        }
    }

    /// Sends one message after the other, until another setting is there.
    async fn send_all(&mut self, setting: &Setting, client: &Client) -> Result<(), Problem> {
        if self
            .place
            .gone
            .as_ref()
            .is_some_and(|gone| *gone == setting.mark)
        {
            self.takes(Taking::Stopped);
            self.another_setting().await;
            return Ok(());
        }
        self.place.gone = None;
        loop {
            let Some(message) = self.compose(setting).await? else {
                if !self.wait().await? {
                    return Ok(());
                }
                continue;
            };
            self.save().await?;
            match self.deliver(setting, client, &message).await {
                End::Over { given_up } => {
                    self.place.after = message.bounds.to;
                    self.place.message = None;
                    self.place.missed = given_up;
                    if self.stop.is_cancelled() {
                        // Whoever took the setting away has removed the place.
                        if self.shared.closing.is_cancelled() {
                            self.save().await?;
                        }
                        return Ok(());
                    }
                }
                End::Gone => {
                    // What was not taken is told where another setting leads to.
                    self.place.gone = Some(setting.mark.clone());
                    self.save().await?;
                    return Ok(());
                }
                End::Changed | End::Stopped => return Ok(()),
            }
        }
    }

    /// Waits for something new; false if the sender ends, or another setting is
    /// there. Whatever was taken is on disk before.
    async fn wait(&mut self) -> Result<bool, Problem> {
        let (saved, at) = &self.saved;
        let moved = self.place.after != saved.after;
        let told = self.place.message != saved.message || self.place.missed != saved.missed;
        if told || self.place.gone != saved.gone || (moved && at.elapsed() >= SAVE) {
            self.save().await?;
        }
        tokio::select! {
            () = self.stop.cancelled() => Ok(false),
            changed = self.setting.changed() => {
                if changed.is_err() {
                    self.stop.cancel();
                }
                Ok(false)
            }
            () = self.subscription.news() => Ok(true),
            () = tokio::time::sleep(SAVE) => Ok(true),
        }
    }

    async fn save(&mut self) -> Result<(), Problem> {
        if self.place != self.saved.0 {
            self.place.save(&self.shared, &self.tenant).await?;
            self.saved = (self.place.clone(), Instant::now());
        }
        Ok(())
    }

    /// The next message: the one that was under way, or what is wanted and comes
    /// next. Where there is nothing, the place has moved to the end.
    async fn compose(&mut self, setting: &Setting) -> Result<Option<Message>, Problem> {
        let under_way = self.place.message.take();
        let under_way = under_way.filter(|bounds| bounds.mark == setting.mark);
        let most = under_way.as_ref().map_or(u64::MAX, |bounds| bounds.to);
        let oldest = match &under_way {
            // It has in it what it had.
            Some(_) => 0,
            None => now().saturating_sub(millis(setting.config.longest)),
        };
        let mut events: Vec<Arc<Event>> = Vec::new();
        let (mut to, mut bytes, mut too_old) = (self.place.after, 0, 0);
        'reading: loop {
            let read = self.subscription.read(to, PAGE).await?;
            self.place.missed |= read.missed;
            for event in read.events {
                if event.seq > most {
                    break 'reading;
                }
                if !setting.config.states.contains(&event.state) {
                    continue;
                }
                if event.at_ms < oldest {
                    too_old += 1;
                    continue;
                }
                bytes += serde_json::to_vec(&*event).map_or(0, |text| text.len());
                let full = events.len() >= setting.config.most_events || bytes > MOST_BYTES;
                if full && !events.is_empty() && under_way.is_none() {
                    break 'reading;
                }
                to = event.seq;
                events.push(event);
            }
            if read.next >= most {
                break;
            }
            to = read.next;
            if read.end || (under_way.is_none() && !events.is_empty() && bytes > MOST_BYTES) {
                break;
            }
        }
        if too_old > 0 {
            self.place.missed = true;
            tracing::warn!(
                tenant = &*self.tenant,
                events = too_old,
                "events were too old to be told where this tenant wants to hear of them"
            );
        }
        let Some(newest_ms) = events.last().map(|event| event.at_ms) else {
            self.place.after = match under_way {
                // Nothing of it is kept any more.
                Some(bounds) => bounds.to,
                None => to,
            };
            return Ok(None);
        };
        let bounds = under_way.unwrap_or_else(|| Bounds::new(to, &setting.mark));
        self.place.message = Some(bounds.clone());
        Ok(Some(Message {
            body: message::body(&self.tenant, self.place.missed, &events),
            bounds,
            events: events.len(),
            newest_ms,
        }))
    }

    /// Sends a message until it is taken, or there is an end to that.
    async fn deliver(&mut self, setting: &Setting, client: &Client, message: &Message) -> End {
        let host = setting.config.url.host_str().unwrap_or_default();
        let id = &*message.bounds.id;
        let (mut failures, mut told): (u32, Option<Instant>) = (0, None);
        loop {
            let Some(follows) = self.send(setting, client, message).await else {
                return End::Stopped;
            };
            let (why, asked) = match follows {
                Follows::Taken => {
                    if told.is_some() {
                        tracing::info!(
                            tenant = &*self.tenant,
                            host,
                            id,
                            "where this tenant wants to hear of its records takes messages again"
                        );
                    }
                    self.takes(Taking::Working);
                    return End::Over { given_up: false };
                }
                Follows::Gone => {
                    self.takes(Taking::Stopped);
                    tracing::warn!(
                        tenant = &*self.tenant,
                        host,
                        "where this tenant wants to hear of its records wants no more (HTTP 410); nothing is sent until `[notify]` changes"
                    );
                    return End::Gone;
                }
                Follows::Again { why, asked } => (why, asked),
            };
            failures = failures.saturating_add(1);
            self.takes(Taking::Failing);
            if told.is_none_or(|told| told.elapsed() >= TELL) {
                told = Some(Instant::now());
                tracing::warn!(
                    tenant = &*self.tenant,
                    host,
                    id,
                    failures,
                    why,
                    "where this tenant wants to hear of its records does not take a message; it is tried again"
                );
            }
            if now().saturating_sub(message.newest_ms) > millis(setting.config.longest) {
                tracing::error!(
                    tenant = &*self.tenant,
                    host,
                    id,
                    events = message.events,
                    failures,
                    why,
                    "a message to where this tenant wants to hear of its records is given up"
                );
                return End::Over { given_up: true };
            }
            tokio::select! {
                () = self.stop.cancelled() => return End::Stopped,
                changed = self.setting.changed() => {
                    if changed.is_err() {
                        self.stop.cancel();
                    }
                    return End::Changed;
                }
                () = tokio::time::sleep(pause(failures, asked)) => {}
            }
        }
    }

    /// Sends a message once; nothing if the sender ended meanwhile.
    async fn send(&self, setting: &Setting, client: &Client, message: &Message) -> Option<Follows> {
        let turn = tokio::select! {
            () = self.stop.cancelled() => return None,
            turn = self.turns.acquire() => turn.ok()?,
        };
        let at = seconds();
        let outgoing = message::outgoing(&setting.config, &message.bounds.id, at, &message.body);
        let Some(outgoing) = outgoing else {
            return Some(Follows::nowhere());
        };
        let sent = client.send_until(outgoing, Instant::now() + TIMEOUT);
        let ended = async {
            self.stop.cancelled().await;
            tokio::time::sleep(LAST).await;
        };
        let answer = tokio::select! {
            answer = sent => answer,
            () = ended => return None,
        };
        drop(turn);
        Some(follows(answer, seconds()))
    }
}

/// The tenant's own client: its connections, and what it may reach.
pub(super) fn client(config: &NotifyConfig, network: &HostNetwork) -> Result<Client, String> {
    let options = ClientOptions {
        timeout: TIMEOUT,
        response_body: MOST_ANSWER,
        allow_private: config.allow_private,
        extra_roots: config.extra_roots.clone(),
        proxy: network.proxy(&ProxyChoice::Hosts, &config.url),
        idle_connections: 1,
        ..ClientOptions::default()
    };
    Client::new(options).map_err(|error| error.to_string())
}
