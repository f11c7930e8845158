//! `crossdock init`.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;

use super::failure::{Exit, Finished};
use super::terminal::{count, print};
use crate::bundle;

/// What a new folder begins with. Tests run it as it is.
const STARTER: [(&str, &str); 7] = [
    (
        "crossdock.toml",
        include_str!("../../../examples/starter/crossdock.toml"),
    ),
    (
        "stock.json",
        include_str!("../../../examples/starter/stock.json"),
    ),
    (
        ".gitignore",
        include_str!("../../../examples/starter/gitignore"),
    ),
    (
        "tenants/acme/tenant.toml",
        include_str!("../../../examples/starter/tenants/acme/tenant.toml"),
    ),
    (
        "tenants/acme/stock.jq",
        include_str!("../../../examples/starter/tenants/acme/stock.jq"),
    ),
    (
        "tenants/acme/stock.test.json",
        include_str!("../../../examples/starter/tenants/acme/stock.test.json"),
    ),
    (
        "tenants/acme/token.txt",
        include_str!("../../../examples/starter/tenants/acme/token.txt"),
    ),
];

/// Only the operator reads it.
const SECRET: &str = "tenants/acme/token.txt";

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Where; made if it is not there
    #[arg(default_value = ".", value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn run(args: &InitArgs) -> Finished {
    let plugins = bundle::plugins().with_context(|| {
        let looked = bundle::folder().map_or_else(
            |_| "where it lies itself is not known".to_owned(),
            |folder| format!("there are none in {}", folder.display()),
        );
        format!(
            "this build of crossdock has no plugins inside, and {looked}; `cargo xtask build-plugins` \
             makes them in its clone, `cargo install --path host` puts them in"
        )
    })?;
    let plugins: Vec<(PathBuf, &[u8])> = plugins
        .iter()
        .map(|plugin| (Path::new("plugins").join(&plugin.file), &*plugin.bytes))
        .collect();
    let starter = STARTER.map(|(path, text)| (PathBuf::from(path), text.as_bytes()));
    let files: Vec<&(PathBuf, &[u8])> = starter.iter().chain(&plugins).collect();
    // Nothing of somebody else's is replaced, and nothing is half made because of it.
    if let Some((path, _)) = files
        .iter()
        .find(|(path, _)| args.dir.join(path).symlink_metadata().is_ok())
    {
        return Err(anyhow!(
            "{} is there already, and `init` replaces nothing; name an empty folder",
            args.dir.join(path).display()
        )
        .into());
    }
    for (path, bytes) in files {
        write(&args.dir.join(path), bytes, path == Path::new(SECRET))?;
    }
    print(&made(&args.dir, plugins.len()))?;
    Ok(Exit::Done)
}

/// Writes a file that is not there yet.
fn write(path: &Path, bytes: &[u8], secret: bool) -> anyhow::Result<()> {
    let doing = || format!("{} cannot be written", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(doing)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if secret {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = secret;
    let mut file = options
        .open(path)
        .with_context(|| match path.try_exists() {
            Ok(true) => format!("{} appeared meanwhile", path.display()),
            _ => doing(),
        })?;
    match file.write_all(bytes) {
        Err(error) if error.kind() == ErrorKind::StorageFull => {
            Err(anyhow!("{}: the disk is full", doing()))
        }
        written => written.with_context(doing),
    }
}

fn made(dir: &Path, plugins: usize) -> String {
    let go = match dir == Path::new(".") {
        true => String::new(),
        false => format!("  cd {}\n", dir.display()),
    };
    format!(
        "crossdock.toml      the host's settings\n\
         plugins/            {}: the bundled adapters, script engines, and what runs adapters in JavaScript\n\
         tenants/acme/       a tenant with one connection, a mapping script and its test\n\
         stock.json          two records of its ERP\n\
         \n\
         Next:\n\
         {go}  crossdock script test      # the mapping does what its test says\n\
         \x20 crossdock serve            # the host, until Ctrl-C\n\
         \x20 curl 'http://127.0.0.1:8080/v1/acme/mini-shop/stock.update?dry_run=true' \\\n\
         \x20   -H 'Content-Type: application/json' -d @stock.json\n\
         \n\
         The answer shows the request that would be sent. To send it, put the platform's token into\n\
         tenants/acme/token.txt and leave `?dry_run=true` away.\n",
        count(plugins, "file")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.txt");
        write(&path, b"one", true).unwrap();
        assert!(write(&path, b"two", true).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_the_secret() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.txt");
        write(&path, b"s", true).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}
