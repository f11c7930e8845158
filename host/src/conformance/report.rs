//! What a check found: for people and for programs, and kept on disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Findings of one sort that are told; the others are counted.
const MOST_ALIKE: usize = 3;

/// Findings that are told at all.
const MOST: usize = 60;

/// Characters of an input that is shown.
const INPUT_CHARS: usize = 600;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// The contract is broken: it has to be mended.
    Wrong,
    /// It may be right; somebody should look.
    Look,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// `examples`, `documents`, `answers`, `purity`, `cost`.
    pub part: String,
    /// The operation, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// What happened, in one sentence.
    pub what: String,
    /// What to do about it.
    pub fix: String,
    /// What was given to the adapter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// How often the like of it was found.
    pub times: u32,
}

/// What calls of one function took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Calls.
    pub calls: u32,
    /// Milliseconds of the middle one, and of the longest.
    pub median_ms: f64,
    /// The longest.
    pub longest_ms: f64,
    /// Bytes of memory that an instance held after a call, at most.
    pub memory: usize,
}

/// What was tried of one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Documents that fit the schema and were given to `map`.
    pub documents: u32,
    /// Of these, the ones made by changing those of examples.
    pub changed: u32,
    /// Of these, the ones that the adapter refused, as it may.
    pub refused: u32,
    /// Requests that were signed.
    pub requests: u32,
    /// Answers that were given to `parse-response`.
    pub answers: u32,
    /// The time was over before there were as many documents as wanted.
    pub cut_short: bool,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What is wrong, and what deserves a look.
    pub findings: Vec<Finding>,
    /// By operation.
    pub operations: BTreeMap<String, Tried>,
    /// By function.
    pub costs: BTreeMap<String, Cost>,
    /// Examples that were run.
    pub examples: usize,
    /// Interfaces of the contract that it exports besides the one of adapters.
    pub interfaces: Vec<String>,
    /// It was found before, of the same bytes.
    #[serde(default)]
    pub cached: bool,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn passed(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.weight != Weight::Wrong)
    }

    /// Whether everything was tried that was to be: a machine that was busy is no
    /// reason to keep less.
    pub fn is_whole(&self) -> bool {
        !self.operations.values().any(|tried| tried.cut_short)
    }

    /// Takes a finding. Of equal ones the first is kept, and of many that are
    /// alike the first few.
    pub(super) fn add(&mut self, mut finding: Finding) {
        if let Some(input) = &mut finding.input {
            crate::text::shorten(input, INPUT_CHARS);
        }
        let equal = |other: &&mut Finding| {
            other.weight == finding.weight
                && other.part == finding.part
                && other.operation == finding.operation
                && other.what == finding.what
                && other.fix == finding.fix
        };
        if let Some(first) = self.findings.iter_mut().find(equal) {
            first.times += 1;
            return;
        }
        let alike = |other: &&mut Finding| {
            other.part == finding.part
                && other.operation == finding.operation
                && other.fix == finding.fix
        };
        let before = self.findings.iter_mut().filter(alike);
        let before: Vec<&mut Finding> = before.collect();
        if before.len() >= MOST_ALIKE
            && let Some(first) = before.into_iter().next()
        {
            first.times += 1;
            return;
        }
        if self.findings.len() < MOST {
            self.findings.push(finding);
        }
    }
}

impl Report {
    /// Takes a finding that is told once in a report, however it is met: as long as
    /// one that weighs the same has these words, that one is counted.
    pub(super) fn add_said(&mut self, finding: Finding, said: Option<&str>) {
        let same = |other: &&mut Finding| {
            said.is_some_and(|said| other.weight == finding.weight && other.what.contains(said))
        };
        match self.findings.iter_mut().find(same) {
            Some(first) => first.times += 1,
            None => self.add(finding),
        }
    }
}

impl Finding {
    pub(super) fn wrong(part: &str, what: impl Into<String>, fix: &str) -> Self {
        Self {
            weight: Weight::Wrong,
            part: part.to_owned(),
            operation: None,
            what: what.into(),
            fix: fix.to_owned(),
            input: None,
            times: 1,
        }
    }

    pub(super) fn look(part: &str, what: impl Into<String>, fix: &str) -> Self {
        Self {
            weight: Weight::Look,
            ..Self::wrong(part, what, fix)
        }
    }

    pub(super) fn of(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    pub(super) fn with(mut self, input: impl Into<String>) -> Self {
        self.input = Some(input.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_findings_are_told_once_and_counted() {
        let mut report = Report::default();
        for input in ["{}", "[]", "1"] {
            report.add(Finding::look("documents", "the same", "look at it").with(input));
        }
        for what in ["a", "b", "c", "d"] {
            report.add(Finding::look("documents", what, "look at that"));
        }
        let told: Vec<(&str, u32)> = report
            .findings
            .iter()
            .map(|one| (&*one.what, one.times))
            .collect();
        assert_eq!(told, [("the same", 3), ("a", 2), ("b", 1), ("c", 1)]);
        assert_eq!(report.findings[0].input.as_deref(), Some("{}"));
    }

    #[test]
    fn what_an_adapter_says_is_told_once_wherever_it_is_met() {
        let mut report = Report::default();
        let said = Some("a.js:1:2: no");
        let met = [
            ("examples", "example `x` failed at sign: a.js:1:2: no"),
            ("documents", "`sign` fails by its own fault: a.js:1:2: no"),
            ("documents", "`sign` fails by its own fault: a.js:9:2: no"),
        ];
        for (part, what) in met {
            let said = said.filter(|said| what.contains(said));
            report.add_said(Finding::wrong(part, what, part), said);
        }
        report.add_said(Finding::look("documents", met[0].1, "look"), said);
        let told: Vec<(&str, u32)> = report
            .findings
            .iter()
            .map(|one| (&*one.what, one.times))
            .collect();
        assert_eq!(told, [(met[0].1, 2), (met[2].1, 1), (met[0].1, 1)]);
    }
}
