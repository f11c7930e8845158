//! What the system tells the process.

use tokio_util::sync::CancellationToken;

/// The first signal ends serving in good order, the second at once.
pub(super) struct Signals {
    /// Cancelled by the first.
    pub stop: CancellationToken,
    /// Cancelled by the second.
    pub cut: CancellationToken,
    hangup: Hangup,
}

impl Signals {
    /// Listens from now on. A signal that came before had its usual effect.
    pub fn listen() -> Self {
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(end(stop.clone(), cut.clone()));
        Self {
            stop,
            cut,
            hangup: Hangup::listen(),
        }
    }

    /// Waits until the operator asks for the files to be read again.
    pub async fn hangup(&mut self) {
        self.hangup.recv().await;
    }
}

async fn end(stop: CancellationToken, cut: CancellationToken) {
    for token in [stop, cut] {
        if let Err(error) = terminate().await {
            tracing::warn!(%error, "signals cannot be received; kill the process to end it");
            return;
        }
        token.cancel();
    }
}

#[cfg(unix)]
mod unix {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// A file has reached the size the system allows: writing fails then, and
    /// that is enough. The same number on every system.
    const FILE_SIZE: i32 = 25;

    /// SIGTERM or SIGINT.
    pub async fn terminate() -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }

    /// SIGHUP; and those that end a process that does not know them.
    pub struct Hangup(Option<Signal>);

    impl Hangup {
        pub fn listen() -> Self {
            for kind in [
                SignalKind::user_defined1(),
                SignalKind::user_defined2(),
                SignalKind::pipe(),
                SignalKind::alarm(),
                SignalKind::from_raw(FILE_SIZE),
            ] {
                // Known from now on, and for as long as the process lives.
                if let Err(error) = signal(kind) {
                    tracing::warn!(%error, signal = kind.as_raw_value(), "a signal cannot be ignored");
                }
            }
            let hangup = signal(SignalKind::hangup());
            Self(
                hangup
                    .map_err(|error| tracing::warn!(%error, "SIGHUP cannot be received"))
                    .ok(),
            )
        }

        pub async fn recv(&mut self) {
            if let Some(hangup) = &mut self.0
                && hangup.recv().await.is_some()
            {
                return;
            }
            std::future::pending().await
        }
    }
}

#[cfg(unix)]
use unix::{Hangup, terminate};

#[cfg(not(unix))]
async fn terminate() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

#[cfg(not(unix))]
struct Hangup;

#[cfg(not(unix))]
impl Hangup {
    fn listen() -> Self {
        Self
    }

    async fn recv(&mut self) {
        std::future::pending().await
    }
}
