//! A platform's answer, read or explained.
//!
//! Read-backs: where the answer to a request that must not be repeated leaves its
//! outcome open, an adapter can return `unknown` outcomes and, as `next`, a
//! request that asks the platform. What that is answered may turn `unknown` into
//! `accepted` only where it is evidence of *this* request (its own id, not the
//! state of what it was about), and into `retry` only where the platform promises
//! that the first request, should it still arrive, cannot count a second time.
//! "Nothing there yet" promises nothing: after a time-out the platform may still
//! be at work. Where neither holds, the outcome stays `unknown`.

use crate::types::{Body, Context, Fault, Outcome, Parsed, Pause, Refusal, Reply, Request};
use serde::Deserialize;
use std::borrow::Cow;

/// As much of an answer as helps a person.
const EXCERPT_CHARS: usize = 200;

/// As much of an answer as is looked through for these characters.
const EXCERPT_BYTES: usize = 4 << 10;

impl Reply {
    /// The first header with this name, upper and lower case alike.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text without a byte order mark; bytes that are no UTF-8
    /// become U+FFFD. Empty for no body.
    pub fn text(&self) -> Cow<'_, str> {
        let text = match &self.body {
            Body::Empty => Cow::Borrowed(""),
            Body::Text(text) => Cow::Borrowed(text.as_str()),
            Body::Bytes(bytes) => String::from_utf8_lossy(bytes),
        };
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)),
            Cow::Owned(text) => match text.strip_prefix('\u{feff}') {
                Some(rest) => Cow::Owned(rest.to_owned()),
                None => Cow::Owned(text),
            },
        }
    }

    /// The body as a type of the adapter, which may borrow from it.
    ///
    /// # Errors
    /// [`Fault::InvalidReply`] with what is there instead: nothing, a web page,
    /// bytes that are no text, JSON that is cut off, or JSON of another shape.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Fault> {
        let text = match &self.body {
            Body::Empty => "",
            Body::Text(text) => text,
            Body::Bytes(bytes) => std::str::from_utf8(bytes)
                .map_err(|_| Fault::invalid_reply("", "the answer is not UTF-8 text"))?,
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        serde_json::from_str(text).map_err(|error| unreadable(text, &error))
    }

    /// What an answer means for every item of the request whose envelope means
    /// `own`, a fault if there is none: HTTP's status and the envelope together.
    ///
    /// | HTTP status | envelope says | outcome |
    /// |---|---|---|
    /// | 2xx | anything | the envelope's |
    /// | other | duplicate, throttled | the envelope's |
    /// | 4xx | success | unknown: one of the two is wrong |
    /// | 4xx that [`Self::http_failure`] calls rejected | anything else | the envelope's |
    /// | 401, 403 | retry (a new time, for instance) | the envelope's |
    /// | other | success | HTTP's |
    /// | other | anything else | HTTP's, with the envelope's code and message |
    /// | not 2xx | nothing that can be read | HTTP's |
    ///
    /// # Errors
    /// Those of `own`, if the status is 2xx.
    pub fn outcome(
        &self,
        ctx: &Context,
        request: &Request,
        own: impl FnOnce() -> Result<Outcome, Fault>,
    ) -> Result<Outcome, Fault> {
        let Some(http) = self.http_failure(ctx, request) else {
            return own();
        };
        if self.status == 0 {
            return Ok(http);
        }
        Ok(match own() {
            Ok(own) => self.together(ctx, http, own),
            Err(_) => http,
        })
    }

    /// The same for platforms whose answer is about the request as a whole: one
    /// outcome, for every item.
    ///
    /// # Errors
    /// As [`Self::outcome`].
    pub fn every(
        &self,
        ctx: &Context,
        request: &Request,
        own: impl FnOnce() -> Result<Outcome, Fault>,
    ) -> Result<Parsed, Fault> {
        let outcome = self.outcome(ctx, request, own)?;
        Ok(Parsed::every(request, outcome))
    }

    fn together(&self, ctx: &Context, http: Outcome, own: Outcome) -> Outcome {
        match (http, own) {
            (_, own @ Outcome::Duplicate(_)) => own,
            (_, Outcome::Throttled(pause)) => {
                let after_ms = self.retry_after_ms(ctx).or(pause.after_ms);
                Outcome::Throttled(pause.after_ms(after_ms))
            }
            (_, Outcome::Accepted(_)) if self.status < 500 => Outcome::unknown(
                format!("http-{}", self.status),
                "the answer's HTTP status is a refusal and its body a success: which of them \
                 holds, the platform does not say",
            ),
            (http, Outcome::Accepted(_)) => http,
            (http @ Outcome::Rejected(_), own @ Outcome::Rejected(_)) => http.in_the_words_of(own),
            (Outcome::Rejected(_), own)
            | (Outcome::Unauthenticated(_), own @ Outcome::Retry(_)) => own,
            (http, own) => http.in_the_words_of(own),
        }
    }

    /// What an HTTP status other than 2xx means for every item of the request;
    /// `None` for 2xx, whose body the adapter reads. Of a platform that answers
    /// with its own envelope under such a status, too, use [`Self::outcome`].
    ///
    /// | status | outcome |
    /// |---|---|
    /// | 0: no answer | unknown, code `no-answer` |
    /// | 401, 403 | unauthenticated |
    /// | 429 | throttled, after `Retry-After` |
    /// | 408, 425, 5xx | retry after `Retry-After` if the request is repeatable, or else unknown |
    /// | others | rejected |
    ///
    /// The code is `http-` and the status.
    pub fn http_failure(&self, ctx: &Context, request: &Request) -> Option<Outcome> {
        if (200..300).contains(&self.status) {
            return None;
        }
        if self.status == 0 {
            return Some(Outcome::unknown(
                "no-answer",
                "no answer came; the platform may have applied the request",
            ));
        }
        let code = format!("http-{}", self.status);
        let message = self.excerpt();
        let pause = |code, message| Pause::new(code, message).after_ms(self.retry_after_ms(ctx));
        Some(match self.status {
            401 | 403 => Outcome::unauthenticated(code, message),
            429 => Outcome::Throttled(pause(code, message)),
            408 | 425 | 500.. if request.repeatable => Outcome::Retry(pause(code, message)),
            408 | 425 | 500.. => Outcome::unknown(code, message),
            _ => Outcome::rejected(code, message),
        })
    }

    /// Milliseconds that `Retry-After` asks to wait: seconds, or a date after
    /// the context's time (RFC 9110, section 10.2.3).
    pub fn retry_after_ms(&self, ctx: &Context) -> Option<u32> {
        let value = self.header("retry-after")?.trim();
        let ms = match value.parse::<u64>() {
            Ok(seconds) => seconds.saturating_mul(1000),
            Err(_) => http_date_ms(value)?.saturating_sub(ctx.now_ms),
        };
        Some(u32::try_from(ms).unwrap_or(u32::MAX))
    }

    /// The beginning of the body on one line, or its absence, as a part of a
    /// sentence about an answer that cannot be read.
    pub fn beginning(&self) -> String {
        match self.line() {
            None => NO_BODY.into(),
            Some(line) => format!("the answer begins: {line}"),
        }
    }

    fn excerpt(&self) -> String {
        self.line().unwrap_or_else(|| NO_BODY.into())
    }

    fn line(&self) -> Option<String> {
        let text = self.text();
        let mut end = text.len().min(EXCERPT_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut line = String::new();
        for word in text[..end].split(|c: char| c.is_whitespace() || c.is_control()) {
            if !line.is_empty() && !word.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if line.is_empty() {
            return None;
        }
        Some(match line.char_indices().nth(EXCERPT_CHARS) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None if end < text.len() => line + "…",
            None => line,
        })
    }
}

const NO_BODY: &str = "the answer has no body";

impl Outcome {
    /// The same with the code, message and details of another outcome, as far
    /// as that has some.
    fn in_the_words_of(self, other: Self) -> Self {
        let said = match other {
            Self::Rejected(said) | Self::Unauthenticated(said) | Self::Unknown(said) => said,
            Self::Retry(said) | Self::Throttled(said) => Refusal::new(said.code, said.message),
            Self::Accepted(_) | Self::Duplicate(_) => return self,
        };
        let or = |new: String, old: String| if new.is_empty() { old } else { new };
        let refusal = |old: Refusal, said: Refusal| Refusal {
            code: or(said.code, old.code),
            message: or(said.message, old.message),
            details: said.details,
        };
        let pause = |old: Pause, said: Refusal| Pause {
            after_ms: old.after_ms,
            code: or(said.code, old.code),
            message: or(said.message, old.message),
        };
        match self {
            Self::Rejected(old) => Self::Rejected(refusal(old, said)),
            Self::Unauthenticated(old) => Self::Unauthenticated(refusal(old, said)),
            Self::Unknown(old) => Self::Unknown(refusal(old, said)),
            Self::Retry(old) => Self::Retry(pause(old, said)),
            Self::Throttled(old) => Self::Throttled(pause(old, said)),
            done @ (Self::Accepted(_) | Self::Duplicate(_)) => done,
        }
    }
}

fn unreadable(text: &str, error: &serde_json::Error) -> Fault {
    let text = text.trim_start();
    let message = if text.is_empty() {
        "the answer is empty".to_owned()
    } else if text.starts_with('<') {
        "the answer is a web page or XML, not JSON".to_owned()
    } else if error.is_eof() {
        "the answer ends in the middle of its JSON".to_owned()
    } else {
        format!("the answer is not the JSON expected: {error}")
    };
    Fault::invalid_reply("", message)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` in Unix milliseconds; no other form, since
/// senders may not use the obsolete two.
fn http_date_ms(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = 1 + MONTHS.iter().position(|month| *month == name)? as u64;
    let year: u64 = words.next()?.parse().ok()?;
    let mut time = words
        .next()?
        .split(':')
        .map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if words.next() != Some("GMT")
        || !(1970..=9999).contains(&year)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    // Days since 1970-01-01, counting years from March, so that the leap day
    // is a year's last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Draft;

    fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
        Reply {
            status,
            headers: headers
                .iter()
                .map(|(n, v)| ((*n).into(), (*v).into()))
                .collect(),
            body: Body::Text(body.into()),
        }
    }

    fn context() -> Context {
        Context {
            now_ms: 784_111_777_000,
            nonce: String::new(),
            settings: "{}".into(),
        }
    }

    fn failure(repeatable: bool, reply: &Reply) -> Option<Outcome> {
        let request = Request::of(Draft::get("/"), vec![0]).repeatable(repeatable);
        reply.http_failure(&context(), &request)
    }

    fn why<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
        match result {
            Err(Fault::InvalidReply(detail)) => detail.message,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_2xx_answer_is_the_adapters_to_read() {
        assert_eq!(failure(true, &reply(204, &[], "")), None);
    }

    #[test]
    fn a_server_error_is_repeated_only_where_that_is_harmless() {
        let broken = reply(
            502,
            &[("Retry-After", "2")],
            "<html>\n <h1>Bad gateway</h1>",
        );
        let message = "<html> <h1>Bad gateway</h1>";
        assert_eq!(
            failure(true, &broken),
            Some(Outcome::Retry(
                Pause::new("http-502", message).after_ms(Some(2000))
            ))
        );
        assert_eq!(
            failure(false, &broken),
            Some(Outcome::unknown("http-502", message))
        );
    }

    #[test]
    fn throttling_honours_seconds_and_dates() {
        for (value, expected) in [
            ("7", Some(7000)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10_000)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
            ("99999999999", Some(u32::MAX)),
            ("soon", None),
        ] {
            let pause = Pause::new("http-429", "slow").after_ms(expected);
            assert_eq!(
                failure(false, &reply(429, &[("retry-after", value)], "slow")),
                Some(Outcome::Throttled(pause)),
                "{value}"
            );
        }
    }

    #[test]
    fn refused_credentials_are_not_a_refused_item() {
        let expected = Outcome::unauthenticated("http-401", "the answer has no body");
        assert_eq!(failure(true, &reply(401, &[], " ")), Some(expected));
        let expected = Outcome::rejected("http-404", "no such path");
        assert_eq!(
            failure(true, &reply(404, &[], "no such path")),
            Some(expected)
        );
    }

    #[test]
    fn status_and_envelope_are_read_together() {
        let own = |kind: &str| -> Result<Outcome, Fault> {
            Ok(match kind {
                "accepted" => Outcome::Accepted("{}".into()),
                "duplicate" => Outcome::Duplicate("{}".into()),
                "rejected" => Outcome::rejected("7", "own"),
                "nameless" => Outcome::rejected("", ""),
                "throttled" => Outcome::throttled("7", "own"),
                "unauthenticated" => Outcome::unauthenticated("7", "own"),
                "unknown" => Outcome::unknown("7", "own"),
                "retry" => Outcome::retry("7", "own"),
                _ => return Err(Fault::invalid_reply("", "no envelope")),
            })
        };
        let word = |outcome: Result<Outcome, Fault>| match outcome {
            Ok(Outcome::Accepted(_)) => "accepted".to_owned(),
            Ok(Outcome::Duplicate(_)) => "duplicate".to_owned(),
            Ok(Outcome::Rejected(said)) => format!("rejected {}", said.code),
            Ok(Outcome::Unauthenticated(said)) => format!("unauthenticated {}", said.code),
            Ok(Outcome::Unknown(said)) => format!("unknown {}", said.code),
            Ok(Outcome::Retry(said)) => format!("retry {}", said.code),
            Ok(Outcome::Throttled(said)) => format!("throttled {}", said.code),
            Err(_) => "unreadable".to_owned(),
        };
        for (status, kind, expected) in [
            (200, "accepted", "accepted"),
            (200, "none", "unreadable"),
            (400, "accepted", "unknown http-400"),
            (400, "duplicate", "duplicate"),
            (400, "rejected", "rejected 7"),
            (400, "nameless", "rejected http-400"),
            (400, "throttled", "throttled 7"),
            (400, "unauthenticated", "unauthenticated 7"),
            (400, "unknown", "unknown 7"),
            (400, "retry", "retry 7"),
            (400, "none", "rejected http-400"),
            (401, "accepted", "unknown http-401"),
            (401, "rejected", "unauthenticated 7"),
            (401, "nameless", "unauthenticated http-401"),
            (401, "retry", "retry 7"),
            (401, "throttled", "throttled 7"),
            (401, "none", "unauthenticated http-401"),
            (403, "unknown", "unauthenticated 7"),
            (429, "rejected", "throttled 7"),
            (429, "none", "throttled http-429"),
            (408, "rejected", "unknown 7"),
            (500, "accepted", "unknown http-500"),
            (500, "rejected", "unknown 7"),
            (500, "retry", "unknown 7"),
            (500, "throttled", "throttled 7"),
            (500, "duplicate", "duplicate"),
            (500, "none", "unknown http-500"),
            (0, "accepted", "unknown no-answer"),
        ] {
            let request = Request::of(Draft::get("/"), vec![0]);
            let found = reply(status, &[], "x").outcome(&context(), &request, || own(kind));
            assert_eq!(word(found), expected, "{status} {kind}");
        }
        let slow = reply(429, &[("retry-after", "3")], "x");
        let request = Request::of(Draft::get("/"), vec![0]);
        let found = slow.outcome(&context(), &request, || own("rejected"));
        let pause = Pause::new("7", "own").after_ms(Some(3000));
        assert_eq!(found, Ok(Outcome::Throttled(pause)));
    }

    #[test]
    fn the_beginning_of_an_answer_is_one_short_line() {
        let begins = |body: &str| reply(200, &[], body).beginning();
        assert_eq!(begins(" \r\n\t"), "the answer has no body");
        assert_eq!(
            begins("<html>\n  您的\u{1b}[31m访问\0被阻断"),
            "the answer begins: <html> 您的 [31m访问 被阻断"
        );
        let long = begins(&"库".repeat(5000));
        assert_eq!(long, format!("the answer begins: {}…", "库".repeat(200)));
        let wide = begins(&format!("a{}b", " ".repeat(9000)));
        assert_eq!(wide, "the answer begins: a…");
    }

    #[test]
    fn an_unreadable_answer_says_what_it_is_instead() {
        let json = |body| why(reply(200, &[], body).json::<Vec<u32>>());
        assert_eq!(json(""), "the answer is empty");
        assert_eq!(
            json("<!DOCTYPE html>"),
            "the answer is a web page or XML, not JSON"
        );
        assert_eq!(json("[1, 2"), "the answer ends in the middle of its JSON");
        assert!(json("{\"a\":1}").starts_with("the answer is not the JSON expected"));
        assert_eq!(
            reply(200, &[], "\u{feff}[1]").json::<Vec<u32>>(),
            Ok(vec![1])
        );
    }
}
