//! One request on the wire: signed, sent, read, and whatever it asks for next.

use std::time::{Duration, Instant};

use http::header::LOCATION;

use super::intake::Route;
use super::outcome::{self, Settled};
use super::outgoing::outgoing;
use super::pages;
use super::promise::{BrokenPromise, check_parsed};
use super::redact::Redactor;
use super::reply::reply;
use super::report::{ItemReport, ItemStatus, LogReport, RequestReport};
use super::signing::{EditError, SignedDraft, apply_auth, apply_edits};
use super::state::NoTurn;
use crate::http::{Answer, Outgoing, Reached, SendError};
use crate::plugin::contract::{Body, Context, Draft, Fault, Outcome, Parsed, Reply, Request};
use crate::plugin::generation::{AdapterLease, now_ms};
use crate::plugin::guest::GuestFailure;
use crate::plugin::state::truncate;
use crate::problem::Problem;

/// Log lines kept per delivery.
const LOG_LINES: usize = 200;

/// Bytes of a log line that are kept.
const LOG_LINE_BYTES: usize = 2 << 10;

/// Requests reported per delivery.
const REQUEST_REPORTS: usize = 1000;

/// What a delivery leaves behind beside its outcomes.
pub struct Trace {
    /// Requests that were sent.
    pub requests: Vec<RequestReport>,
    /// What the adapter logged, without secrets.
    pub log: Vec<LogReport>,
    /// What must not appear anywhere.
    pub redaction: Redactor,
}

impl Trace {
    /// Nothing sent yet.
    pub fn new(route: &Route) -> Self {
        Self {
            requests: Vec::new(),
            log: Vec::new(),
            redaction: route.connection.redactor.scope(),
        }
    }

    /// Takes over what the adapter logged.
    pub fn take_log(&mut self, lease: &mut AdapterLease) {
        let (lines, dropped) = lease.take_log();
        for line in lines {
            if self.log.len() >= LOG_LINES {
                return;
            }
            let mut message = self.redaction.redact(&line.message).into_owned();
            truncate(&mut message, LOG_LINE_BYTES);
            self.log.push(LogReport {
                level: level(line.level),
                message,
            });
        }
        if dropped > 0 && self.log.len() < LOG_LINES {
            self.log.push(LogReport {
                level: "warn",
                message: format!("{dropped} more lines of the adapter were not kept"),
            });
        }
    }

    fn sent(&mut self, report: RequestReport) {
        if self.requests.len() < REQUEST_REPORTS {
            self.requests.push(report);
        }
    }
}

fn level(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warn",
        tracing::Level::INFO => "info",
        _ => "debug",
    }
}

/// A new context: time and nonce of this attempt.
pub fn context(route: &Route) -> Context {
    Context {
        now_ms: now_ms(),
        nonce: format!("{:032x}", rand::random::<u128>()),
        settings: route.connection.settings.clone(),
    }
}

/// Signs a draft: edits, then the connection's own scheme.
pub async fn sign(
    route: &Route,
    lease: &mut AdapterLease,
    context: &Context,
    draft: &Draft,
    trace: &mut Trace,
) -> Result<SignedDraft, Problem> {
    let connection = &route.connection;
    let declared = &route.adapter.declared;
    let signed = lease
        .sign(
            context,
            &route.operation,
            draft,
            connection.secrets.clone(),
            declared.clone(),
        )
        .await;
    for digest in &signed.derived {
        if trace.redaction.derive("signature", digest).is_err() {
            return Err(Problem::adapter(
                "too-many-signatures",
                "the delivery used more signatures than can be kept out of its report; send fewer items",
            ));
        }
    }
    trace.take_log(lease);
    let answer = signed
        .answer
        .map_err(|failure| guest(route, "sign", &failure))?;
    let edits = answer.map_err(|fault| match signed.undeclared {
        Some(name) => edit_problem(EditError::Undeclared(name), trace),
        None => outcome::fault_problem(fault, scripted(route), &trace.redaction),
    })?;
    let mut signed = apply_edits(draft.clone(), edits, &connection.secrets, declared)
        .map_err(|error| edit_problem(error, trace))?;
    if let Some(auth) = &connection.config.auth {
        apply_auth(&mut signed, auth, &connection.secrets)
            .map_err(|error| Problem::host("secret-missing", error.to_string()))?;
    }
    Ok(signed)
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

/// Sends one request once, with its follow-ups, and settles each of its items.
/// `attempt` counts from 1.
pub async fn exchange(
    route: &Route,
    request: &Request,
    attempt: u32,
    deadline: Instant,
    follow_ups: usize,
    trace: &mut Trace,
) -> Vec<Settled> {
    let mut exchange = Exchange {
        route,
        request,
        attempt,
        deadline,
        trace,
    };
    exchange.run(follow_ups).await
}

struct Exchange<'a> {
    route: &'a Route,
    request: &'a Request,
    attempt: u32,
    deadline: Instant,
    trace: &'a mut Trace,
}

/// What came of one draft.
enum Heard {
    /// The adapter read an answer.
    Parsed(Box<Read>),
    /// Something to say about every item alike.
    Alike(Settled),
    /// No answer though the request may have been applied.
    Silence(Settled),
}

/// What an adapter read.
struct Read {
    parsed: Parsed,
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
}

impl Exchange<'_> {
    async fn run(&mut self, follow_ups: usize) -> Vec<Settled> {
        let read = match self.ask(self.request).await {
            Heard::Parsed(read) => *read,
            Heard::Alike(settled) => return self.alike(settled),
            Heard::Silence(settled) => match self.read_back().await {
                Some(parsed) => Read {
                    parsed,
                    in_doubt: true,
                },
                None => return self.alike(settled),
            },
        };
        let mut in_doubt = read.in_doubt;
        let Parsed {
            mut outcomes,
            mut next,
        } = read.parsed;
        let mut followed = 0;
        while let Some(draft) = next.take() {
            followed += 1;
            if followed > follow_ups {
                let problem = Problem::adapter(
                    "too-many-follow-ups",
                    format!(
                        "adapter {} asked for more than {follow_ups} follow-up requests, which `[limits] follow_up_requests` allows",
                        self.route.adapter.label
                    ),
                );
                return self.alike(match self.request.repeatable {
                    true => Settled::failed(problem),
                    // What came before the pages has been sent.
                    false => sent_but_unread(problem),
                });
            }
            // The adapter sees which of its requests an answer belongs to.
            let follow_up = Request {
                draft,
                ..self.request.clone()
            };
            match self.ask(&follow_up).await {
                Heard::Parsed(read) => {
                    outcomes = merge(outcomes, read.parsed.outcomes);
                    next = read.parsed.next;
                    in_doubt = read.in_doubt;
                }
                // Pages are worth nothing without the missing one; a read-back
                // that fails leaves what was known before.
                Heard::Alike(settled) | Heard::Silence(settled) if self.request.repeatable => {
                    return self.alike(settled);
                }
                Heard::Alike(_) | Heard::Silence(_) => break,
            }
        }
        let pause = outcomes.iter().filter_map(outcome::throttle).max();
        if let Some(pause) = pause {
            self.route.connection.channel.pause(pause);
        }
        // Of a request that must not be repeated, `retry` promises that it was
        // not applied. Of one that may, it promises nothing: given up, it may
        // have been, and whoever sends a change anew would make it twice.
        let in_doubt = in_doubt || self.request.repeatable;
        outcomes
            .into_iter()
            .map(|outcome| outcome::settle(outcome, in_doubt, &self.trace.redaction))
            .collect()
    }

    fn alike(&self, settled: Settled) -> Vec<Settled> {
        vec![settled; self.request.items.len()]
    }

    /// Signs, sends and reads one request: the delivery's own or one that follows it.
    async fn ask(&mut self, request: &Request) -> Heard {
        let _turn = match self.route.connection.channel.turn(self.deadline).await {
            Ok(turn) => turn,
            Err(why) => return Heard::Alike(no_turn(why)),
        };
        let context = context(self.route);
        let outgoing = match self.sign(&context, &request.draft).await {
            Ok(outgoing) => outgoing,
            Err(problem) => return Heard::Alike(Settled::failed(problem)),
        };
        let repeatable = self.request.repeatable;
        let answer = match self.send(outgoing).await {
            Ok(answer) => answer,
            Err(error) => {
                let settled = outcome::unanswered(&error, repeatable, &self.trace.redaction);
                return match error.reached {
                    Reached::NotSent => Heard::Alike(settled),
                    Reached::MaybeApplied => Heard::Silence(settled),
                };
            }
        };
        let status = answer.status.as_u16();
        if answer.status.is_redirection() {
            let location = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok());
            let redaction = &self.trace.redaction;
            return Heard::Alike(outcome::redirected(status, location, repeatable, redaction));
        }
        self.read(&context, request, reply(answer)).await
    }

    async fn sign(&mut self, context: &Context, draft: &Draft) -> Result<Outgoing, Problem> {
        let mut lease = self
            .route
            .adapter
            .lease(&self.route.tenant.config.name)
            .await
            .map_err(|failure| guest(self.route, "sign", &failure))?;
        let signed = sign(self.route, &mut lease, context, draft, self.trace).await?;
        outgoing(&self.route.connection.target, signed).map_err(|why| {
            let why = self.trace.redaction.redact(&why).into_owned();
            let adapter = &self.route.adapter.label;
            Problem::adapter(
                "invalid-request",
                format!("adapter {adapter} made a request that cannot be sent: {why}"),
            )
        })
    }

    async fn send(&mut self, outgoing: Outgoing) -> Result<Answer, SendError> {
        let started = Instant::now();
        let mut report = RequestReport {
            method: outgoing.method.to_string(),
            url: self
                .trace
                .redaction
                .redact(&without_query(&outgoing.uri))
                .into_owned(),
            status: None,
            ms: 0,
            attempt: self.attempt,
            error: None,
        };
        let client = &self.route.connection.channel.client;
        // In a box of its own: what is around it is moved on its way in, and
        // this is the largest part.
        let result = Box::pin(client.send_until(outgoing, self.deadline)).await;
        report.ms = millis(started.elapsed());
        match &result {
            Ok(answer) => report.status = Some(answer.status.as_u16()),
            Err(error) => {
                report.error = Some(self.trace.redaction.redact(&error.message).into_owned());
            }
        }
        self.trace.sent(report);
        result
    }

    async fn read(&mut self, context: &Context, request: &Request, reply: Reply) -> Heard {
        match self.parse(context, request, &reply).await {
            Ok(parsed) => Heard::Parsed(Box::new(Read {
                parsed,
                in_doubt: reply.status >= 500,
            })),
            Err(Unread::Fault(fault)) => Heard::Alike(outcome::unreadable(
                reply.status,
                &fault,
                self.request.repeatable,
                &self.trace.redaction,
            )),
            Err(Unread::Broken(broken)) => {
                let adapter = &self.route.adapter.label;
                Heard::Alike(sent_but_unread(Problem::adapter(
                    "adapter-broken-promise",
                    format!("adapter {adapter}: {broken}"),
                )))
            }
            Err(Unread::Failed(failure)) => Heard::Alike(sent_but_unread(guest(
                self.route,
                "parse-response",
                &failure,
            ))),
        }
    }

    async fn parse(
        &mut self,
        context: &Context,
        request: &Request,
        reply: &Reply,
    ) -> Result<Parsed, Unread> {
        let tenant = &self.route.tenant.config.name;
        let lease = self.route.adapter.lease(tenant).await;
        let mut lease = lease.map_err(Unread::Failed)?;
        let parsed = lease
            .parse_response(context, &self.route.operation, request, reply)
            .await;
        self.trace.take_log(&mut lease);
        let parsed = parsed.map_err(Unread::Failed)?.map_err(Unread::Fault)?;
        match check_parsed(&parsed, self.request.items.len()) {
            Ok(()) => Ok(parsed),
            Err(broken) => {
                lease.discard();
                Err(Unread::Broken(broken))
            }
        }
    }

    /// A request that must not be repeated got no answer: asks the adapter, by
    /// a reply of status 0, whether there is a way to find out.
    async fn read_back(&mut self) -> Option<Parsed> {
        if self.request.repeatable {
            return None;
        }
        let silence = Reply {
            status: 0,
            headers: Vec::new(),
            body: Body::Empty,
        };
        let context = context(self.route);
        let parsed = self.parse(&context, self.request, &silence).await.ok()?;
        parsed.next.is_some().then_some(parsed)
    }
}

/// The platform may have applied it, but the adapter failed on the answer:
/// nobody knows, and trying again would meet the same adapter.
fn sent_but_unread(problem: Problem) -> Settled {
    let mut report = ItemReport::failed(0, problem);
    report.status = ItemStatus::Unknown;
    Settled::Final(report)
}

fn no_turn(why: NoTurn) -> Settled {
    let problem = match why {
        NoTurn::Limits => Problem::host("no-turn", why.to_string()),
        NoTurn::Paused => Problem::platform("throttled", why.to_string()),
    };
    Settled::failed(problem)
}

fn merge(before: Vec<Outcome>, after: Vec<Outcome>) -> Vec<Outcome> {
    before
        .into_iter()
        .zip(after)
        .map(|pair| match pair {
            (Outcome::Accepted(page), Outcome::Accepted(next)) => {
                Outcome::Accepted(pages::merge(&page, &next).unwrap_or(next))
            }
            (_, after) => after,
        })
        .collect()
}

fn without_query(uri: &http::Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    format!("{scheme}://{authority}{}", uri.path())
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
