//! Text ↔ values as jq does it: one text is one value, or an error.
//!
//! jaq reads a text as a stream of values, so that an empty one gives nothing
//! (and the item is skipped) and `"1 2"` gives two documents.

use crate::value::{Value, ValueError, lift};
use crate::{read, write};
use crossdock_script_engine::diagnostic::shorten;
use jaq_core::native::{Filter, bome, unary, v};
use jaq_core::{DataT, RunPtr, ValR};
use jaq_json::{Error, Num, Val};

/// The functions of this module.
pub fn functions<D: for<'a> DataT<V<'a> = Value>>() -> Box<[Filter<RunPtr<D>>]> {
    Box::new([
        ("tonumber", v(0), |cv| bome(of(cv.1, to_number))),
        ("toboolean", v(0), |cv| bome(of(cv.1, to_boolean))),
        ("fromjson", v(0), |cv| {
            bome(of(cv.1, |text| from_json(&text)))
        }),
        // Tables are written as such, if they are.
        ("tostring", v(0), |cv| bome(lift(to_text(cv.1.0)))),
        ("tojson", v(0), |cv| {
            bome(lift(json(&cv.1.0).map(Val::utf8_str)))
        }),
        ("join", v(1), |cv| {
            unary(cv, |list, by| lift(join(&list.0, &by.0)))
        }),
        ("escape_csv", v(0), |cv| {
            bome(of(cv.1, |cell| escape_csv(&cell)))
        }),
        ("escape_tsv", v(0), |cv| {
            bome(of(cv.1, |cell| escape_tsv(&cell)))
        }),
    ])
}

/// A function over jaq's own values, of one that is no table.
fn of(value: Value, function: impl Fn(Val) -> Result<Val, Error>) -> ValR<Value> {
    let value: Result<Val, ValueError> = value.whole();
    lift(function(value?))
}

fn fail<T>(message: String) -> Result<T, Error> {
    Err(Error::str(message))
}

fn shown(value: &Val) -> String {
    shorten(&value.to_string())
}

/// A text's characters; anything else is an error that says what is wanted.
pub fn utf8<'v>(value: &'v Val, what: &str) -> Result<&'v str, Error> {
    let Val::TStr(bytes) = value else {
        return fail(format!("{what} takes a text, not {}", shown(value)));
    };
    std::str::from_utf8(bytes).map_err(|_| Error::str(format!("{what} takes UTF-8 text")))
}

/// As JSON, whole numbers without a fraction; what JSON cannot say is an error.
pub fn json(value: &Val) -> Result<String, Error> {
    write::document(value, 0).map_err(Error::str)
}

fn to_text(value: Val) -> Result<Val, Error> {
    match value {
        Val::TStr(_) => Ok(value),
        other => json(&other).map(Val::utf8_str),
    }
}

fn to_number(value: Val) -> Result<Val, Error> {
    let Val::TStr(text) = &value else {
        return match value {
            Val::Num(_) => Ok(value),
            other => fail(format!("{} cannot be parsed as a number", shown(&other))),
        };
    };
    match number(text) {
        Some(number) => Ok(Val::Num(number)),
        None => fail(format!("{} cannot be parsed as a number", shown(&value))),
    }
}

/// The number of a text that is nothing but one, with its digits. Zeros in
/// front, a plus and a point without digits on one side are as in jq.
pub fn number(text: &[u8]) -> Option<Num> {
    let text = std::str::from_utf8(text).ok()?;
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let (digits, exponent) = match digits.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (digits, ""),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let power = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    if power.is_some_and(|power| power.is_empty() || !are_digits(power)) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let mut written = format!("{sign}{whole}");
    if fraction.is_empty() && exponent.is_none() && written != "-0" {
        return Num::from_str_radix(&written, 10);
    }
    if !fraction.is_empty() {
        written.push('.');
        written.push_str(fraction);
    }
    if let Some(exponent) = exponent {
        written.push('e');
        written.push_str(exponent);
    }
    Some(Num::Dec(written.into()))
}

fn to_boolean(value: Val) -> Result<Val, Error> {
    match &value {
        Val::Bool(_) => Ok(value),
        Val::TStr(text) if ***text == *b"true" => Ok(Val::Bool(true)),
        Val::TStr(text) if ***text == *b"false" => Ok(Val::Bool(false)),
        other => fail(format!("{} cannot be parsed as a boolean", shown(other))),
    }
}

fn from_json(value: &Val) -> Result<Val, Error> {
    let text = utf8(value, "fromjson")?;
    read::document(text.to_owned())
        .map_err(|what| Error::str(format!("{} is no JSON document: {what}", shown(value))))
}

/// Nothing stands for null, as in jq; lists and objects are no text.
fn join(list: &Val, by: &Val) -> Result<Val, Error> {
    let Val::Arr(values) = list else {
        return fail(format!("join takes an array, not {}", shown(list)));
    };
    if values.is_empty() {
        return Ok(Val::utf8_str(""));
    }
    let by = match by {
        Val::Null => "",
        by => utf8(by, "join")?,
    };
    let mut text = Vec::new();
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            text.extend_from_slice(by.as_bytes());
        }
        match value {
            Val::Null => {}
            Val::TStr(part) => text.extend_from_slice(part),
            Val::Bool(_) | Val::Num(_) => text.extend_from_slice(json(value)?.as_bytes()),
            other => return fail(format!("join cannot make text of {}", shown(other))),
        }
    }
    Ok(Val::utf8_str(text))
}

fn replaced(text: &str, with: impl Fn(char) -> Option<&'static str>) -> Val {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match with(character) {
            Some(escaped) => out.push_str(escaped),
            None => out.push(character),
        }
    }
    Val::utf8_str(out)
}

/// A cell of `@csv`.
fn escape_csv(value: &Val) -> Result<Val, Error> {
    Ok(match value {
        Val::Null => Val::utf8_str(""),
        Val::TStr(_) => {
            let text = utf8(value, "@csv")?.replace('"', "\"\"");
            Val::utf8_str(format!("\"{text}\""))
        }
        Val::Bool(_) | Val::Num(_) => Val::utf8_str(json(value)?),
        other => return fail(format!("{} is no cell of a CSV row", shown(other))),
    })
}

/// A cell of `@tsv`.
fn escape_tsv(value: &Val) -> Result<Val, Error> {
    Ok(match value {
        Val::Null => Val::utf8_str(""),
        Val::TStr(_) => replaced(utf8(value, "@tsv")?, |character| {
            Some(match character {
                '\t' => "\\t",
                '\n' => "\\n",
                '\r' => "\\r",
                '\\' => "\\\\",
                _ => return None,
            })
        }),
        Val::Bool(_) | Val::Num(_) => Val::utf8_str(json(value)?),
        other => return fail(format!("{} is no cell of a TSV row", shown(other))),
    })
}
