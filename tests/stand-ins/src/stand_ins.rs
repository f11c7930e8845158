//! The library's front: a running set of stand-ins.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::exchange::Call;
use crate::misbehave::{Faults, Misbehaviour, Plan, Times};
use crate::options::Options;
use crate::platforms::{
    Platforms, dingliyun, doudian, fengchao, lingzhi, oauth, shopify, wangdian,
};
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
    /// Rings when the last connection has ended.
    ended: Option<oneshot::Receiver<()>>,
}

impl StandIns {
    /// Listens and serves on the current tokio runtime.
    ///
    /// # Errors
    /// The address cannot be listened on, or the options name a platform that
    /// does not exist.
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
                    late: Default::default(),
                    under_way: AtomicU64::new(0),
                    elsewhere: format!("http://{address}/_elsewhere"),
                };
                (name, station)
            })
            .collect();
        if let Some(name) = options
            .calls_per_minute
            .keys()
            .find(|name| !stations.contains_key(name.as_str()))
        {
            let message = format!("calls_per_minute names {name}, which is no platform");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let server = Arc::new(Server {
            stations,
            elsewhere: AtomicU64::new(0),
        });
        let stop = CancellationToken::new();
        let (end, ended) = oneshot::channel();
        let running = server::run(Arc::clone(&server), listener, stop.clone());
        tokio::spawn(async move {
            running.await;
            // Nobody listens if the stand-ins were dropped.
            let _ = end.send(());
        });
        Ok(Self {
            address,
            server,
            platforms,
            clock,
            stop,
            ended: Some(ended),
        })
    }

    /// The same on threads of their own: for tests that block, and for a
    /// benchmark whose far end must not share its runtime.
    ///
    /// # Errors
    /// The address cannot be listened on, or there are no threads to be had.
    pub fn start_in_background(options: Options, threads: usize) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("stand-ins")
            .enable_all()
            .build()?;
        // On a thread of its own, because the caller may be inside a runtime
        // and must not block there.
        let (started, outcome) = std::sync::mpsc::sync_channel(1);
        let (end, both_ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("stand-ins".to_owned())
            .spawn(move || {
                let mut stand_ins = runtime.block_on(Self::start(options));
                let ended = stand_ins
                    .as_mut()
                    .ok()
                    .and_then(|stand_ins| stand_ins.ended.take());
                // Whoever started this waits for it.
                let _ = started.send(stand_ins);
                if let Some(ended) = ended {
                    // An error means the same: the server's task is gone.
                    let _ = runtime.block_on(ended);
                }
                drop(runtime);
                let _ = end.send(());
            })?;
        let stand_ins = outcome.recv().map_err(io::Error::other)?;
        stand_ins.map(|stand_ins| stand_ins.ending_with(both_ended))
    }

    fn ending_with(mut self, ended: oneshot::Receiver<()>) -> Self {
        self.ended = Some(ended);
        self
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

    /// How many requests came and have no answer yet.
    pub fn under_way(&self, platform: &str) -> u64 {
        let under_way = &self.station(platform).under_way;
        under_way.load(Ordering::Relaxed)
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

    /// How many queued misbehaviours have not found their request.
    pub fn waiting_faults(&self, platform: &str) -> usize {
        self.station(platform).faults.waiting().len()
    }

    /// Asks `weather` about each request that no queued misbehaviour is for.
    pub fn misbehave_by(
        &self,
        platform: &str,
        weather: impl FnMut(&Call) -> Option<Plan> + Send + 'static,
    ) {
        self.station(platform).faults.set_weather(Box::new(weather));
    }

    /// Forgets all queued misbehaviours, and the weather.
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

    pub fn dingliyun(&self) -> &dingliyun::Dingliyun {
        &self.platforms.dingliyun
    }

    pub fn shopify(&self) -> &shopify::Shopify {
        &self.platforms.shopify
    }

    /// The token server.
    pub fn oauth(&self) -> &oauth::Oauth {
        &self.platforms.oauth
    }

    /// Stops and waits until the last connection has ended.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(ended) = self.ended.take() {
            // It ends by itself within the server's bound; a panic in it was
            // reported when it happened.
            let _ = ended.await;
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
