//! Which folder of the host uses which: `cargo xtask arrows` prints the list,
//! and `cargo xtask check` fails where folders use each other in a circle.
//!
//! A room is a folder below a crate's `src`, or a file there that is no folder's.
//! An arrow goes from a room to each that its product code names in a path
//! (`crate::…`, `super::…`). A folder and those inside of it are of one house, so there is
//! no arrow between them. What only tests use is left out.

use super::sizes::sources;
use crate::run::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

/// Below these, each folder with a `src` is a crate of the host.
const CRATES: &str = "host";

/// From each room to the rooms that it uses.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Prints the arrows, a room a line.
pub fn print() -> Result<(), Failure> {
    let mut list = String::new();
    for (name, arrows) in read_all()? {
        list += &format!("{name}\n");
        for (room, uses) in &arrows {
            let uses: Vec<&str> = uses.iter().map(String::as_str).collect();
            list += &format!("  {room} -> {}\n", uses.join(", "));
        }
    }
    // Whoever reads only the beginning closes the pipe.
    let _ = std::io::stdout().write_all(list.as_bytes());
    Ok(())
}

/// Fails with every circle.
pub fn check() -> Result<(), Failure> {
    let mut circles = Vec::new();
    for (name, arrows) in read_all()? {
        for circle in circles_of(&arrows) {
            circles.push(format!("\n  {name}: {}", circle.join(" -> ")));
        }
    }
    match circles.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "folders use each other in a circle:{}",
            circles.concat()
        ))
        .remedy("`cargo xtask arrows` lists who uses whom; move what both need below both")),
    }
}

/// The arrows of each crate of the host.
fn read_all() -> Result<Vec<(String, Arrows)>, Failure> {
    let folder = crate::root().join(CRATES);
    let mut crates = vec![(CRATES.to_owned(), folder.join("src"))];
    let entries = std::fs::read_dir(&folder).map_err(|e| Failure::file("read", &folder, e))?;
    for entry in entries.flatten() {
        let name = format!("{CRATES}/{}", entry.file_name().to_string_lossy());
        crates.push((name, entry.path().join("src")));
    }
    crates.retain(|(_, source)| source.is_dir());
    crates.sort();
    crates
        .into_iter()
        .map(|(name, source)| Ok((name, read(&source)?)))
        .collect()
}

/// The arrows of one crate.
fn read(source: &Path) -> Result<Arrows, Failure> {
    let mut files = Vec::new();
    for path in sources(source)? {
        let Ok(below) = path.strip_prefix(source) else {
            continue;
        };
        let mut module: Vec<String> = below
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        if module.iter().any(|part| part.ends_with("tests")) {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|e| Failure::file("read", &path, e))?;
        files.push((module, text));
    }
    let modules: BTreeSet<Vec<String>> = files.iter().map(|(module, _)| module.clone()).collect();
    let mut arrows = Arrows::new();
    for (module, text) in &files {
        let from = room(module, &modules);
        for used in paths(product(text), module) {
            let to = room(&used, &modules);
            if !one_house(&from, &to) && !from.is_empty() && !to.is_empty() {
                arrows.entry(from.clone()).or_default().insert(to);
            }
        }
    }
    Ok(arrows)
}

/// What stands before a file's own tests.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}

/// The room of a path: the longest module it begins with, and of that the
/// folder, or the file where it lies in no folder.
fn room(path: &[String], modules: &BTreeSet<Vec<String>>) -> String {
    let mut known = path.to_vec();
    while !known.is_empty() && !modules.contains(&known) {
        known.pop();
    }
    let is_folder = modules
        .iter()
        .any(|other| other.len() > known.len() && other.starts_with(&known));
    if !is_folder && known.len() > 1 {
        known.pop();
    }
    known.join("/")
}

fn one_house(a: &str, b: &str) -> bool {
    let inside = |outer: &str, inner: &str| {
        inner == outer
            || inner
                .strip_prefix(outer)
                .is_some_and(|r| r.starts_with('/'))
    };
    inside(a, b) || inside(b, a)
}

/// Every path that code of `module` names from the crate's root or upwards.
fn paths(text: &str, module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in statements(text) {
        let mut at = 0;
        while let Some(found_at) = ["crate::", "super::"]
            .iter()
            .filter_map(|word| Some(at + line[at..].find(word)?))
            .min()
        {
            at = found_at + "crate::".len();
            // The middle of a longer path, or of a longer name.
            let before = line[..found_at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            let (base, tail) = start(&line[found_at..], module);
            expand(&base, tail, &mut found);
        }
    }
    found
}

/// Where a path begins, and what follows.
fn start<'t>(mut tail: &'t str, module: &[String]) -> (Vec<String>, &'t str) {
    if let Some(rest) = tail.strip_prefix("crate::") {
        return (Vec::new(), rest);
    }
    let mut base = module.to_vec();
    while let Some(rest) = tail.strip_prefix("super::") {
        base.pop();
        tail = rest;
    }
    (base, tail)
}

/// `a::{b, c::D}` as `a::b` and `a::c::D`.
fn expand(base: &[String], tail: &str, found: &mut Vec<Vec<String>>) {
    let mut path = base.to_vec();
    let mut rest = tail;
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            for part in split_group(group) {
                expand(&path, part.trim(), found);
            }
            return;
        }
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if end > 0 {
            path.push(rest[..end].to_owned());
        }
        match rest[end..].strip_prefix("::") {
            Some(more) if end > 0 => rest = more,
            _ => break,
        }
    }
    found.push(path);
}

/// The parts of a group up to its closing brace, at its commas.
fn split_group(group: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[start..at]);
                return parts;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

/// The code without comments, each statement of several lines as one.
fn statements(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line.trim(), " "])
        .collect();
    code.split(';').map(str::to_owned).collect()
}

/// Rooms from which an arrow leads back to themselves, each circle once.
fn circles_of(arrows: &Arrows) -> Vec<Vec<String>> {
    let mut circles: Vec<Vec<String>> = Vec::new();
    for from in arrows.keys() {
        let known = circles.iter().any(|circle| circle.contains(from));
        if let (false, Some(circle)) = (known, back_to(from, arrows)) {
            circles.push(circle);
        }
    }
    circles
}

/// The shortest way from a room back to it.
fn back_to(from: &str, arrows: &Arrows) -> Option<Vec<String>> {
    let mut ways = std::collections::VecDeque::from([vec![from.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in arrows.get(way.last()?).into_iter().flatten() {
            let mut longer = way.clone();
            longer.push(next.clone());
            if next == from {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push_back(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(path: &str) -> Vec<String> {
        path.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn paths_are_found_in_groups_and_upwards() {
        let text = "use crate::a::{self, b::C, d};\n// crate::no\nlet x = super::super::e::F;";
        let found = paths(text, &module("x/y"));
        let found: Vec<String> = found.iter().map(|path| path.join("/")).collect();
        assert_eq!(found, ["a/self", "a/b/C", "a/d", "e/F"]);
    }

    #[test]
    fn a_circle_is_found_and_named() {
        let arrow = |to: &[&str]| to.iter().map(|to| (*to).to_owned()).collect();
        let mut arrows = Arrows::from([
            ("a".to_owned(), arrow(&["b"])),
            ("b".to_owned(), arrow(&["c"])),
        ]);
        assert!(circles_of(&arrows).is_empty());
        arrows.insert("c".to_owned(), arrow(&["a"]));
        assert_eq!(circles_of(&arrows), [["a", "b", "c", "a"]]);
    }

    #[test]
    fn a_folder_and_what_is_inside_are_one_house() {
        assert!(one_house("cli", "cli/plugin"));
        assert!(!one_house("cli", "client"));
        let modules = ["cli", "cli/plugin", "cli/plugin/list", "cli/call", "text"];
        let modules: BTreeSet<Vec<String>> = modules.iter().map(|m| module(m)).collect();
        assert_eq!(
            room(&module("cli/plugin/list/List"), &modules),
            "cli/plugin"
        );
        assert_eq!(room(&module("cli/call/CallArgs"), &modules), "cli");
        assert_eq!(room(&module("text/shorten"), &modules), "text");
    }
}
