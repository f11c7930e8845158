//! Texts with values in them: `"\(.total / 2)"` is "10", as in jq.
//!
//! jaq itself would write 10.0 there, and cannot be told otherwise but by a
//! format: `@text "\(.total / 2)"` asks the function of this name, which is
//! ours. So a script is compiled with the format before each such text.

use jaq_core::load::lex::{Lexer, StrPart, Tok, Token};

/// Puts the format where none is; nothing if there is no such text.
pub fn with_format(source: &str) -> Option<String> {
    let tokens = Lexer::new(source).lex().ok()?;
    let mut places = Vec::new();
    find(source, &tokens, &mut places);
    if places.is_empty() {
        return None;
    }
    places.sort_unstable();
    let mut out = String::with_capacity(source.len() + places.len() * 6);
    let mut done = 0;
    for place in places {
        out.push_str(source.get(done..place)?);
        out.push_str("@text ");
        done = place;
    }
    out.push_str(source.get(done..)?);
    Some(out)
}

fn find(source: &str, tokens: &[Token<&str>], places: &mut Vec<usize>) {
    let mut before = "";
    for Token(text, kind) in tokens {
        match kind {
            Tok::Str(parts) => {
                let inside = parts.iter().filter_map(|part| match part {
                    StrPart::Term(token) => Some(token),
                    _ => None,
                });
                let mut holds_values = false;
                for token in inside {
                    holds_values = true;
                    find(source, std::slice::from_ref(token), places);
                }
                // A format is there, or a field's name, which takes none.
                if holds_values && !before.starts_with('@') && before != "." {
                    places.push(jaq_core::load::span(source, text).start);
                }
            }
            Tok::Block(inside) => find(source, inside, places),
            _ => {}
        }
        before = text;
    }
}
