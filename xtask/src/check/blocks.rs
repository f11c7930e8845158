//! Each code block of the guide to adapters is taken from a file that is run
//! somewhere, and each link leads to a file.
//!
//! A block's first line says which file: ```` ```js examples/…/price-board.js ````.
//! Its lines stand in that file one after the other, all of them further in
//! by the same amount or none; a line with `…` alone, or in a comment, stands for
//! lines that are left out. What is typed and shown (`sh`, `text`) has no file.

use crate::run::Failure;
use std::path::{Path, PathBuf};

/// The pages.
const FOLDER: &str = "docs/adapters";

/// Languages of blocks that are no code.
const SHOWN: [&str; 2] = ["sh", "text"];

/// Fails with every block that its file does not have, and every link that leads
/// nowhere.
pub fn check() -> Result<(), Failure> {
    let root = crate::root();
    let folder = root.join(FOLDER);
    let mut wrong = Vec::new();
    for page in pages(&folder)? {
        let text = std::fs::read_to_string(&page).map_err(|e| Failure::file("read", &page, e))?;
        let name = page.strip_prefix(root).unwrap_or(&page).display();
        let read = |file: &str| std::fs::read_to_string(root.join(file)).ok();
        let leads = |link: &str| folder.join(link).exists();
        let found = untaken(&text, read).into_iter().chain(lost(&text, leads));
        wrong.extend(found.map(|what| format!("\n  {name}:{what}")));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "the guide shows what is not there:{}",
            wrong.concat()
        ))
        .remedy("copy the lines from the file that the block names, or name the right file")),
    }
}

fn pages(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|e| Failure::file("read", folder, e))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut pages: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    Ok(pages)
}

/// The blocks of a page that their files do not have: line, and why.
fn untaken(page: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let block: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| *line != "```")
            .collect();
        let (language, file) = info.split_once(' ').unwrap_or((info, ""));
        let what = match (file, read(file)) {
            ("", _) if SHOWN.contains(&language) => continue,
            ("", _) => "this block names no file".to_owned(),
            (_, None) => format!("there is no {file}"),
            (_, Some(text)) if stands(&block, &text) => continue,
            _ => format!("{file} does not have these lines"),
        };
        wrong.push(format!("{}: {what}", number + 1));
    }
    wrong
}

/// Whether a file has a block's lines.
fn stands(block: &[&str], text: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    (0..lines.len()).any(|start| {
        let first = block.first().copied().unwrap_or_default();
        let Some(indent) = lines[start].strip_suffix(first) else {
            return false;
        };
        indent.trim().is_empty() && continues(block, &lines[start..], indent)
    })
}

/// Whether the lines begin with the block, each further in by `indent`.
fn continues(block: &[&str], lines: &[&str], indent: &str) -> bool {
    let Some((first, rest)) = block.split_first() else {
        return true;
    };
    if is_gap(first) {
        return (0..=lines.len()).any(|skipped| continues(rest, &lines[skipped..], indent));
    }
    let Some((line, more)) = lines.split_first() else {
        return false;
    };
    let same = match first.is_empty() {
        true => line.is_empty(),
        false => line.strip_prefix(indent) == Some(first),
    };
    same && continues(rest, more, indent)
}

fn is_gap(line: &str) -> bool {
    let line = line.trim();
    let line = line
        .strip_prefix("//")
        .or(line.strip_prefix('#'))
        .unwrap_or(line);
    line.trim() == "…"
}

/// The links of a page that lead to no file: line, and where.
fn lost(page: &str, leads: impl Fn(&str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in page.lines().enumerate() {
        let links = line.split("](").skip(1);
        for (link, _) in links.filter_map(|rest| rest.split_once(')')) {
            let (target, _) = link.split_once('#').unwrap_or((link, ""));
            if target.is_empty() || target.contains("://") || leads(target) {
                continue;
            }
            wrong.push(format!("{}: there is no {target}", number + 1));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "one\n  two\n  three {\n    four\n\n    five\n  }\nsix\n";

    fn found(page: &str) -> Vec<String> {
        untaken(page, |file| (file == "a.js").then(|| FILE.to_owned()))
    }

    #[test]
    fn the_guide_is_taken_from_its_files() {
        if let Err(failure) = check() {
            panic!("{failure}");
        }
    }

    #[test]
    fn a_block_is_what_its_file_has() {
        for block in [
            "one\n  two",
            "two\nthree {",
            "  two\n  three {\n    four\n\n    five\n  }",
            "three {\n  four\n\n  five\n}",
            "one\n…\nsix",
            "three {\n  // …\n}",
        ] {
            let page = format!("text\n\n```js a.js\n{block}\n```\n");
            assert_eq!(found(&page), Vec::<String>::new(), "{block}");
        }
    }

    #[test]
    fn a_block_that_its_file_does_not_have_is_found() {
        for block in [
            "one\ntwo",
            "two\n three {",
            "seven",
            "six\n…\none",
            "four\nfive",
        ] {
            let page = format!("```js a.js\n{block}\n```\n");
            assert_eq!(
                found(&page),
                ["1: a.js does not have these lines"],
                "{block}"
            );
        }
    }

    #[test]
    fn a_block_of_code_without_a_file_is_found() {
        let page = "```sh\nls\n```\n\n```js\none\n```\n\n```py b.py\none\n```\n";
        assert_eq!(
            found(page),
            ["5: this block names no file", "9: there is no b.py"]
        );
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let page = "[a](there.md#x), [b](#y)\n[c](https://example.com) [d](gone.md)\n";
        let wrong = lost(page, |target| target == "there.md");
        assert_eq!(wrong, ["2: there is no gone.md"]);
    }
}
