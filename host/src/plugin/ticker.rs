//! The thread that advances the engine's epoch. Guests are interrupted by it and
//! by nothing else: where it does not run, no guest may.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use wasmtime::Engine;

use super::sandbox::TICK;

/// The sandbox's clock does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the thread that counts guest time has ended, so no plugin may run; restart the host, and tell its authors"
)]
pub struct ClockStopped;

/// The thread; it ends when the last user of it is dropped.
pub(super) struct Ticker {
    stop: Arc<AtomicBool>,
    runs: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts the thread, or fails: without it a guest would run for ever.
    pub fn start(engine: Engine) -> std::io::Result<Self> {
        Self::start_with(engine, || thread::sleep(TICK))
    }

    fn start_with(engine: Engine, pause: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let runs = Arc::new(AtomicBool::new(true));
        let end = End {
            engine,
            runs: runs.clone(),
        };
        let stopped = stop.clone();
        let thread = thread::Builder::new().name("epoch".into()).spawn(move || {
            let end = end;
            while !stopped.load(Ordering::Relaxed) {
                pause();
                end.engine.increment_epoch();
            }
        })?;
        Ok(Self {
            stop,
            runs,
            thread: Some(thread),
        })
    }

    /// Whether guests are interrupted.
    pub fn check(&self) -> Result<(), ClockStopped> {
        if self.runs.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(ClockStopped)
        }
    }

    /// What guests look at when they are interrupted.
    pub fn runs(&self) -> Arc<AtomicBool> {
        self.runs.clone()
    }
}

/// However the thread ends, it says so, and interrupts what runs one last time.
struct End {
    engine: Engine,
    runs: Arc<AtomicBool>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.runs.store(false, Ordering::Release);
        self.engine.increment_epoch();
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It ends within a tick; if it panicked, it has ended.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_died_is_noticed() {
        let engine = Engine::default();
        let ticker = Ticker::start(engine.clone()).unwrap();
        assert_eq!(ticker.check(), Ok(()));
        // As if by a fault of the program.
        let dying = Ticker::start_with(engine, || std::panic::panic_any("a fault")).unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while dying.check().is_ok() {
            assert!(std::time::Instant::now() < deadline, "nobody noticed");
            thread::yield_now();
        }
        assert_eq!(ticker.check(), Ok(()));
    }
}
