//! What went wrong, in words for people.

/// Characters of what a registry says that a message repeats.
const SHOWN: usize = 200;

/// Why something could not be pushed or pulled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of thing went wrong.
    pub kind: FailureKind,
    /// One sentence: what, where, and what to do.
    pub message: String,
}

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// What was typed is no reference, or not one that does for this.
    Reference,
    /// The registry would be asked in the clear.
    Plain,
    /// There is no answer.
    NoAnswer,
    /// The registry wants other credentials, or any.
    Denied,
    /// There is no such thing in the registry.
    NotFound,
    /// The registry refused or failed.
    Refused,
    /// The registry points to somewhere that is not gone to.
    Redirect,
    /// Something is not what its digest says.
    Digest,
    /// Something is larger than its bound.
    TooLarge,
    /// It is not laid out as a plugin is.
    Layout,
    /// What keeps the credentials cannot be used.
    Credentials,
}

impl Failure {
    /// A failure.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

/// Somebody else's text as a message repeats it: one line, cut, without control
/// characters.
pub(crate) fn shown(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SHOWN)
        .collect();
    let mut line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().nth(SHOWN).is_some() {
        line.push('…');
    }
    line
}
