//! `{data, errors, extensions}`: errors of the API, user errors of the mutation.

use crossdock_adapter::json::{self, Text};
use crossdock_adapter::{Context, Fault, Outcome, Parsed, Pause, Reply, Request};
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
struct Answer<'a> {
    /// `None`: not there; `Some(None)`: null.
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<Option<Data<'a>>>,
    #[serde(borrow)]
    errors: Option<Errors<'a>>,
    extensions: Option<Extensions>,
}

/// Tells null from nothing.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    value: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// A list, or a text where the call did not come so far as GraphQL.
#[derive(Deserialize)]
#[serde(untagged)]
enum Errors<'a> {
    #[serde(borrow)]
    List(Vec<ApiError<'a>>),
    Text(Text<'a>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow, alias = "inventoryAdjustQuantities")]
    inventory_set_quantities: Option<Payload<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(borrow)]
    inventory_adjustment_group: Option<Group<'a>>,
    #[serde(borrow)]
    user_errors: Vec<UserError<'a>>,
}

#[derive(Deserialize)]
struct Group<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct UserError<'a> {
    #[serde(borrow)]
    code: Option<Text<'a>>,
    #[serde(borrow)]
    field: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct ApiError<'a> {
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    extensions: Option<ErrorExtensions<'a>>,
}

#[derive(Deserialize)]
struct ErrorExtensions<'a> {
    #[serde(borrow)]
    code: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Extensions {
    cost: Option<Cost>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cost {
    requested_query_cost: Option<f64>,
    throttle_status: Option<ThrottleStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThrottleStatus {
    currently_available: f64,
    restore_rate: f64,
}

impl Cost {
    /// Milliseconds until the bucket holds what was asked for.
    fn pause_ms(&self) -> Option<u32> {
        let status = self.throttle_status.as_ref()?;
        let missing = self.requested_query_cost? - status.currently_available;
        let ms = (missing / status.restore_rate * 1000.0).ceil();
        // Not finite for a rate of 0; a negative one becomes 0.
        ms.is_finite().then_some(ms as u32)
    }
}

pub fn parse(ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    let mut rows = Vec::new();
    let others = reply.outcome(ctx, request, || {
        let answer: Answer = reply.json()?;
        if let Some(errors) = &answer.errors {
            return Ok(api_errors(request, &answer, errors));
        }
        let data = answer.data.flatten();
        let payload = data.and_then(|data| data.inventory_set_quantities);
        let payload = payload.ok_or_else(|| {
            Fault::invalid_reply(
                "/data",
                "the answer has neither `errors` nor the mutation's payload",
            )
        })?;
        payload_outcome(request, &payload, &mut rows)
    })?;
    Parsed::rows(request, others, rows, "/data/userErrors")
}

/// The mutation's own answer; what it says of single rows goes to `rows`.
fn payload_outcome(
    request: &Request,
    payload: &Payload,
    rows: &mut Vec<(usize, Outcome)>,
) -> Result<Outcome, Fault> {
    let group = payload.inventory_adjustment_group.as_ref();
    if payload.user_errors.is_empty() {
        let id = group.and_then(|group| group.id.as_deref());
        let mut result = String::from("{\"group\":");
        match id {
            Some(id) => json::push_string(&mut result, id),
            // Nothing differed from what was there.
            None => result.push_str("null"),
        }
        result.push('}');
        return Ok(Outcome::Accepted(result));
    }
    let mut whole = None;
    for error in &payload.user_errors {
        let code = error.code.as_deref().unwrap_or("user-error");
        let message = error.message.as_deref().unwrap_or_default();
        let outcome = if group.is_some() {
            // Some were changed and some were not: which, no page says.
            Outcome::unknown(code, message)
        } else {
            user_error(code, message)
        };
        let row = error.field.iter().flatten();
        let row = row.filter_map(|part| part.parse::<usize>().ok()).next();
        match row.filter(|row| *row < request.items.len()) {
            // The first thing that is said of a row.
            Some(row) if !rows.iter().any(|(known, _)| *known == row) => rows.push((row, outcome)),
            Some(_) => {}
            None => whole = whole.or(Some(outcome)),
        }
    }
    Ok(match whole {
        Some(outcome) => {
            rows.clear();
            outcome
        }
        None if group.is_some() => Outcome::unknown(
            "partly-refused",
            "the platform refused other rows of the same call and names a group of changes: whether this \
             row is in it is not said",
        ),
        None => Outcome::retry(
            "others-refused",
            "the platform refused other rows of the same call, and with them the whole call",
        ),
    })
}

/// A user error of a mutation that changed nothing.
fn user_error(code: &str, message: &str) -> Outcome {
    match code {
        "IDEMPOTENCY_CONCURRENT_REQUEST" | "ADJUST_QUANTITIES_FAILED" | "SERVICE_UNAVAILABLE" => {
            Outcome::retry(code, message)
        }
        _ => Outcome::rejected(code, message),
    }
}

fn api_errors(request: &Request, answer: &Answer, errors: &Errors) -> Outcome {
    let (code, message) = match errors {
        Errors::Text(text) => ("", &**text),
        Errors::List(list) => {
            let first = list.first();
            let code = first.and_then(|error| error.extensions.as_ref()?.code.as_deref());
            let message = first.and_then(|error| error.message.as_deref());
            (code.unwrap_or_default(), message.unwrap_or_default())
        }
    };
    match code {
        "THROTTLED" => {
            let cost = answer.extensions.as_ref().and_then(|it| it.cost.as_ref());
            let after_ms = cost.and_then(Cost::pause_ms);
            Outcome::Throttled(Pause::new(code, message).after_ms(after_ms))
        }
        "ACCESS_DENIED" | "SHOP_INACTIVE" => Outcome::unauthenticated(code, message),
        "INTERNAL_SERVER_ERROR" | "TIMEOUT" if request.repeatable => Outcome::retry(code, message),
        "INTERNAL_SERVER_ERROR" | "TIMEOUT" => Outcome::unknown(code, message),
        // GraphQL, section 7.1: without `data` nothing was carried out.
        _ if answer.data.is_none() => {
            let code = if code.is_empty() {
                "graphql-error"
            } else {
                code
            };
            Outcome::rejected(code, message)
        }
        "" => Outcome::unknown("graphql-error", message),
        _ => Outcome::unknown(code, message),
    }
}
