//! Log lines, on stderr.

use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::failure::Failure;
use super::terminal::Paint;
use super::{Global, LogFormat};
use crate::log::{self, fields::Fields};

/// How long lines may take to be written at the end.
pub(super) const LAST_LINES: Duration = Duration::from_secs(1);

/// Starts logging at what was asked for, else at `default`.
pub(super) fn start(global: &Global, default: &str) -> Result<(), Failure> {
    let level = global.log_level.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(level)
        .map_err(|error| anyhow::anyhow!("`{level}` is not a log level or filter: {error}"))?;
    let queue = log::start()
        .map_err(|error| anyhow::anyhow!("logging cannot start: no thread for it: {error}"))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(queue.clone())
        // Those would go to stderr directly, and panic where it is closed.
        .log_internal_errors(false)
        .with_ansi(Paint::stderr().is_on());
    let started = match global.log_format {
        LogFormat::Text => lines.fmt_fields(Fields).try_init(),
        LogFormat::Json => {
            queue.is_json();
            lines
                .json()
                .flatten_event(true)
                // A line has one span at most, which is the current one.
                .with_span_list(false)
                .try_init()
        }
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot start: {error}").into())
}

/// Writes what is still waiting.
pub(super) fn finish() {
    log::finish(LAST_LINES);
}
