//! What went wrong with a source, as data and in words for people.

use std::io;

/// Why a source gives no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    /// Who can do something about it.
    pub kind: FailureKind,
    /// One sentence: what was wrong, where, what to do.
    pub sentence: String,
}

/// Who can do something about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The content is broken in a way that makes what follows unreadable: an
    /// open quote, an array that ends nowhere, a workbook that is none.
    Content,
    /// The file is another than the one that was begun.
    Changed,
    /// The settings don't fit what is there: a sheet or a column that is
    /// missing, a query that the server refuses, folders that can't be used.
    Setting,
    /// The system or a server doesn't do it now, and may do it later.
    Unavailable,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, sentence: impl Into<String>) -> Failure {
        Failure {
            kind,
            sentence: sentence.into(),
        }
    }

    pub(crate) fn content(sentence: impl Into<String>) -> Failure {
        Failure::new(FailureKind::Content, sentence)
    }

    pub(crate) fn setting(sentence: impl Into<String>) -> Failure {
        Failure::new(FailureKind::Setting, sentence)
    }

    pub(crate) fn unavailable(sentence: impl Into<String>) -> Failure {
        Failure::new(FailureKind::Unavailable, sentence)
    }

    /// What the system says of a file.
    pub(crate) fn io(what: &str, error: &io::Error) -> Failure {
        Failure::unavailable(format!("{what}: {error}"))
    }
}
