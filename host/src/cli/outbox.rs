//! `crossdock outbox`: the file of the outbox, whether a host uses it or not.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use crossdock_store::{SqliteStore, StoreError};
use serde::Serialize;

use super::Global;
use super::failure::{Exit, Failure, Finished};
use super::terminal::{Paint, clean, count, print, print_json, size};
use crate::outbox::folder;

#[derive(Debug, Subcommand)]
pub(super) enum OutboxCommand {
    /// Copy the outbox into a new file, while the host runs or not
    #[command(after_help = BACKUP_HELP)]
    Backup {
        /// The new file; one that is there already is not overwritten
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// For programs
        #[arg(long)]
        json: bool,
    },
    /// Look at everything that has to hold, while the host runs or not; change nothing
    #[command(after_help = CHECK_HELP)]
    Check {
        /// A copy, in place of the outbox of the configuration
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// For programs
        #[arg(long)]
        json: bool,
    },
}

const BACKUP_HELP: &str = "\
Run it on the host's machine, as the host's user. The copy is of one moment and whole by itself:
`crossdock outbox check FILE` looks at it. To go back to it, stop the host, move `outbox.db`, `outbox.db-wal`
and `outbox.db-shm` out of the outbox folder, and put the copy there as `outbox.db`.";

const CHECK_HELP: &str = "\
It reads the whole file, which takes seconds for each million records.

Exit codes:
  0  everything holds
  1  something does not, or there is no outbox";

/// What was copied, for programs.
#[derive(Serialize)]
struct Copied<'a> {
    file: &'a Path,
    bytes: u64,
}

/// What was found, for programs.
#[derive(Serialize)]
struct Found<'a> {
    ok: bool,
    file: &'a Path,
    wrong: &'a [String],
}

pub(super) fn run(global: &Global, command: OutboxCommand) -> Finished {
    match command {
        OutboxCommand::Backup { file, json } => backup(global, &file, json),
        OutboxCommand::Check { file, json } => check(global, file, json),
    }
}

fn backup(global: &Global, to: &Path, json: bool) -> Finished {
    let folder = folder(&global.config()?.data_dir);
    SqliteStore::backup_of(&folder, to).map_err(|error| told(&error))?;
    let bytes = std::fs::metadata(to).map_or(0, |found| found.len());
    if json {
        print_json(&Copied { file: to, bytes })?;
    } else {
        let shown = clean(&to.display().to_string());
        print(&format!("copied into {shown} ({})\n", size(bytes)))?;
    }
    Ok(Exit::Done)
}

fn check(global: &Global, file: Option<PathBuf>, json: bool) -> Finished {
    let (path, found) = match file {
        Some(file) => (file.clone(), SqliteStore::check_file(&file)),
        None => {
            let folder = folder(&global.config()?.data_dir);
            let found = SqliteStore::check_of(&folder);
            (folder, found)
        }
    };
    let wrong = found.map_err(|error| told(&error))?;
    if json {
        print_json(&Found {
            ok: wrong.is_empty(),
            file: &path,
            wrong: &wrong,
        })?;
    } else {
        print(&text(Paint::stdout(), &path, &wrong))?;
    }
    Ok(match wrong.is_empty() {
        true => Exit::Done,
        false => Exit::Error,
    })
}

fn text(paint: Paint, path: &Path, wrong: &[String]) -> String {
    let path = clean(&path.display().to_string());
    if wrong.is_empty() {
        return format!("{}: {path}\n", paint.good("everything holds"));
    }
    let mut text = format!("{path}\n");
    for sentence in wrong {
        text.push_str(&format!("  {} {}\n", paint.bad("wrong"), clean(sentence)));
    }
    text.push_str(&format!(
        "{}; stop the host, keep a copy of the file, and put a backup in its place\n",
        paint.bad(&format!("{} wrong", count(wrong.len(), "thing")))
    ));
    text
}

fn told(error: &StoreError) -> Failure {
    anyhow::anyhow!("{error}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_listed_with_what_to_do() {
        let path = Path::new("data/outbox");
        assert_eq!(
            text(Paint::stdout(), path, &[]),
            "everything holds: data/outbox\n"
        );
        let wrong = ["a delivery has not all of its items (number 7)".to_owned()];
        let shown = text(Paint::stdout(), path, &wrong);
        for part in ["number 7", "1 thing wrong", "put a backup in its place"] {
            assert!(shown.contains(part), "{shown}");
        }
    }
}
