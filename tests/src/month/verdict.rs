//! Whether a call was lost that need not have been, a refresh token used
//! wrongly, a token shown.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use crossdock_stand_ins::platforms::oauth::Use;

use super::load::{Failed, Load};
use super::weather::Stretch;
use super::{Found, WAY};
use crate::client::Client;
use crate::grants::{self, Shops};

/// How long after a stretch a failing renewal may wait for its next attempt:
/// attempts come after 1, 2, 4 … seconds, so no more than a stretch's length
/// and a little.
const AFTER: Duration = Duration::from_secs(6);

/// Longest that queued records may take to arrive when everything works.
const DRAINING: Duration = Duration::from_secs(60);

pub struct Verdict {
    shops: Arc<Shops>,
    host: Option<String>,
    found: Found,
}

impl Verdict {
    pub fn new(shops: Arc<Shops>, host: Option<String>) -> Self {
        Self {
            shops,
            host,
            found: Found::default(),
        }
    }

    fn fault(&mut self, what: String) {
        self.found.faults.push(what);
    }

    /// Every record that was taken in has to arrive.
    pub async fn queued(&mut self, load: &Load) -> anyhow::Result<()> {
        let mut missing = load.with(|calls| calls.queued.clone());
        self.found.queued = missing.len();
        let shops = self.shops.clone();
        let drained = async {
            loop {
                missing.retain(|item| shops.stock(*item).is_none());
                if missing.is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(DRAINING, drained).await.is_err() {
            let missing = load.with(|calls| {
                let queued = calls.queued.iter();
                queued.filter(|item| shops.stock(**item).is_none()).count()
            });
            self.fault(format!("{missing} queued records have not arrived"));
        }
        Ok(())
    }

    /// Every call that failed has to be excused, and every one that did not
    /// has to have arrived.
    pub fn calls(&mut self, load: &Load, stretches: &[Stretch], absences: &[Stretch]) {
        let (delivered, failed) = load.with(|calls| {
            self.found.cut = calls.cut;
            (calls.delivered.clone(), calls.failed.clone())
        });
        self.found.delivered = delivered.len();
        let absent = delivered
            .iter()
            .filter(|item| self.shops.stock(**item).is_none());
        let absent = absent.count();
        if absent > 0 {
            self.fault(format!(
                "{absent} calls were told to be delivered and were not"
            ));
        }
        let within = |call: &Failed, stretch: &Stretch, after: Duration| {
            call.ended >= stretch.from && call.began <= stretch.to + after
        };
        for call in failed {
            // The last is what the adapter calls the shop's 401, whose code is none.
            let no_token = ["not-authorized", "http-401", "graphql-error"].contains(&&*call.code)
                || call.status == "unauthenticated";
            let excused = stretches.iter().any(|it| within(&call, it, AFTER))
                // From the refusal that led to it.
                || absences.iter().any(|it| within(&call, it, Duration::from_secs(1)));
            if no_token && excused {
                self.found.excused += 1;
            } else {
                let Failed { status, code, .. } = call;
                self.fault(format!(
                    "a call failed ({status}, {code}) although a token could be had"
                ));
            }
        }
    }

    /// A refresh token is used with success once, and a second time only
    /// because a kill took the first answer.
    pub fn refresh_tokens(&mut self, kills: usize) {
        let oauth = self.shops.stand_ins.oauth();
        self.found.issued = oauth.issued();
        let uses = oauth.uses();
        for token in uses {
            let of = |how: Use| token.uses.iter().filter(|it| **it == how).count();
            let (good, spent) = (of(Use::Rotated) + of(Use::Repeated), of(Use::Spent));
            self.found.renewals += good;
            if good > 1 {
                self.fault(format!(
                    "a refresh token was used {good} times with success"
                ));
            }
            if spent > 1 {
                self.fault(format!(
                    "a used refresh token was tried {spent} times again"
                ));
            }
            self.found.lost_in_kills += spent;
            if of(Use::Revoked) + of(Use::Expired) > 0 {
                self.fault("a refresh token was used that was over".to_owned());
            }
        }
        if self.found.lost_in_kills > kills {
            let lost = self.found.lost_in_kills;
            self.fault(format!(
                "{lost} answers to renewals were lost in {kills} kills"
            ));
        }
        let requests = self.shops.stand_ins.requests("shopify");
        let refused = requests.iter().filter(|it| it.verdict.status == Some(401));
        self.found.met_expiry = refused.count();
        for platform in ["oauth", "shopify"] {
            let violating = self.shops.stand_ins.counters(platform).violating;
            if violating > 0 {
                let first = self.shops.stand_ins.violations(platform).into_iter().next();
                self.fault(format!(
                    "{violating} requests to {platform} broke a rule: {first:?}"
                ));
            }
        }
    }

    /// No token in any file of the host (its store, its log) and in nothing
    /// that it says.
    pub async fn nothing_shows(&mut self, load: &Load) -> anyhow::Result<()> {
        for shown in self.shops.shown_in_files() {
            self.fault(format!("a token can be read in {shown}"));
        }
        let leaks = self.shops.leaks();
        let host = Client::new(self.host.clone().context("a host that serves")?);
        for path in [
            &*grants::credentials(WAY.name(), ""),
            "/metrics",
            "/readyz",
            "/v1/acme/connections",
            "/v1/acme/deliveries?limit=1000",
        ] {
            let (_, _, text) = host.text(path).await?;
            let found = leaks.found(text.as_bytes());
            if !found.is_empty() {
                self.fault(format!("{path} shows {found:?}"));
            }
        }
        let failed = load.with(|calls| format!("{:?}", calls.failed));
        let found = leaks.found(failed.as_bytes());
        if !found.is_empty() {
            self.fault(format!("answers to calls show {found:?}"));
        }
        Ok(())
    }

    pub fn found(self) -> Found {
        self.found
    }
}
