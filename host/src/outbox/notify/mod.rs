//! Messages to where a tenant wants to hear what became of its records, as
//! Standard Webhooks has them: <https://www.standardwebhooks.com>.
//!
//! | file | what is in it |
//! |---|---|
//! | `message` | what is sent: body, headers, signature |
//! | `answer` | what an answer says about going on |
//! | `place` | how far a tenant's receiver was told, durable |
//! | `sender` | one tenant's messages, one after the other |
//! | `courier` | a message about something else, sent once |
//!
//! A message is written down before it leaves, by its bounds and its id, and so
//! has the same id after a kill. The next one leaves when it was taken.

mod answer;
mod courier;
mod message;
mod place;
mod sender;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

pub(crate) use self::answer::{Follows, pause};
pub(crate) use self::courier::Courier;
use self::place::Place;
use self::sender::Sender;
use super::{HOST_PAUSE, Shared, now};
use crate::config::NotifyConfig;
use crate::problem::Problem;
use crate::serving::snapshot::Snapshot;

/// How often it is looked at whether another setting serves.
const LOOK: Duration = Duration::from_millis(200);

/// Messages that are under way at once, of all tenants.
const MESSAGES: usize = 128;

/// A tenant's setting, and what tells it from another one.
struct Setting {
    config: NotifyConfig,
    /// Changes with everything that is said in the setting.
    mark: String,
}

impl Setting {
    fn new(config: &NotifyConfig) -> Arc<Self> {
        Arc::new(Self {
            mark: message::mark(config),
            config: config.clone(),
        })
    }
}

/// A tenant's sender that runs.
struct Running {
    setting: watch::Sender<Arc<Setting>>,
    stop: CancellationToken,
}

/// How a tenant's receiver takes messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taking {
    /// Nothing speaks against the next one.
    Working,
    /// The newest one was not taken.
    Failing,
    /// It wants no more.
    Stopped,
}

impl Taking {
    const ALL: [Self; 3] = [Self::Working, Self::Failing, Self::Stopped];

    fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Failing => "failing",
            Self::Stopped => "stopped",
        }
    }
}

/// How every receiver takes messages, for whoever watches.
#[derive(Default)]
pub(super) struct Receivers(Mutex<BTreeMap<Arc<str>, Taking>>);

impl Receivers {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Taking>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, tenant: &Arc<str>, taking: Taking) {
        self.all().insert(tenant.clone(), taking);
    }

    fn forget(&self, tenant: &str) {
        self.all().remove(tenant);
    }

    /// How many are how.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        let all = self.all();
        let count = |taking: Taking| all.values().filter(|known| **known == taking).count();
        let counts = Taking::ALL.map(|taking| (taking.as_str(), count(taking) as u64));
        counts.into()
    }
}

/// Has a sender run for each tenant that wants one, until the host closes.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut senders = Senders {
        shared: shared.clone(),
        turns: Arc::new(Semaphore::new(MESSAGES)),
        running: BTreeMap::new(),
        known: None,
    };
    let mut served: Option<Arc<Snapshot>> = None;
    let mut told = false;
    loop {
        let serving = (shared.serving)();
        let mut wait = LOOK;
        let same = served
            .as_ref()
            .is_some_and(|served| Arc::ptr_eq(served, &serving));
        if !same {
            match senders.follow(&serving).await {
                Ok(()) => (served, told) = (Some(serving), false),
                Err(problem) => {
                    wait = HOST_PAUSE;
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%problem, "where tenants want to hear of their records cannot be read or written down; it is tried again");
                    }
                }
            }
        }
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

struct Senders {
    shared: Arc<Shared>,
    turns: Arc<Semaphore>,
    running: BTreeMap<Arc<str>, Running>,
    /// Tenants with a place on disk, with that place as it was at the start, as
    /// long as nobody has gone on from it.
    known: Option<BTreeMap<Arc<str>, Option<Place>>>,
}

impl Senders {
    /// Makes the senders those that the settings want.
    async fn follow(&mut self, serving: &Snapshot) -> Result<(), Problem> {
        let known = match &mut self.known {
            Some(known) => known,
            None => {
                let places = place::all(&self.shared).await?.into_iter();
                let places = places.map(|(tenant, place)| (tenant, Some(place)));
                self.known.insert(places.collect())
            }
        };
        self.running.retain(|tenant, sender| {
            let stays = serving.tenants.contains_key(tenant);
            if !stays {
                sender.stop.cancel();
                self.shared.receivers.forget(tenant);
            }
            stays
        });
        for (tenant, generation) in &serving.tenants {
            let Some(config) = &generation.config.notify else {
                // It serves and wants to hear nothing: what it was told is over.
                if let Some(sender) = self.running.remove(tenant) {
                    sender.stop.cancel();
                    self.shared.receivers.forget(tenant);
                }
                if known.contains_key(tenant) {
                    place::forget(&self.shared, tenant).await?;
                    known.remove(tenant);
                }
                continue;
            };
            let setting = Setting::new(config);
            if let Some(sender) = self.running.get(tenant) {
                sender.setting.send_if_modified(|known| {
                    let news = known.mark != setting.mark;
                    if news {
                        *known = setting;
                    }
                    news
                });
                continue;
            }
            // Listened to before the place is known, so that nothing is between.
            let subscription = self.shared.subscribe(Some(tenant.clone())).await?;
            let place = match known.get(tenant) {
                Some(Some(place)) => Some(place.clone()),
                Some(None) => place::one(&self.shared, tenant).await?,
                None => None,
            };
            let place = match place {
                Some(place) => place,
                None => {
                    let begun = Place::at(self.shared.newest().await?);
                    begun.save(&self.shared, tenant).await?;
                    begun
                }
            };
            known.insert(tenant.clone(), None);
            let (news, setting) = watch::channel(setting);
            let stop = self.shared.closing.child_token();
            let sender = Sender::new(
                self.shared.clone(),
                tenant.clone(),
                subscription,
                place,
                setting,
                stop.clone(),
                self.turns.clone(),
            );
            self.shared.batches.spawn(sender.run());
            let running = Running {
                setting: news,
                stop,
            };
            self.running.insert(tenant.clone(), running);
        }
        Ok(())
    }
}

/// What a message is called that was not there before.
pub(crate) fn message_id() -> String {
    let mut chance = [0; 16];
    rand::rng().fill_bytes(&mut chance);
    format!("msg_{}", hex::encode(chance))
}

/// Unix seconds, as a message has them.
fn seconds() -> u64 {
    now() / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_are_counted_by_how_they_take_messages() {
        let receivers = Receivers::default();
        for (tenant, taking) in [
            ("a", Taking::Working),
            ("b", Taking::Failing),
            ("b", Taking::Stopped),
            ("c", Taking::Failing),
        ] {
            receivers.set(&tenant.into(), taking);
        }
        receivers.forget("c");
        assert_eq!(
            receivers.counts(),
            [("working", 1), ("failing", 0), ("stopped", 1)]
        );
    }
}
