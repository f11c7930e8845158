//! What is wrong with what was written.

/// Why a schedule is refused. Its text is one sentence: what, where, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The interval is no interval.
    #[error("{0}")]
    Every(String),
    /// The pattern is no pattern.
    #[error("{0}")]
    Pattern(String),
    /// There is no such zone.
    #[error("{0}")]
    Zone(String),
}
