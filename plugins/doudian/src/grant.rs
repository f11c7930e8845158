//! The token of a shop: `token.create` for a code that a person brought, or for the shop of
//! an app for one's own use, and `token.refresh` for the next one.
//!
//! The code and the refresh token stand in `param_json`, which is signed and sent: the
//! host writes them into both. In the signature they are as they are, in the body
//! escaped; the platform's are letters, digits and dashes, of which nothing is escaped.

use crate::settings::Settings;
use crate::sign::signed;
use crate::stock::call;
use crossdock_adapter::composing::{self, Edit, Encoding};
use crossdock_adapter::keys::{self, Chunk};
use crossdock_adapter::{Body, Context, Draft, Fault, Item, Mapped, Request, json};
use serde::Deserialize;

/// The operation by which the host asks for a token.
pub const GRANT: &str = "grant";

/// Secrets of the manifest.
const CODE: &str = "code";
const REFRESH_TOKEN: &str = "refresh_token";

/// The platform's calls, and their paths.
const CREATE: (&str, &str) = ("token.create", "/token/create");
const REFRESH: (&str, &str) = ("token.refresh", "/token/refresh");

/// What the host asks.
#[derive(Deserialize)]
struct Question {
    by: By,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Code,
    Client,
    Refresh,
}

pub fn map(ctx: &Context, items: &[Item]) -> Result<Mapped, Fault> {
    let settings: Settings = ctx.read_settings()?;
    let mut mapped = Mapped::default();
    for (index, item) in (0..).zip(items) {
        match item.read().and_then(|question| draft(&settings, &question)) {
            // A refresh token and a code are used up, whatever becomes of the answer.
            Ok(draft) => mapped.requests.push(Request::of(draft, vec![index])),
            Err(fault) => mapped.fail(index, fault),
        }
    }
    Ok(mapped)
}

/// A draft whose body says everything but the secret, which `compose` puts in. Members
/// are sorted.
fn draft(settings: &Settings, question: &Question) -> Result<Draft, Fault> {
    let ((method, path), body) = match question.by {
        By::Code => (CREATE, r#"{"grant_type":"authorization_code"}"#.to_owned()),
        By::Refresh => (REFRESH, r#"{"grant_type":"refresh_token"}"#.to_owned()),
        By::Client => {
            let shop = settings.shop_id.as_deref().ok_or_else(|| {
                Fault::invalid_settings(
                    "/shop_id",
                    "a token without a person is that of one shop: set `shop_id`, for an app for one's own use",
                )
            })?;
            let mut body = r#"{"code":"","grant_type":"authorization_self","shop_id":"#.to_owned();
            json::push_string(&mut body, shop);
            body.push('}');
            (CREATE, body)
        }
    };
    Ok(call(settings, path, method).json_body(body))
}

/// One stretch of `param_json`: of the signature, and of the body.
struct Stretch {
    signed: Chunk,
    sent: composing::Piece,
}

fn text(text: &str) -> Stretch {
    Stretch {
        signed: keys::text(text),
        sent: composing::text(text),
    }
}

fn secret(name: &str) -> Stretch {
    Stretch {
        signed: keys::secret(name),
        sent: composing::secret(name, Encoding::Json),
    }
}

pub fn compose(ctx: &Context, draft: &Draft) -> Result<Vec<Edit>, Fault> {
    let body = match &draft.body {
        Body::Text(text) => &**text,
        _ => "{}",
    };
    let stretches = match body {
        r#"{"grant_type":"authorization_code"}"# => vec![
            text(r#"{"code":""#),
            secret(CODE),
            text(r#"","grant_type":"authorization_code"}"#),
        ],
        r#"{"grant_type":"refresh_token"}"# => vec![
            text(r#"{"grant_type":"refresh_token","refresh_token":""#),
            secret(REFRESH_TOKEN),
            text(r#""}"#),
        ],
        other => vec![text(other)],
    };
    let (param_json, pieces): (Vec<Chunk>, Vec<composing::Piece>) = stretches
        .into_iter()
        .map(|stretch| (stretch.signed, stretch.sent))
        .unzip();
    let [timestamp, sign] = signed(ctx, draft, &param_json)?.pairs();
    Ok(vec![
        Edit::SetQuery(timestamp),
        Edit::SetQuery(sign),
        Edit::ComposeBody(pieces),
    ])
}
