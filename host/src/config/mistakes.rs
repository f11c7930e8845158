//! Collects everything wrong with one file, each with its line and column.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::problem::{Place, Problem};

/// Most problems reported of one file: a person fixes a screenful at a time,
/// and a file of a million unknown keys must not become a million sentences.
const MOST_PROBLEMS: usize = 100;

/// Where in the file something stands, in bytes.
pub(super) type Span = Range<usize>;

/// The problems of one file.
///
/// No source line is ever attached: a person who typed a secret into the file
/// by mistake must not find it in the log as well.
pub(super) struct Report<'t> {
    file: PathBuf,
    text: &'t str,
    line_starts: Vec<usize>,
    problems: Vec<Problem>,
    suppressed: usize,
    /// Lines that are not valid TOML. What was read of them is a guess, and so
    /// is what is missing in the file.
    broken: BTreeSet<u32>,
}

impl<'t> Report<'t> {
    /// About the file at `file`, whose text is not known yet.
    pub fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            text: "",
            line_starts: vec![0],
            problems: Vec::new(),
            suppressed: 0,
            broken: BTreeSet::new(),
        }
    }

    /// Positions are in this text from now on.
    pub fn set_text(&mut self, text: &'t str) {
        self.text = text;
        self.line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
    }

    /// 1-based line and column of a byte, the column in characters.
    pub fn position(&self, at: usize) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start <= at);
        let start = self.line_starts.get(line.wrapping_sub(1)).copied();
        let before = start.and_then(|start| self.text.get(start..at));
        let column = before.map_or(0, |before| before.chars().count() + 1);
        let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
        (number(line), number(column))
    }

    /// Whether anything in the file is not valid TOML.
    pub fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// Something that is not valid TOML.
    pub fn syntax(&mut self, span: &Span, detail: String) {
        self.at(span, "config-syntax", detail);
        self.broken.insert(self.position(span.start).0);
    }

    /// A problem with the file as a whole.
    pub fn about_file(&mut self, code: &'static str, detail: impl Into<String>) {
        self.push(Problem::host(code, detail).place(Place::whole(&self.file)));
    }

    /// A problem at a position.
    pub fn at(&mut self, span: &Span, code: &'static str, detail: impl Into<String>) {
        let place = self.place(span.start);
        if code != "config-syntax" && self.broken.contains(&place.line) {
            return;
        }
        self.push(Problem::host(code, detail).place(place));
    }

    /// A problem at a place of another file that this one names; 0 where line
    /// or column are not known.
    pub fn in_file(
        &mut self,
        file: &Path,
        (line, column): (u32, u32),
        code: &'static str,
        detail: impl Into<String>,
    ) {
        let place = Place {
            line,
            column,
            ..Place::whole(file)
        };
        self.push(Problem::host(code, detail).place(place));
    }

    /// Nothing, or everything that was wrong, in the order of the file.
    pub fn finish(mut self) -> Result<(), Vec<Problem>> {
        if self.problems.is_empty() {
            return Ok(());
        }
        self.problems.sort_by_key(|problem| {
            let place = problem.place.as_ref();
            place.map(|place| (place.line, place.column))
        });
        if self.suppressed > 0 {
            let rest = self.suppressed;
            self.problems.push(Problem::host(
                "config-more-problems",
                format!(
                    "{} has {rest} more problems, which are shown once these are fixed.",
                    self.file.display()
                ),
            ));
        }
        Err(self.problems)
    }

    fn push(&mut self, problem: Problem) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.suppressed += 1;
        }
    }

    fn place(&self, at: usize) -> Place {
        let (line, column) = self.position(at);
        Place {
            file: self.file.clone(),
            line,
            column,
            source: None,
        }
    }
}
