//! A person who looks whether one is needed, and authorises.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::WAY;
use super::weather::Stretch;
use crate::client::Client;
use crate::grants;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);

/// The person at work.
pub struct Person {
    task: JoinHandle<Vec<Stretch>>,
    /// Says when the connection had its first grant.
    began: watch::Receiver<bool>,
}

impl Person {
    /// Comes for the first grant, and whenever one is asked for after that.
    pub fn start(mut addresses: watch::Receiver<Option<String>>, stop: CancellationToken) -> Self {
        let (begun, began) = watch::channel(false);
        let task = tokio::spawn(async move {
            // From when on a person was needed until one had come.
            let mut absences: Vec<Stretch> = Vec::new();
            let mut needed: Option<Instant> = None;
            while !stop.is_cancelled() || needed.is_some() {
                tokio::time::sleep(LOOK).await;
                let address = addresses.wait_for(Option::is_some).await;
                // Nobody starts a host any more.
                let Some(address) = address.ok().and_then(|it| it.clone()) else {
                    break;
                };
                let host = Client::new(&*address);
                let state = grants::state(&host, WAY.name()).await;
                if !["missing", "needs-person"].contains(&&*state) {
                    if let Some(from) = needed.take().filter(|_| !state.is_empty()) {
                        if *begun.borrow() {
                            let to = Instant::now();
                            absences.push(Stretch { from, to });
                        }
                        begun.send_replace(true);
                    }
                    continue;
                }
                needed.get_or_insert_with(Instant::now);
                // The token server may fail at the moment: again, then.
                let _ = grants::authorise(&host, &address, WAY.name()).await;
            }
            absences
        });
        Self { task, began }
    }

    /// Waits for the first grant.
    pub async fn first(&mut self) -> anyhow::Result<()> {
        let began = self.began.wait_for(|begun| *begun);
        let bound = Duration::from_secs(30);
        let began = tokio::time::timeout(bound, began).await;
        began
            .context("the first grant is not there in time")?
            .context("the person is gone")?;
        Ok(())
    }

    /// When a person was needed after that, and had not come yet.
    pub async fn ended(self) -> anyhow::Result<Vec<Stretch>> {
        self.task.await.context("the person ended early")
    }
}
