//! One request on the wire: signed, sent, read, and whatever it asks for next.

mod known;

use std::time::{Duration, Instant};

use http::header::LOCATION;
use tokio::sync::OwnedSemaphorePermit;

use super::journal::Journal;
use super::outcome::{self, Attempted};
use super::outgoing::outgoing;
use super::pages::Merged;
use super::reply::reply;
use super::trace::Trace;
use crate::clock::{millis, now_ms};
use crate::deadline::{READING, passed, within};
use crate::http::{Answer, Outgoing, Reached, SendError};
use crate::plugin::contract::{Body, Context, Draft, Edit, Fault, Reply, Request};
use crate::plugin::edits::{EditError, SignedDraft, apply_auth, apply_edits};
use crate::plugin::guest::GuestFailure;
use crate::plugin::promise::{Answered, BrokenPromise, ItemOutcome, check_parsed};
use crate::problem::Problem;
use crate::report::{ItemReport, RequestReport};
use crate::serving::connection_limits::NoTurn;
use crate::serving::route::Route;
use known::Known;

/// A new context: time and nonce of this attempt.
pub fn context(route: &Route) -> Context {
    Context {
        now_ms: now_ms(),
        nonce: format!("{:032x}", rand::random::<u128>()),
        settings: route.connection.settings.clone(),
    }
}

/// Signs a draft: the adapter's edits, then the connection's own scheme.
pub async fn sign(
    route: &Route,
    context: &Context,
    draft: &Draft,
    trace: &Trace,
    place: usize,
) -> Result<SignedDraft, Problem> {
    let Route {
        connection,
        adapter,
        ..
    } = route;
    let edits = match adapter.manifest.signs {
        true => edits(route, context, draft, trace, place).await?,
        false => Vec::new(),
    };
    let mut signed = apply_edits(draft.clone(), edits, &connection.secrets, &adapter.declared)
        .map_err(|error| edit_problem(error, trace))?;
    if let Some(auth) = &connection.config.auth {
        apply_auth(&mut signed, auth, &connection.secrets)
            .map_err(|error| Problem::host("secret-missing", error.to_string()))?;
    }
    Ok(signed)
}

/// What the adapter adds to a draft.
async fn edits(
    route: &Route,
    context: &Context,
    draft: &Draft,
    trace: &Trace,
    place: usize,
) -> Result<Vec<Edit>, Problem> {
    let failed = |failure| guest(route, "sign", &failure);
    let lease = route.adapter.lease(&route.tenant.config.name).await;
    let mut lease = lease.map_err(failed)?;
    let secrets = route.connection.secrets.clone();
    let declared = route.adapter.declared.clone();
    let signed = lease
        .sign(context, &route.operation, draft, secrets, declared)
        .await;
    for digest in &signed.derived {
        if trace.redaction.derive("signature", digest).is_err() {
            return Err(Problem::adapter(
                "too-many-signatures",
                "the delivery used more signatures than can be kept out of its report; send fewer items",
            ));
        }
    }
    trace.take_log(place, &mut lease);
    let answer = signed.answer.map_err(failed)?;
    answer.map_err(|fault| match signed.undeclared {
        Some(name) => edit_problem(EditError::Undeclared(name), trace),
        None => outcome::fault_problem(fault, scripted(route), &trace.redaction),
    })
}

/// A secret that `sign` named and cannot have. The name is the adapter's text.
fn edit_problem(error: EditError, trace: &Trace) -> Problem {
    let why = trace.redaction.redact(&error.to_string()).into_owned();
    match error {
        EditError::Undeclared(_) => Problem::adapter("adapter-fault", why),
        EditError::Unset(_) => Problem::host("secret-missing", why),
    }
}

/// Whether the operation's documents come from the tenant's script.
pub fn scripted(route: &Route) -> bool {
    route.connection.scripts.contains_key(&route.operation)
}

/// A failed guest call as a problem.
pub fn guest(route: &Route, function: &str, failure: &GuestFailure) -> Problem {
    outcome::guest_problem(&route.adapter.label, function, failure)
}

/// What all requests of one delivery have in common.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// What serves the delivery.
    pub route: &'a Route,
    /// When nothing may leave any more.
    pub deadline: Instant,
    /// Most follow-ups of one request.
    pub follow_ups: usize,
    /// Longest pause of the connection that a platform is granted.
    pub longest_pause: Duration,
    /// Whether the operation changes nothing.
    pub reads: bool,
    /// What the delivery leaves behind.
    pub trace: &'a Trace,
    /// Who writes down what leaves, if anybody does.
    pub journal: Option<&'a dyn Journal>,
}

/// Sends one request once, with its follow-ups. Gives what that did for each of
/// its items.
/// `items` are those of the delivery that it carries, `place` is its number in the
/// delivery, `attempt` counts from 1.
pub async fn exchange(
    setting: Setting<'_>,
    request: &Request,
    items: Vec<usize>,
    place: usize,
    attempt: u32,
) -> Vec<Attempted> {
    let exchange = Exchange {
        setting,
        request,
        place,
        attempt,
    };
    exchange.run(items).await
}

/// What becomes of a document for which the time was over before it left.
pub fn too_late() -> ItemReport {
    no_turn(NoTurn::Time)
}

struct Exchange<'a> {
    setting: Setting<'a>,
    request: &'a Request,
    place: usize,
    attempt: u32,
}

/// What came of one draft.
enum Heard {
    /// The adapter read an answer.
    Parsed(Box<Read>),
    /// Something to say about every item alike. If this draft was a follow-up,
    /// it says nothing about the request that was sent before.
    Alike(Attempted),
    /// No answer though the request may have been applied.
    Silence(Attempted),
}

/// A request that may leave.
struct Ready {
    context: Context,
    outgoing: Outgoing,
    /// Held until the answer is read.
    _turn: OwnedSemaphorePermit,
}

/// What an adapter read.
struct Read {
    parsed: Answered,
    /// The answer's HTTP status says nothing about whether the platform had
    /// done what was asked when it failed: any 5xx.
    in_doubt: bool,
}

/// Why an answer told nothing.
enum Unread {
    /// The adapter gave no outcomes: it trapped, or ran too long.
    Failed(GuestFailure),
    /// It gave some that break a promise.
    Broken(BrokenPromise),
    /// It says that it cannot read the answer.
    Fault(Fault),
    /// There was no time left for it.
    Late,
}

impl Exchange<'_> {
    async fn run(&self, items: Vec<usize>) -> Vec<Attempted> {
        let read = match self.begin(items).await {
            Heard::Parsed(read) => *read,
            Heard::Alike(attempted) => return self.alike(attempted),
            Heard::Silence(attempted) => match self.read_back().await {
                Some(parsed) => Read {
                    parsed,
                    in_doubt: true,
                },
                None => return self.alike(attempted),
            },
        };
        let doubt = self.doubt(read.in_doubt);
        let mut next = read.parsed.next;
        let outcomes = read.parsed.outcomes.into_iter();
        let mut known = Known {
            outcomes: outcomes.map(|outcome| (outcome, doubt)).collect(),
            merged: Merged::default(),
        };
        let mut followed = 0;
        while let Some(draft) = next.take() {
            followed += 1;
            if followed > self.setting.follow_ups {
                return self.too_many_follow_ups(known);
            }
            // The adapter sees which of its requests an answer belongs to.
            let follow_up = Request {
                draft,
                ..self.request.clone()
            };
            match self.ask(&follow_up).await {
                Heard::Parsed(read) => {
                    let doubt = self.doubt(read.in_doubt);
                    next = read.parsed.next;
                    known = match self.merge(known, read.parsed.outcomes, doubt) {
                        Ok(known) => known,
                        Err(known) => return self.too_many_pages(known, followed),
                    };
                }
                Heard::Alike(attempted) | Heard::Silence(attempted) => {
                    return self.cut_short(known, attempted);
                }
            }
        }
        self.attempted(known)
    }

    /// The delivery's own request. One that must not be repeated is written down
    /// before it leaves.
    async fn begin(&self, items: Vec<usize>) -> Heard {
        let ready = match self.make_ready(self.request).await {
            Ok(ready) => ready,
            Err(heard) => return heard,
        };
        if let (false, Some(journal)) = (self.request.repeatable, self.setting.journal)
            && let Err(problem) = journal.leaving(items, self.request).await
        {
            return Heard::Alike(Attempted::failed(problem));
        }
        self.talk(self.request, ready).await
    }

    /// A request that follows.
    async fn ask(&self, request: &Request) -> Heard {
        match self.make_ready(request).await {
            Ok(ready) => self.talk(request, ready).await,
            Err(heard) => heard,
        }
    }

    /// Waits for the request's turn, and signs it.
    async fn make_ready(&self, request: &Request) -> Result<Ready, Heard> {
        let Setting {
            route, deadline, ..
        } = self.setting;
        let turn = match route.connection.channel.turn(deadline).await {
            Ok(turn) => turn,
            Err(why) => return Err(Heard::Alike(Attempted::Final(no_turn(why)))),
        };
        let context = context(route);
        let outgoing = match within(deadline, self.sign(&context, &request.draft)).await {
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
            _turn: turn,
        })
    }

    /// Sends a request and reads its answer.
    async fn talk(&self, request: &Request, ready: Ready) -> Heard {
        let trace = self.setting.trace;
        let repeatable = self.request.repeatable;
        let Ready {
            context,
            outgoing,
            _turn,
        } = ready;
        let answer = match self.send(outgoing).await {
            Ok(answer) => answer,
            Err(error) => {
                let attempted = outcome::unanswered(&error, repeatable, &trace.redaction);
                return match error.reached {
                    Reached::NotSent => Heard::Alike(attempted),
                    Reached::MaybeApplied => Heard::Silence(attempted),
                };
            }
        };
        let status = answer.status.as_u16();
        if answer.status.is_redirection() {
            let location = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok());
            let redaction = &trace.redaction;
            return Heard::Alike(outcome::redirected(status, location, repeatable, redaction));
        }
        self.read(&context, request, reply(answer)).await
    }

    async fn sign(&self, context: &Context, draft: &Draft) -> Result<Outgoing, Problem> {
        let Setting { route, trace, .. } = self.setting;
        let signed = sign(route, context, draft, trace, self.place).await?;
        outgoing(&route.connection.target, signed).map_err(|why| {
            let why = trace.redaction.redact(&why).into_owned();
            let adapter = &route.adapter.label;
            Problem::adapter(
                "invalid-request",
                format!("adapter {adapter} made a request that cannot be sent: {why}"),
            )
        })
    }

    async fn send(&self, outgoing: Outgoing) -> Result<Answer, SendError> {
        let Setting { route, trace, .. } = self.setting;
        let started = Instant::now();
        let url = without_query(&outgoing.uri);
        let mut report = RequestReport {
            method: trace
                .redaction
                .redact(outgoing.method.as_str())
                .into_owned(),
            url: trace.redaction.redact(&url).into_owned(),
            status: None,
            ms: 0,
            attempt: self.attempt,
            error: None,
        };
        let client = &route.connection.channel.client;
        // In a box of its own: what is around it is moved on its way in, and
        // this is the largest part.
        let result = Box::pin(client.send_until(outgoing, self.setting.deadline)).await;
        report.ms = millis(started.elapsed());
        match &result {
            Ok(answer) => report.status = Some(answer.status.as_u16()),
            Err(error) => {
                report.error = Some(trace.redaction.redact(&error.message).into_owned());
            }
        }
        trace.sent(self.place, report);
        result
    }

    async fn read(&self, context: &Context, request: &Request, reply: Reply) -> Heard {
        let Setting { route, trace, .. } = self.setting;
        let adapter = &route.adapter.label;
        let unread = match self.parse(context, request, &reply).await {
            Ok(parsed) => {
                return Heard::Parsed(Box::new(Read {
                    parsed,
                    in_doubt: reply.status >= 500,
                }));
            }
            Err(unread) => unread,
        };
        // The platform may have applied it, but the adapter failed on the
        // answer: nobody knows, and trying again would meet the same adapter.
        Heard::Alike(match unread {
            Unread::Fault(fault) => outcome::unreadable(
                route,
                &reply,
                &fault,
                self.request.repeatable,
                &trace.redaction,
            ),
            Unread::Broken(broken) => Attempted::failed(Problem::adapter(
                "adapter-broken-promise",
                format!("adapter {adapter}: {broken}"),
            ))
            .in_doubt(),
            Unread::Failed(failure) => {
                Attempted::failed(guest(route, "parse-response", &failure)).in_doubt()
            }
            Unread::Late => Attempted::failed(Problem::host(
                "call-timeout",
                "the time for the whole call (`call_timeout_ms`) ran out before the answer could be read",
            ))
            .in_doubt(),
        })
    }

    /// What the adapter says of a reply: also for a short time after the
    /// deadline, because the platform has answered.
    async fn parse(
        &self,
        context: &Context,
        request: &Request,
        reply: &Reply,
    ) -> Result<Answered, Unread> {
        let Setting {
            route,
            deadline,
            trace,
            ..
        } = self.setting;
        let work = async {
            let lease = route.adapter.lease(&route.tenant.config.name).await;
            let mut lease = lease.map_err(Unread::Failed)?;
            let parsed = lease
                .parse_response(context, &route.operation, request, reply)
                .await;
            trace.take_log(self.place, &mut lease);
            let parsed = parsed.map_err(Unread::Failed)?.map_err(Unread::Fault)?;
            check_parsed(parsed, self.request.items.len()).map_err(|broken| {
                lease.discard();
                Unread::Broken(broken)
            })
        };
        let parsed = within(deadline + READING, work).await;
        let parsed = parsed.unwrap_or(Err(Unread::Late))?;
        self.throttle(&parsed.outcomes);
        Ok(parsed)
    }

    /// Lets the connection pause as long as the platform asks, and no longer
    /// than a platform may.
    fn throttle(&self, outcomes: &[ItemOutcome]) {
        let pause = outcomes.iter().filter_map(outcome::throttle).max();
        if let Some(pause) = pause {
            let pause = pause.min(self.setting.longest_pause);
            self.setting.route.connection.channel.pause(pause);
        }
    }

    /// A request that must not be repeated got no answer: asks the adapter, by
    /// a reply of status 0, whether there is a way to find out, and time.
    async fn read_back(&self) -> Option<Answered> {
        if self.request.repeatable || passed(self.setting.deadline) {
            return None;
        }
        let silence = Reply {
            status: 0,
            headers: Vec::new(),
            body: Body::Empty,
        };
        let context = context(self.setting.route);
        let parsed = self.parse(&context, self.request, &silence).await.ok()?;
        parsed.next.is_some().then_some(parsed)
    }
}

fn no_turn(why: NoTurn) -> ItemReport {
    let problem = match why {
        NoTurn::Limits(_) | NoTurn::Time => Problem::host("no-turn", why.to_string()),
        NoTurn::Paused(_) => Problem::platform("throttled", why.to_string()),
    };
    let mut report = ItemReport::failed(0, problem);
    if let NoTurn::Paused(left) | NoTurn::Limits(Some(left)) = why {
        report.retry_after_ms = u32::try_from(left.as_millis()).ok();
    }
    report
}

fn without_query(uri: &http::Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    format!("{scheme}://{authority}{}", uri.path())
}
