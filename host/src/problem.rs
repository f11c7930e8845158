//! One failure as data: who is to blame, what it is, where it is, in one sentence.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::clock::millis;
use crate::text::shorten;

/// Who caused a failure, and so who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// Whoever called the host: a malformed or invalid input.
    Caller,
    /// The tenant's mapping script.
    Script,
    /// The adapter: a trap, a missed deadline, a broken promise of the contract.
    Adapter,
    /// The platform: an HTTP error, an unreadable answer, a refusal.
    Platform,
    /// The host or the way it is configured.
    Host,
}

impl Blame {
    /// Everybody.
    pub const ALL: [Self; 5] = [
        Self::Caller,
        Self::Script,
        Self::Adapter,
        Self::Platform,
        Self::Host,
    ];

    /// The word used in every interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Script => "script",
            Self::Adapter => "adapter",
            Self::Platform => "platform",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place in a file a person can open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, as the operator would name it.
    pub file: PathBuf,
    /// 1-based; 0, and left out, where the position is unknown.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub line: u32,
    /// 1-based, in characters; 0, and left out, where the position is unknown.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub column: u32,
    /// The text of that line, where it helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Puts the problems of each file in the order of its lines: those of the first file
/// before all others, and what has no place behind them.
pub fn in_order(problems: &mut [Problem], first: &Path) {
    let mut files = vec![first.to_owned()];
    for place in problems.iter().filter_map(|it| it.place.as_ref()) {
        if !files.contains(&place.file) {
            files.push(place.file.clone());
        }
    }
    problems.sort_by_key(|problem| {
        problem.place.as_ref().map_or((usize::MAX, 0, 0), |place| {
            let file = files.iter().position(|file| *file == place.file);
            (file.unwrap_or(usize::MAX), place.line, place.column)
        })
    });
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What serde calls it with.
fn is_unknown(number: &u32) -> bool {
    *number == 0
}

impl Place {
    /// A file as a whole.
    pub fn whole(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            source: None,
        }
    }

    /// `file:line:column`, with what is unknown left out.
    pub fn label(&self) -> String {
        let mut label = self.file.display().to_string();
        for number in [self.line, self.column] {
            if number == 0 {
                break;
            }
            label.push_str(&format!(":{number}"));
        }
        label
    }

    /// The line with a caret under the column, or nothing when either is unknown.
    pub fn excerpt(&self) -> Option<String> {
        let source = self.source.as_deref()?;
        if self.line == 0 || self.column == 0 {
            return None;
        }
        let gutter = self.line.to_string();
        let pad: String = source
            .chars()
            .take(self.column as usize - 1)
            .map(|c| match c {
                '\t' => '\t',
                // East Asian wide characters take two cells in a terminal.
                c if (c as u32) >= 0x1100 => '\u{3000}',
                _ => ' ',
            })
            .collect();
        let blank = " ".repeat(gutter.len());
        Some(format!("{gutter} | {source}\n{blank} | {pad}^"))
    }
}

/// Characters of an item or a document that an error repeats.
const EXCERPT_CHARS: usize = 300;

/// What an excerpt is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExcerptOf {
    /// What a script got.
    Item,
    /// What a script gave.
    Document,
}

/// The beginning of what a script failed on, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// What it is of.
    pub of: ExcerptOf,
    /// Its first characters, on one line.
    pub text: String,
}

impl Excerpt {
    /// The beginning of a text that has no secrets in it.
    pub fn new(of: ExcerptOf, text: &str) -> Self {
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        // One more than is shown tells whether there is more.
        let mut text: String = text.chars().take(EXCERPT_CHARS + 1).map(shown).collect();
        shorten(&mut text, EXCERPT_CHARS);
        Self { of, text }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of {
            ExcerptOf::Item => "the item",
            ExcerptOf::Document => "the script gave",
        };
        write!(f, "{of}: {}", self.text)
    }
}

/// One failure. Everything a program needs is a field; `detail` is for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Who has to act.
    pub blame: Blame,
    /// A stable kebab-case name, for instance `unknown-connection`.
    pub code: Cow<'static, str>,
    /// One sentence: what was wrong, where, and what to do.
    pub detail: String,
    /// RFC 6901 pointer into the input (or into the script's output, when the
    /// script is to blame).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Index of the item that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    /// The file that has to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What a script failed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Box<Excerpt>>,
    /// Not before so many milliseconds is it worth trying again, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Problem {
    /// A problem with nothing but the three things every problem has.
    pub fn new(
        blame: Blame,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            blame,
            code: code.into(),
            detail: detail.into(),
            pointer: None,
            item: None,
            place: None,
            excerpt: None,
            retry_after_ms: None,
        }
    }

    /// The caller's fault.
    pub fn caller(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(Blame::Caller, code, detail)
    }

    /// The script's fault.
    pub fn script(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(Blame::Script, code, detail)
    }

    /// The adapter's fault.
    pub fn adapter(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(Blame::Adapter, code, detail)
    }

    /// The platform's fault.
    pub fn platform(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(Blame::Platform, code, detail)
    }

    /// The host's fault, or its configuration's.
    pub fn host(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(Blame::Host, code, detail)
    }

    /// Adds the RFC 6901 pointer.
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// Adds the item's index.
    pub fn item(mut self, index: usize) -> Self {
        self.item = Some(index);
        self
    }

    /// The same for the log, where records do not belong.
    pub fn without_excerpt(&self) -> Self {
        Self {
            excerpt: None,
            ..self.clone()
        }
    }

    /// Says when it is worth trying again.
    pub fn retry_after(mut self, pause: std::time::Duration) -> Self {
        // At least 1: "now" would not be a pause.
        let ms = millis(pause);
        self.retry_after_ms = Some(ms.max(1));
        self
    }

    /// Adds the file position.
    pub fn place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}: ", place.label())?;
        }
        if let Some(item) = self.item {
            write!(f, "item {item}: ")?;
        }
        f.write_str(&self.detail)?;
        if let Some(pointer) = self.pointer.as_deref().filter(|p| !p.is_empty()) {
            write!(f, " (at {pointer})")?;
        }
        if let Some(excerpt) = self.place.as_ref().and_then(Place::excerpt) {
            write!(f, "\n{excerpt}")?;
        }
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_column() {
        let place = Place {
            file: "stock.jq".into(),
            line: 3,
            column: 5,
            source: Some("{a: .b |}".into()),
        };
        assert_eq!(place.excerpt().unwrap(), "3 | {a: .b |}\n  |     ^");
        assert_eq!(place.label(), "stock.jq:3:5");
    }

    #[test]
    fn problems_are_in_the_order_of_their_files_and_lines() {
        let at = |file: &str, line, column| {
            Problem::host("a", format!("{file} {line} {column}")).place(Place {
                line,
                column,
                ..Place::whole(file)
            })
        };
        let mut problems = [
            Problem::host("a", "no place"),
            at("b.jq", 1, 1),
            at("tenant.toml", 9, 2),
            at("a.jq", 3, 1),
            at("tenant.toml", 9, 1),
            at("b.jq", 0, 0),
            at("tenant.toml", 2, 7),
        ];
        in_order(&mut problems, Path::new("tenant.toml"));
        assert_eq!(
            problems.map(|problem| problem.detail),
            [
                "tenant.toml 2 7",
                "tenant.toml 9 1",
                "tenant.toml 9 2",
                "b.jq 0 0",
                "b.jq 1 1",
                "a.jq 3 1",
                "no place"
            ]
        );
    }

    #[test]
    fn a_place_without_a_line_says_nothing_of_one() {
        let json = |place: Place| serde_json::to_value(place).unwrap();
        let mut place = Place::whole("a.toml");
        assert_eq!(json(place.clone()), serde_json::json!({"file": "a.toml"}));
        place.line = 3;
        assert_eq!(
            json(place.clone()),
            serde_json::json!({"file": "a.toml", "line": 3})
        );
        place.column = 2;
        assert_eq!(
            json(place),
            serde_json::json!({"file": "a.toml", "line": 3, "column": 2})
        );
    }

    #[test]
    fn an_excerpt_is_short_and_on_one_line() {
        let excerpt = Excerpt::new(
            ExcerptOf::Item,
            &format!("{{\n\"a\": \"{}\"}}", "x".repeat(400)),
        );
        assert_eq!(excerpt.text.chars().count(), EXCERPT_CHARS + 1);
        assert!(excerpt.to_string().starts_with("the item: { \"a\""));
    }

    #[test]
    fn a_problem_prints_where_before_what() {
        let problem = Problem::caller("invalid-document", "`stock` must be an integer")
            .item(2)
            .at("/stock");
        assert_eq!(
            problem.to_string(),
            "item 2: `stock` must be an integer (at /stock)"
        );
    }
}
