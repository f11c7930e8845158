//! How far a run is, on one line of a terminal.

use std::io::{IsTerminal, Write};

use super::super::terminal::Paint;
use super::counts::Run;

/// Characters of the bar.
const WIDTH: u64 = 30;

/// A line that is written again and again; none where nobody sees it.
pub(super) struct Progress {
    seen: bool,
}

impl Progress {
    /// On stderr, if that is a terminal that can go back in a line.
    pub fn new() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            seen: std::io::stderr().is_terminal() && !dumb,
        }
    }

    /// Writes the line anew. A closed stderr is no error.
    pub fn show(&self, run: &Run) {
        if self.seen {
            let mut stderr = std::io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[K{}", line(run));
            let _ = stderr.flush();
        }
    }

    /// Leaves nothing of the line.
    pub fn end(&self) {
        if self.seen {
            let mut stderr = std::io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[K");
            let _ = stderr.flush();
        }
    }
}

/// The line: how much of what was sent has an end. How much more the source
/// gives, nobody knows before its last page.
fn line(run: &Run) -> String {
    let counts = &run.counts;
    let settled = counts.settled().min(counts.sent);
    let full = match counts.sent {
        0 => 0,
        sent => settled * WIDTH / sent,
    };
    let bar: String = (0..WIDTH)
        .map(|at| if at < full { '█' } else { '░' })
        .collect();
    let more = match run.state.as_str() {
        "running" => "+",
        _ => "",
    };
    format!(
        "{} {bar} {settled}/{}{more}  {}",
        Paint::stderr().bold(&format!("run {}", run.run)),
        counts.sent,
        counts.line()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::counts::tests;
    use super::*;

    #[test]
    fn the_bar_is_as_full_as_what_was_sent_is_settled() {
        let shown = |state: &str, counts| {
            let run: Run = serde_json::from_value(tests::run(state, counts)).unwrap();
            line(&run)
        };
        let half = shown(
            "running",
            json!({"in": 20, "sent": 10, "accepted": 4, "refused": 1}),
        );
        assert!(half.contains(" 5/10+  20 in"), "{half}");
        assert_eq!(half.matches('█').count(), 15, "{half}");
        let none = shown("running", json!({}));
        assert_eq!(none.matches('░').count(), 30, "{none}");
        // More outcomes than items is no reason to write beyond the bar.
        let odd = shown("waiting", json!({"sent": 2, "accepted": 9}));
        assert!(odd.contains(" 2/2  0 in"), "{odd}");
        assert_eq!(odd.matches('█').count(), 30, "{odd}");
    }
}
