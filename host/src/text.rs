//! Text as a person or a log reads it: cut, on one line, part of a pointer,
//! without what a terminal would obey; and text as files and callers send it.

use std::fmt::{self, Display, Write};

/// Cuts a text after so many characters, and marks the place.
pub(crate) fn shorten(text: &mut String, most: usize) {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
}

/// Cuts a text after so many bytes, at a character boundary, and marks the
/// place.
pub(crate) fn truncate(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rev().find(|&i| text.is_char_boundary(i));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
}

/// Text of several lines as one.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A member's name as one part of an RFC 6901 pointer, without the slash.
pub(crate) fn pointer_part(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Names for a sentence: each in backquotes, with `between` from one to the
/// next.
pub(crate) fn quoted(names: impl IntoIterator<Item = impl Display>, between: &str) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(between)
}

/// The first words of what may be a long list, with commas, and how many are
/// left out.
pub(crate) fn first_of(
    words: impl ExactSizeIterator<Item = String>,
    most: usize,
) -> (String, usize) {
    let more = words.len().saturating_sub(most);
    (words.take(most).collect::<Vec<_>>().join(", "), more)
}

/// A UTF-8 text without the byte order mark that some editors and languages
/// put in front.
pub(crate) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// Whether a terminal obeys a character or is misled by it: control characters,
/// line ends of any kind, and what turns the direction of writing around.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// Writes text with everything that is [deceptive](is_deceptive) escaped, as
/// Rust writes it in a literal.
pub(crate) struct Visible<W>(pub W);

impl<W: Write> Write for Visible<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_deceptive) {
            let (plain, tail) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut chars = tail.chars();
            if let Some(c) = chars.next() {
                write!(self.0, "{}", c.escape_default())?;
            }
            rest = chars.as_str();
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        let text = "a\nb\u{1b}[2J\u{202e}库存\t\u{9b}";
        let shown = |text| {
            let mut shown = String::new();
            Visible(&mut shown).write_str(text).unwrap();
            shown
        };
        assert_eq!(shown(text), r"a\nb\u{1b}[2J\u{202e}库存\t\u{9b}");
        assert_eq!(shown("a \\n b"), "a \\n b");
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(without_mark("\u{feff}{}".as_bytes()), b"{}");
        assert_eq!(without_mark(b"{}"), b"{}");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        for (most, expected) in [(0, "…"), (2, "库存…"), (3, "库存1")] {
            let mut text = "库存1".to_owned();
            shorten(&mut text, most);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn lines_become_one() {
        assert_eq!(one_line(" a\n\n  b\tc "), "a b c");
    }

    #[test]
    fn names_are_listed() {
        assert_eq!(quoted(["a", "b"], " nor "), "`a` nor `b`");
        let words = || ["a", "b", "c"].map(str::to_owned).into_iter();
        assert_eq!(first_of(words(), 2), ("a, b".to_owned(), 1));
        assert_eq!(first_of(words(), 3), ("a, b, c".to_owned(), 0));
    }

    #[test]
    fn a_pointer_has_no_slash_but_its_own() {
        assert_eq!(pointer_part("a/b~1"), "a~1b~01");
    }
}
