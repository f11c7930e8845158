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

pub(super) fn answer(what: &str, status: u16, kind: &str, body: Body, success: Success) -> Answer {
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

pub(super) const JSON: &str = "application/json";

fn text(text: impl Into<String>) -> Body {
    Body::Text(text.into())
}

/// What a good answer may be taken for once it is broken: an object or a list
/// shows that it is, and anything else may have been meant so.
fn once_broken(good: &str) -> Success {
    match good.starts_with(['{', '[']) {
        true => Success::Never,
        false => Success::MayBe,
    }
}

/// Answers that are wrong for every platform.
pub(super) fn wrong_for_everybody() -> Vec<Answer> {
    use Success::{MayBe, Never, Unlikely};
    let page = "<html><head><title>502 Bad Gateway</title></head><body>访问被阻断</body></html>";
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(DEEP), close.repeat(DEEP));
    let long = format!("{{\"code\":7,\"message\":\"{}\"}}", "长".repeat(LONG / 3));
    let types = r#"{"code":{},"success":"no","data":7,"message":[]}"#;
    let xml = "<?xml version=\"1.0\"?><response><flag>success</flag></response>";
    let no_text = Body::Bytes(vec![0xff, 0xfe, 0, 0x80, b'{']);
    let image = Body::Bytes(b"\x89PNG\r\n\x1a\n\0\0".to_vec());
    let mut all = vec![
        answer("an empty body", 200, "", Body::Empty, Unlikely),
        answer("an empty body", 204, "", Body::Empty, MayBe),
        answer("a page of HTML", 200, "text/html", text(page), Never),
        answer("a page of HTML", 502, "text/html", text(page), Never),
        answer("plain text", 200, "text/plain", text("ok"), MayBe),
        answer("bytes that are no text", 200, JSON, no_text, Never),
        answer("bytes of an image", 200, "image/png", image, Never),
        answer(
            "a mebibyte of text",
            200,
            "text/plain",
            text("x".repeat(LONG)),
            Unlikely,
        ),
        answer("XML", 200, "text/xml", text(xml), MayBe),
    ];
    // What calls itself JSON, with status 200.
    let called_json = [
        ("an empty text", String::new(), Unlikely),
        ("white space", " \r\n\t".into(), Unlikely),
        ("`null`", "null".into(), Unlikely),
        ("`{}`", "{}".into(), MayBe),
        ("`[]`", "[]".into(), MayBe),
        ("a number", "0".into(), Unlikely),
        ("a text in JSON", "\"ok\"".into(), Unlikely),
        ("`true`", "true".into(), Unlikely),
        ("half a document", "{\"code\":0,\"da".into(), Never),
        ("two documents", "{}{}".into(), Never),
        ("`NaN`", "{\"code\":NaN}".into(), Unlikely),
        ("a list 10,000 levels deep", deep("[", "]"), Unlikely),
        ("objects 10,000 levels deep", deep("{\"a\":", "}"), Unlikely),
        ("a message of a mebibyte", long, MayBe),
        (
            "a list of 100,000 numbers",
            format!("[{}0]", "0,".repeat(100_000)),
            MayBe,
        ),
        (
            "a number of a thousand digits",
            format!("{{\"code\":{}}}", "9".repeat(1000)),
            MayBe,
        ),
        ("`{\"code\":\"0\"}`", "{\"code\":\"0\"}".into(), MayBe),
        ("members of the wrong type", types.into(), MayBe),
        (
            "a list of nothing",
            "{\"code\":0,\"data\":[null,null],\"list\":[{}]}".into(),
            MayBe,
        ),
    ];
    let called_json = called_json.into_iter();
    all.extend(
        called_json.map(|(what, body, success)| answer(what, 200, JSON, text(body), success)),
    );
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
        let success = match serde_json::from_str::<serde_json::Value>(cut) {
            Ok(_) => Success::MayBe,
            Err(_) => once_broken(good),
        };
        let what = format!("an example's answer cut after {end} bytes,");
        all.push(answer(&what, status, JSON, text(cut), success));
    }
    let twice = "an example's answer twice,";
    let body = text(format!("{good}{good}"));
    all.push(answer(twice, status, JSON, body, once_broken(good)));
    let mut bytes = good.as_bytes().to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte = 0xff;
    }
    let what = "an example's answer with a byte that is no text,";
    let body = Body::Bytes(bytes);
    all.push(answer(what, status, JSON, body, Success::MayBe));
    all
}

/// An example's answer with something changed.
pub(super) fn changed(document: &serde_json::Value, status: u16) -> Answer {
    let what = "an example's answer with something changed,";
    let body = text(document.to_string());
    answer(what, status, JSON, body, Success::MayBe)
}
