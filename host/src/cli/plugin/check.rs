//! `crossdock plugin check`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::Global;
use super::super::failure::{Exit, Finished};
use super::super::terminal::{Paint, clean, count, print, print_json, sentence};
use super::local::Local;
use crate::plugin::generation::Identity;
use crate::plugin::load::{Loaded, Refusal};

/// What became of one file, for programs.
#[derive(Serialize)]
struct Checked {
    file: PathBuf,
    loaded: Option<Identity>,
    examples: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Checked {
    fn new(file: &Path, result: &Result<Loaded, Refusal>) -> Self {
        let loaded = result.as_ref().ok();
        let refusal = result.as_ref().err();
        Self {
            file: file.to_owned(),
            loaded: loaded.map(|loaded| loaded.identity().clone()),
            examples: match loaded {
                Some(Loaded::Adapter(adapter)) => adapter.manifest.examples.len(),
                _ => 0,
            },
            step: refusal.map(Refusal::step),
            reason: refusal.map(Refusal::to_string),
        }
    }

    fn text(&self, paint: Paint) -> String {
        let file = clean(&self.file.display().to_string());
        match (&self.loaded, &self.step, &self.reason) {
            (Some(identity), ..) => {
                let times = &identity.times;
                format!(
                    "{} {file}: {} {}, {}; compile {:.1} ms{}, describe {:.1} ms, examples {:.1} ms\n",
                    paint.good("ok"),
                    clean(&identity.name),
                    clean(identity.version.as_deref().unwrap_or("script engine")),
                    count(self.examples, "example"),
                    times.compile_ms,
                    if times.from_cache { " (cached)" } else { "" },
                    times.describe_ms,
                    times.examples_ms,
                )
            }
            (None, step, reason) => format!(
                "{} {file} at step `{}`: {}\n",
                paint.bad("refused"),
                step.unwrap_or_default(),
                sentence(reason.as_deref().unwrap_or_default())
            ),
        }
    }
}

pub(super) async fn run(global: &Global, files: &[PathBuf], json: bool) -> Finished {
    let local = Local::trying_again(&global.config()?)?;
    let mut checked = Vec::new();
    for file in files {
        let result = local.load(file).await;
        checked.push(Checked::new(file, &result));
    }
    if json {
        print_json(&checked)?;
    } else {
        let paint = Paint::stdout();
        let text: String = checked.iter().map(|checked| checked.text(paint)).collect();
        print(&text)?;
    }
    let all = checked.iter().all(|checked| checked.loaded.is_some());
    Ok(if all { Exit::Done } else { Exit::Error })
}
