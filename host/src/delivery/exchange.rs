//! One request on the wire: signed, sent, read, and whatever it asks for next.

mod hearing;
mod known;
mod signing;
mod token;
mod unsent;

use std::time::{Duration, Instant};

use http::header::LOCATION;
use tokio_util::sync::CancellationToken;

use super::journal::{Carried, Journal};
use super::outcome::{self, Attempted};
use super::outgoing::outgoing;
use super::pages::Merged;
use super::reply::{beginning, reply};
use super::trace::Trace;
use crate::clock::{millis, now_ms};
use crate::deadline::{READING, passed, within};
use crate::http::{Answer, Outgoing, Reached, SendError};
use crate::plugin::contract::{Body, Context, Draft, Fault, Reply, Request};
use crate::plugin::guest::GuestFailure;
use crate::plugin::promise::{Answered, BrokenPromise, check_parsed};
use crate::problem::Problem;
use crate::report::RequestReport;
use crate::serving::connection_limits::{Held, Sort};
use crate::serving::credentials::Armed;
use crate::serving::route::Route;
use crate::telemetry::meters::Phase;
use known::Known;
pub use signing::sign;
use token::is_refused;
pub use unsent::{ending, too_late};

/// A new context: time and nonce of this attempt.
pub fn context(route: &Route) -> Context {
    Context {
        now_ms: now_ms(),
        nonce: format!("{:032x}", rand::random::<u128>()),
        settings: route.connection.settings.clone(),
    }
}

/// Whether the operation's documents come from the tenant's script.
pub fn scripted(route: &Route) -> bool {
    route.connection.scripts.contains_key(&route.operation)
}

/// A failed guest call as a problem.
pub fn guest(route: &Route, function: &str, failure: &GuestFailure, trace: &Trace) -> Problem {
    outcome::guest_problem(&route.adapter.label, function, failure, &trace.redaction)
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
    /// Who wants it to leave.
    pub sort: Sort,
    /// Who writes down what leaves, if anybody does.
    pub journal: Option<&'a dyn Journal>,
    /// Whether it is kept how answers begin.
    pub keeps_answers: bool,
    /// From when on nothing more may leave, if what does not is kept.
    pub ending: Option<&'a CancellationToken>,
}

impl Setting<'_> {
    /// Whether what has not left by now stays for the next start.
    pub fn is_ending(&self) -> bool {
        self.ending.is_some_and(CancellationToken::is_cancelled)
    }
}

/// Sends one request once, with its follow-ups. Gives what that did for each of
/// its items.
/// `carried` are those of the delivery that it carries, `place` is its number in
/// the delivery, `attempt` counts from 1.
pub async fn exchange(
    setting: Setting<'_>,
    request: &Request,
    carried: Carried,
    place: usize,
    attempt: u32,
) -> Vec<Attempted> {
    let exchange = Exchange {
        setting,
        request,
        carried,
        place,
        attempt,
    };
    exchange.run().await
}

/// What became of a request that left before and got no answer: by a read-back,
/// if the adapter has one. Nothing if it has none.
pub async fn read_back(setting: Setting<'_>, request: &Request) -> Option<Vec<Attempted>> {
    let exchange = Exchange {
        setting,
        request,
        carried: Carried::default(),
        place: 0,
        attempt: 1,
    };
    let parsed = exchange.read_back().await?;
    let read = Read {
        parsed,
        in_doubt: true,
        refused: None,
    };
    Some(exchange.follow(read).await)
}

struct Exchange<'a> {
    setting: Setting<'a>,
    request: &'a Request,
    carried: Carried,
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
    /// Of the token that it is signed with.
    version: u64,
    /// Held until the answer is read.
    _turn: Held,
}

/// What an adapter read.
struct Read {
    parsed: Answered,
    /// The answer's HTTP status says nothing about whether the platform had
    /// done what was asked when it failed: any 5xx.
    in_doubt: bool,
    /// The platform refused a token that may be renewed.
    refused: Option<Left>,
}

/// What is known of a request that left.
#[derive(Clone, Copy)]
struct Left {
    began: Instant,
    /// Of the token that it was signed with; 0 for none.
    version: u64,
    /// The answer's.
    status: u16,
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
    async fn run(&self) -> Vec<Attempted> {
        let read = match self.begin().await {
            Heard::Parsed(read) => *read,
            Heard::Alike(attempted) => return self.alike(attempted),
            Heard::Silence(attempted) => match self.read_back().await {
                Some(parsed) => Read {
                    parsed,
                    in_doubt: true,
                    refused: None,
                },
                None => return self.alike(attempted),
            },
        };
        self.follow(read).await
    }

    /// Pages and read-backs, as long as the adapter asks for them.
    async fn follow(&self, read: Read) -> Vec<Attempted> {
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
    async fn begin(&self) -> Heard {
        // What follows a request that has left is asked nevertheless.
        let ending = async {
            match self.setting.ending {
                Some(ending) => ending.cancelled().await,
                None => std::future::pending().await,
            }
        };
        let ready = tokio::select! {
            biased;
            () = ending => return Heard::Alike(Attempted::Final(unsent::ending())),
            ready = self.make_ready(self.request) => match ready {
                Ok(ready) => ready,
                Err(heard) => return heard,
            },
        };
        if let (false, Some(journal)) = (self.request.repeatable, self.setting.journal)
            && let Err(problem) = journal.leaving(self.carried.clone(), self.request).await
        {
            return Heard::Alike(Attempted::failed(problem));
        }
        self.converse(self.request, ready).await
    }

    /// A request that follows.
    async fn ask(&self, request: &Request) -> Heard {
        match self.make_ready(request).await {
            Ok(ready) => self.converse(request, ready).await,
            Err(heard) => heard,
        }
    }

    /// Sends a request and reads its answer.
    async fn talk(&self, request: &Request, ready: Ready) -> Heard {
        let trace = self.setting.trace;
        let repeatable = self.request.repeatable;
        let Ready {
            context,
            outgoing,
            version,
            _turn,
        } = ready;
        let began = Instant::now();
        let answer = match self.send(outgoing).await {
            Ok(answer) => answer,
            Err(error) => {
                self.no_answer(&error, began);
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
        let reply = reply(answer);
        if self.setting.keeps_answers {
            trace.answered(self.place, beginning(&reply.body, &trace.redaction));
        }
        let left = Left {
            began,
            version,
            status,
        };
        self.read(&context, request, reply, left).await
    }

    async fn sign(
        &self,
        armed: &Armed,
        context: &Context,
        draft: &Draft,
    ) -> Result<Outgoing, Problem> {
        let Setting { route, trace, .. } = self.setting;
        let signed = sign(route, armed, context, draft, trace, self.place).await?;
        outgoing(&route.connection.target, signed).map_err(|why| {
            let why = trace.redaction.redact(&why).into_owned();
            let adapter = &route.adapter.label;
            Problem::adapter(
                "invalid-request",
                format!("adapter {adapter} made a request that cannot be sent: {why}"),
            )
        })
    }

    async fn send(&self, mut outgoing: Outgoing) -> Result<Answer, SendError> {
        let Setting { route, trace, .. } = self.setting;
        let step = route.observed.step(Phase::Http);
        if route.connection.config.send_traceparent {
            step.span.write(&mut outgoing.headers);
        }
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
            items: self.carried.items.clone(),
            answer: None,
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
        step.sent(&report);
        trace.sent(self.place, report);
        result
    }

    async fn read(&self, context: &Context, request: &Request, reply: Reply, left: Left) -> Heard {
        let Setting { route, trace, .. } = self.setting;
        let adapter = &route.adapter.label;
        let parsed = self.parse(context, request, &reply).await;
        let refused = left.version > 0 && parsed.as_ref().is_ok_and(is_refused);
        if !refused {
            // Else it depends on what another token does.
            self.answered(reply.status, &parsed, left.began);
        }
        let unread = match parsed {
            Ok(parsed) => {
                return Heard::Parsed(Box::new(Read {
                    parsed,
                    in_doubt: reply.status >= 500,
                    refused: refused.then_some(left),
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
                Attempted::failed(guest(route, "parse-response", &failure, trace)).in_doubt()
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
            let step = route.observed.step(Phase::Parse);
            let parsed = lease
                .parse_response(context, &route.operation, request, reply)
                .await;
            drop(step);
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

fn without_query(uri: &http::Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    format!("{scheme}://{authority}{}", uri.path())
}
