//! The threads and tasks a host cannot do without, and what follows when one
//! of them ends.
//!
//! | part | what it does | when it ends |
//! |---|---|---|
//! | `reload` | the task that owns what is loaded, and the watcher that feeds it | the host ends in good order |
//! | `guest-clock` | the thread that lets guests' deadlines pass | the host ends in good order |
//! | `outbox` | the task that delivers what was taken in | the host ends in good order |
//! | `flows` | the task that looks after flows | the host ends in good order |
//! | `grants` | the task that looks after credentials | the host ends in good order |
//! | `recording` | the thread that writes recorded items | calls go on, `/readyz` says so |
//! | `log` | the thread that writes log lines | calls go on, `/readyz` says so |
//!
//! A host that ends is started again by whatever runs it, and is then whole.
//! The loops that accept connections are no parts of this list: they run in the
//! server's own task, whose end is the end of the process.

use std::time::Duration;

use serde::Serialize;

/// How often somebody looks.
const LOOK: Duration = Duration::from_millis(500);

/// A part that may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The task that owns what is loaded.
    Reload,
    /// The thread of guests' deadlines.
    GuestClock,
    /// The task that delivers what was taken in.
    Outbox,
    /// The task that looks after flows.
    Flows,
    /// The task that looks after credentials.
    Grants,
    /// The thread that writes recorded items.
    Recording,
    /// The thread that writes log lines.
    Log,
}

impl Part {
    /// The name interfaces use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::GuestClock => "guest-clock",
            Self::Outbox => "outbox",
            Self::Flows => "flows",
            Self::Grants => "grants",
            Self::Recording => "recording",
            Self::Log => "log",
        }
    }

    /// Whether the host ends with it.
    pub fn is_vital(self) -> bool {
        matches!(
            self,
            Self::Reload | Self::GuestClock | Self::Outbox | Self::Flows | Self::Grants
        )
    }

    fn ended(self) -> &'static str {
        match self {
            Self::Reload => {
                "the task that loads changed files has ended; the host has to be restarted"
            }
            Self::GuestClock => {
                "the thread that lets guests' deadlines pass has ended; the host has to be restarted"
            }
            Self::Outbox => {
                "the task that delivers what was taken in has ended; the host has to be restarted"
            }
            Self::Flows => {
                "the task that looks after flows has ended; the host has to be restarted"
            }
            Self::Grants => {
                "the task that looks after credentials has ended; the host has to be restarted"
            }
            Self::Recording => {
                "the thread that records items has ended; restart the host to record again"
            }
            Self::Log => {
                "the thread that writes log lines has ended; restart the host to have a log again"
            }
        }
    }
}

/// Something that does not work as it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What.
    pub part: &'static str,
    /// One sentence: what is wrong and what to do.
    pub detail: String,
    /// No call should be sent here while it lasts.
    #[serde(skip)]
    pub serious: bool,
}

impl Trouble {
    /// Something that calls can do without.
    pub fn new(part: &'static str, detail: impl Into<String>) -> Self {
        Self {
            part,
            detail: detail.into(),
            serious: false,
        }
    }
}

impl From<Part> for Trouble {
    fn from(part: Part) -> Self {
        Self {
            serious: part.is_vital(),
            ..Self::new(part.name(), part.ended())
        }
    }
}

type IsAlive = Box<dyn Fn() -> bool + Send + Sync>;

/// The parts of one host, each with a way to see whether it still runs.
#[derive(Default)]
pub struct Vital(Vec<(Part, IsAlive)>);

impl Vital {
    /// Adds a part.
    pub fn watch(&mut self, part: Part, is_alive: impl Fn() -> bool + Send + Sync + 'static) {
        self.0.push((part, Box::new(is_alive)));
    }

    /// The parts that have ended.
    pub fn ended(&self) -> impl Iterator<Item = Part> {
        let ended = self.0.iter().filter(|(_, is_alive)| !is_alive());
        ended.map(|(part, _)| *part)
    }

    /// Waits until a part has ended that the host cannot do without.
    pub async fn lost(&self) -> Part {
        loop {
            if let Some(part) = self.ended().find(|part| part.is_vital()) {
                return part;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test]
    async fn the_end_of_a_vital_part_is_noticed_and_that_of_another_is_shown() {
        let alive = Arc::new(AtomicBool::new(true));
        let mut vital = Vital::default();
        let is_alive = alive.clone();
        vital.watch(Part::Reload, move || is_alive.load(Ordering::Relaxed));
        vital.watch(Part::Recording, || false);
        assert_eq!(vital.ended().collect::<Vec<_>>(), [Part::Recording]);
        assert!(futures_util::FutureExt::now_or_never(vital.lost()).is_none());
        alive.store(false, Ordering::Relaxed);
        let lost = tokio::time::timeout(Duration::from_secs(60), vital.lost()).await;
        assert_eq!(lost, Ok(Part::Reload));
        assert!(Trouble::from(Part::Reload).serious);
        assert!(!Trouble::from(Part::Recording).serious);
    }
}
