//! Errors → line, column, sentence.

use crate::Diagnostic;
use crate::flavour::Flavour;
use crate::lexer::{Kind, Token, tokens};
use crossdock_script_engine::diagnostic::shorten;
use rquickjs::{Coerced, Ctx, Error, Object, Value};

/// What QuickJS says where the file ends too early.
const END: &str = "unexpected token in expression: ''";

/// A failed call into QuickJS, in words.
#[derive(Clone, Copy)]
pub struct Diagnose<'a> {
    /// The file's name, under which its text is compiled; stack traces hold it.
    pub file: &'a str,
    /// The file's text.
    pub source: &'a str,
    /// Lines that were compiled before its first.
    pub lines_before: u32,
    /// Whose file it is.
    pub flavour: &'a Flavour,
}

impl Diagnose<'_> {
    /// What was thrown, or what else went wrong.
    pub fn caught(&self, ctx: &Ctx<'_>, error: &Error) -> Diagnostic {
        match error {
            Error::Exception => self.thrown(&ctx.catch()),
            other => Diagnostic::unplaced(other.to_string()),
        }
    }

    /// What was thrown.
    pub fn thrown(&self, value: &Value<'_>) -> Diagnostic {
        let message = shorten(&message(value, self.flavour));
        let place = stack(value).and_then(|stack| place(&stack, self.file));
        let Some((line, byte)) = place else {
            return match thrown_at(self.source, value) {
                Some(byte) => Diagnostic::at(self.source, byte, message),
                None => Diagnostic::unplaced(message),
            };
        };
        let byte = self.byte(line, byte);
        let class = value.as_object().and_then(class);
        let made = class.and_then(|class| made(self.source, byte, &class));
        Diagnostic::at(self.source, made.unwrap_or(byte), message)
    }

    /// The byte of the script at a line of what was compiled and a byte in it,
    /// both from 1.
    fn byte(&self, line: u32, byte: u32) -> usize {
        // The text ends before what the function ends with.
        let last = self.source.split('\n').count();
        let line = line.saturating_sub(self.lines_before) as usize;
        let mut lines = self.source.split_inclusive('\n');
        let start: usize = lines
            .by_ref()
            .take(line.clamp(1, last) - 1)
            .map(str::len)
            .sum();
        let length = lines
            .next()
            .map_or(0, |text| text.trim_end_matches(['\n', '\r']).len());
        let byte = start + (byte as usize).saturating_sub(1).min(length);
        self.source.floor_char_boundary(byte)
    }
}

/// Where something was thrown that is no error, of which QuickJS does not say:
/// the only `throw` that can have done it.
fn thrown_at(source: &str, value: &Value<'_>) -> Option<usize> {
    let tokens = tokens(source);
    let word = |position: usize| {
        let token: &Token = tokens.get(position)?;
        Some(&source[token.range.clone()])
    };
    let mut all: Vec<usize> = (0..tokens.len())
        .filter(|position| tokens[*position].kind == Kind::Word && word(*position) == Some("throw"))
        .filter(|position| value.is_object() || word(position + 1) != Some("new"))
        .collect();
    if value.is_null() {
        // It may also be memory that ran out, anywhere.
        all.retain(|position| word(position + 1) == Some("null"));
    } else if all.len() > 1
        && let Some(said) = value.as_string().and_then(|text| text.to_string().ok())
    {
        all.retain(|position| {
            let literal = word(position + 1).unwrap_or_default();
            let inside = literal.get(1..literal.len().saturating_sub(1));
            inside == Some(&said)
        });
    }
    match all.as_slice() {
        [only] => Some(tokens[*only].range.start),
        _ => None,
    }
}

/// The name of the class that a thrown object is of.
fn class(object: &Object<'_>) -> Option<String> {
    let ctx = object.ctx();
    let constructor: Value = quiet(ctx, object.get("constructor"))?;
    text(ctx, constructor.as_object()?.get("name"))
}

/// Where an error is made: QuickJS names the last place before, which may be in
/// what it is made of, ``new Error(`no stock of ${item.sku}`)``.
fn made(source: &str, byte: usize, class: &str) -> Option<usize> {
    let mut before = tokens(source);
    let end = before.partition_point(|token| token.range.start <= byte);
    before.truncate(end);
    let mut depth = before.last()?.depth;
    for (position, token) in before.iter().enumerate().rev() {
        if token.depth >= depth {
            continue;
        }
        // What opened the bracket around.
        depth = token.depth;
        let name = before[..position].last()?;
        if &source[token.range.clone()] == "("
            && matches!(name.kind, Kind::Word | Kind::Member)
            && &source[name.range.clone()] == class
        {
            return Some(name.range.start);
        }
    }
    None
}

/// The calls that led to where an error was made, innermost first.
pub fn stack(value: &Value<'_>) -> Option<String> {
    let error = value.as_object()?;
    text(value.ctx(), error.get("stack"))
}

/// What was thrown, as a person would say it.
fn message(value: &Value<'_>, flavour: &Flavour) -> String {
    let ctx = value.ctx();
    if value.is_null() {
        // QuickJS throws that where there is no room for an error.
        return "`null` was thrown, or memory ran out".into();
    }
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
    let said = match advice(&said, flavour) {
        Some(advice) => format!("{said}: {advice}"),
        None => said,
    };
    match (name.as_str(), said.as_str()) {
        ("SyntaxError", END) => {
            format!("{} ends where more is expected", flavour.file)
        }
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
fn advice(said: &str, flavour: &Flavour) -> Option<&'static str> {
    let name = said.strip_suffix(" is not defined")?.trim_matches('\'');
    let mut advice = flavour.advice.iter();
    let (_, advice) = advice.find(|(names, _)| names.contains(&name))?;
    Some(advice)
}

/// The first place in the file that a stack trace names: line and byte.
fn place(stack: &str, file: &str) -> Option<(u32, u32)> {
    stack.lines().find_map(|frame| {
        let (_, place) = frame.rsplit_once(file)?;
        let mut numbers = place.trim_end_matches(')').split(':').skip(1);
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    })
}
