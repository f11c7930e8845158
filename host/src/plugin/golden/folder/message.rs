//! A request or an answer as text: its first line, its headers, an empty line
//! and its body.
//!
//! ```text
//! POST /stock/update?app_key=1&sign=A1B2 HTTP/1.1
//! content-type: application/json
//!
//! {"sku":"1"}
//! ```
//!
//! A long query may go on over lines that begin with a blank, and `?` or `&`.
//! It is encoded as far as it has to be; a `+` is a blank. One line end at the
//! end of the file is the file's, and not the body's.

use percent_encoding::percent_decode_str;

use super::body;
use crate::plugin::manifest::{ExampleBody, ExampleRequest};

/// What a query cannot have as it is, besides control characters.
const QUERY: &[char] = &[' ', '%', '&', '#', '+'];

/// And a name in it.
const NAME: &[char] = &[' ', '%', '&', '#', '+', '='];

/// From this length on a query is written over several lines.
const LONG_LINE: usize = 100;

/// Pairs, and a body that may be missing.
type Parts = (u16, Vec<(String, String)>, Option<ExampleBody>);

/// A message taken apart.
#[derive(Debug)]
pub(super) struct Message {
    first: First,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

#[derive(Debug)]
enum First {
    Request {
        method: String,
        path: String,
        query: Vec<(String, String)>,
    },
    Reply(u16),
}

impl Message {
    /// The error is a line's number and half a sentence.
    pub fn read(bytes: &[u8]) -> Result<Self, (usize, String)> {
        let mut lines = Lines {
            rest: crate::text::without_mark(bytes),
            number: 0,
        };
        let mut first = lines.next()?.unwrap_or_default().to_owned();
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut body = None;
        while let Some(line) = lines.next()? {
            if line.is_empty() {
                body = lines.body();
                break;
            }
            if line.starts_with([' ', '\t']) && headers.is_empty() {
                let more = line.trim();
                if !more.starts_with(['?', '&']) {
                    return Err(lines.wrong(
                        "a line that begins with a blank goes on with the query: it begins with `?` or `&`",
                    ));
                }
                first = match first.strip_suffix(" HTTP/1.1") {
                    Some(target) => format!("{target}{more}"),
                    None => format!("{first}{more}"),
                };
                continue;
            }
            let (name, value) = line
                .split_once(':')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| {
                    lines.wrong(
                        "a header has a colon, as in `content-type: application/json`; an empty line ends the headers",
                    )
                })?;
            let value = value.strip_prefix(' ').unwrap_or(value);
            headers.push((name.to_owned(), value.to_owned()));
        }
        let first = First::read(&first).map_err(|why| (1, why))?;
        Ok(Self {
            first,
            headers,
            body,
        })
    }

    /// As a request. The error is what is wrong with the first line.
    pub fn request(self, bytes: bool) -> Result<ExampleRequest, (usize, String)> {
        let First::Request {
            method,
            path,
            query,
        } = self.first
        else {
            let why =
                "this is an answer, and a request belongs here: `POST /stock/update HTTP/1.1`";
            return Err((1, why.to_owned()));
        };
        Ok(ExampleRequest {
            method,
            path,
            query,
            headers: self.headers,
            body: body(self.body, bytes),
            items: None,
            repeatable: None,
        })
    }

    /// As an answer. The error is what is wrong with the first line.
    pub fn reply(self, bytes: bool) -> Result<Parts, (usize, String)> {
        match self.first {
            First::Reply(status) => Ok((status, self.headers, body(self.body, bytes))),
            First::Request { .. } => {
                let why = "this is a request, and an answer belongs here: `HTTP/1.1 200`";
                Err((1, why.to_owned()))
            }
        }
    }
}

impl First {
    fn read(line: &str) -> Result<Self, String> {
        if let Some(rest) = line.strip_prefix("HTTP/") {
            let status = rest.split(' ').nth(1).unwrap_or_default();
            return status
                .parse()
                .map(Self::Reply)
                .map_err(|_| "an answer begins with its status, as in `HTTP/1.1 200`".to_owned());
        }
        let line = line.strip_suffix(" HTTP/1.1").unwrap_or(line);
        let (method, target) = line
            .split_once(' ')
            .filter(|(_, target)| target.starts_with('/'))
            .ok_or(
                "a request begins with its method and path, as in `POST /stock/update HTTP/1.1`, and an answer with `HTTP/1.1 200`",
            )?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        });
        Ok(Self::Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.collect::<Result<_, String>>()?,
        })
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    let decoded = decoded.map_err(|_| {
        format!("`{text}` in the query is not UTF-8 after decoding: a query of an example is text")
    })?;
    Ok(decoded.into_owned())
}

/// What was not read yet.
struct Lines<'b> {
    rest: &'b [u8],
    number: usize,
}

impl<'b> Lines<'b> {
    /// The next line, without its end; nothing at the end of the file.
    fn next(&mut self) -> Result<Option<&'b str>, (usize, String)> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let (line, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, &self.rest[self.rest.len()..]),
        };
        self.rest = rest;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(line) => Ok(Some(line)),
            Err(_) => Err(self.wrong("what stands before the empty line is UTF-8")),
        }
    }

    /// What follows the empty line; nothing at the end of the file.
    fn body(&self) -> Option<Vec<u8>> {
        if self.rest.is_empty() {
            return None;
        }
        let body = self.rest.strip_suffix(b"\n").unwrap_or(self.rest);
        Some(body.to_vec())
    }

    fn wrong(&self, why: &str) -> (usize, String) {
        (self.number, why.to_owned())
    }
}

/// A request as text. Its items and whether it may be repeated are not in it.
pub(super) fn request_text(request: &ExampleRequest, body: Option<&[u8]>) -> Vec<u8> {
    let pair =
        |pair: &(String, String)| format!("{}={}", encoded(&pair.0, NAME), encoded(&pair.1, QUERY));
    let pairs: Vec<String> = request.query.iter().map(pair).collect();
    let start = format!("{} {}", request.method, request.path);
    let query = match pairs.is_empty() {
        true => String::new(),
        false => format!("?{}", pairs.join("&")),
    };
    let line = if start.len() + query.len() <= LONG_LINE {
        format!("{start}{query} HTTP/1.1")
    } else {
        let mut line = format!("{start} HTTP/1.1");
        for (index, pair) in pairs.iter().enumerate() {
            let sign = if index == 0 { '?' } else { '&' };
            line.push_str(&format!("\n  {sign}{pair}"));
        }
        line
    };
    message_text(&line, &request.headers, body)
}

/// A text with as few escapes as it can have: people read it.
fn encoded(text: &str, escaped: &[char]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || escaped.contains(&c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        } else {
            encoded.push(c);
        }
    }
    encoded
}

/// An answer as text.
pub(super) fn reply_text(
    status: u16,
    headers: &[(String, String)],
    body: Option<&[u8]>,
) -> Vec<u8> {
    message_text(&format!("HTTP/1.1 {status}"), headers, body)
}

fn message_text(first: &str, headers: &[(String, String)], body: Option<&[u8]>) -> Vec<u8> {
    let mut text = format!("{first}\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    let mut bytes = text.into_bytes();
    if let Some(body) = body {
        bytes.push(b'\n');
        bytes.extend_from_slice(body);
        bytes.push(b'\n');
    }
    bytes
}
