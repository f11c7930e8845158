//! An example to its files.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use super::message::{reply_text, request_text};
use super::{
    About, AboutContext, AboutReply, AboutRequest, body, file_name, item, name, name_of, numbered,
    operation,
};
use crate::plugin::manifest::{Example, ExampleBody, ExampleContext, ExampleItem};

/// Writes an example into its folder, in the place of the one that is there.
///
/// # Errors
/// A sentence with the file.
pub fn write(dir: &Path, example: &Example) -> Result<(), String> {
    let files = files(dir, example)?;
    let cannot = |path: &Path, error: &std::io::Error| {
        let why = crate::file_failure::sentence(error);
        format!("{} cannot be written: {why}", path.display())
    };
    std::fs::create_dir_all(dir).map_err(|error| cannot(dir, &error))?;
    for (name, bytes) in &files {
        let path = dir.join(name);
        if std::fs::read(&path).ok().as_ref() == Some(bytes) {
            continue;
        }
        std::fs::write(&path, bytes).map_err(|error| cannot(&path, &error))?;
    }
    // What there is no longer: a request less, a reply that is not readable.
    for path in super::entries(dir)? {
        let name = name_of(&path);
        let mine = numbered(&name).is_some() || super::SINGLE.contains(&name.as_str());
        if mine && !files.iter().any(|(file, _)| *file == name) {
            std::fs::remove_file(&path).map_err(|error| cannot(&path, &error))?;
        }
    }
    Ok(())
}

/// Names and contents.
fn files(dir: &Path, example: &Example) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut files = vec![("items.json".to_owned(), json(&items(&example.items))?)];
    let context = context(example);
    if !context.is_empty() {
        files.push(("context.json".to_owned(), json(&context)?));
    }
    for (index, request) in example.requests.iter().enumerate() {
        let text = request_text(request, plain(request.body.as_ref())?.as_deref());
        files.push((file_name("request", "http", index), text));
    }
    for (index, reply) in example.replies.iter().enumerate() {
        let body = plain(reply.body.as_ref())?;
        let text = reply_text(reply.status, &reply.headers, body.as_deref());
        files.push((file_name("reply", "http", index), text));
        if let Some(outcomes) = &reply.outcomes {
            let name = file_name("outcomes", "json", index);
            files.push((name, json(outcomes)?));
        }
        if let Some(next) = &reply.next {
            let text = request_text(next, plain(next.body.as_ref())?.as_deref());
            files.push((file_name("next", "http", index), text));
        }
    }
    let about = about(dir, example)?;
    files.push(("example.json".to_owned(), json(&about)?));
    Ok(files)
}

impl AboutContext {
    fn is_empty(&self) -> bool {
        self.now_ms.is_none()
            && self.nonce.is_none()
            && self.settings.is_none()
            && self.secrets.is_empty()
    }
}

fn context(example: &Example) -> AboutContext {
    let defaults = ExampleContext::default();
    let own = &example.context;
    AboutContext {
        now_ms: Some(own.now_ms).filter(|now| *now != defaults.now_ms),
        nonce: Some(own.nonce.clone()).filter(|nonce| *nonce != defaults.nonce),
        settings: Some(own.settings.clone()).filter(|settings| *settings != defaults.settings),
        secrets: example.secrets.clone(),
    }
}

fn about(dir: &Path, example: &Example) -> Result<About, String> {
    let mut requests = Vec::new();
    for request in &example.requests {
        requests.push(AboutRequest {
            items: request.items.clone(),
            repeatable: request.repeatable,
            bytes: text_as_bytes(request.body.as_ref())?,
        });
    }
    let mut replies = Vec::new();
    for (index, reply) in example.replies.iter().enumerate() {
        let same = if index < example.requests.len() {
            index
        } else {
            0
        };
        let told = reply.request as usize != same;
        replies.push(AboutReply {
            request: told.then_some(reply.request),
            follows: reply.follows,
            bytes: text_as_bytes(reply.body.as_ref())?,
        });
    }
    // What says nothing is not written.
    if requests.iter().all(|one| *one == AboutRequest::default()) {
        requests.clear();
    }
    if replies.iter().all(|one| *one == AboutReply::default()) {
        replies.clear();
    }
    Ok(About {
        name: Some(example.name.clone()).filter(|own| *own != name(dir)),
        provenance: Some(example.provenance),
        source: example.source.clone(),
        operation: Some(example.operation.clone()).filter(|own| *own != operation(dir)),
        failures: example.failures.clone(),
        requests,
        replies,
    })
}

/// Documents, and where a key is given, items.
fn items(items: &[ExampleItem]) -> Vec<Value> {
    let one = |given: &ExampleItem| {
        // What would be read as an item with a document has to be one.
        let alone = given.key.is_none() && item(given.document.clone()).document == given.document;
        match alone {
            true => given.document.clone(),
            false => serde_json::to_value(given).unwrap_or_default(),
        }
    };
    items.iter().map(one).collect()
}

fn plain(body: Option<&ExampleBody>) -> Result<Option<Vec<u8>>, String> {
    Ok(match body {
        None => None,
        Some(ExampleBody::Text(text)) => Some(text.clone().into_bytes()),
        Some(ExampleBody::Bytes { base64 }) => {
            let bytes = STANDARD.decode(base64);
            Some(bytes.map_err(|error| format!("the example's base64 is not valid: {error}"))?)
        }
    })
}

/// Whether a body is bytes that would be read as text.
fn text_as_bytes(given: Option<&ExampleBody>) -> Result<bool, String> {
    let Some(ExampleBody::Bytes { .. }) = given else {
        return Ok(false);
    };
    let read = body(plain(given)?, false);
    Ok(matches!(read, Some(ExampleBody::Text(_))))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    text.push('\n');
    Ok(text.into_bytes())
}
