//! Each promise of a page names a test, and the test is there.
//!
//! A page's tables of promises have the heading `| promise | test |`. The second
//! cell names functions or files in backticks, at least one.

use super::sizes::sources;
use crate::run::Failure;
use std::collections::BTreeSet;
use std::path::Path;

/// The pages that have such tables.
const PAGES: [&str; 4] = [
    "docs/outbox.md",
    "docs/flows.md",
    "docs/inbound.md",
    "docs/http-api.md",
];

/// Where tests are.
const FOLDERS: [&str; 4] = ["host", "tests", "plugins", "xtask"];

/// How a table of promises begins.
const HEADING: &str = "| promise | test |";

/// Fails with every promise that names no test, or one that is not there.
pub fn check() -> Result<(), Failure> {
    let root = crate::root();
    let tests = tests(root)?;
    let mut wrong = Vec::new();
    for page in PAGES {
        let path = root.join(page);
        let text = std::fs::read_to_string(&path).map_err(|e| Failure::file("read", &path, e))?;
        let exists = |name: &str| match name.ends_with(".rs") {
            true => root.join(name).is_file(),
            false => tests.contains(name),
        };
        wrong.extend(
            unheld(&text, exists)
                .into_iter()
                .map(|what| format!("\n  {page}: {what}")),
        );
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "promises without a test that holds them:{}",
            wrong.concat()
        ))
        .remedy("name the test in backticks in the promise's second cell, or write it")),
    }
}

/// What is wrong with a page's promises.
fn unheld(page: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut lines = page.lines().enumerate();
    let mut tables = 0;
    while let Some((_, line)) = lines.next() {
        if line.trim() != HEADING {
            continue;
        }
        tables += 1;
        // The line below the heading has dashes.
        let rows = lines.by_ref().skip(1);
        for (number, row) in rows.take_while(|(_, row)| row.starts_with('|')) {
            let named = named(row);
            if named.is_empty() {
                wrong.push(format!("line {} names no test", number + 1));
            }
            let missing = named.into_iter().filter(|name| !exists(name));
            wrong.extend(missing.map(|name| format!("line {}: there is no {name}", number + 1)));
        }
    }
    if tables == 0 {
        wrong.push(format!("there is no table that begins with `{HEADING}`"));
    }
    wrong
}

/// The names in backticks in a row's second cell.
fn named(row: &str) -> Vec<&str> {
    let cell = row.trim().trim_matches('|').rsplit('|').next();
    let parts = cell.unwrap_or_default().split('`');
    // Every second part stands between two backticks. One with a space is a command.
    let names = parts.skip(1).step_by(2);
    names.filter(|name| !name.contains(' ')).collect()
}

/// The names of all functions.
fn tests(root: &Path) -> Result<BTreeSet<String>, Failure> {
    let mut names = BTreeSet::new();
    for folder in FOLDERS {
        for path in sources(&root.join(folder))? {
            let text =
                std::fs::read_to_string(&path).map_err(|e| Failure::file("read", &path, e))?;
            names.extend(functions(&text));
        }
    }
    Ok(names)
}

/// The functions of a file that are tests, or could be a part of a suite: they
/// take what the suite gives them.
fn functions(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let line = line.trim_start();
        let rest = line
            .strip_prefix("async fn ")
            .or_else(|| line.strip_prefix("fn "))?;
        let (name, _) = rest.split_once('(')?;
        Some(name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# A page

| promise | test |
|---|---|
| One `word` holds. | `it_holds`; `tests/it.rs`; for long, `cargo it` |
| Another holds. | the same |

| word | meaning |
|---|---|
| `other` | nothing |
";

    #[test]
    fn a_promise_without_a_test_is_found() {
        let found = unheld(PAGE, |_| true);
        assert_eq!(found, ["line 6 names no test"]);
    }

    #[test]
    fn a_test_that_is_not_there_is_found() {
        let found = unheld(PAGE, |name| name != "it_holds");
        assert_eq!(found[0], "line 5: there is no it_holds");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_page_whose_table_is_gone_is_found() {
        assert_eq!(unheld("# A page\n", |_| true).len(), 1);
    }

    #[test]
    fn functions_are_found_by_their_names() {
        let text =
            "#[test]\nfn one() {}\n    async fn two(store: &dyn Store) {}\nlet fn_three = 3;";
        let found: Vec<String> = functions(text).collect();
        assert_eq!(found, ["one", "two"]);
    }
}
