//! What a script failed on, in words for the person who wrote it.

use std::path::Path;

use super::Script;
use crate::plugin::bindings::script::exports::crossdock::script::engine::Diagnostic;
use crate::plugin::guest::{GuestFailure, GuestFailureKind};
use crate::plugin::script_engine::CompileError;
use crate::problem::{Place, Problem};

/// Longest line of a script that an error shows.
const SOURCE_CHARS: usize = 500;

/// A compile error as a problem.
pub fn compile_problem(error: CompileError, script: &Script) -> Problem {
    match error {
        CompileError::Script(diagnostic) => diagnostic_problem(
            "script-compile",
            diagnostic,
            &script.spec.source,
            &script.path,
        ),
        CompileError::Guest(failure) => guest_problem(&failure, script),
    }
}

/// A script engine's diagnostic with the line it is about.
pub fn diagnostic_problem(
    code: &'static str,
    diagnostic: Diagnostic,
    source: &str,
    path: &Path,
) -> Problem {
    let line = (diagnostic.line as usize)
        .checked_sub(1)
        .and_then(|index| source.lines().nth(index))
        // Cut, a caret would point at nothing.
        .filter(|line| line.chars().nth(SOURCE_CHARS).is_none())
        .map(str::to_owned);
    Problem::script(code, diagnostic.message).place(Place {
        file: path.to_owned(),
        line: diagnostic.line,
        column: diagnostic.column,
        source: line,
    })
}

/// A script that trapped, ran too long or grew too large.
pub fn guest_problem(failure: &GuestFailure, script: &Script) -> Problem {
    let code = match failure.kind {
        GuestFailureKind::Trap => "script-trap",
        GuestFailureKind::Deadline => "script-deadline",
        GuestFailureKind::Memory => "script-memory",
        GuestFailureKind::Output => "script-output",
        GuestFailureKind::Contract => {
            return Problem::adapter(
                "script-engine-broken-promise",
                format!("{failure}: replace the plugin of the script's language"),
            );
        }
        GuestFailureKind::Unavailable => {
            return Problem::host("host-busy", failure.message.clone());
        }
    };
    Problem::script(code, said(failure)).place(Place::whole(&script.path))
}

/// What a script failed with, in one sentence.
fn said(failure: &GuestFailure) -> String {
    match (failure.kind, failure.message.strip_prefix("it ")) {
        // What it did wrong is all that there is to say.
        (GuestFailureKind::Deadline, Some(did)) => format!("the script {did}"),
        _ => format!("the script failed: {failure}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_runs_too_long_is_told_so_in_plain_words() {
        let failure = |kind, message: &str| GuestFailure {
            kind,
            message: message.to_owned(),
            last_words: None,
        };
        let long = "it ran longer than the 500 ms that it may (`[limits] guest_deadline_ms`)";
        assert_eq!(
            said(&failure(GuestFailureKind::Deadline, long)),
            "the script ran longer than the 500 ms that it may (`[limits] guest_deadline_ms`)"
        );
        let large = "it wanted more than 64 MiB of memory";
        assert_eq!(
            said(&failure(GuestFailureKind::Memory, large)),
            "the script failed: it wanted more than 64 MiB of memory"
        );
    }
}
