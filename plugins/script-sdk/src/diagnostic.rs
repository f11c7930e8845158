//! What is wrong with a script, or what it could not do.

use crate::Diagnostic;

/// Messages hold the values that a script stumbled over; a whole document in a
/// message helps nobody. The end stays, since it says what was tried.
const MESSAGE_HEAD: usize = 200;
const MESSAGE_TAIL: usize = 100;

impl Diagnostic {
    /// Without a place. The message is a sentence without its full stop.
    pub fn unplaced(message: impl Into<String>) -> Self {
        Self {
            line: 0,
            column: 0,
            message: message.into(),
        }
    }

    /// At a byte of the script.
    pub fn at(source: &str, byte: usize, message: impl Into<String>) -> Self {
        let before = source.get(..byte).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            line: count(before.matches('\n').count() + 1),
            column: count(before[line_start..].chars().count() + 1),
            message: message.into(),
        }
    }
}

/// A message's beginning and end, if it is longer than 300 characters.
pub fn shorten(text: &str) -> String {
    let mut starts = text.char_indices().map(|(byte, _)| byte);
    let Some(head) = starts.nth(MESSAGE_HEAD) else {
        return text.into();
    };
    let Some(tail) = text
        .char_indices()
        .rev()
        .nth(MESSAGE_TAIL - 1)
        .map(|(byte, _)| byte)
    else {
        return text.into();
    };
    match head < tail {
        true => format!("{} … {}", &text[..head], &text[tail..]),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters_from_1() {
        let place = |byte| {
            let Diagnostic { line, column, .. } = Diagnostic::at("白=1\n红=2", byte, "");
            (line, column)
        };
        assert_eq!(
            [place(0), place(3), place(6), place(9)],
            [(1, 1), (1, 2), (2, 1), (2, 2)]
        );
        assert_eq!(place(99), (2, 4), "beyond the end is the end");
    }

    #[test]
    fn a_long_message_keeps_its_ends() {
        let long = "头".repeat(250) + &"尾".repeat(250);
        let expected = "头".repeat(200) + " … " + &"尾".repeat(100);
        assert_eq!(shorten(&long), expected);
        assert_eq!(shorten(&long[..900]), long[..900], "300 characters stay");
    }
}
