//! Options that choose records.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::super::failure::Failure;
use super::asking::Pairs;
use crate::clock::{millis, now_ms};

/// What every command takes that is about whatever matches.
#[derive(Debug, Args)]
pub(super) struct Choosing {
    /// Of this connection
    #[arg(long, value_name = "NAME", help_heading = "Which records")]
    connection: Option<String>,
    /// Of this operation
    #[arg(long, value_name = "NAME", help_heading = "Which records")]
    operation: Option<String>,
    /// In this state, for instance `failed`; several times or with commas for several
    #[arg(
        long,
        value_name = "STATE",
        value_delimiter = ',',
        help_heading = "Which records"
    )]
    status: Vec<String>,
    /// With this code of the platform or the host
    #[arg(long, help_heading = "Which records")]
    code: Option<String>,
    /// With this blame: caller, script, adapter, platform or host
    #[arg(long, value_name = "WHO", help_heading = "Which records")]
    blame: Option<String>,
    /// With this text in what the record is about, for instance a part of a sku
    #[arg(long, value_name = "TEXT", help_heading = "Which records")]
    label: Option<String>,
    /// Taken in at this time or later: 2026-03-01T03:00:00Z, or `90m`, `12h`, `3d` ago
    #[arg(long, value_name = "TIME", help_heading = "Which records")]
    since: Option<String>,
    /// Taken in before this time
    #[arg(long, value_name = "TIME", help_heading = "Which records")]
    until: Option<String>,
}

impl Choosing {
    /// Whether nothing is chosen.
    pub fn is_empty(&self) -> bool {
        let words = [
            &self.connection,
            &self.operation,
            &self.code,
            &self.blame,
            &self.label,
            &self.since,
            &self.until,
        ];
        words.iter().all(|word| word.is_none()) && self.status.is_empty()
    }

    /// The query that says the same.
    pub fn pairs(&self) -> Result<Pairs, Failure> {
        let mut pairs = Pairs::new();
        let words = [
            ("connection", &self.connection),
            ("operation", &self.operation),
            ("code", &self.code),
            ("blame", &self.blame),
            ("label", &self.label),
        ];
        for (name, word) in words {
            pairs.extend(word.clone().map(|word| (name, word)));
        }
        let states = self.status.iter().map(|state| state.trim());
        pairs.extend(states.map(|state| ("status", state.to_owned())));
        for (name, time) in [("since", &self.since), ("until", &self.until)] {
            if let Some(time) = time {
                pairs.push((name, at(name, time, now_ms())?.to_string()));
            }
        }
        Ok(pairs)
    }
}

/// A time, or how long ago it was, in Unix milliseconds.
fn at(name: &str, text: &str, now: u64) -> Result<u64, Failure> {
    let text = text.trim();
    if let Some(ago) = ago(text) {
        return Ok(now.saturating_sub(millis(ago)));
    }
    if let Ok(ms) = text.parse() {
        return Ok(ms);
    }
    let at = text.parse::<Timestamp>().ok();
    let at = at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
    at.ok_or_else(|| {
        anyhow::anyhow!(
            "--{name} `{text}` is no time; write 2026-03-01T03:00:00Z, or 90m, 12h or 3d for so long ago"
        )
        .into()
    })
}

/// `90m`: so long ago.
fn ago(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let number: u64 = text[..text.len() - 1].trim().parse().ok()?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_named_or_so_long_ago() {
        let now = 1_700_000_000_000;
        let at = |text| at("since", text, now).ok();
        assert_eq!(at("90m"), Some(now - 90 * 60_000));
        assert_eq!(at("2 d"), Some(now - 2 * 86_400_000));
        assert_eq!(at("99999999999d"), Some(0));
        assert_eq!(at("2023-11-14T22:13:20Z"), Some(now));
        assert_eq!(at("2023-11-15T06:13:20+08:00"), Some(now));
        assert_eq!(at("1700000000000"), Some(now));
        for text in ["", "m", "yesterday", "2023-11-14", "-3h", "3w", "红"] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
