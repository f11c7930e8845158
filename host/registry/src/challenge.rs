//! What a registry wants to know of who asks: `WWW-Authenticate`, RFC 9110.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// How a registry wants to be convinced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// By a token of another server.
    Bearer {
        /// The URL of that server.
        realm: String,
        /// What the token is for.
        service: Option<String>,
    },
    /// By user and password.
    Basic,
}

/// The challenge that is answered: a token rather than a password.
pub(crate) fn read(headers: &HeaderMap) -> Option<Challenge> {
    let all = headers.get_all(WWW_AUTHENTICATE).iter();
    let texts = all.filter_map(|value| value.to_str().ok());
    let found: Vec<Challenge> = texts.flat_map(parse).collect();
    let bearer = found
        .iter()
        .find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
    bearer.or(found.first()).cloned()
}

/// Every challenge in one header that is known here.
fn parse(text: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut scheme = String::new();
    let mut parameters: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, behind) = token(rest);
        if word.is_empty() {
            break;
        }
        let value = behind.trim_start().strip_prefix('=');
        // A token68 is the only thing that may follow a scheme with `=` at its
        // end; neither scheme that is known here has one.
        match value {
            Some(value) if !scheme.is_empty() => {
                let (value, behind) = parameter(value.trim_start());
                parameters.push((word.to_ascii_lowercase(), value));
                rest = behind;
            }
            _ => {
                found.extend(challenge(&scheme, &parameters));
                scheme = word.to_ascii_lowercase();
                parameters.clear();
                rest = behind;
            }
        }
    }
    found.extend(challenge(&scheme, &parameters));
    found
}

fn challenge(scheme: &str, parameters: &[(String, String)]) -> Option<Challenge> {
    let find = |name: &str| {
        let found = parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    match scheme {
        "bearer" => Some(Challenge::Bearer {
            realm: find("realm")?,
            service: find("service"),
        }),
        "basic" => Some(Challenge::Basic),
        _ => None,
    }
}

fn token(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c);
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// A token or a quoted string, and what is behind it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = token(text);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(texts: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(text).unwrap());
        }
        read(&headers)
    }

    #[test]
    fn a_token_is_preferred_wherever_it_stands() {
        let bearer = Challenge::Bearer {
            realm: "https://auth.example/token?a=b,c".into(),
            service: Some("registry \"x\"".into()),
        };
        let text = r#"Bearer realm="https://auth.example/token?a=b,c",service="registry \"x\"",scope="repository:a:pull""#;
        assert_eq!(of(&[text]), Some(bearer.clone()));
        assert_eq!(of(&["Basic realm=\"x\"", text]), Some(bearer.clone()));
        let together = format!("Basic realm=\"x\", {text}");
        assert_eq!(of(&[&together]), Some(bearer));
        assert_eq!(of(&["basic"]), Some(Challenge::Basic));
        assert_eq!(of(&["BASIC realm=x"]), Some(Challenge::Basic));
    }

    #[test]
    fn what_is_not_known_or_broken_is_none() {
        for text in [
            "",
            "Digest realm=\"x\"",
            "Bearer service=\"x\"",
            "=",
            "\"",
            "Bearer realm",
        ] {
            assert_eq!(of(&[text]), None, "{text}");
        }
        assert_eq!(of(&[]), None);
    }
}
