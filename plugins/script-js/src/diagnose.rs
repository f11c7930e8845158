//! Errors → line, column, sentence.

use rquickjs::{Coerced, Ctx, Error, Value};

/// The name under which the script's text is compiled; stack traces hold it.
pub const FILE: &str = "script.js";

/// What is wrong with a script, or what it could not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line in the script from 1; 0 if unknown.
    pub line: u32,
    /// Character in the line from 1; 0 if unknown.
    pub column: u32,
    /// A sentence without its full stop.
    pub message: String,
}

/// Messages hold the values that a script stumbled over; a whole document in a
/// message helps nobody. The end stays, since it says what was tried.
const MESSAGE_HEAD: usize = 200;
const MESSAGE_TAIL: usize = 100;

/// What QuickJS says where the script ends too early.
const END: &str = "unexpected token in expression: ''";

/// Names that exist elsewhere, and what to do here.
const ADVICE: [(&[&str], &str); 5] = [
    (
        &["fetch", "XMLHttpRequest", "WebSocket", "require"],
        "a script reaches nothing outside of the item; lookup tables are in `context`",
    ),
    (
        &[
            "setTimeout",
            "setInterval",
            "setImmediate",
            "queueMicrotask",
        ],
        "a script answers at once",
    ),
    (
        &["process", "Deno", "window", "document"],
        "the connection's settings are in `context`",
    ),
    (
        &["crypto", "performance"],
        "the same item gives the same documents",
    ),
    (
        &["Intl"],
        "`toFixed`, `padStart` and the like format numbers and text",
    ),
];

impl Diagnostic {
    /// Without a place.
    pub fn unplaced(message: impl Into<String>) -> Self {
        Self {
            line: 0,
            column: 0,
            message: message.into(),
        }
    }

    /// At a byte of the script.
    pub(crate) fn at(source: &str, byte: usize, message: String) -> Self {
        let before = source.get(..byte).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: count(before.matches('\n').count() + 1),
            column: count(before[line_start..].chars().count() + 1),
            message,
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A failed call into QuickJS, in words.
pub struct Diagnose<'a> {
    /// The script's text.
    pub source: &'a str,
    /// Lines that were compiled before its first.
    pub lines_before: u32,
}

impl Diagnose<'_> {
    /// What was thrown, or what else went wrong.
    pub fn caught(&self, ctx: &Ctx<'_>, error: &Error) -> Diagnostic {
        match error {
            Error::Exception => self.thrown(&ctx.catch()),
            other => Diagnostic::unplaced(other.to_string()),
        }
    }

    fn thrown(&self, value: &Value<'_>) -> Diagnostic {
        let message = shorten(&message(value));
        let place = value
            .as_object()
            .and_then(|error| text(value.ctx(), error.get("stack")))
            .and_then(|stack| place(&stack));
        match place {
            Some((line, byte)) => self.placed(line, byte, message),
            None => Diagnostic::unplaced(message),
        }
    }

    /// At a line of what was compiled and a byte in it, both from 1.
    fn placed(&self, line: u32, byte: u32, message: String) -> Diagnostic {
        // The text ends before what the function ends with.
        let last = count(self.source.lines().count().max(1));
        let line = line.saturating_sub(self.lines_before).clamp(1, last);
        let text = self
            .source
            .lines()
            .nth(line as usize - 1)
            .unwrap_or_default();
        let before = (byte as usize).saturating_sub(1).min(text.len());
        let characters = text.bytes().take(before).filter(|byte| !is_inside(*byte));
        Diagnostic {
            line,
            column: count(characters.count() + 1),
            message,
        }
    }
}

/// Whether a byte of UTF-8 continues a character.
fn is_inside(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// What was thrown, as a person would say it.
fn message(value: &Value<'_>) -> String {
    let ctx = value.ctx();
    let Some(object) = value.as_object() else {
        return text(ctx, Ok(value.clone()))
            .unwrap_or_else(|| format!("`{}` was thrown", value.type_name()));
    };
    let said = text(ctx, object.get("message"));
    if !value.is_error() {
        return said
            .or_else(|| {
                let text = ctx.json_stringify(value.clone());
                quiet(ctx, text)??.to_string().ok()
            })
            .unwrap_or_else(|| "an object was thrown".into());
    }
    let name = text(ctx, object.get("name")).unwrap_or_default();
    let said = said.unwrap_or_default();
    let said = match advice(&said) {
        Some(advice) => format!("{said}: {advice}"),
        None => said,
    };
    match (name.as_str(), said.as_str()) {
        ("SyntaxError", END) => "the script ends where more is expected".into(),
        ("" | "Error", "") => "an error without a message was thrown".into(),
        ("" | "Error", _) => said,
        (_, "") => name,
        _ => format!("{name}: {said}"),
    }
}

/// A thrown value's part as text; nothing if it is absent or cannot be read.
fn text<'js>(ctx: &Ctx<'js>, value: rquickjs::Result<Value<'js>>) -> Option<String> {
    let value = quiet(ctx, value)?;
    if value.is_undefined() || value.is_null() || value.is_symbol() {
        return None;
    }
    let text = quiet(ctx, value.get::<Coerced<String>>())?;
    Some(text.0)
}

/// Drops what reading a thrown value threw.
fn quiet<T>(ctx: &Ctx<'_>, result: rquickjs::Result<T>) -> Option<T> {
    if result.is_err() {
        ctx.catch();
    }
    result.ok()
}

/// `x is not defined`, where `x` exists elsewhere.
fn advice(said: &str) -> Option<&'static str> {
    let name = said.strip_suffix(" is not defined")?.trim_matches('\'');
    let (_, advice) = ADVICE.iter().find(|(names, _)| names.contains(&name))?;
    Some(advice)
}

/// The first place in the script that a stack trace names: line and byte.
fn place(stack: &str) -> Option<(u32, u32)> {
    stack.lines().find_map(|frame| {
        let (_, place) = frame.rsplit_once(FILE)?;
        let mut numbers = place.trim_end_matches(')').split(':').skip(1);
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    })
}

fn shorten(text: &str) -> String {
    let mut starts = text.char_indices().map(|(byte, _)| byte);
    let Some(head) = starts.nth(MESSAGE_HEAD) else {
        return text.into();
    };
    let Some(tail) = text
        .char_indices()
        .rev()
        .nth(MESSAGE_TAIL - 1)
        .map(|(byte, _)| byte)
    else {
        return text.into();
    };
    match head < tail {
        true => format!("{} … {}", &text[..head], &text[tail..]),
        false => text.into(),
    }
}
