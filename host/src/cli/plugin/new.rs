//! `crossdock plugin new`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::failure::{Exit, Finished};
use super::super::terminal::{count, print};
use crate::project::language::Language;
use crate::project::rust_sdk::RustSdk;
use crate::project::templates;

pub(super) const HELP: &str = "\
The folder builds at once: an adapter with one worked operation, which is signed, batched and paged, its manifest, golden
examples, a README, and types for editors. `crossdock plugin build` makes the component.";

#[derive(Debug, Args)]
pub(in super::super) struct NewArgs {
    /// The adapter's name, as in `price-board`
    name: String,
    /// What it is to be written in
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Language,
    /// Where; made if it is not there. By default a folder of the adapter's name
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Rust: where the SDK is from. `copy` puts it into the folder, which works everywhere; or its folder, a git
    /// address, a version
    #[arg(long, value_name = "copy|FOLDER|URL|VERSION", default_value = "copy")]
    sdk: String,
}

pub(super) fn run(args: &NewArgs) -> Finished {
    let said = |why: String| anyhow::anyhow!("{why}");
    let sdk = match args.lang {
        Language::Rust => RustSdk::parse(&args.sdk).map_err(said)?,
        _ => RustSdk::Copied,
    };
    let files = templates::files(&args.name, args.lang, &sdk).map_err(said)?;
    let dir = args
        .dir
        .clone()
        .unwrap_or_else(|| PathBuf::from(&args.name));
    templates::write(&dir, &files).map_err(said)?;
    print(&made(&dir, &args.name, args.lang, files.len()))?;
    Ok(Exit::Done)
}

fn made(dir: &Path, name: &str, language: Language, files: usize) -> String {
    let go = match dir == Path::new(".") {
        true => String::new(),
        false => format!("  cd {}\n", dir.display()),
    };
    let first = match language {
        Language::Python => {
            "  python3 -m venv .venv && .venv/bin/pip install -r requirements.txt\n"
        }
        Language::TypeScript => "  npm install\n",
        _ => "",
    };
    let place = match dir == Path::new(".") || dir == Path::new(name) {
        true => String::new(),
        false => format!(", in {}", dir.display()),
    };
    format!(
        "{name}: an adapter in {}, {}{place}\n\
         \n\
         Next:\n\
         {go}{first}  crossdock plugin build     # → {name}.wasm, with its examples checked\n\
         \n\
         README.md says what is where, and what the adapter does now.\n",
        language.title(),
        count(files, "file"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_adapter_is_called_by_its_name_wherever_it_lies() {
        let first = |dir: &str| {
            let text = made(Path::new(dir), "shop", Language::Python, 45);
            text.lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!(first("."), "shop: an adapter in Python, 45 files");
        assert_eq!(first("shop"), "shop: an adapter in Python, 45 files");
        assert_eq!(
            first("adapters/price"),
            "shop: an adapter in Python, 45 files, in adapters/price"
        );
    }
}
