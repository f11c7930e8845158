//! A request that is about to leave and must not be repeated, as the store keeps
//! it: enough to ask the platform about it after a crash. It has no secrets, as it
//! is not signed yet.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crossdock_store::{ItemId, limits};
use serde::{Deserialize, Serialize};

use super::keyring::OVERHEAD;
use crate::plugin::contract::{Body, Draft, Request};

/// Bytes of a request that the store keeps, encrypted perhaps.
const MOST: usize = limits::REQUEST - OVERHEAD;

/// A request that can be asked about.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Intended {
    /// Where it goes: adapter, URL and settings, as a hash. Nobody else is asked.
    pub place: String,
    /// Its items, in its order.
    pub items: Vec<u64>,
    draft: Written,
    /// As the adapter numbered them.
    carries: Vec<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Written {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl Intended {
    /// The request, if the store can keep it whole.
    pub fn write(request: &Request, items: &[ItemId], place: &str) -> Option<Vec<u8>> {
        let draft = &request.draft;
        let (text, base64) = match &draft.body {
            Body::Empty => (None, None),
            // What is longer by itself is not copied.
            Body::Text(text) if text.len() > MOST => return None,
            Body::Bytes(bytes) if bytes.len() > MOST => return None,
            Body::Text(text) => (Some(text.clone()), None),
            Body::Bytes(bytes) => (None, Some(BASE64_STANDARD.encode(bytes))),
        };
        let intended = Self {
            place: place.to_owned(),
            items: items.iter().map(|item| item.0).collect(),
            draft: Written {
                method: draft.method.clone(),
                path: draft.path.clone(),
                query: draft.query.clone(),
                headers: draft.headers.clone(),
                text,
                base64,
            },
            carries: request.items.clone(),
        };
        let written = serde_json::to_vec(&intended).ok()?;
        (written.len() <= MOST).then_some(written)
    }

    /// What was written, if it can be read.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let intended: Self = serde_json::from_slice(bytes).ok()?;
        (intended.items.len() == intended.carries.len()).then_some(intended)
    }

    /// Its method and path.
    pub fn what(&self) -> (&str, &str) {
        (&self.draft.method, &self.draft.path)
    }

    /// The request as it was.
    pub fn request(&self) -> Option<Request> {
        let draft = &self.draft;
        let body = match (&draft.text, &draft.base64) {
            (Some(text), _) => Body::Text(text.clone()),
            (None, Some(bytes)) => Body::Bytes(BASE64_STANDARD.decode(bytes).ok()?),
            (None, None) => Body::Empty,
        };
        Some(Request {
            draft: Draft {
                method: draft.method.clone(),
                path: draft.path.clone(),
                query: draft.query.clone(),
                headers: draft.headers.clone(),
                body,
            },
            items: self.carries.clone(),
            repeatable: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: Body) -> Request {
        Request {
            draft: Draft {
                method: "POST".into(),
                path: "/lock".into(),
                query: vec![("id".into(), "ä b".into())],
                headers: vec![("x-a".into(), "1".into()), ("x-a".into(), "2".into())],
                body,
            },
            items: vec![1, 0],
            repeatable: false,
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        for body in [
            Body::Empty,
            Body::Text("{\"a\":\"锁\"}".into()),
            Body::Bytes(vec![0, 255, 10]),
        ] {
            let request = request(body);
            let written = Intended::write(&request, &[ItemId(7), ItemId(5)], "here").unwrap();
            let read = Intended::read(&written).unwrap();
            assert_eq!((&*read.place, &*read.items), ("here", &[7, 5][..]));
            assert_eq!(
                format!("{:?}", read.request().unwrap()),
                format!("{request:?}")
            );
        }
    }

    #[test]
    fn what_the_store_cannot_keep_whole_is_not_written() {
        let large = "x".repeat(MOST);
        for body in [
            Body::Text(large.clone()),
            Body::Bytes(large.clone().into_bytes()),
            Body::Text(large + "x"),
        ] {
            let items = [ItemId(1), ItemId(2)];
            assert_eq!(Intended::write(&request(body), &items, "here"), None);
        }
        assert!(Intended::read(b"POST /lock").is_none());
    }
}
