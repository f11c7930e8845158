//! `crossdock plugin inspect`.

use serde::Serialize;

use super::super::Global;
use super::super::failure::{Exit, Finished};
use super::super::terminal::{Paint, print, print_json};
use super::local::Local;
use super::{Format, markdown, text};
use crate::plugin::generation::Identity;
use crate::plugin::language::LanguageManifest;
use crate::plugin::load::Loaded;
use crate::plugin::manifest::Manifest;
use crate::plugin::script_engine::EngineManifest;

/// Everything there is to know about one plugin.
#[derive(Serialize)]
pub(super) struct Inspection {
    pub plugin: Identity,
    /// Names of what the component imports.
    pub imports: Vec<String>,
    /// Names of what it exports.
    pub exports: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<Manifest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineManifest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<LanguageManifest>,
}

impl Inspection {
    fn new(loaded: &Loaded) -> Self {
        let component = loaded.component();
        let engine = component.engine();
        let ty = component.component_type();
        let (mut adapter, mut script, mut runtime) = (None, None, None);
        match loaded {
            Loaded::Adapter(loaded) => adapter = Some(loaded.manifest.clone()),
            Loaded::Engine(loaded) => script = Some(loaded.manifest.clone()),
            Loaded::Runtime(loaded) => runtime = Some(loaded.manifest.clone()),
        }
        Self {
            plugin: loaded.identity().clone(),
            imports: ty.imports(engine).map(|(name, _)| name.into()).collect(),
            exports: ty.exports(engine).map(|(name, _)| name.into()).collect(),
            adapter,
            engine: script,
            runtime,
        }
    }
}

pub(super) async fn run(global: &Global, plugin: &str, format: Format) -> Finished {
    let local = Local::new(&global.config()?)?;
    let inspection = Inspection::new(&local.find(plugin).await?);
    match format {
        Format::Json => print_json(&inspection)?,
        Format::Text => print(&text::page(Paint::stdout(), &inspection))?,
        Format::Markdown => print(&markdown::page(&inspection))?,
    }
    Ok(Exit::Done)
}
