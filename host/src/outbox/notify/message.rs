//! What is sent: body, headers, signature.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde::Serialize;
use sha2::Sha256;

use super::super::event::Event;
use crate::config::{NotifyConfig, SigningKey};
use crate::http::Outgoing;

/// Bytes of a body, but for a single event that has more.
pub(super) const MOST_BYTES: usize = 256 << 10;

/// The one type of a message.
const TYPE: &str = "deliveries.changed";

#[derive(Serialize)]
struct Body<'e> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'e>,
}

#[derive(Serialize)]
struct Data<'e> {
    tenant: &'e str,
    /// Events before these were given up or not kept long enough.
    missed: bool,
    events: Vec<&'e Event>,
}

/// A body: events of one tenant, the newest of which gives it its time.
pub(super) fn body(tenant: &str, missed: bool, events: &[Arc<Event>]) -> Bytes {
    let at = events.last().map_or(0, |event| event.at_ms);
    let body = Body {
        r#type: TYPE,
        timestamp: crate::clock::rfc3339(at),
        data: Data {
            tenant,
            missed,
            events: events.iter().map(|event| &**event).collect(),
        },
    };
    // Texts and numbers only: there is nothing that JSON has not.
    serde_json::to_vec(&body).unwrap_or_default().into()
}

/// A message as it leaves at a time, in Unix seconds. Nothing where the
/// setting's URL is none that can be called, which was looked at when it was read.
pub(super) fn outgoing(config: &NotifyConfig, id: &str, at: u64, body: &Bytes) -> Option<Outgoing> {
    let uri: Uri = config.url.as_str().parse().ok()?;
    let signatures = config.keys.iter().map(|key| signature(key, id, at, body));
    let signatures = signatures.collect::<Option<Vec<_>>>()?.join(" ");
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (CONTENT_TYPE, "application/json"),
        (USER_AGENT, concat!("crossdock/", env!("CARGO_PKG_VERSION"))),
        (HeaderName::from_static("webhook-id"), id),
        (
            HeaderName::from_static("webhook-timestamp"),
            &at.to_string(),
        ),
        (HeaderName::from_static("webhook-signature"), &signatures),
    ] {
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    Some(Outgoing {
        method: Method::POST,
        uri,
        headers,
        body: body.clone(),
    })
}

/// The signature of a message: `v1,` and Base64 of HMAC-SHA256 over
/// `id.timestamp.body`.
fn signature(key: &SigningKey, id: &str, at: u64, body: &[u8]) -> Option<String> {
    let head = format!("{id}.{at}.");
    let mac = mac(key.expose(), &[head.as_bytes(), body])?;
    Some(format!("v1,{}", STANDARD.encode(mac)))
}

/// What tells a setting from another one. It is kept on disk, and gives nothing
/// of a secret away that a signature does not.
pub(super) fn mark(config: &NotifyConfig) -> String {
    let words = format!(
        "{} {:?} {} {:?} {} {:?}",
        config.url,
        config.states,
        config.most_events,
        config.longest,
        config.allow_private,
        config.extra_roots,
    );
    let mut mark = Vec::new();
    for key in &config.keys {
        let mac = mac(key.expose(), &[b"setting of a webhook", words.as_bytes()]);
        mark.extend_from_slice(&mac.unwrap_or_default()[..8]);
    }
    hex::encode(mark)
}

/// HMAC-SHA256. There is no key that it does not take.
fn mac(key: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn config(secret: &str, old: Option<&str>) -> NotifyConfig {
        let keys = std::iter::once(secret).chain(old);
        NotifyConfig {
            url: "https://erp.example.com/hook?token=t".parse().unwrap(),
            keys: keys.map(|key| SigningKey::of(key).unwrap()).collect(),
            states: Vec::new(),
            most_events: 100,
            longest: Duration::from_secs(1),
            extra_roots: None,
            allow_private: false,
            credentials: true,
        }
    }

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The vector that the libraries of Standard Webhooks are tested with:
    /// `libraries/python/tests/test_webhooks.py`, `test_sign_function`.
    #[test]
    fn a_signature_is_as_standard_webhooks_has_it() {
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = Bytes::from_static(b"{\"test\": 2432232314}");
        let sent = outgoing(&config(SECRET, None), id, 1_614_265_330, &body).unwrap();
        let header = |name: &str| sent.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("webhook-id"), id);
        assert_eq!(header("webhook-timestamp"), "1614265330");
        assert_eq!(
            header("webhook-signature"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(sent.uri.query(), Some("token=t"));
        assert_eq!(sent.body, body);
    }

    #[test]
    fn while_a_secret_is_changed_a_message_is_signed_with_both() {
        let old = "bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3";
        let sign = |config: &NotifyConfig| {
            let sent = outgoing(config, "msg_1", 1, &Bytes::from_static(b"{}")).unwrap();
            sent.headers["webhook-signature"]
                .to_str()
                .unwrap()
                .to_owned()
        };
        let (first, second) = (sign(&config(SECRET, None)), sign(&config(old, None)));
        assert_eq!(
            sign(&config(SECRET, Some(old))),
            format!("{first} {second}")
        );
    }

    #[test]
    fn another_setting_has_another_mark_and_none_tells_the_secret() {
        let first = config(SECRET, None);
        let mut marks = vec![mark(&first)];
        assert_eq!(mark(&config(SECRET, None)), marks[0]);
        let old = "bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3";
        marks.push(mark(&config(old, None)));
        marks.push(mark(&config(SECRET, Some(old))));
        let mut other = first.clone();
        other.url = "https://erp.example.com/hook?token=u".parse().unwrap();
        marks.push(mark(&other));
        let mut other = first.clone();
        other.states = vec![crossdock_store::State::Failed];
        marks.push(mark(&other));
        let count = marks.len();
        marks.sort();
        marks.dedup();
        assert_eq!(marks.len(), count);
    }

    #[test]
    fn a_body_has_its_type_its_time_and_its_events() {
        let body = body("acme", true, &[]);
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(value["type"], "deliveries.changed");
        assert_eq!(value["timestamp"], "1970-01-01T00:00:00.000Z");
        assert_eq!(value["data"]["tenant"], "acme");
        assert_eq!(value["data"]["missed"], true);
    }
}
