//! The empty deterministic WASI, for components whose toolchain needs one:
//! the clock is the call's, random numbers come from the call's nonce, and
//! there is no environment, no file and no socket.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng, TryRng};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::output::Output;
use super::state::{GuestLog, GuestState};

/// Handles (streams, pollables) a guest may hold at once. Each is some memory of
/// the host's.
const MOST_HANDLES: usize = 4096;

/// An instance that holds more than this after a call leaks them, and makes
/// room for a fresh one before it runs out.
const KEEP_HANDLES: usize = 256;

/// Bytes a guest may ask for at once as random.
const RANDOM_BYTES: u64 = 1 << 20;

/// The WASI side of one instance.
pub struct EmptyWasi {
    ctx: WasiCtx,
    table: ResourceTable,
    clock: Arc<AtomicU64>,
    random: Arc<Mutex<StdRng>>,
    stdout: Output,
    stderr: Output,
}

impl EmptyWasi {
    pub(super) fn new() -> Self {
        let clock = Arc::new(AtomicU64::new(0));
        let random = Arc::new(Mutex::new(StdRng::seed_from_u64(0)));
        let (stdout, stderr) = (Output::default(), Output::default());
        let mut table = ResourceTable::new();
        table.set_max_capacity(MOST_HANDLES);
        let ctx = WasiCtx::builder()
            .wall_clock(CallClock(clock.clone()))
            .monotonic_clock(CallClock(clock.clone()))
            .secure_random(NonceRng(random.clone()))
            .insecure_random(NonceRng(random.clone()))
            .insecure_random_seed(0)
            .max_random_size(RANDOM_BYTES)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .build();
        Self {
            ctx,
            table,
            clock,
            random,
            stdout,
            stderr,
        }
    }

    /// Sets the clock and the seed of the next call.
    pub(super) fn begin(&mut self, now_ms: u64, nonce: &str) {
        self.clock.store(now_ms, Ordering::Relaxed);
        let mut seed = [0; 32];
        let bytes = nonce.as_bytes();
        let length = bytes.len().min(seed.len());
        seed[..length].copy_from_slice(&bytes[..length]);
        *self.random.lock().unwrap_or_else(PoisonError::into_inner) = StdRng::from_seed(seed);
    }

    /// Moves what was written to stdout and stderr since the last time to the
    /// log.
    pub(super) fn drain_output(&self, log: &mut GuestLog) {
        let streams = [
            (&self.stdout, tracing::Level::INFO),
            (&self.stderr, tracing::Level::WARN),
        ];
        for (stream, level) in streams {
            let (bytes, lines_lost) = stream.take();
            for line in String::from_utf8_lossy(&bytes).lines() {
                log.add(level, line.to_owned());
            }
            log.dropped += lines_lost;
        }
    }

    /// Whether the guest has left so many handles open that it would run out of
    /// them in some later call.
    pub(super) fn leaks_handles(&mut self) -> bool {
        self.table.iter_mut().nth(KEEP_HANDLES).is_some()
    }
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Only linked into components whose stores were made with WASI.
        let wasi = self.wasi.get_or_insert_with(|| Box::new(EmptyWasi::new()));
        WasiCtxView {
            ctx: &mut wasi.ctx,
            table: &mut wasi.table,
        }
    }
}

/// A clock that stands still at the call's time.
struct CallClock(Arc<AtomicU64>);

impl HostWallClock for CallClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl HostMonotonicClock for CallClock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed).saturating_mul(1_000_000)
    }
}

/// Random numbers that are a function of the call's nonce.
struct NonceRng(Arc<Mutex<StdRng>>);

impl TryRng for NonceRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(bytes);
        Ok(())
    }
}
