//! A component that is right up to its examples: which of them do not hold, and
//! what its author does about it.

use std::path::Path;

use super::super::terminal::sentence;
use super::local::Local;
use crate::config::HostConfig;
use crate::plugin::golden::{self, ExampleFailed, folder};
use crate::plugin::load::Loaded;
use crate::project::EXAMPLES;

/// Examples that are named; each may take its time to fail.
const MOST_NAMED: usize = 10;

/// The names of the examples of the component `file` that do not hold. Loading
/// stops at the first one, and an author wants to know them all.
pub(super) async fn failing(
    config: &HostConfig,
    file: &Path,
    first: &ExampleFailed,
) -> Vec<String> {
    let mut names = vec![first.example.clone()];
    let Ok(local) = Local::without_examples(config) else {
        return names;
    };
    let Ok(Loaded::Adapter(adapter)) = local.load(file).await else {
        return names;
    };
    for example in &adapter.manifest.examples {
        if names.len() > MOST_NAMED {
            break;
        }
        if !names.contains(&example.name) && !golden::play(&adapter, example).await.holds() {
            names.push(example.name.clone());
        }
    }
    names
}

/// What a build ends with that wrote `file`, of the project in `dir`, though its
/// examples do not hold.
pub(super) fn told(
    file: &Path,
    dir: &Path,
    first: &ExampleFailed,
    names: &[String],
    install: bool,
) -> String {
    let shown = file.strip_prefix(".").unwrap_or(file).display();
    // The advice is given once, below, with the folder.
    let detail = first.detail.trim_end_matches(golden::WRITE_IT);
    let (lies, detail) = match lies(dir, &first.example) {
        Some(place) => (
            format!(" ({place})"),
            folder::in_its_file(first.step, detail),
        ),
        None => (String::new(), detail.to_owned()),
    };
    let others = others(names.get(1..).unwrap_or_default());
    let installed = match install {
        true => "; nothing was installed",
        false => "",
    };
    let dir = dir.display();
    sentence(&format!(
        "{shown} was built and written, but a host refuses it at step `examples` until all examples hold: `{}`{lies} \
         failed at {}: {detail}{others}; `crossdock plugin test {dir}` shows how, and `crossdock plugin test {dir} \
         --bless` writes what came out where that is right{installed}",
        first.example, first.step
    ))
}

/// Where an example lies, if there is one of that name.
fn lies(dir: &Path, name: &str) -> Option<String> {
    let cases = folder::read_cases(&dir.join(EXAMPLES)).ok()?;
    let mut named = cases.iter().filter(|case| case.example.name == name);
    match (named.next(), named.next()) {
        (Some(case), None) => {
            let place = case.dir.strip_prefix(".").unwrap_or(&case.dir);
            Some(place.display().to_string())
        }
        _ => None,
    }
}

/// What is said of the examples besides the first.
fn others(names: &[String]) -> String {
    let mut quoted: Vec<String> = names
        .iter()
        .take(MOST_NAMED - 1)
        .map(|name| format!("`{name}`"))
        .collect();
    if names.len() >= MOST_NAMED {
        quoted.push("others".to_owned());
    }
    match quoted.split_last() {
        None => String::new(),
        Some((one, [])) => format!("; {one} does not hold, either"),
        Some((last, before)) => {
            format!("; {} and {last} do not hold, either", before.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_built_and_what_is_to_be_done_are_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let case = dir.join("examples/stock-list/pages");
        std::fs::create_dir_all(&case).unwrap();
        std::fs::write(case.join("items.json"), "[{}]").unwrap();
        let first = ExampleFailed {
            example: "stock-list: pages".to_owned(),
            step: "map",
            detail: format!(
                "request 0 is GET /a, and the example has no request.http for it{}",
                golden::WRITE_IT
            ),
            passing: false,
        };
        let names = ["stock-list: pages", "b", "c"].map(str::to_owned);
        let file = dir.join("shop.wasm");
        let shown = dir.display();
        let begins = format!(
            "{shown}/shop.wasm was built and written, but a host refuses it at step `examples` until all examples hold: \
             `stock-list: pages` ({shown}/examples/stock-list/pages) failed at map: request 0 is GET /a, and the example \
             has no request.http for it"
        );
        let advice = format!(
            "; `crossdock plugin test {shown}` shows how, and `crossdock plugin test {shown} --bless` writes what came out \
             where that is right"
        );
        assert_eq!(
            told(&file, dir, &first, &names, false),
            format!("{begins}; `b` and `c` do not hold, either{advice}")
        );
        assert_eq!(
            told(&file, dir, &first, &names[..1], true),
            format!("{begins}{advice}; nothing was installed")
        );
    }

    #[test]
    fn no_more_examples_are_named_than_somebody_reads() {
        let names: Vec<String> = (0..MOST_NAMED).map(|index| index.to_string()).collect();
        assert_eq!(others(&names[..1]), "; `0` does not hold, either");
        assert!(others(&names).contains("`8` and others do not hold"));
    }
}
