//! The host's process: started, killed without a warning, started again.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rand::RngExt;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::watch;

use super::load::Load;
use super::{absolute, stream};
use crate::process::crossdock_at;

/// Longest a start may take.
const START: Duration = Duration::from_secs(60);

/// How often it is looked how many records were taken in.
const LOOK: Duration = Duration::from_millis(1);

/// When the host is killed.
#[derive(Debug, Clone)]
pub enum Kill {
    /// When so many records were taken in, and a little later.
    Queueing { items: usize, later: Duration },
    /// So long after it has begun to serve.
    Serving(Duration),
    /// So long after its start, unless it serves by then.
    Starting(Duration),
}

/// Kills at random moments: most while records are taken in, spread over all of
/// them, some while the rest is delivered, and some of a host that recovers.
pub fn kills(kills: usize, items: usize, seed: u64) -> Vec<Kill> {
    let mut rng = stream(seed, 2_000);
    let queueing = kills - kills / 4;
    let mut moments: Vec<usize> = (0..queueing).map(|_| rng.random_range(0..items)).collect();
    moments.sort_unstable();
    let mut millis = |most: u64| Duration::from_millis(rng.random_range(0..most));
    let mut all: Vec<Kill> = Vec::with_capacity(kills);
    for (number, items) in moments.into_iter().enumerate() {
        all.push(match number % 5 {
            4 => Kill::Starting(millis(400)),
            _ => Kill::Queueing {
                items,
                later: millis(40),
            },
        });
    }
    for _ in queueing..kills {
        all.push(Kill::Serving(millis(1_200)));
    }
    all
}

/// The host's process.
pub struct Victim {
    binary: PathBuf,
    folder: PathBuf,
    log: PathBuf,
    /// Tells the clients where it listens.
    address: watch::Sender<Option<String>>,
    child: Option<Child>,
    /// Kills of a host that served.
    pub kills: usize,
    /// Kills of one that did not yet.
    pub kills_at_start: usize,
    /// Kills that met requests on their way.
    pub kills_under_way: usize,
    /// These requests.
    pub cut: u64,
    /// Longest start so far.
    pub slowest_start: Duration,
    /// Tells how many requests are on their way.
    under_way: Box<dyn Fn() -> u64 + Send>,
}

impl Victim {
    /// Of a binary in a folder, with its log in a file.
    pub fn new(
        binary: &Path,
        folder: &Path,
        log: &Path,
        address: watch::Sender<Option<String>>,
    ) -> Self {
        Self {
            binary: absolute(binary),
            folder: folder.to_owned(),
            log: log.to_owned(),
            address,
            child: None,
            kills: 0,
            kills_at_start: 0,
            kills_under_way: 0,
            cut: 0,
            under_way: Box::new(|| 0),
            slowest_start: Duration::ZERO,
        }
    }

    /// Counts what is on its way at each kill.
    pub fn watch(&mut self, under_way: impl Fn() -> u64 + Send + 'static) {
        self.under_way = Box::new(under_way);
    }

    /// Starts it and waits until it serves.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        match self.start_within(START).await? {
            true => Ok(()),
            false => bail!("the host did not serve within {START:?}"),
        }
    }

    /// Kills it at a moment, and starts it again.
    pub async fn kill_at(&mut self, kill: &Kill, load: &Load) -> anyhow::Result<()> {
        match kill {
            Kill::Queueing { items, later } => {
                while load.acknowledged() < *items && !load.is_over() {
                    self.look()?;
                    tokio::time::sleep(LOOK).await;
                }
                tokio::time::sleep(*later).await;
            }
            Kill::Serving(later) => tokio::time::sleep(*later).await,
            Kill::Starting(later) => {
                self.end().await?;
                match self.start_within(*later).await? {
                    // It was quicker, and is killed while it serves.
                    true => {
                        self.kills += 1;
                        self.end().await?;
                    }
                    false => self.kills_at_start += 1,
                }
                // The end before was a kill, too.
                self.kills += 1;
                return self.start().await;
            }
        }
        self.kills += 1;
        self.end().await?;
        self.start().await
    }

    /// Kills it now, and starts it again.
    pub async fn kill_now(&mut self) -> anyhow::Result<()> {
        self.look()?;
        self.kills += 1;
        self.end().await?;
        self.start().await
    }

    /// Starts it; gives false, with it killed, if it does not serve in time.
    async fn start_within(&mut self, limit: Duration) -> anyhow::Result<bool> {
        let mut options = OpenOptions::new();
        let log = options.create(true).append(true).open(&self.log)?;
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let mut command = crossdock_at(&self.binary, &self.folder, &arguments);
        command.stderr(Stdio::from(log));
        let began = Instant::now();
        let mut child = command.spawn().context("the host starts")?;
        let stdout = child.stdout.take().context("its output")?;
        self.child = Some(child);
        let listening = async {
            let mut lines = BufReader::new(stdout).lines();
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix("listening on ") {
                    return anyhow::Ok(url.to_owned());
                }
            }
            bail!("the host ended by itself; see {}", self.log.display())
        };
        match tokio::time::timeout(limit, listening).await {
            Ok(url) => {
                self.slowest_start = self.slowest_start.max(began.elapsed());
                self.address.send_replace(Some(url?));
                Ok(true)
            }
            Err(_) => {
                self.end().await?;
                Ok(false)
            }
        }
    }

    /// Kills it and waits until it is gone.
    async fn end(&mut self) -> anyhow::Result<()> {
        let child = self.child.take();
        let met = (self.under_way)();
        child.context("a host")?.kill().await?;
        self.cut += met;
        self.kills_under_way += usize::from(met > 0);
        self.address.send_replace(None);
        Ok(())
    }

    /// Fails if it has ended by itself.
    fn look(&mut self) -> anyhow::Result<()> {
        let child = self.child.as_mut().context("a host")?;
        match child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "the host ended by itself with {status}; see {}",
                self.log.display()
            ),
        }
    }
}
