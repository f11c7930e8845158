//! Reads one TOML table key by key: what is asked for is known, everything
//! else is reported.

use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::did_you_mean::nearest;
use super::mistakes::{Report, Span};
use crate::text::{one_line, quoted};

/// Most characters of a key that a message repeats.
const SHOWN_KEY: usize = 64;

/// Most syntax errors reported of one file: the later ones are mostly
/// consequences of the first.
const MOST_SYNTAX_ERRORS: usize = 10;

/// Parses the whole document, and reports every syntax error in it. What can be
/// read beside them is: all that is wrong with a file is said at once.
pub(super) fn parse<'i>(text: &'i str, report: &mut Report<'i>) -> DeTable<'i> {
    report.set_text(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(MOST_SYNTAX_ERRORS) {
        let span = error.span().unwrap_or(0..0);
        let what = one_line(error.message());
        report.syntax(&span, format!("This is not valid TOML: {what}."));
    }
    table.into_inner()
}

/// One table, and which of its keys have been asked for.
pub(super) struct Section<'a, 'i> {
    table: &'a DeTable<'i>,
    /// The dotted key of the table, empty at the top of the file.
    path: String,
    span: Span,
    known: Vec<&'static str>,
}

/// A value with what a message about it needs.
pub(super) struct Typed<T> {
    /// What was typed.
    pub value: T,
    /// Where the value stands.
    pub span: Span,
    /// The dotted key.
    pub key: String,
}

impl<T> Typed<T> {
    /// Reports something about this value; the sentence starts with its key.
    pub fn refuse(&self, report: &mut Report, code: &'static str, what: impl Display) {
        report.at(&self.span, code, format!("`{}` {what}", self.key));
    }

    /// Only the key and its place.
    pub fn without_value(&self) -> Typed<()> {
        Typed {
            value: (),
            span: self.span.clone(),
            key: self.key.clone(),
        }
    }
}

impl<'a, 'i> Section<'a, 'i> {
    /// The top of a file.
    pub fn top(table: &'a DeTable<'i>) -> Self {
        Self {
            table,
            path: String::new(),
            span: 0..0,
            known: Vec::new(),
        }
    }

    /// The dotted key of `name` in this table, quoted where TOML needs it.
    pub fn key(&self, name: &str) -> String {
        dotted(&self.path, name)
    }

    /// Where the table starts.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// The table itself.
    pub fn table(&self) -> &'a DeTable<'i> {
        self.table
    }

    /// The value under `name`, whatever its type.
    pub fn any(&mut self, name: &'static str) -> Option<Typed<&'a DeValue<'i>>> {
        self.known.push(name);
        let (key, value) = self.table.get_key_value(name)?;
        Some(self.typed(key.get_ref(), value.span(), value.get_ref()))
    }

    /// A string.
    pub fn string(&mut self, report: &mut Report, name: &'static str) -> Option<Typed<&'a str>> {
        self.any(name)?.string(report)
    }

    /// A string that is not empty.
    pub fn text(&mut self, report: &mut Report, name: &'static str) -> Option<Typed<&'a str>> {
        let text = self.string(report, name)?;
        if text.value.trim().is_empty() {
            text.refuse(report, "config-bad-value", "must not be empty.");
            return None;
        }
        Some(text)
    }

    /// A string that has to be there and must not be empty; `advice` follows
    /// "is missing: ".
    pub fn required(
        &mut self,
        report: &mut Report,
        name: &'static str,
        advice: &str,
    ) -> Option<Typed<&'a str>> {
        if !self.table.contains_key(name) {
            self.missing(report, name, advice);
        }
        self.text(report, name)
    }

    /// A whole number within a range.
    pub fn integer(
        &mut self,
        report: &mut Report,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = self.any(name)?;
        let DeValue::Integer(number) = value.value else {
            value.wrong_type(report, "a whole number");
            return None;
        };
        let number = u64::from_str_radix(number.as_str(), number.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            value.refuse(
                report,
                "config-out-of-range",
                format!("must be between {} and {}.", range.start(), range.end()),
            );
        }
        number
    }

    /// True or false.
    pub fn boolean(&mut self, report: &mut Report, name: &'static str) -> Option<bool> {
        let value = self.any(name)?;
        let boolean = value.value.as_bool();
        if boolean.is_none() {
            value.wrong_type(report, "true or false");
        }
        boolean
    }

    /// An array of strings, without the elements that are something else.
    pub fn strings(&mut self, report: &mut Report, name: &'static str) -> Vec<Typed<&'a str>> {
        let Some(value) = self.any(name) else {
            return Vec::new();
        };
        let DeValue::Array(array) = value.value else {
            value.wrong_type(report, "an array of strings");
            return Vec::new();
        };
        elements(&value.key, array)
            .filter_map(|element| element.string(report))
            .collect()
    }

    /// A table.
    pub fn section(&mut self, report: &mut Report, name: &'static str) -> Option<Section<'a, 'i>> {
        self.known.push(name);
        let (key, value) = self.table.get_key_value(name)?;
        self.subtable(report, key, value)
    }

    /// Every entry, for tables whose keys are names.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a, 'i>> + use<'a, 'i> {
        entries(&self.path, self.table)
    }

    /// Reports something about the table as a whole; the sentence starts with
    /// its key.
    pub fn refuse(&self, report: &mut Report, code: &'static str, what: impl Display) {
        report.at(&self.span, code, format!("`{}` {what}", self.path));
    }

    /// Reports that `name` is not there, unless it may be on a line that could
    /// not be read.
    pub fn missing(&self, report: &mut Report, name: &str, advice: &str) {
        if report.is_broken() {
            return;
        }
        let detail = format!("`{}` is missing: {advice}", self.key(name));
        report.at(&self.span, "config-missing", detail);
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self, report: &mut Report) {
        for (key, _) in self.table {
            let typed: &str = key.get_ref();
            if self.known.contains(&typed) {
                continue;
            }
            let advice = match nearest(typed, self.known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("the keys here are {}.", listed(self.known.iter().copied())),
            };
            let detail = format!("`{}` is not a known key: {advice}", self.key(typed));
            report.at(&key.span(), "config-unknown-key", detail);
        }
    }

    fn subtable(
        &self,
        report: &mut Report,
        key: &Spanned<std::borrow::Cow<'i, str>>,
        value: &'a Spanned<DeValue<'i>>,
    ) -> Option<Section<'a, 'i>> {
        let typed = self.typed(key.get_ref(), value.span(), value.get_ref());
        typed.table(report, key.span())
    }

    fn typed<T>(&self, name: &str, span: Span, value: T) -> Typed<T> {
        Typed {
            value,
            span,
            key: self.key(name),
        }
    }
}

/// One entry of a table whose keys are names.
pub(super) struct Entry<'a, 'i> {
    /// The name as typed.
    pub name: &'a str,
    /// Where the name stands.
    pub name_span: Span,
    /// What it is set to.
    pub value: Typed<&'a DeValue<'i>>,
}

impl<'a, 'i> Entry<'a, 'i> {
    /// The entry's table.
    pub fn table(&self, report: &mut Report) -> Option<Section<'a, 'i>> {
        self.value.table(report, self.name_span.clone())
    }
}

impl<'a, 'i> Typed<&'a DeValue<'i>> {
    /// A string.
    pub fn string(&self, report: &mut Report) -> Option<Typed<&'a str>> {
        let DeValue::String(text) = self.value else {
            self.wrong_type(report, "a string");
            return None;
        };
        Some(Typed {
            value: text,
            span: self.span.clone(),
            key: self.key.clone(),
        })
    }

    /// Reports a value of another type than the one that belongs here.
    pub fn wrong_type(&self, report: &mut Report, expected: &str) {
        let found = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.refuse(
            report,
            "config-wrong-type",
            format!("must be {expected}, not {found}."),
        );
    }

    /// A table, which begins at `header`.
    pub fn table(&self, report: &mut Report, header: Span) -> Option<Section<'a, 'i>> {
        let DeValue::Table(table) = self.value else {
            self.wrong_type(report, "a table");
            return None;
        };
        Some(Section {
            table,
            path: self.key.clone(),
            span: header,
            known: Vec::new(),
        })
    }
}

/// The elements of an array, keyed `name[0]`, `name[1]`, ….
pub(super) fn elements<'a, 'i>(
    key: &str,
    array: &'a DeArray<'i>,
) -> impl Iterator<Item = Typed<&'a DeValue<'i>>> + use<'a, 'i> {
    let key = key.to_owned();
    array.iter().enumerate().map(move |(index, value)| Typed {
        value: value.get_ref(),
        span: value.span(),
        key: format!("{key}[{index}]"),
    })
}

/// The entries of a table whose own dotted key is `path`.
pub(super) fn entries<'a, 'i>(
    path: &str,
    table: &'a DeTable<'i>,
) -> impl Iterator<Item = Entry<'a, 'i>> + use<'a, 'i> {
    let path = path.to_owned();
    table.iter().map(move |(key, value)| Entry {
        name: key.get_ref(),
        name_span: key.span(),
        value: Typed {
            value: value.get_ref(),
            span: value.span(),
            key: dotted(&path, key.get_ref()),
        },
    })
}

/// Names for a sentence: `a`, `b`, `c`.
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    quoted(names.into_iter().map(shown), ", ")
}

/// A name as a message repeats it: cut, and without control characters.
pub(super) fn shown(name: &str) -> String {
    let mut shown: String = name
        .chars()
        .take(SHOWN_KEY)
        .flat_map(|c| {
            let keep = !c.is_control();
            keep.then_some(c)
                .into_iter()
                .chain((!keep).then(|| c.escape_default()).into_iter().flatten())
        })
        .collect();
    if name.chars().nth(SHOWN_KEY).is_some() {
        shown.push('…');
    }
    shown
}

fn dotted(path: &str, name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let name = shown(name);
    let name = if bare { name } else { format!("\"{name}\"") };
    if path.is_empty() {
        name
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load_tenant;

    #[test]
    fn a_line_that_is_not_toml_hides_nothing_else() {
        let tenants = tempfile::tempdir().unwrap();
        let dir = tenants.path().join("acme");
        std::fs::create_dir(&dir).unwrap();
        let text = "[connections.shop]\nadapter = \"lingzhi\nbase_url = \"https://a.example\"\n\
                    allow_privat = true\nca_file = 3\n\
                    [connections.shop.settings]\npath = /x\nother = 1\n";
        std::fs::write(dir.join("tenant.toml"), text).unwrap();
        let problems = load_tenant(&dir, &crate::secrets::Sources::ignored())
            .checked()
            .unwrap_err();
        let places: Vec<_> = problems
            .iter()
            .map(|problem| {
                let place = problem.place.as_ref().unwrap();
                assert!(place.column > 0, "{problem}");
                (&*problem.code, place.line)
            })
            .collect();
        assert_eq!(
            places,
            [
                ("config-syntax", 2),
                ("config-unknown-key", 4),
                ("config-wrong-type", 5),
                ("config-syntax", 7),
            ],
            "{problems:#?}"
        );
        assert!(problems[1].detail.contains("did you mean `allow_private`?"));
    }
}
