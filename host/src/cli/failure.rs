//! How a command ends.

use std::io::Write;
use std::process::ExitCode;

use super::terminal::{Paint, clean};
use crate::problem::Problem;

/// What a command gives back.
pub(super) type Finished = Result<Exit, Failure>;

/// The exit codes. They are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// All went well; every item of a call was accepted.
    Done = 0,
    /// Nothing was delivered, or something that was asked about is wrong.
    Error = 1,
    /// Some item of a call was not accepted.
    Refused = 2,
    /// Nobody knows whether some item of a call was applied.
    Unknown = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// With places in files, blame and codes.
    Problems(Vec<Problem>),
    /// A sentence.
    Other(anyhow::Error),
}

impl Failure {
    /// Writes every error to stderr.
    pub fn report(&self) {
        let paint = Paint::stderr();
        let label = paint.bad("error:");
        let mut stderr = std::io::stderr().lock();
        // Nobody is left to be told when stderr is closed.
        let _ = match self {
            Self::Problems(problems) => problems.iter().try_for_each(|problem| {
                writeln!(stderr, "{label} {}", clean(&problem.to_string()))
            }),
            Self::Other(error) => writeln!(stderr, "{label} {}", clean(&format!("{error:#}"))),
        };
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problems(vec![problem])
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Problems(problems)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}
