//! The adapter __name__.

use crossdock_adapter::json::{self, RawValue, Text};
use crossdock_adapter::keys::{self, Digest, secret, text};
use crossdock_adapter::{Adapter, Body, Context, Draft, Edit, Fault, Item, Mapped};
use crossdock_adapter::{Outcome, Parsed, Reply, Request, batch};
use serde::{Deserialize, Serialize};

/// Most products the platform takes at once.
const MOST_SKUS: usize = 50;

/// The adapter.
pub struct __Name__;

#[derive(Deserialize)]
struct Settings<'a> {
    #[serde(borrow)]
    shop: Text<'a>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    sku: Text<'a>,
}

/// What is sent, and read again where another page is asked for.
#[derive(Serialize, Deserialize)]
struct Question<'a> {
    #[serde(borrow)]
    shop: Text<'a>,
    #[serde(borrow)]
    skus: Vec<Text<'a>>,
    page: u32,
}

#[derive(Deserialize)]
struct Answer<'a> {
    ok: bool,
    #[serde(borrow)]
    rows: Option<Vec<Row<'a>>>,
    #[serde(borrow, default)]
    unknown: Vec<Text<'a>>,
    #[serde(default)]
    more: bool,
    #[serde(borrow)]
    code: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    sku: Text<'a>,
    #[serde(borrow)]
    location: Text<'a>,
    /// Raw, so that every digit stays.
    #[serde(borrow)]
    quantity: &'a RawValue,
}

/// An item's result.
#[derive(Serialize)]
struct Stock<'a> {
    stock: Vec<Place<'a>>,
}

#[derive(Serialize)]
struct Place<'a> {
    location: &'a str,
    quantity: &'a RawValue,
}

impl Adapter for __Name__ {
    fn describe() -> String {
        // `crossdock plugin build` adds the examples, which are folders beside it.
        crossdock_adapter::manifest!("../manifest.json")
    }

    fn map(ctx: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault> {
        if operation != "stock.query" {
            return Err(Fault::unsupported(operation));
        }
        let settings: Settings = ctx.read_settings()?;
        let mut mapped = Mapped::default();
        let rows = batch::read(&mut mapped, items, |item| item.read::<Document>());
        for rows in rows.chunks(MOST_SKUS) {
            let question = Question {
                shop: (&*settings.shop).into(),
                skus: rows.iter().map(|row| (&*row.value.sku).into()).collect(),
                page: 1,
            };
            let request = Request::of(draft(&question)?, batch::indices(rows));
            mapped.requests.push(request.repeatable(true));
        }
        Ok(mapped)
    }

    fn sign(ctx: &Context, _: &str, draft: &Draft) -> Result<Vec<Edit>, Fault> {
        let time = (ctx.now_ms / 1000).to_string();
        // The secret is named, not read: the host computes with it.
        let message = vec![text(&*time), text(body(draft))];
        let sign = keys::hmac(Digest::Sha256, &[secret("app-secret")], message)?.hex();
        Ok(vec![
            Edit::SetQuery(("time".into(), time)),
            Edit::SetQuery(("sign".into(), sign)),
        ])
    }

    fn parse_response(
        ctx: &Context,
        _: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<Parsed, Fault> {
        if let Some(outcome) = reply.http_failure(ctx, request) {
            return Ok(Parsed::every(request, outcome));
        }
        let answer: Answer = reply.json()?;
        if !answer.ok {
            return Ok(Parsed::every(request, refused(&answer)));
        }
        // An answer that says nothing certain is a fault, not a guess.
        let rows = answer.rows.as_deref();
        let rows = rows.ok_or_else(|| Fault::invalid_reply("/rows", "a success has rows"))?;
        let mut asked: Question = serde_json::from_str(body(&request.draft))
            .map_err(|error| Fault::Other(error.to_string()))?;
        let outcomes = asked
            .skus
            .iter()
            .map(|sku| match answer.unknown.contains(sku) {
                true => Ok(Outcome::rejected("unknown-sku", "the platform does not know it")),
                false => stock(rows, sku),
            })
            .collect::<Result<_, Fault>>()?;
        let parsed = Parsed::of(outcomes);
        // A page with nothing in it is the last one, whatever it says of more.
        if !answer.more || rows.is_empty() {
            return Ok(parsed);
        }
        asked.page += 1;
        Ok(parsed.then(draft(&asked)?))
    }
}

/// A request without its signature. The body is written once: these bytes are
/// signed, and these are sent.
fn draft(question: &Question) -> Result<Draft, Fault> {
    Ok(Draft::post("/v1/stock/query").json_body(json::write(question)?))
}

fn body(draft: &Draft) -> &str {
    match &draft.body {
        Body::Text(text) => text,
        _ => "",
    }
}

/// What the platform has of a product, place by place.
fn stock(rows: &[Row], sku: &str) -> Result<Outcome, Fault> {
    let rows = rows.iter().filter(|row| *row.sku == *sku);
    let stock = rows.map(|row| Place {
        location: &row.location,
        quantity: row.quantity,
    });
    let stock = stock.collect();
    Ok(Outcome::Accepted(json::write(&Stock { stock })?))
}

/// The platform's refusal, with its own code and message.
fn refused(answer: &Answer) -> Outcome {
    let code = answer.code.as_deref().unwrap_or_default();
    let message = answer.message.as_deref().unwrap_or_default();
    match code {
        "E401" => Outcome::unauthenticated(code, message),
        "E429" => Outcome::throttled(code, message),
        _ => Outcome::rejected(code, message),
    }
}

crossdock_adapter::export_adapter!(__Name__);

#[cfg(test)]
mod tests {
    #[test]
    fn the_golden_examples_hold() {
        crossdock_adapter::testing::run_examples::<super::__Name__>();
    }
}
