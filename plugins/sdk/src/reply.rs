//! A platform's answer, read or explained.

use crate::types::{Body, Context, Fault, Outcome, Pause, Reply, Request};
use serde::Deserialize;
use std::borrow::Cow;

/// As much of an answer as helps a person; the rest is in the delivery's log.
const EXCERPT_CHARS: usize = 200;

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

    /// What an HTTP status other than 2xx means for every item of the request;
    /// `None` for 2xx, whose body the adapter reads. An adapter whose platform
    /// says more in the body of such an answer reads that first.
    ///
    /// | status | outcome |
    /// |---|---|
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

    /// The beginning of the body on one line, or its absence in words.
    fn excerpt(&self) -> String {
        let text = self.text();
        let words: Vec<&str> = text.split_whitespace().collect();
        let line = words.join(" ");
        if line.is_empty() {
            return "the answer has no body".into();
        }
        match line.char_indices().nth(EXCERPT_CHARS) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
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
