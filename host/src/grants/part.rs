//! One connection's grant, as everybody but its own task sees it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc, oneshot};
use url::Url;

use super::CredentialsShown;
use super::events::CredentialsEvent;
use crate::clock::now_ms;
use crate::config::Secret;
use crate::outbox::newest::Feed;
use crate::problem::Problem;

/// People who wait for their turn at one connection, at most.
const REQUESTS: usize = 16;

/// What a person wants.
pub(super) enum Want {
    /// Another token, now.
    Renew,
    /// The first token, for what the person brought.
    Code {
        code: Secret,
        verifier: Option<Secret>,
        redirect: Option<Url>,
        place: String,
    },
    /// Nothing of it kept.
    Revoke,
}

/// What a person wants, and where the answer goes.
pub(super) struct Request {
    pub want: Want,
    pub answer: oneshot::Sender<Result<(), Problem>>,
}

/// How renewals ended.
pub(super) const RESULTS: [&str; 4] = ["renewed", "refused", "failed", "unknown"];

/// What is shown of a grant.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub shown: CredentialsShown,
    /// Somebody has to be told.
    pub alarm: bool,
    /// How renewals ended, as [`RESULTS`] has them.
    pub results: [u64; 4],
    /// The state that was told last.
    told: Option<&'static str>,
}

/// A connection's grant.
pub(super) struct Part {
    pub tenant: Arc<str>,
    pub connection: Arc<str>,
    look: Mutex<Look>,
    requests: mpsc::Sender<Request>,
    /// Other files may serve.
    pub wake: Notify,
    feed: Arc<Feed<CredentialsEvent>>,
}

impl Part {
    pub fn new(
        tenant: Arc<str>,
        connection: Arc<str>,
        feed: Arc<Feed<CredentialsEvent>>,
    ) -> (Arc<Self>, mpsc::Receiver<Request>) {
        let (requests, waiting) = mpsc::channel(REQUESTS);
        let look = Look {
            shown: CredentialsShown::none(&connection),
            alarm: false,
            results: [0; 4],
            told: None,
        };
        let part = Arc::new(Self {
            tenant,
            connection,
            look: Mutex::new(look),
            requests,
            wake: Notify::new(),
            feed,
        });
        (part, waiting)
    }

    /// What is shown of it now.
    pub fn look(&self) -> Look {
        self.locked().clone()
    }

    /// How it is now; `settled` if that is told where it is another way than before.
    pub fn show(&self, shown: CredentialsShown, alarm: bool, settled: bool) {
        let mut look = self.locked();
        let before = look.told;
        look.shown = shown;
        look.alarm = alarm;
        let state = look.shown.state;
        if !settled || before == Some(state) {
            return;
        }
        look.told = Some(state);
        // That all is well when a host starts is nothing new.
        if before.is_some() || state != "ready" {
            self.feed.tell(CredentialsEvent {
                tenant: self.tenant.clone(),
                at_ms: now_ms(),
                shown: look.shown.clone(),
            });
        }
    }

    pub fn count(&self, result: &str) {
        let mut look = self.locked();
        let results = RESULTS.iter().zip(&mut look.results);
        for (_, count) in results.filter(|(name, _)| **name == result) {
            *count += 1;
        }
    }

    fn locked(&self) -> MutexGuard<'_, Look> {
        self.look.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has its task do something, and waits for that.
    ///
    /// # Errors
    /// If it cannot be done.
    pub async fn want(&self, want: Want) -> Result<(), Problem> {
        let ends = || Problem::host("shutting-down", "the host is shutting down");
        let (answer, answered) = oneshot::channel();
        let request = Request { want, answer };
        match self.requests.try_send(request) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(Problem::host(
                    "host-busy",
                    "others are changing the credentials of this connection; try again in a moment",
                ));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(ends()),
        }
        answered.await.unwrap_or_else(|_| Err(ends()))
    }
}
