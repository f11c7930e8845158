//! Which scripts have tests beside them, and the context each is tested in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::run::{apart, engine_of, from_file, read};
use crate::config::{TenantConfig, load_tenant, tests_beside};
use crate::problem::Problem;
use crate::script::Script;
use crate::script::context::Sight;
use crate::script::test_cases::{CaseResult, Cases};
use crate::secrets::Sources;
use crate::serving::snapshot::Snapshot;

/// What ends the name of a file of tests.
const SUFFIX: &str = ".test.json";

/// Files and folders looked at in search of tests.
const MOST_ENTRIES: usize = 1_000_000;

/// The tests of one script in one context.
#[derive(Debug, Serialize)]
pub struct Suite {
    /// The script.
    pub script: PathBuf,
    /// Its tests.
    pub tests: PathBuf,
    /// Tenant, connection and operation whose context it was tested in;
    /// nothing for a script that no connection uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#for: Option<String>,
    /// Every case.
    pub cases: Vec<CaseResult>,
    /// Why the cases could not be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl Suite {
    /// Whether every case passed.
    pub fn passed(&self) -> bool {
        self.problem.is_none() && self.cases.iter().all(|case| case.passed)
    }
}

/// Runs the tests of these files and folders, or of all tenants: those of each
/// script for at most `limit` of processor time.
pub async fn run(
    snapshot: &Snapshot,
    tenants: &Path,
    paths: &[PathBuf],
    limit: Duration,
) -> Result<Vec<Suite>, Problem> {
    let everything = [tenants.to_owned()];
    let paths = if paths.is_empty() { &everything } else { paths };
    let mut scripts = Vec::new();
    for path in paths {
        find(snapshot, path, &mut scripts)?;
    }
    let mut users = Users::new(tenants);
    let mut suites = Vec::new();
    for script in scripts {
        let tests = tests_beside(&script);
        let mut contexts = users.of(snapshot, &script)?;
        if contexts.is_empty() {
            contexts.push((None, from_file(&script)?));
        }
        for (label, script_there) in contexts {
            let result = run_one(snapshot, &script_there, &tests, limit).await;
            let (cases, problem) = match result {
                Ok(cases) => (cases, None),
                Err(problem) => (Vec::new(), Some(problem)),
            };
            suites.push(Suite {
                script: script.clone(),
                tests: tests.clone(),
                r#for: label,
                cases,
                problem,
            });
        }
    }
    Ok(suites)
}

async fn run_one(
    snapshot: &Snapshot,
    script: &Script,
    tests: &Path,
    limit: Duration,
) -> Result<Vec<CaseResult>, Problem> {
    let engine = engine_of(snapshot, &script.path)?;
    let tests = Cases::parse(tests, &read(tests)?)?;
    tests.run(engine, script, limit).await
}

/// The scripts with tests at a path: a script, its tests, or a folder.
fn find(snapshot: &Snapshot, path: &Path, scripts: &mut Vec<PathBuf>) -> Result<(), Problem> {
    if path.is_dir() {
        let mut entries = 0;
        return find_below(snapshot, path, &mut entries, scripts);
    }
    let is_tests = path.to_string_lossy().ends_with(SUFFIX);
    let script = if is_tests {
        beside_tests(snapshot, path)
    } else {
        Some(path.to_owned())
    };
    let script = script.filter(|script| script.is_file()).ok_or_else(|| {
        let what = if is_tests { "the script of " } else { "" };
        let detail = format!("{what}{} does not exist", path.display());
        Problem::caller("script-unreadable", detail)
    })?;
    let tests = tests_beside(&script);
    if !tests.is_file() {
        let detail = format!(
            "{} has no tests: write them into {}",
            script.display(),
            tests.display()
        );
        return Err(Problem::caller("script-tests-missing", detail));
    }
    scripts.push(script);
    Ok(())
}

fn find_below(
    snapshot: &Snapshot,
    dir: &Path,
    entries: &mut usize,
    scripts: &mut Vec<PathBuf>,
) -> Result<(), Problem> {
    let unreadable = |error: std::io::Error| {
        let why = crate::file_failure::sentence(&error);
        let detail = format!("{} cannot be read: {why}", dir.display());
        Problem::caller("script-unreadable", detail)
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        *entries += 1;
        if *entries > MOST_ENTRIES {
            let detail = format!("{} has too many files to search", dir.display());
            return Err(Problem::caller("script-unreadable", detail));
        }
        paths.push(entry.map_err(unreadable)?);
    }
    paths.sort_by_key(std::fs::DirEntry::path);
    for entry in paths {
        let path = entry.path();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // Not through links: a folder may be linked into itself.
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && !hidden {
            find_below(snapshot, &path, entries, scripts)?;
        } else if path.to_string_lossy().ends_with(SUFFIX) && !hidden {
            find(snapshot, &path, scripts)?;
        }
    }
    Ok(())
}

/// `stock.jq` for `stock.test.json`.
fn beside_tests(snapshot: &Snapshot, tests: &Path) -> Option<PathBuf> {
    let text = tests.to_str()?;
    let stem = text.strip_suffix(SUFFIX)?;
    let mut extensions: Vec<&String> = snapshot.engines.keys().collect();
    extensions.sort();
    extensions
        .into_iter()
        .map(|extension| PathBuf::from(format!("{stem}.{extension}")))
        .find(|script| script.is_file())
}

/// Tenants' files that were read on the way.
struct Users {
    root: Option<PathBuf>,
    known: BTreeMap<PathBuf, Option<Arc<TenantConfig>>>,
}

impl Users {
    fn new(tenants: &Path) -> Self {
        Self {
            root: tenants.canonicalize().ok(),
            known: BTreeMap::new(),
        }
    }

    /// The script as each connection that uses it has it. Of a tenant whose file
    /// is not right, nothing is known.
    fn of(
        &mut self,
        snapshot: &Snapshot,
        script: &Path,
    ) -> Result<Vec<(Option<String>, Script)>, Problem> {
        let Some(real) = script.canonicalize().ok() else {
            return Ok(Vec::new());
        };
        let Some(config) = self.tenant_of(&real) else {
            return Ok(Vec::new());
        };
        let mut users = Vec::new();
        for connection in config.connections.values() {
            let sources = connection.mappings.iter().chain(&connection.replies);
            for (operation, source) in sources {
                if source.path.canonicalize().ok().as_ref() != Some(&real) {
                    continue;
                }
                let engine = engine_of(snapshot, script)?;
                let sight = Sight::new(&config.name, connection, operation, engine)
                    .map_err(|why| Problem::host("config-bad-value", why))?;
                let label = format!("{}/{}/{operation}", config.name, connection.name);
                let source = source.text.to_string();
                users.push((
                    Some(label),
                    apart(config.name.clone(), sight, script, source),
                ));
            }
        }
        Ok(users)
    }

    fn tenant_of(&mut self, real: &Path) -> Option<Arc<TenantConfig>> {
        let root = self.root.as_ref()?;
        let name = real.strip_prefix(root).ok()?.components().next()?;
        let dir = root.join(name);
        let load = || {
            load_tenant(&dir, &Sources::ignored())
                .checked()
                .ok()
                .map(Arc::new)
        };
        self.known.entry(dir.clone()).or_insert_with(load).clone()
    }
}
