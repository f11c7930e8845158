//! Examples as folders of small files, which is how `crossdock plugin new` and
//! `crossdock plugin test` have them: `examples/OPERATION/NAME/items.json` and
//! what lies beside it. What the words mean is in the guide's page on testing.

use crate::encode::{base64, form_fields};
use crossdock_golden::{
    Example, ExampleBody, ExampleContext, ExampleFailure, ExampleItem, ExampleReply,
    ExampleRequest, Provenance,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a file of an example begins with, besides its number.
const STEMS: [&str; 7] = [
    "items", "context", "example", "request", "reply", "outcomes", "next",
];

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct About {
    name: Option<String>,
    provenance: Option<Provenance>,
    source: Option<String>,
    operation: Option<String>,
    failures: Vec<ExampleFailure>,
    requests: Vec<AboutRequest>,
    replies: Vec<AboutReply>,
}

#[derive(Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AboutRequest {
    items: Option<Vec<u32>>,
    repeatable: Option<bool>,
    bytes: bool,
}

#[derive(Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AboutReply {
    request: Option<u32>,
    follows: Option<u32>,
    bytes: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AboutContext {
    now_ms: Option<u64>,
    nonce: Option<String>,
    settings: Option<Value>,
    secrets: BTreeMap<String, String>,
}

/// Every example below a folder, or which one cannot be read and why.
pub(super) fn read(root: &Path, operations: &[&str]) -> Vec<Result<Example, String>> {
    let mut found = Vec::new();
    for operation in folders(root) {
        for case in folders(&operation) {
            let place = format!("examples/{}/{}", name_of(&operation), name_of(&case));
            let one = one(&case, operations).map_err(|why| format!("{place}/{why}"));
            found.push(one);
        }
    }
    found
}

fn one(dir: &Path, operations: &[&str]) -> Result<Example, String> {
    only_known(dir)?;
    let about: About = json(dir, "example.json")?.unwrap_or_default();
    let context: AboutContext = json(dir, "context.json")?.unwrap_or_default();
    let items: Option<Vec<Value>> = json(dir, "items.json")?;
    let items = items.ok_or("items.json is missing: write the documents into it, as an array")?;
    let mut requests = Vec::new();
    while let Some(bytes) = bytes(dir, &numbered("request.http", requests.len()))? {
        let file = numbered("request.http", requests.len());
        let known = about.requests.get(requests.len());
        let known = known.cloned().unwrap_or_default();
        let request = request(&bytes, known.bytes).map_err(|why| format!("{file}: {why}"))?;
        requests.push(ExampleRequest {
            items: known.items,
            repeatable: known.repeatable,
            ..request
        });
    }
    let mut replies: Vec<ExampleReply> = Vec::new();
    while let Some(text) = bytes(dir, &numbered("reply.http", replies.len()))? {
        let index = replies.len();
        let file = numbered("reply.http", index);
        let known = about.replies.get(index).cloned().unwrap_or_default();
        let (status, headers, body) =
            reply(&text, known.bytes).map_err(|why| format!("{file}: {why}"))?;
        let next = numbered("next.http", index);
        let next = match bytes(dir, &next)? {
            Some(text) => Some(request(&text, false).map_err(|why| format!("{next}: {why}"))?),
            None => None,
        };
        // The reply of that number answers the request of that number.
        let same = if index < requests.len() { index } else { 0 };
        replies.push(ExampleReply {
            request: known.request.unwrap_or(u32::try_from(same).unwrap_or(0)),
            follows: known.follows,
            status,
            headers,
            body,
            outcomes: json(dir, &numbered("outcomes.json", index))?,
            next,
        });
    }
    let folder = dir.parent().map(name_of).unwrap_or_default();
    let mut alike = operations
        .iter()
        .filter(|name| name.replace('.', "-") == folder);
    let operation = match (about.operation, alike.next(), alike.next()) {
        (Some(operation), ..) => operation,
        (None, Some(operation), None) => (*operation).to_owned(),
        _ => folder.replace('-', "."),
    };
    let defaults = ExampleContext::default();
    Ok(Example {
        name: about
            .name
            .unwrap_or_else(|| format!("{folder}: {}", name_of(dir).replace(['-', '_'], " "))),
        provenance: about.provenance.unwrap_or(Provenance::Computed),
        source: about.source,
        operation,
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
    })
}

/// A document, or an item with a key of its own.
fn item(value: Value) -> ExampleItem {
    let keyed = value.as_object().is_some_and(|members| {
        let mut names = members.keys().map(String::as_str);
        members.contains_key("document") && names.all(|name| ["document", "key"].contains(&name))
    });
    match serde_json::from_value(value.clone()) {
        Ok(item) if keyed => item,
        _ => ExampleItem {
            key: None,
            document: value,
        },
    }
}

/// A file that is no part of an example, or whose number comes after a gap, is
/// one that nobody would read.
fn only_known(dir: &Path) -> Result<(), String> {
    for path in entries(dir) {
        let name = name_of(&path);
        let (stem, _) = name.rsplit_once('.').unwrap_or((&name, ""));
        let (stem, number) = stem.rsplit_once('-').unwrap_or((stem, ""));
        if !STEMS.contains(&stem) {
            return Err(format!("{name}: an example has no file of this name"));
        }
        let before = match number.parse::<usize>() {
            Ok(number) if number > 2 => name.replace(
                &format!("-{number}."),
                &format!("-{}.", number.saturating_sub(1)),
            ),
            _ => name.replace("-2.", "."),
        };
        let counted = ["request", "reply"].contains(&stem);
        if counted && !dir.join(&before).exists() {
            return Err(format!("{before} is missing, and there is {name}"));
        }
        if ["outcomes", "next"].contains(&stem) {
            let end = if number.is_empty() { "" } else { "-" };
            let reply = format!("reply{end}{number}.http");
            if !dir.join(&reply).exists() {
                return Err(format!("{reply} is missing, and there is {name}"));
            }
        }
    }
    Ok(())
}

type Pairs = Vec<(String, String)>;

fn request(bytes: &[u8], as_bytes: bool) -> Result<ExampleRequest, String> {
    let (first, headers, content) = message(bytes)?;
    let (method, target) = first
        .split_once(' ')
        .filter(|(_, target)| target.starts_with('/'))
        .ok_or("a request begins with its method and path, as in `POST /stock/update HTTP/1.1`")?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(ExampleRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        query: form_fields(query),
        headers,
        body: content.map(|content| body(content, as_bytes)),
        items: None,
        repeatable: None,
    })
}

fn reply(bytes: &[u8], as_bytes: bool) -> Result<(u16, Pairs, Option<ExampleBody>), String> {
    let (first, headers, content) = message(bytes)?;
    let status = first
        .strip_prefix("HTTP/")
        .and_then(|rest| rest.split(' ').nth(1)?.parse().ok())
        .ok_or("an answer begins with its status, as in `HTTP/1.1 200`")?;
    let body = content.map(|content| body(content, as_bytes));
    Ok((status, headers, body))
}

/// The first line with the query that goes on below it, the headers, the body.
fn message(bytes: &[u8]) -> Result<(String, Pairs, Option<Vec<u8>>), String> {
    let mut rest = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut first: Option<String> = None;
    let mut headers = Pairs::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (line, after) = match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = std::str::from_utf8(line)
            .map_err(|_| "what stands before the empty line is UTF-8".to_owned())?;
        let Some(first) = &mut first else {
            let target = line.strip_suffix(" HTTP/1.1").unwrap_or(line);
            first = Some(target.to_owned());
            continue;
        };
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) && headers.is_empty() {
            let more = line.trim();
            if !more.starts_with(['?', '&']) {
                return Err(format!("`{more}`: a query goes on with `?` or `&`"));
            }
            first.push_str(more);
            continue;
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("`{line}`: a header has a colon"))?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        headers.push((name.to_owned(), value.to_owned()));
    }
    // One line end at the end of the file is the file's.
    let body = (!rest.is_empty()).then(|| rest.strip_suffix(b"\n").unwrap_or(rest).to_vec());
    Ok((first.unwrap_or_default(), headers, body))
}

fn body(content: Vec<u8>, as_bytes: bool) -> ExampleBody {
    match String::from_utf8(content) {
        Ok(text) if !as_bytes => ExampleBody::Text(text),
        Ok(text) => ExampleBody::Bytes {
            base64: base64(text.as_bytes()),
        },
        Err(error) => ExampleBody::Bytes {
            base64: base64(error.as_bytes()),
        },
    }
}

fn json<T: DeserializeOwned>(dir: &Path, file: &str) -> Result<Option<T>, String> {
    let Some(bytes) = bytes(dir, file)? else {
        return Ok(None);
    };
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    serde_json::from_slice(text)
        .map(Some)
        .map_err(|error| format!("{file}: {error}"))
}

fn bytes(dir: &Path, file: &str) -> Result<Option<Vec<u8>>, String> {
    match std::fs::read(dir.join(file)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{file}: {error}")),
    }
}

/// `request.http` of the first, `request-2.http` of the second.
fn numbered(file: &str, index: usize) -> String {
    match (index, file.split_once('.')) {
        (1.., Some((stem, end))) => format!("{stem}-{}.{end}", index + 1),
        _ => file.to_owned(),
    }
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let mut found = entries(dir);
    found.retain(|path| path.is_dir());
    found
}

/// What is in a folder, sorted, without what editors and systems leave behind.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.retain(|path| {
        let name = name_of(path);
        !name.starts_with('.') && !name.ends_with('~') && name != "README.md"
    });
    found.sort();
    found
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{message, read};
    use crossdock_golden::Example;

    /// A folder of examples with one of these files, read and gone again.
    fn written(test: &str, files: &[(&str, &str)]) -> Result<Example, String> {
        let name = format!("crossdock-{test}-{}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let case = root.join("stock-half-update/two-pages");
        std::fs::create_dir_all(&case).expect("a folder");
        for (file, text) in files {
            std::fs::write(case.join(file), text).expect("a file");
        }
        let read = read(&root, &["stock.half-update", "stock.query"]).remove(0);
        std::fs::remove_dir_all(&root).expect("removing it");
        read
    }

    #[test]
    fn an_example_is_read_from_its_files() {
        let files = [
            (
                "items.json",
                r#"[{"a": 1.0}, {"key": "k", "document": {}}]"#,
            ),
            (
                "context.json",
                r#"{"now_ms": 7, "secrets": {"key": "test"}}"#,
            ),
            ("request.http", "GET /a?t=1+2%26 HTTP/1.1\n"),
            ("reply.http", "HTTP/1.1 200\n\n{}\n"),
            ("outcomes.json", r#"[{"status": "accepted"}]"#),
            ("next.http", "GET /a?page=2 HTTP/1.1\n"),
            ("reply-2.http", "HTTP/1.1 502\n"),
            (
                "example.json",
                r#"{"provenance": "official", "requests": [{"items": [0, 1]}], "replies": [{}, {"follows": 0}]}"#,
            ),
        ];
        let read = written("whole", &files).expect("an example");
        assert_eq!(read.name, "stock-half-update: two pages");
        assert_eq!(read.operation, "stock.half-update");
        assert_eq!(read.items[0].document.to_string(), r#"{"a":1.0}"#);
        assert_eq!(read.items[1].key(1), "k");
        assert_eq!((read.context.now_ms, read.secrets.len()), (7, 1));
        let request = &read.requests[0];
        assert_eq!(request.query, [("t".to_owned(), "1 2&".to_owned())]);
        assert_eq!(request.items.as_deref(), Some(&[0, 1][..]));
        let [first, second] = &read.replies[..] else {
            panic!("two replies");
        };
        assert!(first.outcomes.is_some() && first.next.is_some());
        assert!(second.outcomes.is_none() && second.body.is_none());
        assert_eq!((second.status, second.follows), (502, Some(0)));
    }

    #[test]
    fn a_message_is_its_first_line_its_headers_and_its_bytes() {
        let text = b"GET /a HTTP/1.1\r\n  ?b=1\n  &c=2\nx-y: z\n\n{}\n\n";
        let (first, headers, body) = message(text).expect("a request");
        assert_eq!(first, "GET /a?b=1&c=2");
        assert_eq!(headers, [("x-y".to_owned(), "z".to_owned())]);
        assert_eq!(body.as_deref(), Some(&b"{}\n"[..]));
        assert!(message(b"GET /a\nno header\n").is_err());
    }

    #[test]
    fn a_folder_with_a_file_that_nobody_reads_is_wrong() {
        for (file, expected) in [
            ("request-2.http", "request.http is missing"),
            ("request-4.http", "request-3.http is missing"),
            ("outcomes.json", "reply.http is missing"),
            ("next-2.http", "reply-2.http is missing"),
            ("reqest.http", "reqest.http: an example has no file"),
            ("context.json", "context.json: EOF"),
            ("README.md", "items.json is missing"),
        ] {
            let said = written("wrong", &[(file, "{")]).expect_err("wrong");
            let place = format!("examples/stock-half-update/two-pages/{expected}");
            assert!(said.starts_with(&place), "{said}");
        }
    }
}
