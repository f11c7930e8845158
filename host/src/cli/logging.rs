//! Log lines, on stderr.

use tracing_subscriber::EnvFilter;

use super::failure::Failure;
use super::terminal::Paint;
use super::{Global, LogFormat};

/// Starts logging at what was asked for, else at `default`.
pub(super) fn start(global: &Global, default: &str) -> Result<(), Failure> {
    let level = global.log_level.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(level)
        .map_err(|error| anyhow::anyhow!("`{level}` is not a log level or filter: {error}"))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(Paint::stderr().is_on());
    let started = match global.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot start: {error}").into())
}
