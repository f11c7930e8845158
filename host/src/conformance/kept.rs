//! What a check found before, of the same bytes: in a folder beside the compiled
//! code.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::VERSION;
use super::report::Report;
use crate::files::{self, Links};
use crate::plugin::artifact::Sha;

/// Reports kept; the oldest go first.
const MOST_REPORTS: usize = 256;

/// Bytes of one report.
const REPORT_BYTES: u64 = 4 << 20;

/// The folder of kept reports.
#[derive(Debug, Clone)]
pub struct Reports {
    dir: PathBuf,
}

impl Reports {
    /// Those below a data folder, which is made when the first one is written.
    pub fn below(data_dir: &Path) -> Self {
        Self {
            dir: data_dir.join("checks"),
        }
    }

    /// What was found of a file and of whatever else decided about it.
    pub fn get(&self, file: Sha, with: &[u8]) -> Option<Report> {
        let bytes = files::read(&self.path(file, with), REPORT_BYTES, Links::Refuse).ok()?;
        let report: Report = serde_json::from_slice(&bytes).ok()?;
        Some(Report {
            cached: true,
            ..report
        })
    }

    /// Keeps a report. A failure costs the next check its time, nothing else.
    pub fn put(&self, file: Sha, with: &[u8], report: &Report) {
        let path = self.path(file, with);
        if let Err(error) = self.write(&path, report) {
            tracing::warn!(path = %path.display(), %error, "what was checked is not kept");
        }
        self.prune();
    }

    fn path(&self, file: Sha, with: &[u8]) -> PathBuf {
        let version = format!("{}/{VERSION}/", env!("CARGO_PKG_VERSION"));
        let with = Sha::of(&[version.as_bytes(), with].concat());
        self.dir.join(format!("{file}-{}.json", with.short()))
    }

    fn write(&self, path: &Path, report: &Report) -> std::io::Result<()> {
        files::private_folder(&self.dir)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(&serde_json::to_vec(report)?)?;
        file.persist(path)?;
        Ok(())
    }

    fn prune(&self) {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut all: Vec<(SystemTime, PathBuf)> = entries
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        all.sort();
        let more = all.len().saturating_sub(MOST_REPORTS);
        for (_, path) in all.into_iter().take(more) {
            // Another process may have been faster.
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_kept_for_its_bytes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let reports = Reports::below(dir.path());
        let (one, other) = (Sha::of(b"one"), Sha::of(b"other"));
        assert_eq!(reports.get(one, b"limits"), None);
        let report = Report {
            examples: 7,
            ..Report::default()
        };
        reports.put(one, b"limits", &report);
        let kept = reports.get(one, b"limits").expect("it is kept");
        assert!(kept.cached && kept.examples == 7);
        assert_eq!(reports.get(one, b"other limits"), None);
        assert_eq!(reports.get(other, b"limits"), None);
        std::fs::write(reports.path(one, b"limits"), b"torn").unwrap();
        assert_eq!(reports.get(one, b"limits"), None);
    }
}
