//! What is wrong in an author's own files, with its place there.

use std::path::Path;

use serde_json::Value;

use crate::conformance::{Finding, Weight};
use crate::files::{self, Links};
use crate::plugin::manifest::{self, Manifest};
use crate::text::without_mark;

/// Bytes of a manifest, and of an example, that are read.
const FILE_BYTES: u64 = 4 << 20;

/// Members that a build may put in.
const PUT_IN: [&str; 3] = ["version", "operations", "examples"];

/// What the manifest's schema says against a file: `FILE:LINE:COLUMN: …`.
pub(super) fn places(file: &Path) -> Vec<String> {
    let shown = file.display();
    let Ok(bytes) = files::read(file, FILE_BYTES, Links::Follow) else {
        return Vec::new();
    };
    let Ok(text) = std::str::from_utf8(without_mark(&bytes)) else {
        return vec![format!("{shown}: it is not UTF-8")];
    };
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let end = format!(" at line {line} column {column}");
            let why = error.to_string();
            let why = why.strip_suffix(&end).unwrap_or(&why);
            return vec![format!("{shown}:{line}:{column}: {why}")];
        }
    };
    let located = |pointer: &str, sentence: &str| match manifest::place(text, pointer) {
        Some((line, column)) => format!("{shown}:{line}:{column}: {sentence}"),
        None => format!("{shown}: {sentence}"),
    };
    let violations = manifest::violations(text);
    // Who misspelt a member has not left it out.
    let meant = |name: &str, of: &str| {
        let end = format!("; did you mean `{name}`?");
        violations.iter().any(|one| {
            let beside = one.pointer.rsplit_once('/').is_some_and(|(it, _)| it == of);
            one.missing.is_none() && beside && one.sentence.ends_with(&end)
        })
    };
    let own = violations.iter().filter(|one| match &one.missing {
        None => true,
        Some(name) if PUT_IN.contains(&&**name) && one.pointer.is_empty() => false,
        Some(name) => !meant(name, &one.pointer),
    });
    let found: Vec<String> = own
        .map(|one| located(&one.pointer, &one.sentence))
        .collect();
    if !found.is_empty() {
        return found;
    }
    // What no schema says: that a name is there once, and leads somewhere.
    let beyond = whole(text, value).and_then(|whole| Manifest::read(&whole).err());
    beyond
        .map(|why| located(pointer(&why).unwrap_or_default(), &why))
        .into_iter()
        .collect()
}

/// The manifest with what a build puts in, as far as it can be judged without.
fn whole(text: &str, mut value: Value) -> Option<String> {
    let members = value.as_object_mut()?;
    if !members.contains_key("operations") {
        return None;
    }
    if members.contains_key("version") {
        return Some(text.to_owned());
    }
    members.insert("version".to_owned(), Value::from("0.0.0"));
    Some(value.to_string())
}

/// The pointer that a sentence begins with.
fn pointer(why: &str) -> Option<&str> {
    let (pointer, _) = why.strip_prefix("at `")?.split_once('`')?;
    Some(pointer)
}

/// Files in the examples folder, each an example as a manifest has it, that the
/// manifest does not have.
pub(super) fn unnamed(dir: &Path, manifest: &Manifest) -> Vec<Finding> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let Ok(bytes) = files::read(&file, FILE_BYTES, Links::Follow) else {
            continue;
        };
        let Ok(value) = serde_json::from_slice::<Value>(without_mark(&bytes)) else {
            continue;
        };
        let all = match &value {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let missing = all.iter().find_map(|example| {
            let name = example.get("name")?.as_str()?;
            let mut known = manifest.examples.iter();
            (!known.any(|example| example.name == name)).then_some(name)
        });
        if let Some(name) = missing {
            found.push(Finding {
                weight: Weight::Wrong,
                part: "examples".to_owned(),
                operation: None,
                what: format!(
                    "{} has example `{name}`, which the adapter does not have, so that nobody runs it",
                    file.display()
                ),
                fix: "name the file where the manifest is put together, as in `manifest!(\"../manifest.json\", \"../examples/stock.json\")`, and build again; or make a folder of it".to_owned(),
                input: None,
                times: 1,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_in_a_manifest_has_a_line_in_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("manifest.json");
        let said = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let name = format!("{}:", file.display());
            let places = places(&file).into_iter();
            places
                .map(|place| place.replace(&name, ""))
                .collect::<Vec<_>>()
        };
        let text = "{\n  \"name\": \"Shop\",\n  \"sumary\": \"s\",\n  \"operations\": [],\n  \"settings\": {}\n}";
        let found = said(text);
        assert!(
            found.iter().any(|one| one.starts_with("2:11: at `/name`")),
            "{found:?}"
        );
        assert!(
            found
                .iter()
                .any(|one| one.starts_with("3:13: ") && one.contains("did you mean `summary`?")),
            "{found:?}"
        );
        assert!(
            !found.iter().any(|one| one.contains("`version` is missing")),
            "{found:?}"
        );
        assert_eq!(said("{\n  \"name\" 1}"), ["2:10: expected `:`"]);
        // The one that is misspelt is not missing beside.
        assert!(
            !found.iter().any(|one| one.contains("`summary` is missing")),
            "{found:?}"
        );
    }

    #[test]
    fn what_no_schema_says_has_a_line_too() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("manifest.json");
        for version in ["", "\"version\": \"1.0.0\", "] {
            let manifest = |key: &str| {
                format!(
                    "{{\"name\": \"shop\", {version}\"summary\": \"s\", \"settings\": {{}}, \"operations\": [{{\n\
                     \"name\": \"a.b\", \"summary\": \"s\", \"repeatable\": \"always\", \"result\": true,\n\
                     \"order\": {{\"effect\": \"absolute\",\n\"key\": [\"{key}\"]}},\n\
                     \"document\": {{\"additionalProperties\": false, \"properties\": {{\"sku\": {{}}}}}}}}]}}"
                )
            };
            std::fs::write(&file, manifest("/sku")).unwrap();
            assert_eq!(places(&file), [""; 0]);
            std::fs::write(&file, manifest("/skuu")).unwrap();
            let found = places(&file);
            let expected = format!(
                "{}:4:9: at `/operations/0/order/key/0`: `/skuu` points to no member that the document's schema allows; \
                 did you mean `/sku`?",
                file.display()
            );
            assert_eq!(found, [expected]);
        }
    }
}
