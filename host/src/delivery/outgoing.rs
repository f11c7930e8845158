//! A signed draft as the HTTP request that leaves.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::http::{Outgoing, Target, is_reserved_header};
use crate::plugin::edits::{Payload, SignedDraft};

/// Bytes of all header names and values together.
const HEADER_BYTES: usize = 32 << 10;

/// Builds the request. The error is one sentence about the adapter.
pub fn outgoing(target: &Target, signed: SignedDraft) -> Result<Outgoing, String> {
    let method = Method::from_bytes(signed.method.as_bytes())
        .map_err(|_| format!("`{}` is not an HTTP method", signed.method.escape_debug()))?;
    if matches!(method, Method::CONNECT | Method::TRACE) {
        return Err(format!("method {method} is not for calling an API"));
    }
    let uri = target
        .join(&signed.path, &signed.query)
        .map_err(|error| error.to_string())?;
    let mut headers = HeaderMap::with_capacity(signed.headers.len());
    let mut size = 0;
    for (name, value) in &signed.headers {
        size += name.len() + value.len();
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("`{}` is not a header name", name.escape_debug()))?;
        // An adapter that sets one could smuggle a second request or name another host.
        if is_reserved_header(&header) {
            return Err(format!("header `{header}` is the host's to set"));
        }
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
            format!("the value of header `{header}` has a line break or a control character")
        })?;
        headers.append(header, value);
    }
    if size > HEADER_BYTES {
        return Err(format!("{size} bytes of headers, more than {HEADER_BYTES}"));
    }
    let body = match signed.body {
        Payload::Empty => Bytes::new(),
        Payload::Text(text) => Bytes::from(text),
        Payload::Bytes(bytes) => Bytes::from(bytes),
    };
    Ok(Outgoing {
        method,
        uri,
        headers,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(method: &str, headers: &[(&str, &str)]) -> SignedDraft {
        SignedDraft {
            method: method.into(),
            path: "/a".into(),
            query: vec![],
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            body: Payload::Empty,
        }
    }

    #[test]
    fn headers_of_the_connection_are_refused() {
        let target = Target::new(&"https://example.com/base".parse().unwrap()).unwrap();
        for (name, value) in [
            ("Host", "evil"),
            ("Content-Length", "3"),
            ("transfer-encoding", "chunked"),
        ] {
            let error = outgoing(&target, signed("POST", &[(name, value)])).unwrap_err();
            assert!(error.contains("is the host's to set"), "{error}");
        }
        assert!(outgoing(&target, signed("POST", &[("x-a", "b\r\nc: d")])).is_err());
        assert!(outgoing(&target, signed("POST", &[("x a", "b")])).is_err());
        assert!(outgoing(&target, signed("PO ST", &[])).is_err());
        assert!(outgoing(&target, signed("CONNECT", &[])).is_err());
        assert!(outgoing(&target, signed("PATCH", &[("x-a", "中文")])).is_ok());
    }
}
