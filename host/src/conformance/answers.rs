//! Answers that no document of a platform shows, and that come all the same.

use crate::plugin::contract::{Body, Reply};

/// Levels of the deepest answer.
const DEEP: usize = 10_000;

/// Characters of the longest answer.
const LONG: usize = 1 << 20;

/// Places at which a good answer is cut.
const CUTS: usize = 24;

/// What no adapter may take for a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Success {
    /// It may be one: nobody knows this platform.
    MayBe,
    /// A platform that answers so is rare; it is worth a look.
    Unlikely,
    /// It says of itself that it is none.
    Never,
}

/// An answer and what it is.
pub(super) struct Answer {
    /// Half a sentence: `an empty body with status 200`.
    pub what: String,
    pub reply: Reply,
    pub success: Success,
}

fn answer(what: &str, status: u16, kind: &str, body: Body, success: Success) -> Answer {
    let headers = match kind {
        "" => Vec::new(),
        kind => vec![("content-type".to_owned(), kind.to_owned())],
    };
    Answer {
        what: format!("{what} with status {status}"),
        reply: Reply {
            status,
            headers,
            body,
        },
        success,
    }
}

const JSON: &str = "application/json";

/// Answers that are wrong for every platform.
pub(super) fn wrong_for_everybody() -> Vec<Answer> {
    use Success::{MayBe, Never, Unlikely};
    let text = |text: &str| Body::Text(text.to_owned());
    let page = "<html><head><title>502 Bad Gateway</title></head><body>访问被阻断</body></html>";
    let deep = |open: &str, close: &str| {
        Body::Text(format!("{}1{}", open.repeat(DEEP), close.repeat(DEEP)))
    };
    let mut all = vec![
        answer("an empty body", 200, "", Body::Empty, Unlikely),
        answer("an empty body", 204, "", Body::Empty, MayBe),
        answer("an empty text", 200, JSON, text(""), Unlikely),
        answer("white space", 200, JSON, text(" \r\n\t"), Unlikely),
        answer("a page of HTML", 200, "text/html", text(page), Never),
        answer("a page of HTML", 502, "text/html", text(page), Never),
        answer("plain text", 200, "text/plain", text("ok"), MayBe),
        answer("`null`", 200, JSON, text("null"), Unlikely),
        answer("`{}`", 200, JSON, text("{}"), MayBe),
        answer("`[]`", 200, JSON, text("[]"), MayBe),
        answer("a number", 200, JSON, text("0"), Unlikely),
        answer("a text in JSON", 200, JSON, text("\"ok\""), Unlikely),
        answer("`true`", 200, JSON, text("true"), Unlikely),
        answer(
            "half a document",
            200,
            JSON,
            text("{\"code\":0,\"da"),
            Never,
        ),
        answer("two documents", 200, JSON, text("{}{}"), Never),
        answer("`NaN`", 200, JSON, text("{\"code\":NaN}"), Unlikely),
        answer(
            "bytes that are no text",
            200,
            JSON,
            Body::Bytes(vec![0xff, 0xfe, 0, 0x80, b'{']),
            Never,
        ),
        answer(
            "bytes of an image",
            200,
            "image/png",
            Body::Bytes(b"\x89PNG\r\n\x1a\n\0\0".to_vec()),
            Never,
        ),
        answer(
            "a list 10,000 levels deep",
            200,
            JSON,
            deep("[", "]"),
            Unlikely,
        ),
        answer(
            "objects 10,000 levels deep",
            200,
            JSON,
            deep("{\"a\":", "}"),
            Unlikely,
        ),
        answer(
            "a mebibyte of text",
            200,
            "text/plain",
            Body::Text("x".repeat(LONG)),
            Unlikely,
        ),
        answer(
            "a message of a mebibyte",
            200,
            JSON,
            Body::Text(format!(
                "{{\"code\":7,\"message\":\"{}\"}}",
                "长".repeat(LONG / 3)
            )),
            MayBe,
        ),
        answer(
            "a list of 100,000 numbers",
            200,
            JSON,
            Body::Text(format!("[{}0]", "0,".repeat(100_000))),
            MayBe,
        ),
        answer(
            "a number of a thousand digits",
            200,
            JSON,
            Body::Text(format!("{{\"code\":{}}}", "9".repeat(1000))),
            MayBe,
        ),
        answer(
            "`{\"code\":\"0\"}`",
            200,
            JSON,
            text("{\"code\":\"0\"}"),
            MayBe,
        ),
        answer(
            "members of the wrong type",
            200,
            JSON,
            text("{\"code\":{},\"success\":\"no\",\"data\":7,\"message\":[]}"),
            MayBe,
        ),
        answer(
            "a list of nothing",
            200,
            JSON,
            text("{\"code\":0,\"data\":[null,null],\"list\":[{}]}"),
            MayBe,
        ),
        answer(
            "XML",
            200,
            "text/xml",
            text("<?xml version=\"1.0\"?><response><flag>success</flag></response>"),
            MayBe,
        ),
    ];
    for status in [
        201, 400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 501, 503, 504, 599,
    ] {
        let success = if status < 400 { MayBe } else { Never };
        all.push(answer("an empty body", status, "", Body::Empty, success));
        all.push(answer("`{}`", status, JSON, text("{}"), success));
    }
    // The host's own way to ask after a request without an answer.
    all.push(answer("no answer at all,", 0, "", Body::Empty, Never));
    all
}

/// A good answer that was cut, that came twice, or that is of another length.
pub(super) fn torn(good: &str, status: u16) -> Vec<Answer> {
    let mut all = Vec::new();
    let ends: Vec<usize> = good
        .char_indices()
        .map(|(index, _)| index)
        .skip(1)
        .collect();
    let step = ends.len().div_ceil(CUTS).max(1);
    for end in ends.iter().step_by(step) {
        let cut = &good[..*end];
        // What still is a whole document was no JSON object to begin with.
        let whole = serde_json::from_str::<serde_json::Value>(cut).is_ok();
        let success = match (whole, good.starts_with(['{', '['])) {
            (false, true) => Success::Never,
            _ => Success::MayBe,
        };
        let what = format!("an example's answer cut after {end} bytes,");
        all.push(answer(
            &what,
            status,
            JSON,
            Body::Text(cut.to_owned()),
            success,
        ));
    }
    let twice = format!("{good}{good}");
    let success = match good.starts_with(['{', '[']) {
        true => Success::Never,
        false => Success::MayBe,
    };
    all.push(answer(
        "an example's answer twice,",
        status,
        JSON,
        Body::Text(twice),
        success,
    ));
    let mut bytes = good.as_bytes().to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte = 0xff;
    }
    all.push(answer(
        "an example's answer with a byte that is no text,",
        status,
        JSON,
        Body::Bytes(bytes),
        Success::MayBe,
    ));
    all
}

/// An example's answer with something changed.
pub(super) fn changed(document: &serde_json::Value, status: u16) -> Answer {
    answer(
        "an example's answer with something changed,",
        status,
        JSON,
        Body::Text(document.to_string()),
        Success::MayBe,
    )
}
