//! The tests beside a script: `stock.test.json` beside `stock.jq`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::apply::apply;
use super::{Script, ScriptRun, runs};
use crate::budget::bounds::Bounds;
use crate::compare::{Difference, differences};
use crate::meter::{Late, within};
use crate::plugin::script_engine::{EngineGeneration, ScriptSpec};
use crate::problem::{Blame, Place, Problem};
use crate::redact::Redactor;

/// Most cases of one script.
const MOST_CASES: usize = 1000;

/// A script's tests as they are in its file.
#[derive(Debug)]
pub struct Cases {
    /// The file.
    pub path: PathBuf,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// What the script gets. Raw, so that every digit gets there.
    item: Box<RawValue>,
    /// Members that replace those of the script's context.
    #[serde(default)]
    context: BTreeMap<String, Box<RawValue>>,
    /// What it has to give; none for an item it skips.
    documents: Option<Vec<Value>>,
    /// What its error has to contain.
    error: Option<String>,
}

/// What became of one case.
#[derive(Debug, Serialize)]
pub struct CaseResult {
    /// Its name.
    pub name: String,
    /// Whether the script gave what it has to.
    pub passed: bool,
    /// Why it did not, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the documents differ: `old` is what was expected, `new` what it gave.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// The script's error, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl Cases {
    /// Reads them.
    ///
    /// # Errors
    /// If the text is not what a file of tests has to be, with its place.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Problem> {
        let wrong = |line: usize, column: usize, detail: String| {
            Problem::script("script-tests-invalid", detail).place(Place {
                file: path.to_owned(),
                line: u32::try_from(line).unwrap_or(u32::MAX),
                column: u32::try_from(column).unwrap_or(u32::MAX),
                source: text.lines().nth(line.saturating_sub(1)).map(|line| {
                    let shown = line.chars().take(200);
                    shown.collect()
                }),
            })
        };
        let File { cases } = serde_json::from_str(text).map_err(|error| {
            let detail = format!("this is not a file of tests: {error}");
            wrong(error.line(), error.column(), detail)
        })?;
        if cases.is_empty() || cases.len() > MOST_CASES {
            let detail = format!("a file of tests has 1 to {MOST_CASES} cases");
            return Err(wrong(0, 0, detail));
        }
        let unclear = cases
            .iter()
            .find(|case| case.documents.is_some() == case.error.is_some());
        if let Some(case) = unclear {
            let detail = format!(
                "case `{}` must have either `documents` or `error`",
                case.name
            );
            return Err(wrong(0, 0, detail));
        }
        Ok(Self {
            path: path.to_owned(),
            cases,
        })
    }

    /// The documents that cases expect, each with its case's name.
    pub fn expected(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.cases.iter().flat_map(|case| {
            let documents = case.documents.iter().flatten();
            documents.map(|document| (case.name.as_str(), document))
        })
    }

    /// Runs every case, for at most `limit` of processor time: what else the
    /// host does meanwhile is not charged to the script.
    ///
    /// # Errors
    /// If the script cannot be run at all, or not within its time.
    pub async fn run(
        &self,
        engine: &EngineGeneration,
        script: &Script,
        limit: Duration,
    ) -> Result<Vec<CaseResult>, Problem> {
        match within(limit, self.run_all(engine, script)).await {
            Ok(results) => results,
            Err(Late::Spent) => {
                let detail = format!(
                    "the tests took more than {} ms of processor time, which `[limits] check_timeout_ms` allows",
                    limit.as_millis()
                );
                Err(Problem::script("script-tests-failed", detail).place(self.place()))
            }
            Err(Late::Starved) => {
                let detail = "the host was too busy to run the tests; run them again";
                Err(Problem::host("host-busy", detail).place(self.place()))
            }
        }
    }

    /// One problem for all cases that fail, or nothing. Whoever calls it bounds
    /// its time.
    ///
    /// # Errors
    /// That problem.
    pub async fn pass(&self, engine: &EngineGeneration, script: &Script) -> Result<(), Problem> {
        let results = self.run_all(engine, script).await?;
        let failed: Vec<&CaseResult> = results.iter().filter(|case| !case.passed).collect();
        let Some(first) = failed.first() else {
            return Ok(());
        };
        let detail = format!(
            "{} of {} tests of {} fail; the first is `{}`: {}",
            failed.len(),
            results.len(),
            script.path.display(),
            first.name,
            first.reason.as_deref().unwrap_or_default()
        );
        Err(Problem::script("script-tests-failed", detail).place(self.place()))
    }

    fn place(&self) -> Place {
        Place::whole(&self.path)
    }

    async fn run_all(
        &self,
        engine: &EngineGeneration,
        script: &Script,
    ) -> Result<Vec<CaseResult>, Problem> {
        let redactor = Redactor::builder().build();
        let mut results: Vec<Option<CaseResult>> = self.cases.iter().map(|_| None).collect();
        // Cases in the script's own context go together, as a call's items do.
        let (together, alone): (Vec<usize>, Vec<usize>) =
            (0..self.cases.len()).partition(|case| self.cases[*case].context.is_empty());
        let items: Vec<String> = together
            .iter()
            .map(|case| self.cases[*case].item.get().to_owned())
            .collect();
        let applied = apply(engine, script, &items, &redactor, &Bounds::default()).await?;
        for run in runs(applied) {
            not_the_hosts(&run)?;
            let case = together[run.index];
            results[case] = Some(self.cases[case].judge(run));
        }
        for case in alone {
            let other = self.cases[case].in_its_context(script)?;
            let item = [self.cases[case].item.get().to_owned()];
            let applied = apply(engine, &other, &item, &redactor, &Bounds::default()).await;
            engine.forget(&other.spec);
            let run = runs(applied?).into_iter().next();
            run.as_ref().map_or(Ok(()), not_the_hosts)?;
            results[case] = run.map(|run| self.cases[case].judge(run));
        }
        Ok(results.into_iter().flatten().collect())
    }
}

/// What the host could not do says nothing about the script.
fn not_the_hosts(run: &ScriptRun) -> Result<(), Problem> {
    match &run.problem {
        Some(problem) if problem.blame == Blame::Host => Err(problem.clone()),
        _ => Ok(()),
    }
}

impl Case {
    /// The same script, with this case's members in its context.
    fn in_its_context(&self, script: &Script) -> Result<Script, Problem> {
        let not_json = |error: serde_json::Error| {
            Problem::host("internal-error", format!("a context is no JSON: {error}"))
        };
        let mut context: BTreeMap<String, &RawValue> =
            serde_json::from_str(&script.spec.context).map_err(not_json)?;
        for (name, value) in &self.context {
            context.insert(name.clone(), value);
        }
        let context = serde_json::to_string(&context).map_err(not_json)?;
        // Its own tables replace those that would be looked up, too.
        let tables = match self.context.contains_key("tables") {
            true => Arc::default(),
            false => script.spec.tables.clone(),
        };
        Ok(Script {
            spec: ScriptSpec {
                id: super::next_script(),
                context: Arc::new(context),
                tables,
                ..script.spec.clone()
            },
            ..script.clone()
        })
    }

    fn judge(&self, mut run: ScriptRun) -> CaseResult {
        if let Some(problem) = &mut run.problem {
            // A position among the cases says nothing.
            problem.item = None;
        }
        let mut result = CaseResult {
            name: self.name.clone(),
            passed: false,
            reason: None,
            differences: Vec::new(),
            problem: None,
        };
        match (&self.documents, &self.error, run.problem) {
            (_, Some(part), Some(problem)) if problem.detail.contains(part) => {
                result.passed = true;
            }
            (_, Some(part), Some(problem)) => {
                let detail = &problem.detail;
                result.reason = Some(format!("the error is \"{detail}\", without \"{part}\""));
                result.problem = Some(problem);
            }
            (_, Some(part), None) => {
                let given = run.documents.len();
                result.reason = Some(format!(
                    "an error with \"{part}\" was expected, but it gave {given} documents"
                ));
            }
            (_, None, Some(problem)) => {
                result.reason = Some(format!("it failed: {}", problem.detail));
                result.problem = Some(problem);
            }
            (expected, None, None) => {
                let expected = Value::Array(expected.clone().unwrap_or_default());
                let given = run.documents.iter();
                let given = given.map(|document| serde_json::from_str(document.get()));
                match given.collect::<Result<Vec<Value>, _>>() {
                    Ok(given) => {
                        result.differences = differences(&expected, &Value::Array(given));
                        result.passed = result.differences.is_empty();
                    }
                    Err(error) => result.reason = Some(format!("it gave no JSON: {error}")),
                }
                if let Some(first) = result.differences.first() {
                    let (old, new) = (first.old.as_ref(), first.new.as_ref());
                    result.reason = Some(format!(
                        "document {} is {}, not {}",
                        first.pointer,
                        crate::compare::shown(new),
                        crate::compare::shown(old)
                    ));
                }
            }
        }
        result
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    fn wrong(text: &str) -> String {
        let parsed = Cases::parse(Path::new("stock.test.json"), text);
        parsed.unwrap_err().to_string()
    }

    #[test]
    fn a_file_of_tests_that_is_not_one_is_refused_with_its_place() {
        let text = "{\"cases\": [\n  {\"name\": \"a\", \"item\": {}, \"document\": []}\n]}";
        let problem = wrong(text);
        assert!(problem.starts_with("stock.test.json:2:"), "{problem}");
        assert!(problem.contains("unknown field `document`"), "{problem}");
        assert!(wrong("{\"cases\": []}").contains("1 to 1000 cases"));
        for both in ["", ", \"documents\": [], \"error\": \"x\""] {
            let text = format!("{{\"cases\": [{{\"name\": \"a\", \"item\": {{}}{both}}}]}}");
            assert!(wrong(&text).contains("either `documents` or `error`"));
        }
    }
}
