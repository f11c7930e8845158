//! Stock from an ERP to three shops by a flow, while stock keeps changing, all of
//! them misbehave, and the host is killed; and whether everything agrees at the end.
//!
//! | part | what is in it |
//! |---|---|
//! | `setting` | the tenant's file and scripts, the ERP's articles |
//! | `weather` | what ERP and shops do wrong, drawn by the seed |
//! | `account` | what the host queued for each shop, and what came there |
//! | `verdict` | what the shops keep and the ERP was told, beside what the ERP has |
//! | `repeats` | what left more than once, and whether it had to |

mod account;
mod repeats;
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

/// Longest that what was under way at a kill may take to be over at its shop.
const AT_A_KILL: Duration = Duration::from_secs(10);

/// Articles that are moved in each round, and how many there are of them.
const MOVED: usize = 40;
const MOVABLE: i64 = 24;

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
    /// Nothing misbehaves, nothing is killed, and each round waits for the one
    /// before: then nothing at all may be sent twice.
    pub calm: bool,
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
    /// Kills that met requests on their way.
    pub met: usize,
    /// These requests.
    pub cut: u64,
    /// Requests at ERP and shops that met a misbehaviour.
    pub misbehaved: usize,
    /// How often a total was sent to a shop again.
    pub sent_again: usize,
    /// Changes by something, which came once each.
    pub movements: usize,
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
        if !self.calm {
            weather::begin(&scene.stand_ins, self.seed);
        }
        scene.start().await;
        for round in 0..self.rounds {
            self.round(round, &mut scene).await?;
        }
        for platform in SHOPS.into_iter().chain([ERP]) {
            scene.stand_ins.behave(platform);
        }
        scene.settle().await?;
        let mut found = scene.compare().await?;
        if self.calm && found.sent_again > 0 {
            let again = found.sent_again;
            found.faults.push(format!(
                "{again} totals were sent again, though nothing had gone wrong"
            ));
        }
        if found.met * 2 < self.kills {
            let (met, kills) = (found.met, found.kills);
            found.faults.push(format!(
                "of {kills} kills, {met} met a request on its way: that shows too little"
            ));
        }
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
        scene.move_some(round)?;
        if self.calm {
            scene.settle().await?;
        }
        let due = self.kills * (round + 1) / self.rounds;
        while scene.kills < due {
            let more = scene.rng.random_range(1..=(changed as u64).max(2));
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
    movements: BTreeMap<i64, Vec<i64>>,
    /// Kills that met requests on their way, and these requests.
    met: usize,
    cut: u64,
    /// When nothing of a killed host was under way any more, Unix milliseconds.
    killed_at: Vec<u64>,
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
            movements: BTreeMap::new(),
            met: 0,
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

    /// Puts a file where the second flow finds it: changes by something, each of them
    /// by another number, those of one article rising.
    ///
    /// # Errors
    /// If it cannot be written.
    fn move_some(&mut self, round: usize) -> anyhow::Result<()> {
        let mut text = String::new();
        for row in 0..MOVED {
            let article = self.rng.random_range(1..=MOVABLE);
            let by = (round * MOVED + row + 1) as i64;
            let sku = setting::movement_sku(article);
            text += &format!("{{\"sku\":\"{sku}\",\"by\":{by}}}\n");
            self.movements.entry(article).or_default().push(by);
        }
        let folder = setting::movements(&self.bed);
        let beside = folder.join(format!(".{round}.part"));
        std::fs::write(&beside, text)?;
        std::fs::rename(beside, folder.join(format!("{round:06}.ndjson")))?;
        Ok(())
    }

    /// Changes by something that have not come to their shop.
    fn unmoved(&self) -> usize {
        let each = self.movements.iter().map(|(article, given)| {
            let sku = format!("code:{}", setting::movement_sku(*article));
            let applied = self.stand_ins.fengchao().history(&sku).len();
            given.len().saturating_sub(applied)
        });
        each.sum()
    }

    /// Articles of which the ERP has no confirmation.
    pub fn pending(&self) -> usize {
        self.stand_ins.wangdian().pending().len()
    }

    /// Requests that came to anybody.
    fn requests(&self) -> u64 {
        all_of(|platform| self.stand_ins.counters(platform).received)
    }

    /// Kills the host after some more requests, while one of a far end waits for its
    /// answer, and starts it again. Where nothing is left to do, it is killed at rest.
    ///
    /// # Errors
    /// If there is no host.
    pub async fn kill_after(&mut self, more: u64) -> anyhow::Result<()> {
        let (from, began) = (self.requests(), Instant::now());
        while self.requests() < from + more && self.pending() > 0 && began.elapsed() < ROUND {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let far_end = [SHOPS[0], SHOPS[1], SHOPS[2], ERP][self.kills % 4];
        if !self.holds(&[far_end]).await {
            self.holds(&[SHOPS[0], SHOPS[1], SHOPS[2], ERP]).await;
        }
        let later = self.rng.random_range(0..20);
        tokio::time::sleep(Duration::from_millis(later)).await;
        let host = self.host.take().context("a host")?;
        let under_way = || all_of(|platform| self.stand_ins.under_way(platform));
        let cut = under_way();
        host.kill().await;
        let killed = Instant::now();
        while under_way() > 0 && killed.elapsed() < AT_A_KILL {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.met += usize::from(cut > 0);
        self.cut += cut;
        self.killed_at.push(account::millis(SystemTime::now()));
        self.kills += 1;
        self.start().await;
        Ok(())
    }

    /// Has the next request of each of these wait for its answer. Returns whether one
    /// of them waits.
    async fn holds(&mut self, far_ends: &[&str]) -> bool {
        for far_end in far_ends {
            weather::hold_next(&self.stand_ins, far_end, &mut self.rng);
        }
        let waiting = || far_ends.iter().map(|it| self.stand_ins.waiting_faults(it));
        let (asked, began) = (waiting().sum::<usize>(), Instant::now());
        while waiting().sum::<usize>() >= asked {
            if self.pending() == 0 || began.elapsed() > ROUND {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        true
    }

    /// Waits until the ERP has nothing pending and everything was moved. What nobody confirms, since that was
    /// lost and must not be repeated, changes once more.
    ///
    /// # Errors
    /// If something changes again and again, and is never confirmed.
    pub async fn settle(&mut self) -> anyhow::Result<()> {
        let (mut seen, mut since, mut again) = (self.progress(), Instant::now(), 0);
        while self.pending() > 0 || self.unmoved() > 0 {
            tokio::time::sleep(LOOK).await;
            let now = self.progress();
            if now != seen {
                (seen, since) = (now, Instant::now());
            } else if since.elapsed() > STILL {
                again += 1;
                let left = self.stand_ins.wangdian().pending();
                ensure!(
                    again <= AGAIN,
                    "{} articles are never confirmed, {} changes by something never come",
                    left.len(),
                    self.unmoved()
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
    ///
    /// # Errors
    /// If the host does not tell what it queued.
    pub async fn compare(&self) -> anyhow::Result<Found> {
        let client = self.host.as_ref().context("a host")?.client();
        let known = verdict::Known {
            changes: &self.changes,
            movements: &self.movements,
            killed_at: &self.killed_at,
            accounts: &account::accounts(&client, &self.stand_ins).await?,
            confirmations: &account::confirmations(&client).await?,
        };
        let mut found = Found {
            changes: self.changes.len(),
            kills: self.kills,
            met: self.met,
            cut: self.cut,
            ..Found::default()
        };
        verdict::compare(&self.stand_ins, &known, &mut found);
        Ok(found)
    }

    /// Of how many articles each shop has the stock that the ERP has.
    pub fn equal(&self) -> [(&'static str, usize); 3] {
        verdict::equal(&self.stand_ins, &self.changes)
    }
}

/// The sum over every far end.
fn all_of(count: impl Fn(&str) -> u64) -> u64 {
    SHOPS.into_iter().chain([ERP]).map(count).sum()
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
            "{} changes in the ERP, {} confirmations; {} kills, of which {} met {} requests on their way, {} requests met a misbehaviour; {} totals were sent again, since an answer was lost, the host was killed before it had written it down, or they were calculated twice; {} changes by something came once each; {:.1} s",
            self.changes,
            self.confirmations,
            self.kills,
            self.met,
            self.cut,
            self.misbehaved,
            self.sent_again,
            self.movements,
            self.took.as_secs_f64()
        )
    }
}
