//! `crossdock plugin push`.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use crossdock_registry::{Access, Component, Digest, Layout, Reference, Target};
use serde::Serialize;

use super::super::Global;
use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{clean, print, print_json, size};
use super::local::{Local, refused};
use super::registry::{Asking, wrong};
use crate::config::TrustConfig;
use crate::plugin::artifact::Artifact;
use crate::plugin::generation::Identity;
use crate::plugin::load::Loaded;
use crate::plugin::trust::pin_name;
use crate::plugin::verify::{Kind, interfaces};

pub(super) const HELP: &str = "\
Every step of loading is run first: what would not load is not pushed.
Credentials are those of `docker login`, or --username with --password-stdin. No private key is ever asked for:
sign what was pushed by the digest that is printed, `cosign sign --key cosign.key REGISTRY/REPOSITORY@sha256:…`.";

#[derive(Debug, Args)]
pub(in super::super) struct PushArgs {
    /// A plugin file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where it goes
    #[arg(value_name = "oci://REGISTRY/REPOSITORY:TAG")]
    reference: String,
    #[command(flatten)]
    asking: Asking,
}

/// Something in a registry, for programs.
#[derive(Serialize)]
pub(super) struct Known<'a> {
    /// What it is called there, now and for ever.
    reference: String,
    immutable: String,
    name: &'a str,
    version: Option<&'a str>,
    kind: Kind,
    /// Its key in `[plugins.pin]`.
    pin: String,
    /// Digest of the manifest.
    manifest: String,
    /// Digest of the file.
    file: String,
    bytes: usize,
    /// Whether one of the configured keys has signed it, and where it was put.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<PathBuf>,
}

impl<'a> Known<'a> {
    /// A plugin and its place.
    pub fn new(identity: &'a Identity, reference: &Reference, digest: Digest) -> Self {
        Self {
            reference: reference.to_string(),
            immutable: reference.at(digest).to_string(),
            name: &identity.name,
            version: identity.version.as_deref(),
            kind: identity.kind,
            pin: pin_name(identity.kind, &identity.name),
            manifest: digest.to_string(),
            file: format!("sha256:{}", identity.file_sha256),
            bytes: identity.bytes,
            signed: None,
            written: None,
        }
    }

    /// The same with what became of it here.
    pub fn taken(self, signed: bool, written: PathBuf) -> Self {
        Self {
            signed: Some(signed),
            written: Some(written),
            ..self
        }
    }

    /// Shows it, `done` being what was done.
    pub fn show(&self, done: &str, json: bool) -> Finished {
        if json {
            print_json(self)?;
            return Ok(Exit::Done);
        }
        let signed = match self.signed {
            Some(true) => ", signed",
            _ => "",
        };
        let written = match &self.written {
            Some(path) => format!("  written to  {}\n", clean(&path.display().to_string())),
            None => String::new(),
        };
        print(&format!(
            "{done} {}\n  plugin      {} {}, {}{signed}\n{written}  for ever    {}\n\nPin it in crossdock.toml:\n\n[plugins.pin]\n{} = \"{}\"\n",
            self.reference,
            clean(self.name),
            clean(self.version.unwrap_or("")),
            size(self.bytes as u64),
            self.immutable,
            self.pin,
            self.file,
        ))?;
        Ok(Exit::Done)
    }
}

pub(super) async fn run(global: &Global, args: PushArgs) -> Finished {
    let reference: Reference = args.reference.parse().map_err(wrong)?;
    let Some(Target::Tag(tag)) = &reference.target else {
        return Err(anyhow!(
            "`{}` names no tag, under which it is found; add one, as in {}:1.0.0",
            clean(&args.reference),
            Reference {
                target: None,
                ..reference.clone()
            }
        )
        .into());
    };
    let mut config = global.config()?;
    // Whether this host takes it is another matter: its signature comes later.
    config.trust = TrustConfig::default();
    let plugin_size = config.limits.plugin_size;
    let artifact = Artifact::read(&args.file, plugin_size)
        .map_err(|error| anyhow!("{}: {error}", args.file.display()))?;
    let local = Local::trying_again(&config)?;
    let against = |refusal| Failure::from(refused(&args.file, &refusal));
    let loaded = local
        .load_component(artifact.clone())
        .await
        .map_err(against)?;
    let (imports, exports) = interfaces(&artifact.bytes).map_err(against)?;
    let identity = loaded.identity();
    let component = Component {
        name: identity.name.clone(),
        version: identity.version.clone(),
        summary: match &loaded {
            Loaded::Adapter(adapter) => Some(adapter.manifest.summary.clone()),
            Loaded::Engine(_) | Loaded::Runtime(_) => None,
        },
        imports,
        exports,
    };
    let layout = Layout::new(&component, &artifact.bytes).map_err(wrong)?;
    let registry = args
        .asking
        .registry(&reference, Access::Push, plugin_size)?;
    let digest = registry
        .push(&layout, artifact.bytes.into(), tag)
        .await
        .map_err(wrong)?;
    Known::new(identity, &reference, digest).show("pushed", args.asking.json)
}
