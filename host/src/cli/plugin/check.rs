//! `crossdock plugin check`: every step of loading, and then whether the adapter
//! keeps the contract however it is called.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::super::Global;
use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{Paint, clean, count, note, print, print_json, sentence};
use super::authors;
use super::findings;
use super::local::{Local, read_beside};
use super::project::Project;
use crate::config::HostConfig;
use crate::conformance::kept::Reports;
use crate::conformance::{self, Extent, Report, Weight};
use crate::plugin::generation::{AdapterGeneration, Identity};
use crate::plugin::load::{Loaded, Refusal};
use crate::plugin::manifest::Example;
use crate::plugin::verify::Kind;
use crate::problem::Problem;

pub(super) const HELP: &str = "\
Of a project's folder, the component is checked that was built there, with the examples beside it, and places in manifest.json are named.

What is checked: imports and exports, the manifest, every golden example; 1,000 documents of each operation's schema; answers that are
empty, huge, cut, no text, HTML, or 10,000 levels deep; the same call twice and in a fresh instance; time and memory of each call.
What was found is kept for the same bytes. --quick runs the steps of loading only.

Exit codes:
  0  nothing is wrong
  1  something is, or an error";

#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    /// Plugin files, or projects' folders
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// The steps of loading only
    #[arg(long)]
    quick: bool,
    /// Documents that are tried of each operation
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    documents: u32,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// What became of one file, for programs.
#[derive(Serialize)]
struct Checked {
    file: PathBuf,
    loaded: Option<Identity>,
    examples: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// A file that is newer than the component, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<String>,
    /// Places in the author's own manifest, each with what is wrong there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conformance: Option<Report>,
}

pub(super) async fn run(global: &Global, args: CheckArgs) -> Finished {
    let config = global.config()?;
    let checking = Checking {
        local: match args.quick {
            true => Local::trying_again(&config)?,
            false => Local::without_examples(&config)?,
        },
        reports: Reports::below(&config.data_dir),
        config,
        extent: Extent {
            documents: args.documents as usize,
            ..Extent::default()
        },
        quick: args.quick,
    };
    let mut checked = Vec::new();
    for file in &args.files {
        checked.push(checking.one(file).await?);
    }
    if args.json {
        print_json(&checked)?;
    } else {
        let paint = Paint::stdout();
        let text: String = checked.iter().map(|checked| checked.text(paint)).collect();
        print(&text)?;
    }
    let all = checked.iter().all(Checked::passed);
    Ok(if all { Exit::Done } else { Exit::Error })
}

struct Checking {
    local: Local,
    reports: Reports,
    config: HostConfig,
    extent: Extent,
    quick: bool,
}

impl Checking {
    async fn one(&self, path: &Path) -> Result<Checked, Failure> {
        let project = Project::find(path)?;
        let result = self.local.load(&project.plugin).await;
        let mut checked = Checked::new(&project.plugin, &result);
        checked.stale = project.stale();
        if let Some(stale) = &checked.stale {
            note(&clean(stale));
        }
        // The file that its author sees, whatever was built of it before.
        let places = project.manifest.as_deref().map(authors::places);
        checked.places = places.unwrap_or_default();
        let adapter = match result {
            Ok(Loaded::Adapter(adapter)) => adapter,
            Ok(_) => return Ok(checked),
            Err(_) => return Ok(checked),
        };
        if !checked.places.is_empty() {
            checked.loaded = None;
            checked.step = Some("manifest");
            checked.reason = Some("manifest.json of the folder is not valid".to_owned());
            return Ok(checked);
        }
        if self.quick {
            return Ok(checked);
        }
        let examples = match &project.examples {
            Some(dir) => read_beside(dir, &adapter)?,
            None => Vec::new(),
        };
        let examples: Vec<Example> = examples.into_iter().map(|case| case.example).collect();
        let mut report = self.conformance(&adapter, &examples).await?;
        if let Some(dir) = &project.examples {
            let unnamed = authors::unnamed(dir, &adapter.manifest);
            report.findings.extend(unnamed);
            report.findings.sort_by_key(|finding| finding.weight);
        }
        checked.examples = report.examples;
        let wrong = |of: &str| {
            let mut findings = report.findings.iter();
            findings.find(|one| one.weight == Weight::Wrong && one.part == of)
        };
        if let Some(first) = wrong("examples") {
            // As loading would have it.
            checked.loaded = None;
            checked.step = Some("examples");
            checked.reason = Some(first.what.clone());
        } else if !report.passed() {
            checked.step = Some("conformance");
            let wrong = report.findings.iter();
            let wrong = wrong.filter(|one| one.weight == Weight::Wrong).count();
            checked.reason = Some(match wrong {
                1 => "1 thing is wrong".to_owned(),
                many => format!("{many} things are wrong"),
            });
        }
        checked.conformance = Some(report);
        Ok(checked)
    }

    /// What is found, or was found before.
    async fn conformance(
        &self,
        adapter: &std::sync::Arc<AdapterGeneration>,
        examples: &[Example],
    ) -> Result<Report, Failure> {
        let limits = &self.config.limits;
        let decides = (
            limits.guest_deadline.as_millis(),
            limits.guest_memory,
            limits.guest_output,
            self.extent.documents,
            examples,
        );
        let unwritable = |error: serde_json::Error| {
            Failure::from(Problem::host("internal-error", error.to_string()))
        };
        let decides = serde_json::to_vec(&decides).map_err(unwritable)?;
        let sha = adapter.identity.sha256;
        if let Some(report) = self.reports.get(sha, &decides) {
            return Ok(report);
        }
        let deadline = limits.guest_deadline;
        let report = conformance::check(adapter, examples, deadline, self.extent).await;
        let report = report.map_err(|stuck| Problem::host("host-busy", stuck.to_string()))?;
        if report.is_whole() {
            self.reports.put(sha, &decides, &report);
        }
        Ok(report)
    }
}

impl Checked {
    fn new(file: &Path, result: &Result<Loaded, Refusal>) -> Self {
        let loaded = result.as_ref().ok();
        let refusal = result.as_ref().err();
        Self {
            file: file.to_owned(),
            loaded: loaded.map(|loaded| loaded.identity().clone()),
            examples: match loaded {
                Some(Loaded::Adapter(adapter)) => adapter.manifest.examples.len(),
                _ => 0,
            },
            step: refusal.map(Refusal::step),
            reason: refusal.map(Refusal::to_string),
            stale: None,
            places: Vec::new(),
            conformance: None,
        }
    }

    fn passed(&self) -> bool {
        self.loaded.is_some() && self.conformance.as_ref().is_none_or(Report::passed)
    }

    fn text(&self, paint: Paint) -> String {
        let file = clean(&self.file.display().to_string());
        let mut text = match (&self.loaded, &self.step, &self.reason) {
            (Some(identity), step, _) => {
                let times = &identity.times;
                format!(
                    "{} {file}: {} {}, {}; compile {:.1} ms{}, describe {:.1} ms, examples {:.1} ms\n",
                    match step {
                        None => paint.good("ok"),
                        Some(_) => paint.bad("wrong"),
                    },
                    clean(&identity.name),
                    clean(&version(identity)),
                    count(self.examples, "example"),
                    times.compile_ms,
                    if times.from_cache { " (cached)" } else { "" },
                    times.describe_ms,
                    times.examples_ms,
                )
            }
            (None, step, reason) => format!(
                "{} {file} at step `{}`: {}\n",
                paint.bad("refused"),
                step.unwrap_or_default(),
                sentence(reason.as_deref().unwrap_or_default())
            ),
        };
        for place in &self.places {
            text.push_str(&format!("  {}\n", sentence(place)));
        }
        if let Some(report) = &self.conformance {
            findings::text(paint, report, &mut text);
        }
        text
    }
}

/// Its version; what has none, says what it is.
fn version(identity: &Identity) -> String {
    match (&identity.version, identity.kind) {
        (Some(version), _) => version.clone(),
        (None, Kind::Adapter) => "adapter".into(),
        (None, Kind::ScriptEngine) => "script engine".into(),
        (None, Kind::LanguageRuntime) => "language runtime".into(),
    }
}
