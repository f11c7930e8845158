//! Stock from an ERP to three shops by a flow, while stock keeps changing, all of
//! them misbehave, and the host is killed; and whether everything agrees at the end.
//!
//! | part | what is in it |
//! |---|---|
//! | `setting` | the tenant's file and scripts, the ERP's articles |
//! | `weather` | what ERP and shops do wrong, drawn by the seed |
//! | `verdict` | what the shops keep and the ERP was told, beside what the ERP has |

pub mod setting;
mod verdict;
mod weather;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use crossdock_stand_ins::{Options, StandIns};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::bed::Bed;
use crate::process::Serving;

/// The shops.
pub const SHOPS: [&str; 3] = ["lingzhi", "fengchao", "dingliyun"];

/// The ERP.
pub const ERP: &str = "wangdian";

/// How often it is looked how far everything is.
const LOOK: Duration = Duration::from_millis(10);

/// Longest that a round waits for most of its changes.
const ROUND: Duration = Duration::from_secs(4);

/// How long nothing may happen before what the ERP still has pending changes again.
const STILL: Duration = Duration::from_secs(8);

/// Longest that adapters may take to be compiled.
const COMPILING: Duration = Duration::from_secs(180);

/// How often what nobody confirms changes again.
const AGAIN: usize = 10;

/// How much of it.
#[derive(Debug, Clone)]
pub struct Stock {
    /// The host's binary.
    pub binary: PathBuf,
    /// Articles, of which all change in the first round.
    pub articles: usize,
    /// Rounds of changes.
    pub rounds: usize,
    /// How often the host is killed.
    pub kills: usize,
    /// Draws changes, faults and kills.
    pub seed: u64,
    /// Longest that everything may take.
    pub patience: Duration,
    /// Whether it tells how far it is.
    pub tells: bool,
}

/// Every number that the ERP had, by article and by its count of changes.
pub type Changes = BTreeMap<(i64, i64), i64>;

/// What was found, and how much was done to find it.
#[derive(Debug, Default)]
pub struct Found {
    /// What should not be, one sentence each. Empty is good.
    pub faults: Vec<String>,
    /// Changes in the ERP.
    pub changes: usize,
    /// Kills of the host.
    pub kills: usize,
    /// Requests that were on their way at kills.
    pub cut: u64,
    /// Requests at ERP and shops that met a misbehaviour.
    pub misbehaved: usize,
    /// Numbers that shops wrote again though they had them.
    pub written_again: usize,
    /// Confirmations that the ERP took.
    pub confirmations: usize,
    /// How long it took.
    pub took: Duration,
}

impl Stock {
    /// Does it.
    ///
    /// # Errors
    /// If it could not be done. What was found to be wrong is no error.
    pub async fn run(&self) -> anyhow::Result<Found> {
        let bound = self.patience;
        let run = tokio::time::timeout(bound, self.run_unbounded()).await;
        run.with_context(|| format!("seed {}: it took longer than {bound:?}", self.seed))?
            .with_context(|| format!("seed {}", self.seed))
    }

    async fn run_unbounded(&self) -> anyhow::Result<Found> {
        let began = Instant::now();
        let mut scene = Scene::new(&self.binary, self.articles, self.seed)?;
        weather::begin(&scene.stand_ins, self.seed);
        scene.start().await;
        for round in 0..self.rounds {
            self.round(round, &mut scene).await?;
        }
        for platform in SHOPS.into_iter().chain([ERP]) {
            scene.stand_ins.behave(platform);
        }
        scene.settle().await?;
        let mut found = scene.compare();
        found.took = began.elapsed();
        scene.stop().await;
        Ok(found)
    }

    /// Changes some articles, kills the host in some rounds, and waits until most of
    /// the changes are confirmed: others are under way when the next round begins.
    async fn round(&self, round: usize, scene: &mut Scene) -> anyhow::Result<()> {
        let changed = match round {
            0 => scene.change_all(),
            _ => scene.change_some(self.articles / 10 + 1),
        };
        let due = self.kills * (round + 1) / self.rounds;
        while scene.kills < due {
            let more = scene.rng.random_range(1..=(changed as u64 * 3).max(2));
            scene.kill_after(more).await?;
        }
        let began = Instant::now();
        while scene.pending() > changed / 4 && began.elapsed() < ROUND {
            tokio::time::sleep(LOOK).await;
        }
        if self.tells {
            println!(
                "round {} of {}: {changed} articles changed, {} wait for their confirmation",
                round + 1,
                self.rounds,
                scene.pending()
            );
        }
        Ok(())
    }
}

/// An ERP, three shops, a host with the flow between them, and what was done so far.
pub struct Scene {
    /// The far ends.
    pub stand_ins: StandIns,
    /// The host's folder.
    pub bed: Bed,
    /// Kills so far.
    pub kills: usize,
    binary: PathBuf,
    articles: usize,
    rng: StdRng,
    changes: Changes,
    /// Requests that were on their way at kills.
    cut: u64,
    killed_at: Vec<SystemTime>,
    host: Option<Serving>,
}

impl Scene {
    /// Everything but the host.
    ///
    /// # Errors
    /// If the stand-ins cannot start.
    pub fn new(binary: &Path, articles: usize, seed: u64) -> anyhow::Result<Self> {
        // Beside the host's clients, so that neither keeps the other waiting.
        let stand_ins = StandIns::start_in_background(Options::default(), 1)?;
        let bed = setting::bed(&stand_ins, articles);
        Ok(Self {
            stand_ins,
            bed,
            kills: 0,
            binary: binary.to_owned(),
            articles,
            rng: crate::soak::stream(seed, 77),
            changes: Changes::new(),
            cut: 0,
            killed_at: Vec::new(),
            host: None,
        })
    }

    /// Starts the host, and waits until everything serves.
    pub async fn start(&mut self) {
        let host = Serving::start_at(&self.binary, &self.bed.path("")).await;
        let (client, began) = (host.client(), Instant::now());
        // The first time, everything is compiled.
        while !setting::serves(&client).await && began.elapsed() < COMPILING {
            tokio::time::sleep(LOOK).await;
        }
        self.host = Some(host.checked().await);
    }

    /// The host, while it runs.
    pub fn host(&self) -> Option<&Serving> {
        self.host.as_ref()
    }

    /// Ends the host.
    pub async fn stop(self) {
        if let Some(host) = self.host {
            host.kill().await;
        }
    }

    /// Gives every article another stock. Returns how many they are.
    pub fn change_all(&mut self) -> usize {
        (1..=self.articles as i64).for_each(|article| self.change(article));
        self.articles
    }

    /// Gives some articles another stock, at most so many. Returns how many they are.
    pub fn change_some(&mut self, most: usize) -> usize {
        let articles = self.articles as i64;
        let drawn = (0..most).map(|_| self.rng.random_range(1..=articles));
        let some: BTreeSet<i64> = drawn.collect();
        some.iter().for_each(|article| self.change(*article));
        some.len()
    }

    fn change(&mut self, article: i64) {
        let erp = self.stand_ins.wangdian();
        let count = setting::count(erp, article) + 1;
        // Of one article, each number is above the one before.
        let number = count * 10 + i64::from(self.rng.random_range(0..10_u8));
        erp.change_stock(article, number);
        self.changes.insert((article, count), number);
    }

    /// Articles of which the ERP has no confirmation.
    pub fn pending(&self) -> usize {
        self.stand_ins.wangdian().pending().len()
    }

    /// Requests that came to anybody.
    fn requests(&self) -> u64 {
        let all = SHOPS.into_iter().chain([ERP]);
        all.map(|platform| self.stand_ins.counters(platform).received)
            .sum()
    }

    /// Kills the host after some more requests, at the latest when nothing is left
    /// to do, and starts it again.
    ///
    /// # Errors
    /// If there is no host.
    pub async fn kill_after(&mut self, more: u64) -> anyhow::Result<()> {
        let (from, began) = (self.requests(), Instant::now());
        while self.requests() < from + more && self.pending() > 0 && began.elapsed() < ROUND {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let later = self.rng.random_range(0..20);
        tokio::time::sleep(Duration::from_millis(later)).await;
        let host = self.host.take().context("a host")?;
        let all = SHOPS.into_iter().chain([ERP]);
        self.cut += all
            .map(|platform| self.stand_ins.under_way(platform))
            .sum::<u64>();
        host.kill().await;
        self.killed_at.push(SystemTime::now());
        self.kills += 1;
        self.start().await;
        Ok(())
    }

    /// Waits until the ERP has nothing pending. What nobody confirms, since that was
    /// lost and must not be repeated, changes once more.
    ///
    /// # Errors
    /// If something changes again and again, and is never confirmed.
    pub async fn settle(&mut self) -> anyhow::Result<()> {
        let (mut seen, mut since, mut again) = (self.progress(), Instant::now(), 0);
        while self.pending() > 0 {
            tokio::time::sleep(LOOK).await;
            let now = self.progress();
            if now != seen {
                (seen, since) = (now, Instant::now());
            } else if since.elapsed() > STILL {
                again += 1;
                let left = self.stand_ins.wangdian().pending();
                ensure!(
                    again <= AGAIN,
                    "{} articles are never confirmed",
                    left.len()
                );
                left.into_iter().for_each(|article| self.change(article));
                since = Instant::now();
            }
        }
        Ok(())
    }

    /// Rises while anything of the flow is under way: that the ERP is asked each
    /// second whether there is anything does not count.
    fn progress(&self) -> u64 {
        let shops = SHOPS.map(|shop| self.stand_ins.counters(shop).received);
        shops.iter().sum::<u64>() + self.confirmations() as u64
    }

    fn confirmations(&self) -> usize {
        let erp = self.stand_ins.wangdian();
        let articles = 1..=self.articles as i64;
        let of = articles.filter_map(|article| erp.api_goods(article));
        of.map(|goods| goods.confirmations.len()).sum()
    }

    /// Compares what the shops keep and the ERP was told with what the ERP has.
    pub fn compare(&self) -> Found {
        let mut found = Found {
            changes: self.changes.len(),
            kills: self.kills,
            cut: self.cut,
            ..Found::default()
        };
        verdict::compare(&self.stand_ins, &self.changes, &self.killed_at, &mut found);
        found
    }

    /// Of how many articles each shop has the stock that the ERP has.
    pub fn equal(&self) -> [(&'static str, usize); 3] {
        verdict::equal(&self.stand_ins, &self.changes)
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
        write!(
            f,
            "{} changes in the ERP, {} confirmations; {} kills with {} requests on their way, {} requests met a misbehaviour; {} numbers were written again, since an answer was lost or the host was killed before it had written it down; {:.1} s",
            self.changes,
            self.confirmations,
            self.kills,
            self.cut,
            self.misbehaved,
            self.written_again,
            self.took.as_secs_f64()
        )
    }
}
