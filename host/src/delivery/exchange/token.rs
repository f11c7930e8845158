//! A request made ready: its turn, and the token that it is signed with, which is
//! waited for, and renewed once when the platform refuses it.

use std::sync::Arc;
use std::time::Instant;

use super::super::outcome::Attempted;
use super::unsent::no_turn;
use super::{Exchange, Heard, Left, Ready, Setting, context, too_late};
use crate::deadline::{passed, within};
use crate::plugin::contract::Request;
use crate::plugin::promise::{Answered, ItemOutcome};
use crate::report::ItemReport;
use crate::serving::credentials::{Armed, NoToken, grant_of};
use crate::serving::pace;
use crate::telemetry::meters::Phase;

/// Whether the platform refused the credentials and nothing else: it promises that
/// nothing was applied.
pub(super) fn is_refused(parsed: &Answered) -> bool {
    let refused = |outcome: &ItemOutcome| matches!(outcome, ItemOutcome::Unauthenticated(_));
    parsed.next.is_none() && !parsed.outcomes.is_empty() && parsed.outcomes.iter().all(refused)
}

impl Exchange<'_> {
    /// What to sign with, and the version of the token in it: 0 where nothing was
    /// granted to the connection.
    pub(super) async fn token(&self) -> Result<(Arc<Armed>, u64), Heard> {
        let route = self.setting.route;
        let connection = &route.connection;
        if grant_of(&connection.config, &route.adapter).is_none() {
            return Ok((connection.armed(), 0));
        }
        match connection.credentials.ready(self.setting.deadline).await {
            Ok(armed) => {
                self.setting.trace.learn(&armed);
                let version = armed.version;
                Ok((armed, version))
            }
            Err(why) => Err(self.no_token(&why)),
        }
    }

    /// There is none: queued requests wait until there is one.
    fn no_token(&self, why: &NoToken) -> Heard {
        let redaction = &self.setting.trace.redaction;
        let mut problem = why.problem();
        problem.detail = redaction.redact(&problem.detail).into_owned();
        if !why.is_late() {
            let heard = pace::Heard::Unauthenticated {
                code: problem.code.to_string(),
                message: problem.detail.clone(),
            };
            let channel = &self.setting.route.connection.channel;
            channel.heard(heard, Instant::now());
        }
        let mut report = ItemReport::failed(0, problem);
        report.untried = true;
        let after = why.after();
        report.retry_after_ms = after.and_then(|after| u32::try_from(after.as_millis()).ok());
        Heard::Alike(Attempted::Final(report))
    }

    /// Waits for the request's turn, and signs it.
    pub(super) async fn make_ready(&self, request: &Request) -> Result<Ready, Heard> {
        let Setting {
            route,
            deadline,
            sort,
            ..
        } = self.setting;
        // Before its turn, so that nobody waits for one who waits for a token.
        self.token().await?;
        let waiting = route.observed.step(Phase::Turn);
        let turn = match route.connection.channel.turn(deadline, sort).await {
            Ok(turn) => turn,
            Err(why) => return Err(Heard::Alike(Attempted::Final(no_turn(why)))),
        };
        drop(waiting);
        // It may have become over meanwhile.
        let (armed, version) = self.token().await?;
        let context = context(route);
        let signing = self.sign(&armed, &context, &request.draft);
        let outgoing = match within(deadline, signing).await {
            Some(Ok(outgoing)) => outgoing,
            Some(Err(problem)) => return Err(Heard::Alike(Attempted::failed(problem))),
            None => return Err(Heard::Alike(Attempted::Final(too_late()))),
        };
        if passed(deadline) {
            return Err(Heard::Alike(Attempted::Final(too_late())));
        }
        Ok(Ready {
            context,
            outgoing,
            version,
            _turn: turn,
        })
    }

    /// Sends a request that is ready. If the platform refuses the token it is signed
    /// with, once more with the next one.
    pub(super) async fn converse(&self, request: &Request, ready: Ready) -> Heard {
        let heard = self.talk(request, ready).await;
        let Some(left) = refused(&heard) else {
            return heard;
        };
        let credentials = &self.setting.route.connection.credentials;
        let next = credentials.refused(left.version, self.setting.deadline);
        if next.await.is_none() {
            self.tell_of_refusal(&heard);
            return heard;
        }
        drop(heard);
        let ready = match self.make_ready(request).await {
            Ok(ready) => ready,
            Err(heard) => return heard,
        };
        let heard = self.talk(request, ready).await;
        self.tell_of_refusal(&heard);
        heard
    }

    /// The connection hears of a refusal that another token does not mend.
    fn tell_of_refusal(&self, heard: &Heard) {
        if let (Some(left), Heard::Parsed(read)) = (refused(heard), heard) {
            self.heard_of(left.status, &read.parsed.outcomes, left.began);
        }
    }
}

fn refused(heard: &Heard) -> Option<Left> {
    match heard {
        Heard::Parsed(read) => read.refused,
        _ => None,
    }
}
