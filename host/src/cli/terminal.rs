//! What people see: text, tables and colours, the latter on a terminal only.

use std::io::{ErrorKind, IsTerminal, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use super::failure::Failure;
use crate::log::line::escape_json;
use crate::text::{is_deceptive, one_line};

/// Colours for one stream, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    /// For what goes to stdout.
    pub fn stdout() -> Self {
        Self::wanted(std::io::stdout().is_terminal())
    }

    /// For what goes to stderr.
    pub fn stderr() -> Self {
        Self::wanted(std::io::stderr().is_terminal())
    }

    /// See <https://no-color.org>.
    fn wanted(terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self(terminal && !refused && !dumb)
    }

    /// Whether there are colours.
    pub fn is_on(self) -> bool {
        self.0
    }

    fn sgr(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.sgr("1", text)
    }

    /// What is right.
    pub fn good(self, text: &str) -> String {
        self.sgr("32", text)
    }

    /// What is wrong.
    pub fn bad(self, text: &str) -> String {
        self.sgr("1;31", text)
    }

    /// What deserves a look.
    pub fn warn(self, text: &str) -> String {
        self.sgr("33", text)
    }
}

/// Width of tables on a terminal. Shells know it and rarely tell.
fn columns() -> u16 {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .filter(|columns| *columns >= 40)
        .unwrap_or(120)
}

/// Writes to stdout. A reader that has gone (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let why = crate::file_failure::sentence(&error);
            Err(anyhow::anyhow!("stdout cannot be written to: {why}").into())
        }
        _ => Ok(()),
    }
}

/// Writes one JSON document to stdout: laid out on a terminal, else on one line.
pub(super) fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let text = if std::io::stdout().is_terminal() {
        serde_json::to_string_pretty(document)
    } else {
        serde_json::to_string(document)
    };
    let text =
        text.map_err(|error| anyhow::anyhow!("the answer cannot be written as JSON: {error}"))?;
    let text = escape_json(&text).unwrap_or(text);
    print(&format!("{text}\n"))
}

/// Writes a line to stderr, for people; a closed stderr is no error.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A table without lines, indented by two. Cells are cleaned, and wrapped on a
/// terminal.
pub(super) fn table(paint: Paint, header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    if paint.is_on() {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(columns());
    }
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row.iter().map(|cell| sentence(cell)));
    }
    let mut text = String::new();
    for (index, line) in table.to_string().lines().enumerate() {
        let line = line.trim_end();
        let line = if index == 0 {
            paint.bold(line)
        } else {
            line.to_owned()
        };
        // The table pads each cell with one blank already.
        text.push_str(&format!(" {line}\n"));
    }
    text
}

/// Text of somebody else's (a plugin's manifest, a platform's message), without
/// what a terminal would obey or be misled by. Line breaks stay.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if is_deceptive(c) && !matches!(c, '\n' | '\t') {
            cleaned.extend(c.escape_default());
        } else {
            cleaned.push(c);
        }
    }
    cleaned
}

/// The same on one line.
pub(super) fn sentence(text: &str) -> String {
    one_line(&clean(text))
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// `1 plugin`, `2 plugins`.
pub(super) fn count(number: usize, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {word}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_obeyed_to_by_somebody_elses_text() {
        assert_eq!(clean("a\x1b[2Jb\nc\r"), "a\\u{1b}[2Jb\nc\\r");
        assert_eq!(clean("a\u{202e}b\u{9b}"), "a\\u{202e}b\\u{9b}");
        assert_eq!(sentence(" a\n  b\t c"), "a b c");
    }

    #[test]
    fn a_table_has_no_colours_unless_they_are_wanted() {
        let rows = [vec!["lingzhi".to_owned(), "1".to_owned()]];
        let plain = table(Paint(false), &["NAME", "GENERATION"], &rows);
        assert_eq!(plain, "  NAME     GENERATION\n  lingzhi  1\n");
        assert!(table(Paint(true), &["NAME", "GENERATION"], &rows).contains("\x1b[1m"));
    }

    #[test]
    fn sizes_have_one_digit_behind_the_point() {
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(3 << 20), "3.0 MiB");
    }
}
