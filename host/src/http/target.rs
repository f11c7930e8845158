//! Where a request goes: an adapter's path and query below a connection's base
//! URL, and nowhere else.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

/// Longest path and query, in bytes. Servers commonly stop at 8 KiB; whoever
/// needs more than twice that has a body.
const MAX_LENGTH: usize = 16 * 1024;

/// Everything but the unreserved characters of RFC 3986 §2.3, so that a space
/// is `%20` and a reserved character is never a delimiter.
pub(crate) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A connection's base URL, taken apart once.
#[derive(Debug, Clone)]
pub struct Target {
    scheme: Scheme,
    authority: Authority,
    /// The base URL's path as it was typed, at least `/`.
    base_path: String,
}

/// Why a request has no URL. Messages name the place in the path, never a
/// query value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The base URL is not one requests can go to.
    #[error(
        "base_url {reason}; give scheme, host and path only, for instance https://api.example.com/v1"
    )]
    BaseUrl {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The path would leave the base URL.
    #[error(
        "the path {reason} at byte {at}; an adapter gives a path below base_url, without `.` and `..` segments"
    )]
    Escapes {
        /// How it would.
        reason: &'static str,
        /// 0-based position in the adapter's path.
        at: usize,
    },
    /// The path holds something that cannot stand in a URL as it is.
    #[error("the path has {what} at byte {at}; {remedy}")]
    Character {
        /// What it holds.
        what: &'static str,
        /// 0-based position in the adapter's path.
        at: usize,
        /// What the adapter's author has to do.
        remedy: &'static str,
    },
    /// Path and query together are longer than 16 KiB.
    #[error(
        "path and query take {length} bytes, more than the {MAX_LENGTH} allowed; send large values in the body"
    )]
    TooLong {
        /// How long they are (a lower bound).
        length: usize,
    },
}

impl Target {
    /// Takes a base URL apart.
    ///
    /// # Errors
    /// [`TargetError::BaseUrl`] if it is not `http` or `https`, or has a user,
    /// query or fragment.
    pub fn new(base_url: &Url) -> Result<Self, TargetError> {
        let refuse = |reason| TargetError::BaseUrl { reason };
        let scheme = match base_url.scheme() {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            _ => return Err(refuse("is neither http nor https")),
        };
        if !base_url.username().is_empty() || base_url.password().is_some() {
            return Err(refuse("has a user or password"));
        }
        if base_url.query().is_some() || base_url.fragment().is_some() {
            return Err(refuse("has a query or fragment"));
        }
        // `Url` has dropped the scheme's default port and normalised the host.
        let authority =
            Authority::try_from(base_url.authority()).map_err(|_| refuse("has no usable host"))?;
        if PathAndQuery::try_from(base_url.path()).is_err() {
            return Err(refuse("has a path that is not percent-encoded"));
        }
        Ok(Self {
            scheme,
            authority,
            base_path: base_url.path().to_owned(),
        })
    }

    /// `scheme://host[:port]`, for messages and logs.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// The URL of one request.
    ///
    /// `path` is relative to the base URL, with or without a leading slash; its
    /// segments are already percent-encoded and go out unchanged. An empty path
    /// means the base URL itself. `query` is not encoded yet; its order and
    /// duplicates are kept, everything but RFC 3986's unreserved characters
    /// becomes percent-encoded UTF-8.
    ///
    /// # Errors
    /// A path that could end anywhere but below the base URL is refused, not
    /// normalised, and so is everything RFC 3986 wants percent-encoded: only
    /// the adapter knows whether a `%` in its path is data or an escape.
    pub fn join(&self, path: &str, query: &[(String, String)]) -> Result<Uri, TargetError> {
        // Checked before anything is built, so that the work is bounded too.
        let raw = self.base_path.len()
            + path.len()
            + query
                .iter()
                .map(|(name, value)| name.len() + value.len() + 2)
                .sum::<usize>();
        if raw > MAX_LENGTH + 2 {
            return Err(TargetError::TooLong { length: raw });
        }
        check_path(path)?;

        let mut joined = String::with_capacity(raw + raw / 4);
        joined.push_str(&self.base_path);
        if !path.is_empty() {
            if joined.ends_with('/') {
                joined.pop();
            }
            joined.push('/');
            joined.push_str(path.strip_prefix('/').unwrap_or(path));
        }
        let mut separator = '?';
        for (name, value) in query {
            joined.push(separator);
            joined.extend(utf8_percent_encode(name, UNRESERVED));
            joined.push('=');
            joined.extend(utf8_percent_encode(value, UNRESERVED));
            separator = '&';
        }
        if joined.len() > MAX_LENGTH {
            return Err(TargetError::TooLong {
                length: joined.len(),
            });
        }

        let path_and_query =
            PathAndQuery::from_maybe_shared(bytes::Bytes::from(joined)).map_err(|_| unusable())?;
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path_and_query);
        Uri::from_parts(parts).map_err(|_| unusable())
    }
}

/// What [`check_path`] leaves for the parser to find is nothing; this is for
/// the day the two disagree.
fn unusable() -> TargetError {
    TargetError::Character {
        what: "something a URL cannot hold",
        at: 0,
        remedy: "percent-encode its segments",
    }
}

fn check_path(path: &str) -> Result<(), TargetError> {
    if path.starts_with("//") {
        return Err(TargetError::Escapes {
            reason: "begins with `//`, which would name another host,",
            at: 0,
        });
    }
    if let Some(at) = absolute_url(path) {
        return Err(TargetError::Escapes {
            reason: "is an absolute URL",
            at,
        });
    }
    check_characters(path)?;

    let mut at = 0;
    for segment in path.split('/') {
        if is_dot_segment(segment) {
            return Err(TargetError::Escapes {
                reason: "has a `.` or `..` segment",
                at,
            });
        }
        at += segment.len() + 1;
    }
    Ok(())
}

/// Position of `scheme://` at the start of the path, with or without a slash
/// before it. It would be harmless where it is joined, and is certainly not
/// what was meant. A colon alone is fine: `v1/orders:batch`.
fn absolute_url(path: &str) -> Option<usize> {
    let start = usize::from(path.starts_with('/'));
    let (scheme, _) = path[start..].split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some(start)
}

fn check_characters(path: &str) -> Result<(), TargetError> {
    const ENCODE: &str = "percent-encode it in the adapter, or pass it in `query`";
    let bytes = path.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (what, remedy) = match byte {
            b'%' => match hex_pair(bytes.get(at + 1..at + 3)) {
                // No server needs these in a path, and a proxy that decodes
                // them too early would see a new header line.
                Some(0..=0x1f | 0x7f) => (
                    "an encoded control character",
                    "leave it out of the path in the adapter",
                ),
                Some(_) => {
                    at += 3;
                    continue;
                }
                None => (
                    "a `%` without two hex digits",
                    "write a literal percent sign as %25 in the adapter",
                ),
            },
            // pchar and `/` of RFC 3986 §3.3.
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b':' | b'@' => {
                at += 1;
                continue;
            }
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+'
            | b',' | b';' | b'=' => {
                at += 1;
                continue;
            }
            b'?' => ("a `?`", "give query parameters in `query`"),
            b'#' => ("a `#`", ENCODE),
            b'\\' => ("a `\\`", ENCODE),
            0..=0x1f | 0x7f => (
                "a control character",
                "leave it out of the path in the adapter",
            ),
            0x80.. => (
                "a character outside ASCII",
                "percent-encode its UTF-8 bytes in the adapter, 库 is %E5%BA%93",
            ),
            _ => ("a character a URL cannot hold", ENCODE),
        };
        return Err(TargetError::Character { what, at, remedy });
    }
    Ok(())
}

fn hex_pair(digits: Option<&[u8]>) -> Option<u8> {
    let [high, low] = digits? else { return None };
    let value = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(value(*high)? * 16 + value(*low)?).ok()
}

/// Whether any server might read this segment as `.` or `..`: after decoding,
/// with encoded slashes and backslashes as separators, and without what follows
/// a `;` (Java servers strip path parameters before they resolve dots).
fn is_dot_segment(segment: &str) -> bool {
    if !segment.contains(['.', '%']) {
        return false;
    }
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    decoded.split(['/', '\\']).any(|piece| {
        let name = piece.split(';').next().unwrap_or_default();
        matches!(name, "." | "..")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(base: &str) -> Target {
        Target::new(&Url::parse(base).unwrap()).unwrap()
    }

    fn join(base: &str, path: &str) -> String {
        target(base).join(path, &[]).unwrap().to_string()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn base_and_path_meet_in_exactly_one_slash() {
        for base in ["https://a.example/api", "https://a.example/api/"] {
            for path in ["stock/update", "/stock/update"] {
                assert_eq!(join(base, path), "https://a.example/api/stock/update");
            }
        }
        assert_eq!(join("http://a.example", "x"), "http://a.example/x");
        assert_eq!(
            join("http://a.example:8081/", "/x/"),
            "http://a.example:8081/x/"
        );
    }

    #[test]
    fn an_empty_path_is_the_base_itself() {
        assert_eq!(join("https://a.example/api", ""), "https://a.example/api");
        assert_eq!(join("https://a.example/api/", ""), "https://a.example/api/");
        assert_eq!(join("https://a.example", ""), "https://a.example/");
        assert_eq!(join("https://a.example/api", "/"), "https://a.example/api/");
    }

    #[test]
    fn a_path_goes_out_as_the_adapter_encoded_it() {
        for path in [
            "v1/orders:batch",
            "a//b",
            "%E5%BA%93%e5%ad%98",
            "a%2Fb/c%5Cd",
            "x.y/..z/...",
            "~!$&'()*+,;=:@-_",
            "%252e%252e",
        ] {
            assert_eq!(
                join("https://a.example/v", path),
                format!("https://a.example/v/{path}")
            );
        }
    }

    #[test]
    fn query_pairs_keep_order_duplicates_and_every_byte() {
        let query = pairs(&[
            ("b", "2"),
            ("a", "1 2+3&4=5"),
            ("b", ""),
            ("名", "苹果^^^\"/?#%\n"),
            ("k", "A-z_0.9~*"),
        ]);
        assert_eq!(
            target("https://a.example/api").join("s", &query).unwrap(),
            "https://a.example/api/s?b=2&a=1%202%2B3%264%3D5&b=&%E5%90%8D=%E8%8B%B9%E6%9E%9C\
             %5E%5E%5E%22%2F%3F%23%25%0A&k=A-z_0.9~%2A"
        );
    }

    #[test]
    fn nothing_leaves_the_base_url() {
        for path in [
            "..",
            "../x",
            "a/../../x",
            "a/./b",
            "%2e%2e/x",
            "a/.%2E",
            "%2E",
            "..%2fx",
            "a%2f..%2fx",
            "..%5cx",
            "..;/x",
            "a/..;v=1/x",
            "//evil.example/x",
            "http://evil.example/",
            "/https://evil.example/",
        ] {
            let result = target("https://a.example/api").join(path, &[]);
            assert!(
                matches!(result, Err(TargetError::Escapes { .. })),
                "{path}: {result:?}"
            );
        }
    }

    #[test]
    fn what_must_be_encoded_is_refused_where_it_stands() {
        for (path, at) in [
            ("a\\b", 1),
            ("a?b=c", 1),
            ("a#b", 1),
            ("a\r\nx: y", 1),
            ("a%0d%0a", 1),
            ("a%00", 1),
            ("a\u{7f}", 1),
            ("a b", 1),
            ("ab%", 2),
            ("ab%4", 2),
            ("ab%4g", 2),
            ("ab%+1", 2),
            ("{id}", 0),
            ("库存", 0),
        ] {
            match target("https://a.example/api").join(path, &[]) {
                Err(TargetError::Character { at: found, .. }) => assert_eq!(found, at, "{path}"),
                other => panic!("{path}: {other:?}"),
            }
        }
        let error = target("https://a.example").join("库存", &[]).unwrap_err();
        assert!(error.to_string().contains("percent-encode"), "{error}");
    }

    #[test]
    fn sixteen_kibibytes_are_the_limit_after_encoding() {
        let target = target("https://a.example/");
        assert!(target.join(&"x".repeat(MAX_LENGTH - 1), &[]).is_ok());
        for (path, query) in [
            ("x".repeat(MAX_LENGTH), vec![]),
            (String::new(), pairs(&[("q", &"中".repeat(MAX_LENGTH / 6))])),
            ("x".repeat(1 << 24), vec![]),
        ] {
            let result = target.join(&path, &query);
            assert!(matches!(result, Err(TargetError::TooLong { .. })));
        }
    }

    #[test]
    fn a_base_url_is_a_place_and_nothing_more() {
        for base in [
            "ftp://a.example/",
            "https://user@a.example/",
            "https://:pw@a.example/",
            "https://a.example/?x=1",
            "https://a.example/#x",
            "unix:/run/x",
        ] {
            let result = Target::new(&Url::parse(base).unwrap());
            assert!(matches!(result, Err(TargetError::BaseUrl { .. })), "{base}");
        }
        assert_eq!(
            target("https://a.example:443/x").origin(),
            "https://a.example"
        );
        assert_eq!(join("http://[::1]:8080/", "x"), "http://[::1]:8080/x");
    }
}
