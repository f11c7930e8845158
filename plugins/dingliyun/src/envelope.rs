//! ActionResult, `{"success":bool,"code":"..","message":".."}`, and the
//! `errors[]` that some calls add to it.
//!
//! HTTP 200 says nothing; `success` does. What the answer does not say becomes
//! `unknown`:
//!
//! | success | errors | rows named in errors | other rows |
//! |---|---|---|---|
//! | true | none | | accepted |
//! | true | all name a row | rejected, with the row's code | accepted |
//! | true | some name no row of the request | rejected | unknown |
//! | false | none | | rejected, with the answer's code |
//! | false | some | rejected, with the row's code | unknown |

use crate::members::Members;
use crossdock_adapter::encode::from_percent;
use crossdock_adapter::json::{self, RawValue, text};
use crossdock_adapter::{Context, Draft, Fault, Outcome, Parsed, Reply, Request};
use serde::Deserialize;
use std::borrow::Cow;

/// Code of a failure for which the platform gives none.
pub const FAILED: &str = "success-false";

/// ActionResult, ItemUpdateResponse and StoreSkuUpdateResponse.
#[derive(Deserialize)]
pub struct Answer<'a> {
    pub success: Option<bool>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    errors: Option<Vec<RowError<'a>>>,
}

/// ItemError (`id`) and StoreSkuError (`store_id`, `sku_id`).
#[derive(Deserialize)]
struct RowError<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    sku_id: Option<&'a RawValue>,
    #[serde(borrow)]
    store_id: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

fn code_or(raw: Option<&RawValue>, otherwise: &str) -> String {
    match text(raw) {
        code if code.is_empty() => otherwise.to_owned(),
        code => code.into_owned(),
    }
}

impl Answer<'_> {
    /// The platform's code, or [`FAILED`].
    pub fn code(&self) -> String {
        code_or(self.code, FAILED)
    }

    /// The platform's message.
    pub fn message(&self) -> Cow<'_, str> {
        text(self.message)
    }

    /// The refusal of everything that the request asked for.
    pub fn refusal(&self) -> Outcome {
        Outcome::rejected(self.code(), self.message())
    }

    fn errors(&self) -> &[RowError<'_>] {
        self.errors.as_deref().unwrap_or_default()
    }

    fn refuses_rows(&self) -> bool {
        self.success == Some(false) && !self.errors().is_empty()
    }

    /// The answer as the result of an accepted item.
    fn result(&self) -> String {
        let mut out = String::from("{\"success\":true");
        for (name, value) in [("code", self.code), ("message", self.message)] {
            if let Some(value) = value {
                out.push_str(&format!(",\"{name}\":{}", value.get()));
            }
        }
        out.push('}');
        out
    }
}

/// What an answer without success on HTTP's level means for every item, with
/// the platform's own code and message where its body has them; `None` for 2xx.
pub fn http_failure(ctx: &Context, request: &Request, reply: &Reply) -> Option<Outcome> {
    if (200..300).contains(&reply.status) {
        return None;
    }
    let own = || {
        let answer: Answer = reply.json()?;
        match answer.success {
            None => Err(no_success()),
            Some(true) => Ok(Outcome::Accepted(answer.result())),
            // Where the platform gives no code, HTTP's says more than ours.
            Some(false) => Ok(Outcome::rejected(text(answer.code), answer.message())),
        }
    };
    reply.outcome(ctx, request, own).ok()
}

/// The answer to a request about one thing.
pub fn whole(ctx: &Context, request: &Request, reply: &Reply) -> Result<Outcome, Fault> {
    if let Some(outcome) = http_failure(ctx, request, reply) {
        return Ok(outcome);
    }
    let answer: Answer = reply.json()?;
    match answer.success {
        None => Err(no_success()),
        Some(true) => Ok(Outcome::Accepted(answer.result())),
        Some(false) => Ok(answer.refusal()),
    }
}

/// The answer to a request whose body has a list `member` with one row per
/// item, told apart by their field `key`.
pub fn rows(
    ctx: &Context,
    request: &Request,
    reply: &Reply,
    member: &str,
    key: &str,
) -> Result<Parsed, Fault> {
    if let Some(outcome) = http_failure(ctx, request, reply) {
        return Ok(match (&outcome, reply.json::<Answer>()) {
            // A refusal on HTTP's level may name rows, too.
            (Outcome::Rejected(_), Ok(answer)) if answer.refuses_rows() => {
                named(request, &answer, member, key)
            }
            _ => Parsed::every(request, outcome),
        });
    }
    let answer: Answer = reply.json()?;
    if !answer.errors().is_empty() && answer.success.is_some() {
        return Ok(named(request, &answer, member, key));
    }
    let outcome = match answer.success {
        None => return Err(no_success()),
        Some(true) => Outcome::Accepted(answer.result()),
        Some(false) => answer.refusal(),
    };
    Ok(Parsed::every(request, outcome))
}

/// Gives every error to its rows; the answer speaks for the other rows only if
/// it is a success and every error has a row.
fn named(request: &Request, answer: &Answer, member: &str, key: &str) -> Parsed {
    let mut others = match answer.success {
        Some(true) => Outcome::Accepted(answer.result()),
        _ => Outcome::unknown(answer.code(), answer.message()),
    };
    let rows = sent_rows(&request.draft, member);
    let store = path_store(&request.draft);
    let mut outcomes: Vec<Option<Outcome>> = vec![None; request.items.len()];
    for error in answer.errors() {
        let code = code_or(error.code, &answer.code());
        let message = text(error.message);
        let mut found = false;
        for (outcome, row) in outcomes.iter_mut().zip(&rows) {
            if error.concerns(row, key, store.as_deref()) {
                found = true;
                outcome.get_or_insert_with(|| Outcome::rejected(&*code, &*message));
            }
        }
        if !found {
            others = Outcome::unknown(code, message);
        }
    }
    let outcome = |outcome: Option<Outcome>| outcome.unwrap_or_else(|| others.clone());
    Parsed::of(outcomes.into_iter().map(outcome).collect())
}

impl RowError<'_> {
    fn concerns(&self, row: &Members, key: &str, store: Option<&str>) -> bool {
        let named = self.sku_id.or(self.id).and_then(json::scalar);
        let sent = row.get(key).and_then(json::scalar);
        if named.is_none() || named != sent {
            return false;
        }
        let Some(at) = self.store_id.and_then(json::scalar) else {
            return true;
        };
        let row_store = row.get("store_id").and_then(json::scalar);
        store.is_none() || store == Some(&*at) || row_store == Some(at)
    }
}

/// The rows that a request sent.
fn sent_rows<'a>(draft: &'a Draft, member: &str) -> Vec<Members<'a>> {
    serde_json::from_str::<Members>(draft.body.text())
        .ok()
        .and_then(|body| body.get(member))
        .and_then(|rows| serde_json::from_str(rows.get()).ok())
        .unwrap_or_default()
}

/// The store in the path `/{tenant_id}/invc/{service}/store/{store_id}/…`.
fn path_store(draft: &Draft) -> Option<String> {
    let mut segments = draft.path.split('/').skip(4);
    segments.next().filter(|segment| *segment == "store")?;
    segments.next().and_then(from_percent)
}

/// A success that does not say so is none.
pub fn no_success() -> Fault {
    Fault::invalid_reply("/success", "the answer does not say whether it succeeded")
}
