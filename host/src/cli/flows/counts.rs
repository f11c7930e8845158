//! As much of a run as is shown.

use serde::Deserialize;

use super::super::failure::Exit;
use super::super::terminal::sentence;

/// A run, as the host shows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Run {
    pub run: u64,
    pub state: String,
    pub cause: String,
    pub began_ms: u64,
    #[serde(default)]
    pub ended_ms: Option<u64>,
    #[serde(default)]
    pub tick_ms: Option<u64>,
    pub pages: u32,
    pub open_pages: u32,
    pub counts: Counts,
    pub stages: Stages,
    #[serde(default)]
    pub problem: Option<Said>,
}

/// What it counted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    #[serde(rename = "in")]
    pub incoming: u64,
    pub unchanged: u64,
    pub skipped: u64,
    pub sent: u64,
    pub accepted: u64,
    pub refused: u64,
    pub waiting: u64,
    pub parked: u64,
    pub confirmed: u64,
    pub unconfirmed: u64,
    pub unreadable: u64,
}

/// How long its stages took.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stages {
    pub source_ms: u64,
    pub steps_ms: u64,
    pub targets_ms: u64,
    pub confirm_ms: u64,
}

/// As much of a problem as is shown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Said {
    pub code: String,
    #[serde(default)]
    pub blame: String,
    pub detail: String,
}

impl Said {
    /// On one line, with who has to act.
    pub fn line(&self) -> String {
        let said = format!("{} ({}): {}", self.code, self.blame, self.detail);
        sentence(&said)
    }
}

impl Counts {
    /// Every count that is not 0, for people.
    pub fn line(&self) -> String {
        let all = [
            ("unchanged", self.unchanged),
            ("skipped", self.skipped),
            ("sent", self.sent),
            ("accepted", self.accepted),
            ("refused", self.refused),
            ("waiting", self.waiting),
            ("parked", self.parked),
            ("confirmed", self.confirmed),
            ("unconfirmed", self.unconfirmed),
            ("unreadable", self.unreadable),
        ];
        let mut line = format!("{} in", self.incoming);
        for (name, count) in all.into_iter().filter(|(_, count)| *count > 0) {
            line.push_str(&format!(", {count} {name}"));
        }
        line
    }

    /// What did not come where it should.
    pub fn left(&self) -> u64 {
        self.refused + self.waiting + self.parked + self.unconfirmed + self.unreadable
    }

    /// Items of which it is known how they ended, or that nobody waits for any
    /// more.
    pub fn settled(&self) -> u64 {
        self.accepted + self.refused + self.waiting
    }
}

impl Stages {
    /// For people.
    pub fn line(&self) -> String {
        format!(
            "source {}, steps {}, targets {}, confirm {}",
            time(self.source_ms),
            time(self.steps_ms),
            time(self.targets_ms),
            time(self.confirm_ms)
        )
    }
}

impl Run {
    /// Whether nothing more comes of it.
    pub fn has_ended(&self) -> bool {
        !matches!(self.state.as_str(), "running" | "waiting")
    }

    /// Whether it ended well, and there was nothing to do.
    pub fn found_nothing(&self) -> bool {
        self.state == "done" && self.problem.is_none() && self.counts.line() == "0 in"
    }

    /// How a command ends that waited for it.
    pub fn exit(&self) -> Exit {
        let counts = &self.counts;
        match self.state.as_str() {
            "done" if counts.left() == 0 => Exit::Done,
            "done" => Exit::Refused,
            _ => Exit::Error,
        }
    }
}

/// A time that something took, for people.
pub(super) fn time(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1_000.0),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1_000 % 60),
        _ => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A run as the host answers it.
    pub fn run(state: &str, counts: Value) -> Value {
        json!({
            "run": 17, "state": state, "cause": "somebody with a token of the tenant", "began_ms": 1_700_000_000_000_u64,
            "pages": 2, "open_pages": 1, "counts": counts,
            "stages": {"source_ms": 12, "steps_ms": 3400, "targets_ms": 61_000, "confirm_ms": 3_700_000}
        })
    }

    #[test]
    fn what_did_not_go_everywhere_is_in_the_exit_code() {
        let exit = |state: &str, counts: Value| {
            let run: Run = serde_json::from_value(run(state, counts)).unwrap();
            run.exit()
        };
        assert_eq!(exit("done", json!({"in": 5, "accepted": 5})), Exit::Done);
        for counts in ["refused", "waiting", "parked", "unconfirmed", "unreadable"] {
            assert_eq!(exit("done", json!({ counts: 1 })), Exit::Refused);
        }
        assert_eq!(exit("failed", json!({})), Exit::Error);
        assert_eq!(exit("stopped", json!({})), Exit::Error);
    }

    #[test]
    fn counts_and_times_are_for_people() {
        let run: Run =
            serde_json::from_value(run("done", json!({"in": 9, "sent": 4, "accepted": 3})))
                .unwrap();
        assert_eq!(run.counts.line(), "9 in, 4 sent, 3 accepted");
        assert_eq!(
            run.stages.line(),
            "source 12 ms, steps 3.4 s, targets 1 min 1 s, confirm 1 h 1 min"
        );
    }
}
