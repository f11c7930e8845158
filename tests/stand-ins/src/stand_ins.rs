//! The library's front: a running set of stand-ins.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::misbehave::{Faults, Misbehaviour, Plan, Times};
use crate::options::Options;
use crate::platforms::{Platforms, doudian, fengchao, lingzhi, wangdian};
use crate::record::{Counters, LiveCounters, Recorded, RequestLog};
use crate::server::{self, Server};
use crate::station::{Rate, Station};
use crate::time::{Clock, PlatformClock};

/// A running set of stand-ins: one port, a path prefix per platform. Dropping
/// it ends the connections; requests under way get a second to finish.
///
/// # Panics
/// The methods that take a platform's name panic if there is no such platform:
/// the name is a constant of the test.
pub struct StandIns {
    address: SocketAddr,
    server: Arc<Server>,
    platforms: Platforms,
    clock: Arc<PlatformClock>,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl StandIns {
    /// Listens and serves on the current tokio runtime.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let clock = Arc::new(PlatformClock::new(options.clock));
        let platforms = Platforms::new(&options, &clock);
        let stations: BTreeMap<_, _> = platforms
            .all()
            .into_iter()
            .map(|platform| {
                let name = platform.name();
                let station = Station {
                    platform,
                    faults: Faults::default(),
                    counters: LiveCounters::default(),
                    log: (!options.quiet).then(RequestLog::default),
                    rate: Rate::new(options.calls_per_minute.get(name).copied()),
                    finished: Default::default(),
                    elsewhere: format!("http://{address}/_elsewhere"),
                };
                (name, station)
            })
            .collect();
        let server = Arc::new(Server {
            stations,
            elsewhere: AtomicU64::new(0),
        });
        let stop = CancellationToken::new();
        let running = tokio::spawn(server::run(Arc::clone(&server), listener, stop.clone()));
        Ok(Self {
            address,
            server,
            platforms,
            clock,
            stop,
            running: Some(running),
        })
    }

    /// Where the stand-ins listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of a platform, without a slash at its end.
    pub fn base_url(&self, platform: &str) -> String {
        let name = self.station(platform).platform.name();
        format!("http://{}/{name}", self.address)
    }

    /// The names of all platforms.
    pub fn names(&self) -> Vec<&'static str> {
        self.server.stations.keys().copied().collect()
    }

    /// The requests so far, oldest first; empty when quiet.
    pub fn requests(&self, platform: &str) -> Vec<Recorded> {
        self.station(platform)
            .log
            .as_ref()
            .map(RequestLog::all)
            .unwrap_or_default()
    }

    /// Waits until `number` requests have been received, at most `limit`.
    /// True if they have.
    pub async fn wait_for_requests(&self, platform: &str, number: u64, limit: Duration) -> bool {
        let station = self.station(platform);
        let enough = async {
            loop {
                let finished = station.finished.notified();
                if station.counters.read().received >= number {
                    return;
                }
                finished.await;
            }
        };
        tokio::time::timeout(limit, enough).await.is_ok()
    }

    pub fn counters(&self, platform: &str) -> Counters {
        self.station(platform).counters.read()
    }

    /// Everything wrong with any request so far, for tests that expect nothing.
    pub fn violations(&self, platform: &str) -> Vec<crate::Violation> {
        self.requests(platform)
            .into_iter()
            .flat_map(|recorded| recorded.verdict.violations)
            .collect()
    }

    /// The platform's state as JSON; [`Self::lingzhi`] and its siblings have it typed.
    pub fn state(&self, platform: &str) -> Value {
        self.station(platform).platform.state()
    }

    /// Queues a misbehaviour for the next requests of a platform.
    pub fn misbehave(&self, platform: &str, misbehaviour: Misbehaviour, times: Times) {
        self.misbehave_as(platform, Plan::new(misbehaviour).times(times));
    }

    /// Queues a misbehaviour with its moment and aim.
    pub fn misbehave_as(&self, platform: &str, plan: Plan) {
        self.station(platform).faults.add(plan);
    }

    /// Forgets all queued misbehaviours.
    pub fn behave(&self, platform: &str) {
        self.station(platform).faults.clear();
    }

    /// Sets or lifts the number of requests a minute.
    pub fn set_calls_per_minute(&self, platform: &str, calls: Option<u32>) {
        self.station(platform).rate.set(calls);
    }

    /// Changes what all platforms take for the present.
    pub fn set_clock(&self, clock: Clock) {
        self.clock.set(clock);
    }

    /// How often somebody followed a redirect.
    pub fn redirects_followed(&self) -> u64 {
        self.server.elsewhere.load(Ordering::Relaxed)
    }

    /// Forgets state, requests, counters, rates and faults of a platform.
    pub fn reset(&self, platform: &str) {
        self.station(platform).reset();
    }

    pub fn lingzhi(&self) -> &lingzhi::Lingzhi {
        &self.platforms.lingzhi
    }

    pub fn fengchao(&self) -> &fengchao::Fengchao {
        &self.platforms.fengchao
    }

    pub fn doudian(&self) -> &doudian::Doudian {
        &self.platforms.doudian
    }

    pub fn wangdian(&self) -> &wangdian::Wangdian {
        &self.platforms.wangdian
    }

    /// Stops and waits until the last connection has ended.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            // It ends by itself within the server's bound; a panic in it was
            // reported when it happened.
            let _ = running.await;
        }
    }

    fn station(&self, platform: &str) -> &Station {
        let Some(station) = self.server.stations.get(platform) else {
            panic!(
                "no stand-in is called {platform}; there are {:?}",
                self.names()
            );
        };
        station
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
