//! Collects everything wrong with one file, each with its line and column.

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
        }
    }

    /// Positions are in this text from now on.
    pub fn set_text(&mut self, text: &'t str) {
        self.text = text;
        self.line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
    }

    /// 1-based line of a byte.
    pub fn line(&self, at: usize) -> u32 {
        let line = self.line_starts.partition_point(|start| *start <= at);
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    /// A problem with the file as a whole.
    pub fn about_file(&mut self, code: &'static str, detail: impl Into<String>) {
        let place = Place {
            file: self.file.clone(),
            line: 0,
            column: 0,
            source: None,
        };
        self.push(Problem::host(code, detail).place(place));
    }

    /// A problem at a position.
    pub fn at(&mut self, span: &Span, code: &'static str, detail: impl Into<String>) {
        let place = self.place(span.start);
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
            file: file.to_owned(),
            line,
            column,
            source: None,
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
        let line = self.line(at);
        let start = self.line_starts[line as usize - 1];
        let column = self
            .text
            .get(start..at)
            .map_or(0, |before| before.chars().count() as u32 + 1);
        Place {
            file: self.file.clone(),
            line,
            column,
            source: None,
        }
    }
}
