//! What was thrown → the contract's faults.

use crate::contract::Fault;
use crate::host;
use crate::names::named;
use crate::place::Wrong;
use crate::take::Taker;
use crossdock_js_engine::Diagnostic;
use crossdock_js_engine::diagnose::{Diagnose, stack};
use crossdock_js_engine::lexer::{Token, tokens};
use rquickjs::{Ctx, Error, Value};

/// Lines of a stack that are logged.
const MOST_FRAMES: usize = 16;

/// Why a call gave no answer, as the contract says it.
pub fn fault<'js>(
    ctx: &Ctx<'js>,
    taker: &Taker<'_, 'js>,
    diagnose: &Diagnose<'_>,
    function: &str,
    wrong: Wrong,
) -> Fault {
    match wrong {
        Wrong::Said(said) => own(diagnose.file, &declared(diagnose.source, function, said)),
        Wrong::Js(Error::Exception) => thrown(&ctx.catch(), taker, diagnose),
        Wrong::Js(error) => own(diagnose.file, &diagnose.caught(ctx, &error)),
    }
}

fn thrown<'js>(value: &Value<'js>, taker: &Taker<'_, 'js>, diagnose: &Diagnose<'_>) -> Fault {
    match taker.thrown(value) {
        Some(Ok(fault)) => return fault,
        Some(Err(Wrong::Said(said))) => {
            let place = diagnose.thrown(value);
            return own(
                diagnose.file,
                &Diagnostic {
                    message: said,
                    ..place
                },
            );
        }
        // Looking at it threw: then what it is stays unknown.
        Some(Err(Wrong::Js(_))) => {
            value.ctx().catch();
        }
        None => {}
    }
    let diagnostic = named(diagnose.source, diagnose.thrown(value));
    let frames = stack(value).unwrap_or_default();
    let mut frames = frames
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let shown: Vec<&str> = frames.by_ref().take(MOST_FRAMES).collect();
    // One is where it was thrown, which the fault says.
    if shown.len() > 1 {
        host::log(
            "error",
            &format!("{}\n{}", diagnostic.message, shown.join("\n")),
        );
    }
    own(diagnose.file, &diagnostic)
}

/// A sentence about what a function returned, at the name by which it is
/// declared: where it returned is not known afterwards.
fn declared(source: &str, function: &str, said: String) -> Diagnostic {
    let tokens = tokens(source);
    let word = |token: &Token| source.get(token.range.clone()).unwrap_or_default();
    let name = tokens.windows(2).find_map(|pair| match pair {
        [before, name]
            if word(name) == function
                && ["function", "const", "let", "var"].contains(&word(before)) =>
        {
            Some(name.range.start)
        }
        _ => None,
    });
    match name {
        Some(byte) => Diagnostic::at(source, byte, said),
        None => Diagnostic::unplaced(said),
    }
}

/// The adapter's own: nobody else is to blame.
fn own(file: &str, diagnostic: &Diagnostic) -> Fault {
    Fault::Other(sentence(file, diagnostic))
}

/// `price-board.js:12:5: TypeError: not a function`.
pub fn sentence(file: &str, diagnostic: &Diagnostic) -> String {
    let Diagnostic {
        line,
        column,
        message,
    } = diagnostic;
    match line {
        0 => format!("{file}: {message}"),
        line => format!("{file}:{line}:{column}: {message}"),
    }
}
