//! A platform's own way to grant a token: its adapter maps the question, signs it and
//! reads the answer, and sees neither what is sent for a token nor what comes.

use std::time::{Duration, Instant};

use super::{Ask, Granting, NotGranted, Tokens};
use crate::clock::now_ms;
use crate::config::Secret;
use crate::deadline::{READING, within};
use crate::delivery::outcome::{Attempted, fault_problem, guest_problem, unanswered};
use crate::delivery::outgoing::outgoing;
use crate::delivery::reply::reply;
use crate::http::{Outgoing, Reached, SendErrorKind};
use crate::plugin::contract::{Body, Context, Fault, Item, Pause, Refusal, Reply, Request};
use crate::plugin::edits::{EditError, apply_auth, apply_edits};
use crate::plugin::fault::fault_text;
use crate::plugin::generation::AdapterLease;
use crate::plugin::granted::{self, Found};
use crate::plugin::guest::{GuestFailure, GuestFailureKind};
use crate::plugin::manifest::{GRANT, Grant, GrantBy, Repeatable};
use crate::plugin::promise::{ItemOutcome, check_mapped, check_parsed};
use crate::problem::Problem;
use crate::redact::Redactor;

/// Bytes of a platform's code and message that are kept.
const TEXT_BYTES: usize = 1 << 10;

/// Asks a platform for a token in its own way.
///
/// # Errors
/// If nothing was granted; what it says is without secrets.
pub async fn obtain(granting: &Granting, ask: Ask) -> Result<Tokens, NotGranted> {
    let Some(grant) = &granting.adapter.manifest.grant else {
        return Err(NotGranted::Broken(Problem::host(
            "no-grant",
            format!(
                "adapter {} does not say how its platform grants a token",
                granting.adapter.label
            ),
        )));
    };
    let (document, given) = question(grant, ask)?;
    let more = given.iter().map(|(name, secret)| (&**name, secret));
    let redaction = granting.connection.armed().redactor.with(more);
    let asking = Asking {
        granting,
        grant,
        given,
        redaction,
    };
    asking.run(document).await
}

/// The one document, and what `sign` may name for it.
fn question(grant: &Grant, ask: Ask) -> Result<(String, Vec<(String, Secret)>), NotGranted> {
    let cannot = |what: &str| NotGranted::Broken(Problem::host("no-grant", what.to_owned()));
    let document = |value: serde_json::Value| value.to_string();
    match ask {
        Ask::First if grant.is_by(GrantBy::Client) => {
            Ok((document(serde_json::json!({ "by": "client" })), Vec::new()))
        }
        Ask::First => Err(cannot("this platform grants nothing without a person")),
        Ask::Code { code, redirect, .. } => {
            let name = grant.code.clone();
            let name = name.ok_or_else(|| cannot("this platform takes no code of a person"))?;
            let mut value = serde_json::json!({ "by": "code" });
            if let Some(redirect) = redirect {
                value["redirect"] = redirect.as_str().into();
            }
            Ok((document(value), vec![(name, code)]))
        }
        Ask::Refresh { refresh } => {
            let name = grant.refresh.clone();
            let name = name.ok_or_else(|| cannot("this platform's tokens are not renewed"))?;
            let value = serde_json::json!({ "by": "refresh" });
            Ok((document(value), vec![(name, refresh)]))
        }
    }
}

struct Asking<'g> {
    granting: &'g Granting,
    grant: &'g Grant,
    /// What `sign` may name beside the connection's own secrets.
    given: Vec<(String, Secret)>,
    redaction: Redactor,
}

/// A request that is ready to leave.
struct Ready {
    context: Context,
    request: Request,
    outgoing: Outgoing,
}

impl Asking<'_> {
    async fn run(mut self, document: String) -> Result<Tokens, NotGranted> {
        let deadline = self.granting.deadline;
        let ready = within(deadline, self.ready(document)).await;
        let Some(ready) = ready else {
            return Err(later(
                "grant-timeout",
                "there was no time left to ask for it",
            ));
        };
        let Ready {
            context,
            request,
            outgoing,
        } = ready?;
        let client = &self.granting.connection.channel.client;
        let answer = Box::pin(client.send_until(outgoing, deadline)).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let (Attempted::Final(report)
                | Attempted::Again {
                    otherwise: report, ..
                }) = unanswered(&error, false, &self.redaction);
                let code = report.code.as_deref().unwrap_or_default().to_owned();
                let message = report.message.unwrap_or_default();
                return Err(match (error.reached, error.kind) {
                    (Reached::NotSent, SendErrorKind::Invalid) => {
                        NotGranted::Broken(Problem::adapter("invalid-request", message))
                    }
                    (Reached::NotSent, _) => later(&code, &message),
                    // What may arrive twice has used nothing up.
                    (Reached::MaybeApplied, _) if request.repeatable => later(&code, &message),
                    (Reached::MaybeApplied, _) => NotGranted::Unknown { code, message },
                });
            }
        };
        if answer.status.is_redirection() {
            let status = answer.status.as_u16();
            return Err(later(
                "redirected",
                &format!(
                    "HTTP {status}: the platform redirects; redirects are not followed, check `base_url`"
                ),
            ));
        }
        let (reply, found) = granted::take(&self.grant.answer, reply(answer), now_ms());
        self.learn(&found);
        let reply = self.without_secrets(reply);
        let reading = self.read(&context, &request, &reply, found.token.is_some());
        let late = Instant::now().max(deadline) + READING;
        match within(late, reading).await {
            Some(Ok(())) => self.tokens(found),
            Some(Err(why)) => Err(why),
            None if found.token.is_some() => self.tokens(found),
            None => Err(NotGranted::Unknown {
                code: "grant-timeout".into(),
                message: "the answer came too late to be read".into(),
            }),
        }
    }

    /// What came is a secret from this moment on.
    fn learn(&mut self, found: &Found) {
        let refresh = found.refresh.as_ref().zip(self.grant.refresh.as_deref());
        let token = found.token.as_ref().zip(Some(&*self.grant.token));
        for (secret, name) in token.into_iter().chain(refresh) {
            self.redaction.learn(name, secret);
        }
    }

    /// An answer in which a platform repeats what it was sent, or what it grants in
    /// another place.
    fn without_secrets(&self, reply: Reply) -> Reply {
        let body = match reply.body {
            Body::Text(text) => Body::Text(self.redaction.redact_json(&text).into_owned()),
            // Nothing else reaches an adapter here.
            Body::Empty | Body::Bytes(_) => Body::Empty,
        };
        let headers = reply.headers.into_iter();
        let headers = headers.map(|(name, value)| {
            let value = self.redaction.redact(&value).into_owned();
            (name, value)
        });
        Reply {
            status: reply.status,
            headers: headers.collect(),
            body,
        }
    }

    async fn lease(&self) -> Result<AdapterLease, NotGranted> {
        let tenant = &self.granting.tenant.config.name;
        let lease = self.granting.adapter.lease(tenant).await;
        lease.map_err(|failure| self.guest("map", &failure))
    }

    /// The request, mapped and signed. The instance is thrown away, as every one that
    /// has to do with a grant: it could remember.
    async fn ready(&self, document: String) -> Result<Ready, NotGranted> {
        let mut lease = self.lease().await?;
        let ready = self.ready_in(&mut lease, document).await;
        lease.discard();
        ready
    }

    async fn ready_in(
        &self,
        lease: &mut AdapterLease,
        document: String,
    ) -> Result<Ready, NotGranted> {
        let Granting {
            adapter,
            connection,
            ..
        } = self.granting;
        let context = Context {
            now_ms: now_ms(),
            nonce: format!("{:032x}", rand::random::<u128>()),
            settings: connection.settings.clone(),
        };
        let item = Item {
            key: GRANT.to_owned(),
            document,
        };
        let mapped = lease.map(&context, GRANT, &[item]).await;
        let mapped = mapped.map_err(|failure| self.guest("map", &failure))?;
        let fault = |fault| NotGranted::Broken(self.fault(fault));
        let mapped = mapped.map_err(fault)?;
        check_mapped(&mapped, 1, Some(1), Repeatable::Depends)
            .map_err(|broken| self.promise(&broken.to_string()))?;
        if let Some(failure) = mapped.failures.into_iter().next() {
            return Err(fault(failure.fault));
        }
        let mut requests = mapped.requests.into_iter();
        let (Some(request), None) = (requests.next(), requests.next()) else {
            return Err(self.promise("`map` made no request, or several, of a grant"));
        };
        let secrets = connection.credentials.with(self.given.iter().cloned());
        let declared = &adapter.declared;
        let mut signed = match adapter.manifest.signs {
            false => apply_edits(request.draft.clone(), Vec::new(), &secrets, declared),
            true => {
                let signed = lease
                    .sign(
                        &context,
                        GRANT,
                        &request.draft,
                        secrets.clone(),
                        declared.clone(),
                    )
                    .await;
                for digest in &signed.derived {
                    if let Err(full) = self.redaction.derive("signature", digest) {
                        return Err(self.promise(&full.to_string()));
                    }
                }
                let answer = signed.answer;
                let answer = answer.map_err(|failure| self.guest("sign", &failure))?;
                let edits = answer.map_err(|said| match &signed.undeclared {
                    Some(name) => self.edits(&EditError::Undeclared(name.clone())),
                    None => fault(said),
                })?;
                apply_edits(request.draft.clone(), edits, &secrets, declared)
            }
        }
        .map_err(|error| self.edits(&error))?;
        if let Some(auth) = &connection.config.auth {
            apply_auth(&mut signed, auth, &secrets).map_err(|error| self.edits(&error))?;
        }
        let outgoing = outgoing(&connection.target, signed).map_err(|why| {
            let why = self.clean(&why);
            let adapter = &adapter.label;
            NotGranted::Broken(Problem::adapter(
                "invalid-request",
                format!("adapter {adapter} asks for a token in a way that cannot be sent: {why}"),
            ))
        })?;
        Ok(Ready {
            context,
            request,
            outgoing,
        })
    }

    /// What the adapter says of the answer, of which it does not see the token.
    async fn read(
        &self,
        context: &Context,
        request: &Request,
        reply: &Reply,
        has_token: bool,
    ) -> Result<(), NotGranted> {
        let mut lease = self.lease().await?;
        let parsed = lease.parse_response(context, GRANT, request, reply).await;
        let (log, _) = lease.take_log();
        lease.discard();
        for line in log {
            tracing::debug!(
                tenant = &*self.granting.tenant.config.name,
                connection = &*self.granting.connection.config.name,
                "the adapter says of a grant: {}",
                self.clean(&line.message)
            );
        }
        let parsed = match parsed {
            Ok(Ok(parsed)) => check_parsed(parsed, 1).map_err(|broken| broken.to_string()),
            Ok(Err(fault)) => Err(fault_text(&fault)),
            Err(failure) => Err(failure.message),
        };
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(why) => return self.unread(&why, reply.status, has_token),
        };
        if parsed.next.is_some() {
            let why = "`parse-response` asks for another request, and a grant has one";
            return self.unread(why, reply.status, has_token);
        }
        self.outcome(parsed.outcomes.into_iter().next(), reply, request)
    }

    /// Nothing where the platform granted something.
    fn outcome(
        &self,
        outcome: Option<ItemOutcome>,
        reply: &Reply,
        request: &Request,
    ) -> Result<(), NotGranted> {
        // Any 5xx leaves open what was done before it failed.
        let doubt = reply.status >= 500 && !request.repeatable;
        let refused = |refusal: Refusal| (self.clean(&refusal.code), self.clean(&refusal.message));
        let paused = |pause: Pause| {
            let after = pause.after_ms.map(|ms| Duration::from_millis(ms.into()));
            let (code, message) = (self.clean(&pause.code), self.clean(&pause.message));
            (code, message, after)
        };
        Err(match outcome {
            Some(ItemOutcome::Accepted(_) | ItemOutcome::Duplicate(_)) => return Ok(()),
            Some(ItemOutcome::Rejected(refusal) | ItemOutcome::Unauthenticated(refusal)) => {
                let (code, message) = refused(refusal);
                NotGranted::Refused { code, message }
            }
            Some(ItemOutcome::Unknown(refusal)) => {
                let (code, message) = refused(refusal);
                NotGranted::Unknown { code, message }
            }
            Some(ItemOutcome::Retry(pause)) if doubt => {
                let (code, message, _) = paused(pause);
                NotGranted::Unknown { code, message }
            }
            Some(ItemOutcome::Retry(pause) | ItemOutcome::Throttled(pause)) => {
                let (code, message, after) = paused(pause);
                NotGranted::Later {
                    code,
                    message,
                    after,
                }
            }
            None => self.promise("`parse-response` gave no outcome"),
        })
    }

    /// An answer of which the adapter made nothing. If the token is in it, it was
    /// granted all the same, and what was used for it is used up.
    fn unread(&self, why: &str, status: u16, has_token: bool) -> Result<(), NotGranted> {
        let why = format!("HTTP {status}: {}", self.clean(why));
        tracing::warn!(
            tenant = &*self.granting.tenant.config.name,
            connection = &*self.granting.connection.config.name,
            "the answer to a grant cannot be read: {why}"
        );
        match status {
            200..=299 if has_token => Ok(()),
            // Nothing was done.
            400..=499 => Err(later("unreadable-answer", &why)),
            _ => Err(NotGranted::Unknown {
                code: "unreadable-answer".into(),
                message: why,
            }),
        }
    }

    fn tokens(&self, found: Found) -> Result<Tokens, NotGranted> {
        let Some(token) = found.token else {
            let pointer = &self.grant.answer.token;
            return Err(self.promise(&format!(
                "it calls an answer accepted in which there is no token at `{pointer}`"
            )));
        };
        let lifetime = self.grant.lifetime;
        let said = lifetime.map(|seconds| Duration::from_secs(seconds.into()));
        let clean = |text: Option<String>| text.map(|text| self.clean(&text));
        Ok(Tokens {
            token,
            refresh: found.refresh,
            expires_in: found.expires_in.or(said),
            refresh_expires_in: found.refresh_expires_in,
            account: clean(found.account),
            scopes: clean(found.scopes),
        })
    }

    fn clean(&self, text: &str) -> String {
        self.redaction.start_of(text, TEXT_BYTES)
    }

    fn promise(&self, why: &str) -> NotGranted {
        let adapter = &self.granting.adapter.label;
        NotGranted::Broken(Problem::adapter(
            "adapter-broken-promise",
            format!("adapter {adapter}: {}", self.clean(why)),
        ))
    }

    fn guest(&self, function: &str, failure: &GuestFailure) -> NotGranted {
        let adapter = &self.granting.adapter.label;
        let problem = guest_problem(adapter, function, failure, &self.redaction);
        match failure.kind {
            GuestFailureKind::Unavailable => later(&problem.code, &problem.detail),
            _ => NotGranted::Broken(problem),
        }
    }

    /// A fault of `map` or `sign`. The document is the host's, so it is the adapter's
    /// fault or that of the settings.
    fn fault(&self, fault: Fault) -> Problem {
        match &fault {
            Fault::InvalidSettings(_) => fault_problem(fault, false, &self.redaction),
            _ => Problem::adapter("adapter-fault", self.clean(&fault_text(&fault))),
        }
    }

    /// A secret that `sign` named and cannot have, or a body that is too long.
    fn edits(&self, error: &EditError) -> NotGranted {
        let why = self.clean(&error.to_string());
        NotGranted::Broken(match error {
            EditError::Undeclared(_) | EditError::TooMuch(_) => {
                Problem::adapter("adapter-fault", why)
            }
            EditError::Unset(_) => Problem::host("secret-missing", why),
        })
    }
}

fn later(code: &str, message: &str) -> NotGranted {
    NotGranted::Later {
        code: code.to_owned(),
        message: message.to_owned(),
        after: None,
    }
}
