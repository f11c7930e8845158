//! `crossdock deliveries export`.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::Global;
use super::super::failure::{Exit, Failure, Finished};
use super::asking::Asking;
use super::filter::Choosing;
use crate::file_failure::sentence;

pub(super) const HELP: &str = "\
Examples:
  crossdock deliveries export --status failed,rejected,unknown --output dead.ndjson
  crossdock deliveries export --tenant acme --since 3d | jq -c .input";

#[derive(Debug, Args)]
pub(in super::super) struct ExportArgs {
    #[command(flatten)]
    choosing: Choosing,
    /// A new file; without it stdout. It holds what was given: only you can read it
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    asking: Asking,
}

pub(super) async fn run(global: &Global, args: ExportArgs) -> Finished {
    let pairs = args.choosing.pairs()?;
    let host = args.asking.host(global)?;
    let Some(path) = &args.output else {
        let mut stdout = BufWriter::new(std::io::stdout());
        host.copy("/export", &pairs, &mut stdout).await?;
        let flushed = stdout.flush();
        flushed.map_err(|error| {
            anyhow::anyhow!("stdout cannot be written to: {}", sentence(&error))
        })?;
        return Ok(Exit::Done);
    };
    let mut file = BufWriter::new(new_file(path)?);
    let copied = host.copy("/export", &pairs, &mut file).await;
    let copied = copied.and_then(|()| {
        let written = file.flush().and_then(|()| file.get_ref().sync_all());
        written.map_err(|error| {
            let why = sentence(&error);
            anyhow::anyhow!("{} cannot be written: {why}", path.display()).into()
        })
    });
    if copied.is_err() {
        // A part that looks like the whole is worse than nothing.
        let _ = std::fs::remove_file(path);
    }
    copied?;
    Ok(Exit::Done)
}

/// A file that was not there before, and that nobody else can read.
fn new_file(path: &Path) -> Result<std::fs::File, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                "it is there already, and nothing is overwritten".to_owned()
            }
            _ => sentence(&error),
        };
        anyhow::anyhow!("{} cannot be made: {why}", path.display()).into()
    })
}
