//! Errors → line, column, sentence.

use crate::value::{Value, ValueError};
use crate::{Diagnostic, library};
use crossdock_script_engine::diagnostic::shorten;
use jaq_core::compile::{self, Undefined};
use jaq_core::load::{self, lex, parse};
use jaq_core::{Exn, load::span};
use jaq_json::Val;

/// As much of a token as is shown.
const TOKEN_CHARS: usize = 20;

/// A place in the script and what is wrong there.
type Finding = (usize, String);

/// The first finding, which is the one to repair first.
fn first(source: &str, findings: impl Iterator<Item = Finding>) -> Diagnostic {
    match findings.min_by_key(|(byte, _)| *byte) {
        Some((byte, message)) => Diagnostic::at(source, byte, message),
        None => Diagnostic::unplaced("the script does not compile"),
    }
}

/// The script cannot be read.
pub fn load(source: &str, errors: &load::Errors<&str, ()>) -> Diagnostic {
    let findings = errors.iter().flat_map(|(_, error)| -> Vec<Finding> {
        match error {
            load::Error::Io(imports) => imports
                .iter()
                .map(|(path, _)| {
                    let message =
                        "`import` and `include` are not available; one file holds the whole script";
                    (span(source, path).start, message.into())
                })
                .collect(),
            load::Error::Lex(errors) => errors.iter().map(|e| unlexed(source, e)).collect(),
            load::Error::Parse(errors) => errors.iter().map(|e| unparsed(source, e)).collect(),
        }
    });
    first(source, findings)
}

/// The script names something that is not there.
pub fn compile(source: &str, errors: &compile::Errors<&str, ()>) -> Diagnostic {
    let findings = errors.iter().flat_map(|(_, errors)| errors);
    first(source, findings.map(|error| undefined(source, error)))
}

/// The script failed on a document.
pub fn run(exception: Exn<Value>) -> Diagnostic {
    Diagnostic::unplaced(match exception.get_err() {
        Ok(error) => shorten(&error_text(error)),
        Err(_) => "the script stopped without a result".into(),
    })
}

/// A script's own `error("…")` without quotes around it.
fn error_text(error: ValueError) -> String {
    match error.into_val().0 {
        Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
        other => other.to_string(),
    }
}

fn unlexed(source: &str, (expected, rest): &lex::Error<&str>) -> Finding {
    let here = span(source, rest).start;
    let (byte, message) = match expected {
        // Reading stopped at the end, or at a bracket that closes another one.
        lex::Expect::Delim(open) if rest.is_empty() || rest.starts_with([')', ']', '}']) => (
            span(source, open).start,
            format!("this `{}` is never closed", token(open)),
        ),
        lex::Expect::Digit => (here, "a digit is expected here".into()),
        lex::Expect::Ident => (here, "a name is expected here".into()),
        lex::Expect::Escape => (here, "a string holds an unknown escape".into()),
        lex::Expect::Unicode => (
            here,
            "four hexadecimal digits of a character are expected here".into(),
        ),
        _ => (here, unexpected(rest)),
    };
    (byte, message)
}

/// What stands where reading stopped. jq's names are ASCII; other letters are
/// the likeliest reason to end up here.
fn unexpected(rest: &str) -> String {
    let letters = rest.chars().take_while(|c| c.is_alphanumeric());
    let name: String = letters.take(TOKEN_CHARS).collect();
    if name.is_ascii() {
        let character: String = rest.chars().take(1).collect();
        return format!("{} is unexpected here", found(&character));
    }
    format!("`{name}` is unexpected here; such a name is written in quotes, as in .\"{name}\"")
}

fn unparsed(source: &str, (expected, token): &parse::Error<&str>) -> Finding {
    let expected = match expected {
        parse::Expect::Just(word) => format!("`{word}`"),
        parse::Expect::Nothing => "the end of the script".into(),
        parse::Expect::Term => "an expression".into(),
        other => other.as_str().into(),
    };
    let message = format!("{expected} is expected here, not {}", found(token));
    (span(source, token).start, message)
}

fn undefined(source: &str, (name, kind): &compile::Error<&str>) -> Finding {
    let message = match (library::advice(name), kind) {
        (Some(advice), _) => format!("`{name}` is not available: {advice}"),
        (None, Undefined::Filter(0)) => format!("the function `{name}` is unknown"),
        (None, Undefined::Filter(1)) => format!("the function `{name}` with 1 argument is unknown"),
        (None, Undefined::Filter(count)) => {
            format!("the function `{name}` with {count} arguments is unknown")
        }
        (None, kind) => format!("the {} `{name}` is unknown", kind.as_str()),
    };
    (span(source, name).start, message)
}

/// A token in words.
fn found(text: &str) -> String {
    match text.is_empty() {
        true => "the end of the script".into(),
        false => format!("`{}`", token(text)),
    }
}

/// A token's beginning, on one line: brackets hold all that is between them.
fn token(text: &str) -> String {
    match text.chars().next() {
        Some(open @ ('(' | '[' | '{' | '"')) => open.into(),
        _ => text
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(TOKEN_CHARS)
            .collect(),
    }
}
