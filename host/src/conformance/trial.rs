//! Calls into an adapter that may fail: a new instance after each failure, and
//! what every call takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::report::Cost;
use crate::config::Secret;
use crate::plugin::contract::{Context, Draft, Fault, Item, Mapped, Parsed, Reply, Request};
use crate::plugin::edits::{self, EditError, SignedDraft, apply_edits};
use crate::plugin::generation::{AdapterGeneration, AdapterLease};
use crate::plugin::guest::{GuestFailure, GuestFailureKind};

/// Calls that are measured of each function.
const MOST_MEASURED: usize = 100_000;

/// Why the check cannot go on: the host's fault, not the adapter's.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the check could not go on: {0}")]
pub struct Stuck(pub String);

/// What a call gave.
pub(super) enum Gave<T> {
    /// An answer.
    Answer(T),
    /// A fault: that is an answer, too.
    Fault(Fault),
    /// It trapped, ran too long, or grew too large.
    Failed(GuestFailure),
}

/// How a signature failed.
pub(super) enum Unsigned {
    Fault(Fault),
    /// Of the edits: a secret that is not declared, or not set.
    Edits(String),
    Failed(GuestFailure),
}

/// An adapter under trial.
pub(super) struct Trial<'a> {
    pub adapter: &'a Arc<AdapterGeneration>,
    lease: Option<AdapterLease>,
    measured: BTreeMap<&'static str, Vec<Duration>>,
    memory: BTreeMap<&'static str, usize>,
    fresh: u64,
    /// A call that takes longer is made once more: it may have been the machine.
    slow: Duration,
}

impl<'a> Trial<'a> {
    pub fn new(adapter: &'a Arc<AdapterGeneration>, deadline: Duration) -> Self {
        Self {
            slow: deadline / 2,
            adapter,
            lease: None,
            measured: BTreeMap::new(),
            memory: BTreeMap::new(),
            fresh: 0,
        }
    }

    /// An instance that nobody has used.
    pub async fn renew(&mut self) -> Result<(), Stuck> {
        self.fresh += 1;
        if let Some(mut old) = self.lease.take() {
            old.discard();
        }
        // Idle instances belong to tenants, and this one is nobody's.
        let nobody = format!("check {}", self.fresh).into();
        let lease = self.adapter.lease(&nobody).await;
        self.lease = Some(lease.map_err(|failure| Stuck(failure.message))?);
        Ok(())
    }

    async fn lease(&mut self) -> Result<&mut AdapterLease, Stuck> {
        if self.lease.is_none() {
            self.renew().await?;
        }
        self.lease
            .as_mut()
            .ok_or_else(|| Stuck("there is no instance".to_owned()))
    }

    /// Notes what a call took, and throws a broken instance away.
    fn done<T>(
        &mut self,
        function: &'static str,
        took: Duration,
        result: Result<T, GuestFailure>,
    ) -> Result<Result<T, GuestFailure>, Stuck> {
        let measured = self.measured.entry(function).or_default();
        if measured.len() < MOST_MEASURED {
            measured.push(took);
        }
        let held = self.lease.as_ref().map_or(0, AdapterLease::memory_bytes);
        let most = self.memory.entry(function).or_default();
        *most = held.max(*most);
        if let Some(lease) = &mut self.lease {
            // Nobody reads them; they would only pile up.
            let _ = lease.take_log();
        }
        match result {
            Err(failure) if failure.kind == GuestFailureKind::Unavailable => {
                Err(Stuck(failure.message))
            }
            Err(failure) => {
                self.lease = None;
                Ok(Err(failure))
            }
            Ok(answer) => Ok(Ok(answer)),
        }
    }

    pub async fn describe(&mut self) -> Result<Gave<String>, Stuck> {
        let began = Instant::now();
        let result = self.lease().await?.describe().await;
        Ok(match self.done("describe", began.elapsed(), result)? {
            Ok(text) => Gave::Answer(text),
            Err(failure) => Gave::Failed(failure),
        })
    }

    pub async fn map(
        &mut self,
        context: &Context,
        operation: &str,
        items: &[Item],
    ) -> Result<Gave<Mapped>, Stuck> {
        let began = Instant::now();
        let mut result = self.lease().await?.map(context, operation, items).await;
        let mut took = began.elapsed();
        if took > self.slow && result.is_ok() {
            let again = Instant::now();
            result = self.lease().await?.map(context, operation, items).await;
            took = took.min(again.elapsed());
        }
        Ok(gave(self.done("map", took, result)?))
    }

    pub async fn sign(
        &mut self,
        context: &Context,
        operation: &str,
        draft: &Draft,
        secrets: &Arc<BTreeMap<String, Secret>>,
    ) -> Result<Result<SignedDraft, Unsigned>, Stuck> {
        let declared: Arc<BTreeSet<String>> = self.adapter.declared.clone();
        let began = Instant::now();
        let lease = self.lease().await?;
        let signed = lease
            .sign(context, operation, draft, secrets.clone(), declared.clone())
            .await;
        let took = began.elapsed();
        let undeclared = signed.undeclared;
        let answer = self.done("sign", took, signed.answer)?;
        Ok(match (answer, undeclared) {
            (Err(failure), _) => Err(Unsigned::Failed(failure)),
            (_, Some(name)) => Err(Unsigned::Edits(edits::undeclared(&name, &declared))),
            (Ok(Err(fault)), None) => Err(Unsigned::Fault(fault)),
            (Ok(Ok(edits)), None) => apply_edits(draft.clone(), edits, secrets, &declared)
                .map_err(|error| match error {
                    EditError::Undeclared(name) => edits::undeclared(&name, &declared),
                    error => format!("`sign`: {error}"),
                })
                .map_err(Unsigned::Edits),
        })
    }

    pub async fn parse(
        &mut self,
        context: &Context,
        operation: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<Gave<Parsed>, Stuck> {
        let began = Instant::now();
        let slow = self.slow;
        let lease = self.lease().await?;
        let mut result = lease
            .parse_response(context, operation, request, reply)
            .await;
        let mut took = began.elapsed();
        if took > slow && result.is_ok() {
            let again = Instant::now();
            result = lease
                .parse_response(context, operation, request, reply)
                .await;
            took = took.min(again.elapsed());
        }
        Ok(gave(self.done("parse-response", took, result)?))
    }

    /// What the calls took.
    pub fn costs(mut self) -> BTreeMap<String, Cost> {
        let mut costs = BTreeMap::new();
        for (function, mut times) in std::mem::take(&mut self.measured) {
            times.sort_unstable();
            let ms = |time: Option<&Duration>| {
                time.map_or(0.0, |time| (time.as_secs_f64() * 1e6).round() / 1e3)
            };
            costs.insert(
                function.to_owned(),
                Cost {
                    calls: u32::try_from(times.len()).unwrap_or(u32::MAX),
                    median_ms: ms(times.get(times.len() / 2)),
                    longest_ms: ms(times.last()),
                    memory: self.memory.get(function).copied().unwrap_or(0),
                },
            );
        }
        costs
    }
}

fn gave<T>(result: Result<Result<T, Fault>, GuestFailure>) -> Gave<T> {
    match result {
        Ok(Ok(answer)) => Gave::Answer(answer),
        Ok(Err(fault)) => Gave::Fault(fault),
        Err(failure) => Gave::Failed(failure),
    }
}
