//! Just enough of JavaScript's words to find `export`: what is in comments,
//! strings, templates and regular expressions is not taken for code.
//!
//! It reads scripts that QuickJS has compiled, so it need not find mistakes.

use std::ops::Range;

/// A word or sign of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its bytes in the script.
    pub range: Range<usize>,
    /// Brackets and templates around it; an opening or closing one counts itself out.
    pub depth: usize,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name or keyword.
    Word,
    /// A name after a dot.
    Member,
    /// A bracket, an operator, or a part of one.
    Sign,
    /// A number, a string, a part of a template, a regular expression.
    Literal,
}

/// Words after which a slash begins a regular expression.
const BEFORE_VALUE: [&str; 15] = [
    "return",
    "typeof",
    "instanceof",
    "in",
    "of",
    "new",
    "delete",
    "void",
    "throw",
    "case",
    "do",
    "else",
    "yield",
    "await",
    "default",
];

/// Words whose bracket is followed by a statement, not by an operator.
const BEFORE_CONDITION: [&str; 4] = ["if", "while", "for", "with"];

/// What a closing bracket closes.
enum Open {
    Bracket,
    Condition,
    Template,
}

/// All tokens of a script.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        source,
        bytes: source.as_bytes(),
        at: 0,
        open: Vec::new(),
        value_next: true,
        tokens: Vec::new(),
    };
    lexer.hashbang();
    while lexer.step() {}
    lexer.tokens
}

struct Lexer<'a> {
    source: &'a str,
    bytes: &'a [u8],
    at: usize,
    open: Vec<Open>,
    /// Whether a slash here begins a regular expression.
    value_next: bool,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn hashbang(&mut self) {
        if self.bytes.starts_with(b"#!") {
            self.line();
        }
    }

    /// Goes to the end of the line.
    fn line(&mut self) {
        let rest = &self.source[self.at..];
        self.at += rest
            .find(['\n', '\r', '\u{2028}', '\u{2029}'])
            .unwrap_or(rest.len());
    }

    /// Goes past the next `end`.
    fn past(&mut self, end: &str) {
        let rest = &self.source[self.at..];
        self.at += rest.find(end).map_or(rest.len(), |start| start + end.len());
    }

    fn push(&mut self, kind: Kind, start: usize, value_next: bool) {
        self.tokens.push(Token {
            kind,
            range: start..self.at,
            depth: self.open.len(),
        });
        self.value_next = value_next;
    }

    /// Reads one token or gap; false at the end.
    fn step(&mut self) -> bool {
        let start = self.at;
        let Some(byte) = self.peek(0) else {
            return false;
        };
        match byte {
            b'/' if self.peek(1) == Some(b'/') => self.line(),
            b'/' if self.peek(1) == Some(b'*') => {
                self.at += 2;
                self.past("*/");
            }
            b'/' if self.value_next => self.regex(start),
            b'"' | b'\'' => self.string(start, byte),
            b'`' => {
                self.at += 1;
                self.template(start);
            }
            b'(' | b'[' | b'{' => self.opening(start, byte),
            b')' | b']' | b'}' => self.closing(start, byte),
            b'0'..=b'9' => self.number(start),
            b'.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.number(start),
            _ if is_word(byte) => self.word(start),
            _ if byte.is_ascii_whitespace() => self.at += 1,
            b'+' | b'-' if self.peek(1) == Some(byte) => {
                self.at += 2;
                self.push(Kind::Sign, start, false);
            }
            b'=' if self.peek(1) == Some(b'>') => {
                self.at += 2;
                self.push(Kind::Sign, start, true);
            }
            _ => {
                self.at += 1;
                self.push(Kind::Sign, start, true);
            }
        }
        true
    }

    fn opening(&mut self, start: usize, byte: u8) {
        let condition = byte == b'('
            && self.tokens.last().is_some_and(|last| {
                last.kind == Kind::Word
                    && BEFORE_CONDITION.contains(&&self.source[last.range.clone()])
            });
        self.at += 1;
        self.push(Kind::Sign, start, true);
        self.open.push(match condition {
            true => Open::Condition,
            false => Open::Bracket,
        });
    }

    fn closing(&mut self, start: usize, byte: u8) {
        self.at += 1;
        match self.open.pop() {
            Some(Open::Template) => self.template(start),
            Some(Open::Condition) => self.push(Kind::Sign, start, true),
            _ => self.push(Kind::Sign, start, byte == b'}'),
        }
    }

    /// A part of a template, up to its end or to `${`.
    fn template(&mut self, start: usize) {
        loop {
            match self.peek(0) {
                Some(b'\\') => self.at += 2,
                Some(b'$') if self.peek(1) == Some(b'{') => {
                    self.at += 2;
                    self.push(Kind::Literal, start, true);
                    self.open.push(Open::Template);
                    return;
                }
                Some(b'`') | None => break,
                Some(_) => self.at += 1,
            }
        }
        self.at = (self.at + 1).min(self.bytes.len());
        self.push(Kind::Literal, start, false);
    }

    fn string(&mut self, start: usize, quote: u8) {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                _ if byte == quote => break,
                _ => {}
            }
        }
        self.at = self.at.min(self.bytes.len());
        self.push(Kind::Literal, start, false);
    }

    fn regex(&mut self, start: usize) {
        let mut class = false;
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'[' => class = true,
                b']' => class = false,
                b'/' if !class => break,
                b'\n' => break,
                _ => {}
            }
        }
        // Its flags.
        while self.peek(0).is_some_and(is_word) {
            self.at += 1;
        }
        self.at = self.at.min(self.bytes.len());
        self.push(Kind::Literal, start, false);
    }

    fn number(&mut self, start: usize) {
        while self
            .peek(0)
            .is_some_and(|byte| is_word(byte) || byte == b'.')
        {
            self.at += 1;
        }
        self.push(Kind::Literal, start, false);
    }

    fn word(&mut self, start: usize) {
        while self.peek(0).is_some_and(is_word) {
            self.at += 1;
        }
        let member = self
            .tokens
            .last()
            .is_some_and(|last| &self.source[last.range.clone()] == ".");
        let text = &self.source[start..self.at];
        let value_next = !member && BEFORE_VALUE.contains(&text);
        self.push(
            if member { Kind::Member } else { Kind::Word },
            start,
            value_next,
        );
    }
}

/// Whether a byte belongs to a name; those of other alphabets do, and so do a
/// few rare spaces, which then stick to the word beside them.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#' | b'\\' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::{Kind, tokens};

    /// Names and keywords outside of all brackets.
    fn words(source: &str) -> String {
        tokens(source)
            .into_iter()
            .filter(|token| token.kind == Kind::Word && token.depth == 0)
            .map(|token| source[token.range].to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    macro_rules! finds {
        ($($name:ident: $source:expr => $words:expr;)*) => {
            $(#[test] fn $name() { assert_eq!(words($source), $words); })*
        };
    }

    finds! {
        names: "a b1 _c $d é" => "a b1 _c $d é";
        members_are_no_names: "a.export + b?.export" => "a b";
        line_comments: "a // export\nb" => "a b";
        block_comments: "a /* export\n * x */ b" => "a b";
        a_hashbang: "#!/usr/bin/env export\na" => "a";
        strings: r#"a 'exp\'ort' "ex\"port" b"# => "a b";
        templates: "a `export ${ x + `export ${ y }` } export` b" => "a b";
        templates_with_braces: "a `${ {x: {}} } export` b" => "a b";
        brackets: "a ( b [ c { d } ] ) e" => "a e";
        a_regex: "a = /export'/g; b" => "a b";
        a_regex_with_a_class: "a = /[/'\"]export/; b" => "a b";
        a_regex_after_return: "return /'/; b" => "return b";
        a_regex_after_a_condition: "if (x) /'/.test(y); b" => "if b";
        a_regex_after_an_arrow: "x => /'/; b" => "x b";
        a_regex_after_a_block: "{ } /'/.test(y); b" => "b";
        division: "a / b / c" => "a b c";
        division_after_a_bracket: "(a) / b; 'x' / c" => "b c";
        division_after_an_index: "a[0] / b / c" => "a b c";
        division_after_increment: "a++ / b / c" => "a b c";
        numbers: "1e5 / a / 0x1F / .5 / 12.34n / b" => "a b";
        unclosed_things_end: "a `${" => "a";
        an_open_string_ends: "a 'b\\" => "a";
    }
}
