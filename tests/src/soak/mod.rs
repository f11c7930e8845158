//! A host that is killed again and again while records are queued and while
//! platforms misbehave; and whether everything it said about them is true.
//!
//! | part | what is in it |
//! |---|---|
//! | [`records`] | what is queued, drawn by the seed |
//! | `load` | clients that give each record until it was taken in |
//! | `weather` | what the platforms do wrong, drawn by the seed |
//! | `victim` | the host's process, and when it is killed |
//! | `verdict` | what the host says of each record, beside what the platforms keep |
//!
//! A seed makes the same records, the same faults by the number of the request,
//! and the same kills by the number of records. Which request meets which moment
//! is the machine's: a seed that fails may have to be run several times.

mod load;
pub mod records;
mod verdict;
pub(crate) mod victim;
mod weather;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use crossdock_stand_ins::platforms::dingliyun::{Inventory, Place};
use crossdock_stand_ins::{Options, StandIns};
use tokio::sync::watch;

use crate::bed::Bed;
use crate::platforms::{Connection, put_tenant};
use load::Load;
use verdict::Verdict;
use victim::Victim;

/// What the locks are of: an article of which there is always enough.
const LOCKED: &str = "k-1";

/// The store of everything.
const STORE: &str = "S1";

/// Platforms that are used: one takes totals and locks, one totals and changes.
const PLATFORMS: [&str; 2] = ["dingliyun", "fengchao"];

/// A platform that has not answered after this time is given up, in milliseconds.
/// Long for a stand-in that answers at once, however busy the machine is.
const TIMEOUT_MS: u64 = 3_000;

/// How much of it.
#[derive(Debug, Clone)]
pub struct Soak {
    /// The host's binary.
    pub binary: PathBuf,
    /// Records that are queued, at least.
    pub items: usize,
    /// How often the host is killed.
    pub kills: usize,
    /// Draws records, faults and kills.
    pub seed: u64,
    /// Longest that everything may take.
    pub patience: Duration,
    /// Whether it tells how far it is.
    pub tells: bool,
}

/// What was found, and how much was done to find it.
#[derive(Debug, Default)]
pub struct Found {
    /// What should not be, one sentence each. Empty is good.
    pub faults: Vec<String>,
    /// Records that were taken in.
    pub items: usize,
    /// Deliveries in which they were.
    pub deliveries: usize,
    /// Requests of the clients that had to be given again.
    pub given_again: usize,
    /// Kills of a host that served.
    pub kills: usize,
    /// Kills of a host that had not begun to listen.
    pub kills_at_start: usize,
    /// Kills that met requests on their way.
    pub kills_under_way: usize,
    /// These requests.
    pub cut: u64,
    /// How many records are in each state.
    pub states: BTreeMap<String, usize>,
    /// What the platforms counted.
    pub requests: Requests,
    /// Longest from a start to the first call that could be made.
    pub slowest_start: Duration,
    /// Until everything was taken in and the last kill was done.
    pub queued_in: Duration,
    /// From then until nothing was open.
    pub drained_in: Duration,
}

impl Soak {
    /// Does it.
    ///
    /// # Errors
    /// If it could not be done. What was found to be wrong is no error.
    pub async fn run(&self) -> anyhow::Result<Found> {
        let bound = self.patience;
        let run = tokio::time::timeout(bound, self.run_unbounded());
        let run = run.await;
        run.with_context(|| format!("seed {}: it took longer than {bound:?}", self.seed))?
            .with_context(|| format!("seed {}", self.seed))
    }

    async fn run_unbounded(&self) -> anyhow::Result<Found> {
        let options = Options::default();
        // Beside the clients, so that neither keeps the other waiting.
        let stand_ins = Arc::new(StandIns::start_in_background(options, 1)?);
        let bed = self.bed(&stand_ins);
        weather::begin(&stand_ins, self.seed);
        let (address, addresses) = watch::channel(None);
        let log = bed.path("host.log");
        let mut victim = Victim::new(&self.binary, &bed.path(""), &log, address);
        let watched = stand_ins.clone();
        victim.watch(move || {
            PLATFORMS
                .map(|platform| watched.under_way(platform))
                .iter()
                .sum()
        });
        let began = Instant::now();
        victim.start().await?;
        let mut load = Load::start(self.items, self.seed, addresses.clone());
        self.kill(&mut victim, &load).await?;
        let given = load.ended().await?;
        self.tell(format_args!(
            "{} records in {} deliveries are taken in; {} kills",
            load.acknowledged(),
            given.len(),
            victim.kills + victim.kills_at_start,
        ));
        let queued_in = began.elapsed();
        let base = addresses.borrow().clone().context("a host that serves")?;
        let mut verdict = Verdict::new(&base, given);
        verdict.wait(|open| self.tell(open)).await?;
        let drained_in = began.elapsed() - queued_in;
        verdict.hear().await?;
        verdict.compare(&stand_ins);
        verdict.read_log(&log)?;
        let requests = Requests::of(&stand_ins);
        if requests.malformed > 0 {
            verdict.fault(format!("{} requests were malformed", requests.malformed));
        }
        if !verdict.faults.is_empty() {
            // For whoever looks into it.
            let kept = std::env::temp_dir().join(format!("crossdock-soak-{}.log", self.seed));
            std::fs::copy(&log, &kept)?;
            verdict.fault(format!("the host's log is {}", kept.display()));
        }
        Ok(Found {
            items: load.acknowledged(),
            deliveries: verdict.deliveries(),
            given_again: load.given_again(),
            kills: victim.kills,
            kills_at_start: victim.kills_at_start,
            kills_under_way: victim.kills_under_way,
            cut: victim.cut,
            states: verdict.states(),
            requests,
            slowest_start: victim.slowest_start,
            queued_in,
            drained_in,
            faults: verdict.faults,
        })
    }

    /// A host's folder with a connection to each platform.
    fn bed(&self, stand_ins: &StandIns) -> Bed {
        let bed = Bed::with_plugins(&PLATFORMS);
        bed.share_compiled_code();
        bed.configure("");
        let connections = PLATFORMS.map(|platform| {
            Connection::to(platform)
                .limit("timeout_ms", TIMEOUT_MS)
                .limit("concurrency", 16)
        });
        put_tenant(&bed, stand_ins, &connections);
        stand_ins.dingliyun().change(|state| {
            let enough = Inventory {
                available: verdict::decimal(verdict::ENOUGH),
                ..Inventory::default()
            };
            let place = Place::Store(STORE.into());
            state.inventories.insert((place, LOCKED.into()), enough);
        });
        bed
    }

    /// Kills the host as often as it should be, and leaves one that serves.
    async fn kill(&self, victim: &mut Victim, load: &Load) -> anyhow::Result<()> {
        for kill in victim::kills(self.kills, self.items, self.seed) {
            victim.kill_at(&kill, load).await?;
            let done = victim.kills + victim.kills_at_start;
            if done.is_multiple_of(10) {
                self.tell(format_args!(
                    "{done} kills, {} of {} records taken in",
                    load.acknowledged(),
                    self.items
                ));
            }
        }
        Ok(())
    }

    fn tell(&self, what: impl fmt::Display) {
        if self.tells {
            println!("{what}");
        }
    }
}

/// What came to the platforms.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requests {
    /// Requests that were read to their end.
    pub received: u64,
    /// Requests that were carried out.
    pub applied: u64,
    /// Requests that did not follow the platform's document.
    pub malformed: u64,
    /// Of the requests that are remembered, those that met a misbehaviour.
    pub misbehaved: usize,
}

impl Requests {
    fn of(stand_ins: &StandIns) -> Self {
        let mut all = Self::default();
        for platform in PLATFORMS {
            let counters = stand_ins.counters(platform);
            all.received += counters.received;
            all.applied += counters.applied;
            all.malformed += counters.violating;
            for request in stand_ins.requests(platform) {
                let wrong = request.verdict.misbehaviour;
                all.misbehaved += usize::from(wrong.is_some_and(|it| weather::is_wrong(&it)));
            }
        }
        all
    }
}

impl Found {
    /// Fails with everything that should not be.
    ///
    /// # Errors
    /// If there is anything.
    pub fn hold(&self) -> anyhow::Result<()> {
        /// Faults that are told.
        const TOLD: usize = 20;
        let faults = &self.faults;
        let told: Vec<&str> = faults.iter().take(TOLD).map(String::as_str).collect();
        ensure!(
            faults.is_empty(),
            "{} things are not as they should be, for instance:\n  {}",
            faults.len(),
            told.join("\n  ")
        );
        Ok(())
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, .. } = self;
        writeln!(
            f,
            "{} records in {} deliveries; {} requests of the clients were given again",
            self.items, self.deliveries, self.given_again
        )?;
        writeln!(
            f,
            "{} kills, {} with {} requests on their way, {} before the host listened; slowest start {:.2} s",
            self.kills + self.kills_at_start,
            self.kills_under_way,
            self.cut,
            self.kills_at_start,
            self.slowest_start.as_secs_f64()
        )?;
        writeln!(
            f,
            "{} requests at the platforms, {} carried out, {} met a misbehaviour",
            requests.received, requests.applied, requests.misbehaved
        )?;
        let states = self.states.iter();
        let states: Vec<String> = states.map(|(state, n)| format!("{n} {state}")).collect();
        writeln!(f, "outcomes: {}", states.join(", "))?;
        write!(
            f,
            "queued under fire in {:.1} s, drained in {:.1} s more",
            self.queued_in.as_secs_f64(),
            self.drained_in.as_secs_f64()
        )
    }
}

/// A seed's own stream of numbers for one purpose.
pub(crate) fn stream(seed: u64, purpose: u64) -> rand::rngs::StdRng {
    use rand::SeedableRng;
    rand::rngs::StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ purpose)
}

/// The host's binary of this repository.
pub fn host_binary() -> PathBuf {
    crate::guests::program("crossdock")
}

/// A path below the tenant.
fn path(tail: impl fmt::Display) -> String {
    format!("/v1/{}/{tail}", crate::platforms::TENANT)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
