//! A month of short tokens, made shorter: each lives a second or two instead of
//! two hours. Calls are made all the time, the host is killed again and again,
//! the token server fails for stretches. A person comes when one is asked for.
//!
//! | part | what is in it |
//! |---|---|
//! | `load` | clients that call now, and clients that queue |
//! | `weather` | when the token server fails |
//! | `person` | who authorises, and how often that was needed |
//! | `verdict` | whether a call was lost that need not have been, a refresh token used wrongly, a token shown |
//!
//! **What a kill between the server's answer and the disk means**: the refresh
//! token is used up and the new one is nowhere. The next start tries the old
//! one, is refused, and the connection needs a person. That is counted and has
//! to be explained by a kill; nobody can do better with a server that forgives
//! nothing.

mod load;
mod person;
mod verdict;
mod weather;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use crossdock_stand_ins::Options;
use rand::RngExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::grants::{Shops, Way};
use crate::soak::stream;
use crate::soak::victim::Victim;
use load::Load;
use person::Person;
use weather::Weather;

/// The connection that everything goes to.
const WAY: Way = Way::Code;

/// How much of it.
#[derive(Debug, Clone)]
pub struct Month {
    /// The host's binary.
    pub binary: PathBuf,
    /// How many lifetimes of a token: a month has 360 of two hours.
    pub lifetimes: u32,
    /// How long a token lives.
    pub lifetime: Duration,
    /// How often the host is killed.
    pub kills: u32,
    /// Draws kills and weather.
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
    /// How long it took.
    pub took: Duration,
    /// Access tokens that were issued.
    pub issued: usize,
    /// Refresh tokens that were used with success.
    pub renewals: usize,
    /// Calls that were made and delivered.
    pub delivered: usize,
    /// Calls that were not: no token could be had at that time.
    pub excused: usize,
    /// Calls that a kill cut off.
    pub cut: usize,
    /// Records that were queued, all of which arrived.
    pub queued: usize,
    /// Requests that met a token that was over by then, and went again.
    pub met_expiry: usize,
    /// Kills.
    pub kills: usize,
    /// Stretches in which the token server failed.
    pub stretches: usize,
    /// Refresh tokens whose answer a kill took, so that their second use was refused.
    pub lost_in_kills: usize,
    /// How often a person had to come.
    pub persons: usize,
}

impl Month {
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
        let mut options = Options::default();
        options.oauth.access_lifetime_ms = self.lifetime.as_millis().try_into()?;
        options.oauth.seed = self.seed;
        // A second use is refused, and takes nothing else back: after a kill the
        // old access token goes on to its end.
        options.oauth.reuse_revokes = false;
        // The month is about tokens: the shop takes as many calls as come.
        (options.shopify.bucket, options.shopify.restore_rate) = (1e6, 1e6);
        // The log of requests would grow with the month; counters go on.
        let shops = Arc::new(Shops::new(options, &[WAY], "limits = { concurrency = 8 }"));
        let (address, addresses) = watch::channel(None);
        let log = shops.bed.path("host.log");
        let mut victim = Victim::new(&self.binary, &shops.bed.path(""), &log, address);
        victim.start().await?;
        let stop = CancellationToken::new();
        let mut person = Person::start(addresses.clone(), stop.clone());
        person.first().await?;

        let began = Instant::now();
        let weather = Weather::start(shops.clone(), self.lifetime, self.seed, stop.clone());
        let mut load = Load::start(addresses.clone(), stop.clone());
        self.kill(&mut victim, began).await?;
        let told = began.elapsed();
        stop.cancel();
        let stretches = weather.ended().await?;
        load.ended().await?;
        let absences = person.ended().await?;
        self.tell(format_args!("{:.0} s of load are over", told.as_secs_f64()));

        let mut verdict = verdict::Verdict::new(shops.clone(), addresses.borrow().clone());
        verdict.queued(&load).await?;
        verdict.calls(&load, &stretches, &absences);
        verdict.refresh_tokens(victim.kills);
        verdict.nothing_shows(&load).await?;
        let mut found = verdict.found();
        found.took = began.elapsed();
        found.kills = victim.kills;
        found.stretches = stretches.len();
        found.persons = absences.len();
        if found.persons > found.lost_in_kills {
            found.faults.push(format!(
                "a person had to come {} times, and kills explain {}",
                found.persons, found.lost_in_kills
            ));
        }
        if !found.faults.is_empty() {
            // For whoever looks into it.
            let kept = std::env::temp_dir().join(format!("crossdock-month-{}.log", self.seed));
            std::fs::copy(&log, &kept)?;
            let kept = format!("the host's log is {}", kept.display());
            found.faults.push(kept);
        }
        Ok(found)
    }

    /// Kills the host as often as it should be, spread over the month.
    async fn kill(&self, victim: &mut Victim, began: Instant) -> anyhow::Result<()> {
        let whole = self.lifetime * self.lifetimes;
        let mut rng = stream(self.seed, 3_000);
        for kill in 0..self.kills {
            // Anywhere in its part of the month.
            let part = rng.random_range(0.0..1.0);
            let at = whole.mul_f64((f64::from(kill) + part) / f64::from(self.kills));
            tokio::time::sleep_until((began + at).into()).await;
            victim.kill_now().await?;
            self.tell(format_args!("{} of {} kills", kill + 1, self.kills));
        }
        tokio::time::sleep_until((began + whole).into()).await;
        Ok(())
    }

    fn tell(&self, what: impl fmt::Display) {
        if self.tells {
            println!("{what}");
        }
    }
}

impl Found {
    /// Fails with everything that should not be.
    ///
    /// # Errors
    /// If there is anything.
    pub fn hold(&self) -> anyhow::Result<()> {
        let faults = &self.faults;
        let told = faults.iter().take(20).map(String::as_str);
        let told: Vec<&str> = told.collect();
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
        writeln!(
            f,
            "{} tokens in {:.0} s, {} renewals; {} kills; the token server failed in {} stretches",
            self.issued,
            self.took.as_secs_f64(),
            self.renewals,
            self.kills,
            self.stretches
        )?;
        writeln!(
            f,
            "calls: {} delivered, {} cut off by kills, {} while no token could be had; {} records queued, all arrived",
            self.delivered, self.cut, self.excused, self.queued
        )?;
        write!(
            f,
            "{} requests met a token that was just over; {} kills took the answer to a renewal with them, {} times a person had to come",
            self.met_expiry, self.lost_in_kills, self.persons
        )
    }
}
