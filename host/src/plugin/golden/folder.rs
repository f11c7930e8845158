//! Golden examples as files that people read and write:
//!
//! ```text
//! examples/stock-update/partial/items.json       the documents, an array
//!                               context.json     now_ms, nonce, settings, secrets
//!                               request.http     what must be sent; then request-2.http, …
//!                               reply.http       an answer; then reply-2.http, …
//!                               outcomes.json    what must be read from it; outcomes-2.json, …
//!                               next.http        the request that must follow it; next-2.http, …
//!                               example.json     name, provenance, source, failures, …
//! ```
//!
//! Only `items.json` has to be there. The operation is the folder's name, with
//! `-` for its dots.
//!
//! | file | responsibility |
//! |---|---|
//! | `json_file` | a JSON file, or what is wrong in it |
//! | `message` | a request or an answer as text |
//! | `places` | files in place of pointers into the whole |
//! | `write` | an example to its files |

mod json_file;
mod message;
mod places;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use json_file::parsed;
pub(crate) use places::in_its_file;
pub use write::write;

use crate::config::nearest;
use crate::files::{self, Links};
pub use crate::plugin::manifest::folders::{folder_of, settle};
use crate::plugin::manifest::{
    self, Example, ExampleBody, ExampleContext, ExampleFailure, ExampleItem, ExampleOutcome,
    ExampleReply, ExampleRequest, Provenance,
};
use message::Message;
use places::in_files;

/// Examples in one folder.
const MOST_EXAMPLES: usize = 1000;

/// Files in one example.
const MOST_FILES: usize = 500;

/// Bytes of one file.
const FILE_BYTES: u64 = 1 << 20;

/// Bytes of all files: what is packed into a component has no more either.
const ALL_BYTES: usize = 4 << 20;

/// An example and where it lies.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its folder.
    pub dir: PathBuf,
    /// What its files say.
    pub example: Example,
}

/// Every example in a folder, by operation and name.
///
/// # Errors
/// A sentence with the file and, where there is one, the line.
pub fn read_folder(dir: &Path) -> Result<Vec<Example>, String> {
    let cases = read_cases(dir)?.into_iter();
    Ok(cases.map(|case| case.example).collect())
}

/// The same, each with its folder.
///
/// # Errors
/// A sentence with the file and, where there is one, the line.
pub fn read_cases(dir: &Path) -> Result<Vec<Case>, String> {
    let mut left = ALL_BYTES;
    let mut cases = Vec::new();
    for operation in folders(dir)? {
        for case in folders(&operation)? {
            if cases.len() == MOST_EXAMPLES {
                return Err(format!(
                    "{} has more than {MOST_EXAMPLES} examples: take some out",
                    dir.display()
                ));
            }
            cases.push(Case {
                example: Files::of(&case, &mut left)?.example(&case)?,
                dir: case,
            });
        }
    }
    Ok(cases)
}

/// What `example.json` says. All of it may be left out.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Provenance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Where the folder's name does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<ExampleFailure>,
    /// What the text of each request does not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests: Vec<AboutRequest>,
    /// What the text of each answer does not say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replies: Vec<AboutReply>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AboutRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repeatable: Option<bool>,
    /// The body is bytes, though it could be read as text.
    #[serde(skip_serializing_if = "is_false")]
    bytes: bool,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AboutReply {
    /// Index of the request it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<u32>,
    /// Index of the reply whose follow-up it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    follows: Option<u32>,
    /// The body is bytes, though it could be read as text.
    #[serde(skip_serializing_if = "is_false")]
    bytes: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What serde calls it with.
fn is_false(value: &bool) -> bool {
    !*value
}

/// `context.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AboutContext {
    #[serde(skip_serializing_if = "Option::is_none")]
    now_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<String, String>,
}

/// Files of an example that there may be one of for each request or reply.
const NUMBERED: [(&str, &str); 4] = [
    ("request", "http"),
    ("reply", "http"),
    ("outcomes", "json"),
    ("next", "http"),
];

/// Files of an example that there is one of.
const SINGLE: [&str; 3] = ["items.json", "context.json", "example.json"];

/// `request.http` of the first, `request-2.http` of the second.
pub(super) fn file_name(stem: &str, end: &str, index: usize) -> String {
    match index {
        0 => format!("{stem}.{end}"),
        index => format!("{stem}-{}.{end}", index + 1),
    }
}

/// What kind of file a name is, and its index; nothing for one that is none.
fn numbered(name: &str) -> Option<(&'static str, usize)> {
    NUMBERED.into_iter().find_map(|(stem, end)| {
        let rest = name.strip_suffix(end)?.strip_suffix('.')?;
        let number = match rest.strip_prefix(stem)? {
            "" => 1,
            rest => rest.strip_prefix('-')?.parse::<usize>().ok()?,
        };
        let index = number.checked_sub(1)?;
        (file_name(stem, end, index) == name).then_some((stem, index))
    })
}

/// One example's files.
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn of(dir: &Path, left: &mut usize) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        for path in entries(dir)? {
            let name = name_of(&path);
            if ignored(&name) {
                continue;
            }
            if !SINGLE.contains(&name.as_str()) && numbered(&name).is_none() {
                return Err(format!("{}: {}", path.display(), unknown(&name)));
            }
            if files.len() == MOST_FILES {
                return Err(format!(
                    "{} has more than {MOST_FILES} files: make several examples of it",
                    dir.display()
                ));
            }
            let bytes = files::read(&path, FILE_BYTES, Links::Follow)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            *left = left.checked_sub(bytes.len()).ok_or_else(|| {
                format!(
                    "{}: the examples have more than {ALL_BYTES} bytes: make them smaller",
                    path.display()
                )
            })?;
            files.insert(name, bytes);
        }
        Ok(Self(files))
    }

    fn example(&self, dir: &Path) -> Result<Example, String> {
        self.without_gaps(dir)?;
        let about: About = self.json(dir, "example.json")?.unwrap_or_default();
        let context: AboutContext = self.json(dir, "context.json")?.unwrap_or_default();
        let items: Vec<Value> = self.json(dir, "items.json")?.ok_or_else(|| {
            format!(
                "{}: `items.json` is missing: write the documents into it, as an array",
                dir.display()
            )
        })?;
        let mut requests = Vec::new();
        for index in 0..self.count("request") {
            let file = file_name("request", "http", index);
            let known = about.requests.get(index).cloned().unwrap_or_default();
            let mut request = self.request(dir, &file, known.bytes)?;
            request.items = known.items;
            request.repeatable = known.repeatable;
            requests.push(request);
        }
        let mut replies = Vec::new();
        for index in 0..self.count("reply") {
            let known = about.replies.get(index).cloned().unwrap_or_default();
            replies.push(self.reply(dir, index, &known, requests.len())?);
        }
        self.no_more(dir, "outcomes", "json", replies.len())?;
        self.no_more(dir, "next", "http", replies.len())?;
        let defaults = ExampleContext::default();
        let example = Example {
            name: about.name.unwrap_or_else(|| name(dir)),
            provenance: about.provenance.unwrap_or(Provenance::Computed),
            source: about.source,
            operation: about.operation.unwrap_or_else(|| operation(dir)),
            context: ExampleContext {
                now_ms: context.now_ms.unwrap_or(defaults.now_ms),
                nonce: context.nonce.unwrap_or(defaults.nonce),
                settings: context.settings.unwrap_or(defaults.settings),
            },
            secrets: context.secrets,
            items: items.into_iter().map(item).collect(),
            requests,
            failures: about.failures,
            replies,
        };
        manifest::check_example(&example)
            .map_err(|why| format!("{}: {}", dir.display(), in_files(&why)))?;
        Ok(example)
    }

    fn reply(
        &self,
        dir: &Path,
        index: usize,
        known: &AboutReply,
        requests: usize,
    ) -> Result<ExampleReply, String> {
        let file = file_name("reply", "http", index);
        let (status, headers, body) = self
            .message(&file)
            .and_then(|message| message.reply(known.bytes))
            .map_err(at_line(dir, &file))?;
        let outcomes: Option<Vec<ExampleOutcome>> =
            self.json(dir, &file_name("outcomes", "json", index))?;
        let next = file_name("next", "http", index);
        let next = match self.0.contains_key(&next) {
            true => Some(self.request(dir, &next, false)?),
            false => None,
        };
        // The reply of that number answers the request of that number.
        let same = if index < requests { index } else { 0 };
        let request = known
            .request
            .unwrap_or_else(|| u32::try_from(same).unwrap_or(0));
        Ok(ExampleReply {
            request,
            follows: known.follows,
            status,
            headers,
            body,
            outcomes,
            next,
        })
    }

    fn count(&self, stem: &str) -> usize {
        let names = self.0.keys().filter_map(|name| numbered(name));
        names.filter(|(kind, _)| *kind == stem).count()
    }

    /// Requests and replies are numbered without a gap.
    fn without_gaps(&self, dir: &Path) -> Result<(), String> {
        for stem in ["request", "reply"] {
            for index in 0..self.count(stem) {
                let file = file_name(stem, "http", index);
                if !self.0.contains_key(&file) {
                    let next = file_name(stem, "http", index + 1);
                    return Err(format!(
                        "{}: `{file}` is missing: rename `{next}`, or what there is, so that the numbers have no gap",
                        dir.display()
                    ));
                }
            }
        }
        Ok(())
    }

    /// There are no outcomes and no follow-ups without their reply.
    fn no_more(&self, dir: &Path, stem: &str, end: &str, replies: usize) -> Result<(), String> {
        let numbers = self.0.keys().filter_map(|name| numbered(name));
        let beyond = numbers
            .filter(|(kind, index)| *kind == stem && *index >= replies)
            .map(|(_, index)| index)
            .next();
        match beyond {
            None => Ok(()),
            Some(index) => Err(format!(
                "{}: `{}` belongs to `{}`, which is missing",
                dir.display(),
                file_name(stem, end, index),
                file_name("reply", "http", index)
            )),
        }
    }

    fn request(&self, dir: &Path, file: &str, bytes: bool) -> Result<ExampleRequest, String> {
        self.message(file)
            .and_then(|message| message.request(bytes))
            .map_err(at_line(dir, file))
    }

    fn message(&self, file: &str) -> Result<Message, (usize, String)> {
        Message::read(self.0.get(file).map(Vec::as_slice).unwrap_or_default())
    }

    fn json<T: DeserializeOwned>(&self, dir: &Path, file: &str) -> Result<Option<T>, String> {
        let Some(bytes) = self.0.get(file) else {
            return Ok(None);
        };
        parsed(&dir.join(file), bytes).map(Some)
    }
}

/// Says in which file and line something is wrong.
fn at_line(dir: &Path, file: &str) -> impl FnOnce((usize, String)) -> String {
    let path = dir.join(file);
    move |(line, why)| format!("{}:{line}: {why}", path.display())
}

/// A document, or an item with a key of its own.
fn item(value: Value) -> ExampleItem {
    let is_item = value.as_object().is_some_and(|members| {
        let names: BTreeSet<&str> = members.keys().map(String::as_str).collect();
        names.contains("document")
            && names.iter().all(|name| ["document", "key"].contains(name))
            && members.get("key").is_none_or(Value::is_string)
    });
    match serde_json::from_value::<ExampleItem>(value.clone()) {
        Ok(item) if is_item => item,
        _ => ExampleItem {
            key: None,
            document: value,
        },
    }
}

/// A body that is text where it can be, unless it is said to be bytes.
fn body(bytes: Option<Vec<u8>>, as_bytes: bool) -> Option<ExampleBody> {
    let encoded = |bytes: &[u8]| ExampleBody::Bytes {
        base64: STANDARD.encode(bytes),
    };
    bytes.map(|bytes| match String::from_utf8(bytes) {
        Ok(text) if as_bytes => encoded(text.as_bytes()),
        Ok(text) => ExampleBody::Text(text),
        Err(error) => encoded(error.as_bytes()),
    })
}

fn operation(dir: &Path) -> String {
    let folder = dir.parent().map(name_of).unwrap_or_default();
    folder.replace('-', ".")
}

/// `stock-update/half-refused` is `half refused`.
fn name(dir: &Path) -> String {
    let said = name_of(dir).replace(['-', '_'], " ");
    let operation = dir.parent().map(name_of).unwrap_or_default();
    format!("{operation}: {said}")
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What editors and systems leave behind.
fn ignored(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || name == "README.md"
}

fn unknown(name: &str) -> String {
    let known = ["request.http", "reply.http", "outcomes.json", "next.http"];
    let known = SINGLE.into_iter().chain(known);
    match nearest(name, known) {
        Some(near) => format!("an example has no file of this name: did you mean `{near}`?"),
        None => "an example has no file of this name; it has `items.json`, `context.json`, `request.http`, `reply.http`, `outcomes.json`, `next.http`, `example.json`, and `request-2.http` and so on".to_owned(),
    }
}

fn folders(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = entries(dir)?;
    found.retain(|path| path.is_dir() && !ignored(&name_of(path)));
    Ok(found)
}

/// What is in a folder, sorted, and no more than an example folder can have.
fn entries(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |error: &std::io::Error| {
        let why = crate::file_failure::sentence(error);
        format!("{} cannot be read: {why}", dir.display())
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| cannot(&error))? {
        found.push(entry.map_err(|error| cannot(&error))?.path());
        if found.len() > MOST_EXAMPLES + MOST_FILES {
            return Err(format!(
                "{} has too many files: it is no folder of examples",
                dir.display()
            ));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
