//! A collector's stand-in: takes `POST /v1/traces` and reads of the protocol
//! buffers what tests ask about.

use std::collections::BTreeMap;

use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::until;

/// A span as it arrived.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Span {
    pub trace: String,
    pub id: String,
    /// Empty for the first of a trace.
    pub parent: String,
    pub name: String,
    /// Texts and whole numbers, as text.
    pub attributes: BTreeMap<String, String>,
    /// 2 for an error.
    pub status: u64,
}

/// The stand-in.
pub struct Collector(Recorder);

impl Collector {
    pub async fn start() -> Self {
        Self(Recorder::answering(|_| Reply::bytes(200, "application/x-protobuf", "")).await)
    }

    /// What a host's file says to send here.
    pub fn settings(&self) -> String {
        format!("[telemetry]\nendpoint = \"{}\"\n", self.0.base_url())
    }

    /// Every span so far.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        for request in self.0.requests() {
            assert_eq!((&*request.method, &*request.target), ("POST", "/v1/traces"));
            let kind = request.header("content-type");
            assert_eq!(kind, Some("application/x-protobuf"));
            for resource in fields(&request.body).all(1) {
                let about = fields(resource).all(1).concat();
                assert!(String::from_utf8_lossy(&about).contains("crossdock"));
                for scope in fields(resource).all(2) {
                    spans.extend(fields(scope).all(2).into_iter().map(span));
                }
            }
        }
        spans
    }

    /// Waits for a span.
    pub async fn span(&self, what: &str, is: impl Fn(&Span) -> bool) -> Span {
        until(what, || self.spans().into_iter().find(&is)).await
    }

    /// Waits for the spans below one, as many as there have to be at least.
    pub async fn below(&self, above: &Span, least: usize) -> Vec<Span> {
        until("the spans below", || {
            let below = self.spans().into_iter();
            let below: Vec<Span> = below.filter(|span| span.parent == above.id).collect();
            (below.len() >= least).then_some(below)
        })
        .await
    }
}

fn span(bytes: &[u8]) -> Span {
    let read = fields(bytes);
    let mut attributes = BTreeMap::new();
    for pair in read.all(9) {
        let pair = fields(pair);
        let value = fields(pair.all(2).first().copied().unwrap_or_default());
        let value = match (value.all(1).first(), value.number(3)) {
            (Some(text), _) => String::from_utf8_lossy(text).into_owned(),
            (None, Some(number)) => number.to_string(),
            _ => continue,
        };
        attributes.insert(pair.text(1), value);
    }
    let status = read.all(15).first().map(|status| fields(status));
    Span {
        trace: hex::encode(read.all(1).concat()),
        id: hex::encode(read.all(2).concat()),
        parent: hex::encode(read.all(4).concat()),
        name: read.text(5),
        attributes,
        status: status.and_then(|status| status.number(3)).unwrap_or(0),
    }
}

/// A message's fields.
#[derive(Default)]
struct Fields<'b> {
    bytes: Vec<(u64, &'b [u8])>,
    numbers: Vec<(u64, u64)>,
}

impl<'b> Fields<'b> {
    fn all(&self, number: u64) -> Vec<&'b [u8]> {
        let of = self.bytes.iter().filter(|(known, _)| *known == number);
        of.map(|(_, bytes)| *bytes).collect()
    }

    fn text(&self, number: u64) -> String {
        String::from_utf8_lossy(&self.all(number).concat()).into_owned()
    }

    fn number(&self, number: u64) -> Option<u64> {
        let of = self.numbers.iter().find(|(known, _)| *known == number);
        of.map(|(_, value)| *value)
    }
}

fn fields(bytes: &[u8]) -> Fields<'_> {
    let mut fields = Fields::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let key = varint(&mut rest);
        let (number, kind) = (key >> 3, key & 7);
        match kind {
            0 => {
                let value = varint(&mut rest);
                fields.numbers.push((number, value));
            }
            1 => rest = &rest[8..],
            2 => {
                let length = usize::try_from(varint(&mut rest)).expect("a length");
                let (value, after) = rest.split_at(length);
                fields.bytes.push((number, value));
                rest = after;
            }
            5 => rest = &rest[4..],
            other => panic!("no kind of field: {other}"),
        }
    }
    fields
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().expect("one more byte");
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a number that does not end");
}
