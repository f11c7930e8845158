//! Options that choose records.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::super::failure::Failure;
use super::asking::Pairs;
use crate::api::LEAST_MS;
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

    /// The query that says the same. An option without a value is refused: a shell
    /// variable that is not set must not choose everything.
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
            says_something(name, word.as_deref())?;
            pairs.extend(word.clone().map(|word| (name, word)));
        }
        for state in &self.status {
            says_something("status", Some(state))?;
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

/// Refuses an option whose value is empty.
pub(super) fn says_something(name: &str, value: Option<&str>) -> Result<(), Failure> {
    match value.map(str::trim) {
        Some("") => {
            Err(anyhow::anyhow!("--{name} is empty; give it a value, or leave it out").into())
        }
        _ => Ok(()),
    }
}

/// A time, or how long ago it was, in Unix milliseconds.
fn at(name: &str, text: &str, now: u64) -> Result<u64, Failure> {
    let text = text.trim();
    says_something(name, Some(text))?;
    if let Some(ago) = ago(text) {
        return Ok(now.saturating_sub(millis(ago)));
    }
    match text.parse() {
        Ok(ms) if ms >= LEAST_MS => return Ok(ms),
        Ok(_) => {
            return Err(anyhow::anyhow!(
                "--{name} `{text}` has no unit; write {text}h for {text} hours ago, or {text}m, {text}d, or a time as in 2026-03-01T03:00:00Z"
            )
            .into());
        }
        Err(_) => {}
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
        for text in [
            "",
            " ",
            "5",
            "1700000000",
            "999999999999",
            "m",
            "yesterday",
            "2023-11-14",
            "-3h",
            "3w",
            "红",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn an_option_that_says_nothing_is_refused() {
        use clap::Parser;

        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            choosing: Choosing,
        }

        for name in [
            "connection",
            "operation",
            "status",
            "code",
            "blame",
            "label",
            "since",
            "until",
        ] {
            for value in ["", " "] {
                let option = format!("--{name}");
                let line = Line::parse_from(["x", option.as_str(), value]);
                let refused = line.choosing.pairs().map(drop).unwrap_err();
                let text = format!("{refused:?}");
                assert!(text.contains(&format!("--{name} is empty")), "{text}");
            }
        }
        let line = Line::parse_from(["x", "--label", "a b", "--status", "failed,unknown"]);
        assert_eq!(line.choosing.pairs().map_err(drop).unwrap().len(), 3);
    }
}
