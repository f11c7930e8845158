//! The trace that a call belongs to: W3C's `traceparent` and `tracestate`, read
//! from a request and written to one.

use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Length of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// Bytes of a `traceparent` of a later version, which may have more to say.
const MOST_PARENT: usize = 256;

/// Bytes of a `tracestate` that are passed on, as the specification has it.
const MOST_STATE: usize = 512;

/// The caller's span, if it named one. What is not a valid `traceparent` is
/// none, and never a reason to refuse a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Incoming(Option<SpanContext>);

impl Incoming {
    /// What the headers say.
    pub fn read(headers: &HeaderMap) -> Self {
        Self(read(headers))
    }

    pub(super) fn context(self) -> Option<SpanContext> {
        self.0
    }
}

fn read(headers: &HeaderMap) -> Option<SpanContext> {
    let mut parents = headers.get_all(&TRACEPARENT).iter();
    let parent = parents.next()?.to_str().ok()?;
    // Two callers cannot both be it.
    if parents.next().is_some() {
        return None;
    }
    let (trace, span, flags) = parse(parent)?;
    let context = SpanContext::new(trace, span, flags, true, state(headers));
    context.is_valid().then_some(context)
}

/// `00-<32 hex>-<16 hex>-<2 hex>`; of later versions, which may go on after
/// another dash, the same part.
fn parse(text: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let version = text.get(..2)?;
    let fits = match version {
        "00" => text.len() == LENGTH,
        _ => text.len() == LENGTH || text.as_bytes().get(LENGTH) == Some(&b'-'),
    };
    if !fits || text.len() > MOST_PARENT || version == "ff" {
        return None;
    }
    let mut parts = text.get(..LENGTH)?.split('-');
    let mut hex = |length: usize| {
        let part = parts.next()?;
        let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (part.len() == length && part.bytes().all(lower)).then_some(part)
    };
    hex(2)?;
    let trace = TraceId::from_hex(hex(32)?).ok()?;
    let span = SpanId::from_hex(hex(16)?).ok()?;
    let flags = u8::from_str_radix(hex(2)?, 16).ok()?;
    Some((trace, span, TraceFlags::new(flags) & TraceFlags::SAMPLED))
}

/// What others keep in the trace; nothing where it is not as it should be.
fn state(headers: &HeaderMap) -> TraceState {
    let mut all = String::new();
    for value in headers.get_all(&TRACESTATE) {
        let Ok(value) = value.to_str() else {
            return TraceState::default();
        };
        if !all.is_empty() {
            all.push(',');
        }
        all.push_str(value);
        if all.len() > MOST_STATE {
            return TraceState::default();
        }
    }
    // The library takes more than the specification allows.
    match all.split(',').all(is_member) {
        true => TraceState::from_str(&all).unwrap_or_default(),
        false => TraceState::default(),
    }
}

/// `key=value`, as the specification has both.
fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.trim_matches([' ', '\t']).split_once('=') else {
        return false;
    };
    let of_key =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let of_value = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b'=';
    key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && key.bytes().all(of_key)
        && !value.is_empty()
        && value.bytes().all(of_value)
}

/// Puts a span's names into a request that has none of its own.
pub(super) fn write(context: &SpanContext, headers: &mut HeaderMap) {
    if headers.contains_key(&TRACEPARENT) {
        return;
    }
    let parent = format!(
        "00-{}-{}-{:02x}",
        context.trace_id(),
        context.span_id(),
        (context.trace_flags() & TraceFlags::SAMPLED).to_u8()
    );
    if let Ok(parent) = HeaderValue::from_str(&parent) {
        headers.insert(TRACEPARENT, parent);
    }
    headers.remove(&TRACESTATE);
    let state = context.trace_state().header();
    if !state.is_empty()
        && let Ok(state) = HeaderValue::from_str(&state)
    {
        headers.insert(TRACESTATE, state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(parents: &[&str], states: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for parent in parents {
            headers.append(TRACEPARENT, HeaderValue::from_str(parent).unwrap());
        }
        for state in states {
            headers.append(TRACESTATE, HeaderValue::from_str(state).unwrap());
        }
        headers
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        let read = read(&headers(&[PARENT], &["a=1,b=2"])).unwrap();
        assert!(read.is_sampled() && read.is_remote());
        let mut written = HeaderMap::new();
        write(&read, &mut written);
        assert_eq!(written["traceparent"], PARENT);
        assert_eq!(written["tracestate"], "a=1,b=2");
        // A platform's own is left alone.
        let mut own = headers(&["own"], &["own=1"]);
        write(&read, &mut own);
        assert_eq!(own, headers(&["own"], &["own=1"]));
    }

    #[test]
    fn what_is_no_traceparent_is_ignored() {
        let long = format!("{}-{}", PARENT.replace("00-", "01-"), "x".repeat(300));
        for parents in [
            &[][..],
            &[""],
            &["00"],
            &["00-1-1-1"],
            &["ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
            &["00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"],
            &["00-00000000000000000000000000000000-b7ad6b7169203331-01"],
            &["00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"],
            &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x"],
            &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-+1"],
            &["00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01"],
            &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"],
            &["01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more"],
            &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333é-01"],
            &[PARENT, PARENT],
            &[&*long],
        ] {
            let mut map = HeaderMap::new();
            for parent in parents {
                map.append(
                    TRACEPARENT,
                    HeaderValue::from_bytes(parent.as_bytes()).unwrap(),
                );
            }
            assert_eq!(Incoming::read(&map), Incoming::default(), "{parents:?}");
        }
        // What a later version adds is not understood, and not in the way.
        let later = format!("{}-more", PARENT.replace("00-0a", "01-0a"));
        let later = read(&headers(&[&later], &[])).unwrap();
        assert_eq!(later, read(&headers(&[PARENT], &[])).unwrap());
    }

    #[test]
    fn a_state_that_is_not_one_is_left_out_and_the_trace_goes_on() {
        let long = format!("a={}", "x".repeat(MOST_STATE));
        for state in ["no state", "=", "a=", "=a", "A=1", "a=1,", "a=1=2", &long] {
            let read = read(&headers(&[PARENT], &[state])).unwrap();
            assert_eq!(read.trace_state().header(), "", "{state}");
        }
        let several = read(&headers(&[PARENT], &["a=1", "b=2"])).unwrap();
        assert_eq!(several.trace_state().header(), "a=1,b=2");
    }
}
