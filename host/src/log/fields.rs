//! The text format's fields. What a script or a platform said may be among
//! them, and must not look like another line, or move a terminal's cursor.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

use crate::text::Visible;

/// Writes `message name=value …`, with every value on one line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line {
            writer,
            first: true,
            result: Ok(()),
        };
        fields.record(&mut line);
        line.result
    }
}

struct Line<'w> {
    writer: Writer<'w>,
    first: bool,
    result: fmt::Result,
}

impl Line<'_> {
    fn write(&mut self, field: &Field, value: fmt::Arguments<'_>) -> fmt::Result {
        if !std::mem::take(&mut self.first) {
            self.writer.write_char(' ')?;
        }
        let name = field.name();
        if name != "message" {
            if self.writer.has_ansi_escapes() {
                write!(self.writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m")?;
            } else {
                write!(self.writer, "{name}=")?;
            }
        }
        Visible(&mut self.writer).write_fmt(value)
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.record_debug(field, &format_args!("{value}"));
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.result.is_ok() {
            self.result = self.write(field, format_args!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            lines.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the text format makes of some events.
    fn logged(log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(Fields)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn somebody_elses_text_forges_no_line_and_moves_no_cursor() {
        let text = "no such field\n2026-01-01T00:00:00Z  INFO crossdock: all is well\r\x1b[2J\u{9b}1A\u{202e}x\u{2028}y\u{7f}";
        let error = io::Error::other(text);
        let line = logged(|| {
            tracing::warn!(problem = %text, shown = ?text, word = text, %error, "it said {text}");
        });
        assert_eq!(line.matches('\n').count(), 1, "{line:?}");
        assert!(!line.contains(|c: char| c != '\n' && crate::text::is_deceptive(c)));
        for part in [
            "problem=no such field\\n2026-01-01",
            "\\u{1b}[2J\\u{9b}1A\\u{202e}x\\u{2028}y\\u{7f}",
            "it said no such field\\n",
            "word=\"no such",
        ] {
            assert!(line.contains(part), "{line:?}");
        }
    }

    #[test]
    fn a_line_looks_as_it_always_did() {
        let line = logged(|| tracing::info!(tenant = "acme", items = 2, "call"));
        assert!(
            line.ends_with(": call tenant=\"acme\" items=2\n"),
            "{line:?}"
        );
    }
}
