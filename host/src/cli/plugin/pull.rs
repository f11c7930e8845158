//! `crossdock plugin pull`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use crossdock_registry::cosign::verify_manifest;
use crossdock_registry::{Access, Pulled, Reference, Registry};

use super::super::Global;
use super::super::failure::{Failure, Finished};
use super::local::{Local, refused};
use super::push::Known;
use super::registry::{Asking, Carrier, wrong};
use crate::config::{HostConfig, SignatureConfig};
use crate::plugin::artifact::{Artifact, Sha};
use crate::plugin::load::Loaded;
use crate::plugin::trust::{Trust, pin_name, signature_of};

pub(super) const HELP: &str = "\
Checked are the digests, the signature where [plugins.signatures] has keys, the pin where [plugins.pin] has one, and
every step of loading. Only then a file is put in place, by renaming it: a host that runs takes it by itself.
Credentials are those of `docker login`, or --username with --password-stdin.";

#[derive(Debug, Args)]
pub(in super::super) struct PullArgs {
    /// What is taken; without a tag or digest `latest`
    #[arg(value_name = "oci://REGISTRY/REPOSITORY[:TAG|@sha256:…]")]
    reference: String,
    /// Put it into the plugins folder, the configured one where none is named
    #[arg(long, value_name = "PLUGINS_DIR", num_args = 0..=1, conflicts_with = "output")]
    install: Option<Option<PathBuf>>,
    /// Write it to this file; without this and --install to NAME.wasm in this folder, if there is none
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    asking: Asking,
}

pub(super) async fn run(global: &Global, args: PullArgs) -> Finished {
    let reference: Reference = args.reference.parse().map_err(wrong)?;
    let mut config = global.config()?;
    let plugin_size = config.limits.plugin_size;
    let registry = args
        .asking
        .registry(&reference, Access::Pull, plugin_size)?;
    let pulled = registry
        .pull(&reference.target(), plugin_size)
        .await
        .map_err(wrong)?;
    let evidence = match config.trust.signatures.take() {
        Some(keys) => evidence(&registry, &keys, &pulled, &reference).await?,
        None => None,
    };
    let bytes = registry.file(&pulled).await.map_err(wrong)?;

    // Its signature was looked at; its pin is still to be.
    let local = Local::trying_again(&config)?;
    let artifact = Artifact {
        path: PathBuf::from("plugin.wasm"),
        sha256: Sha::of(&bytes),
        bytes: bytes.to_vec(),
    };
    let against = |refusal| refused(Path::new(&args.reference), &refusal);
    let loaded = local.load_component(artifact).await.map_err(against)?;
    let trust = Trust::new(&config.trust, &config.plugins_dir);
    trust.pin(loaded.identity()).map_err(against)?;
    let file = destination(&local, &config, &args, &loaded).await?;
    let signed = evidence.is_some();
    put(&file, &bytes, evidence.as_deref())?;
    let identity = loaded.identity();
    let known = Known::new(identity, &reference, pulled.digest).taken(signed, file);
    known.show("pulled", args.asking.json)
}

/// What proves that one of the keys has signed it, to be kept beside the file.
async fn evidence(
    registry: &Registry<Carrier>,
    config: &SignatureConfig,
    pulled: &Pulled,
    reference: &Reference,
) -> Result<Option<Vec<u8>>, Failure> {
    let found = registry.signatures(pulled.digest).await.map_err(wrong)?;
    if found.is_empty() {
        if config.required {
            return Err(anyhow!(
                "{} has no signature, and `[plugins.signatures]` in crossdock.toml wants one: `cosign sign --key cosign.key` makes it",
                reference.at(pulled.digest)
            )
            .into());
        }
        return Ok(None);
    }
    let signature = verify_manifest(&config.keys, pulled.digest, &found);
    let signature = signature.map_err(|why| {
        anyhow!(
            "the signature of {} {why}; ask whoever pushed it",
            reference.at(pulled.digest)
        )
    })?;
    let evidence = serde_json::to_vec(&signature.evidence(&pulled.manifest));
    Ok(Some(evidence.context("the signature cannot be kept")?))
}

/// The file that it is to be.
async fn destination(
    local: &Local,
    config: &HostConfig,
    args: &PullArgs,
    loaded: &Loaded,
) -> Result<PathBuf, Failure> {
    if let Some(output) = &args.output {
        return Ok(output.clone());
    }
    let identity = loaded.identity();
    let name = format!("{}.wasm", pin_name(identity.kind, &identity.name));
    let Some(install) = &args.install else {
        let file = PathBuf::from(name);
        return match file.symlink_metadata() {
            Ok(_) => Err(anyhow!(
                "{} is there already; say where it goes with --output, or --install it",
                file.display()
            )
            .into()),
            Err(_) => Ok(file),
        };
    };
    let folder = install.as_ref().unwrap_or(&config.plugins_dir);
    if !folder.is_dir() {
        return Err(anyhow!(
            "there is no plugins folder {}; make it, or name another one",
            folder.display()
        )
        .into());
    }
    let file = folder.join(name);
    // A host serves one file of each plugin, and one plugin of each file.
    if file.exists() {
        return match local.load(&file).await {
            Ok(other) if other.provides() != loaded.provides() => Err(anyhow!(
                "{} is another plugin, `{}`; move it, or write this one to a file of its own with --output",
                file.display(),
                other.identity().name
            )
            .into()),
            _ => Ok(file),
        };
    }
    Ok(local.provider(folder, loaded).await.unwrap_or(file))
}

/// Writes a plugin and what proves it beside the places, and renames both.
fn put(file: &Path, bytes: &[u8], evidence: Option<&[u8]>) -> Result<(), Failure> {
    let plugin = beside(file, bytes)?;
    let signature = signature_of(file);
    // First, so that a host that runs finds it when it looks at the plugin.
    match evidence {
        Some(evidence) => rename(beside(&signature, evidence)?, &signature)?,
        // What is there proves other bytes.
        None => match std::fs::remove_file(&signature) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(unwritten(&signature, &error));
            }
            _ => {}
        },
    }
    rename(plugin, file)
}

/// A file of a name that nobody looks at, in the folder of another one.
fn beside(file: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile, Failure> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".crossdock-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any other file: the host may be another user.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let made = builder.tempfile_in(folder.unwrap_or(Path::new(".")));
    let written = made.and_then(|mut made| {
        made.write_all(bytes)?;
        made.as_file().sync_all()?;
        Ok(made)
    });
    written.map_err(|error| unwritten(file, &error))
}

fn rename(from: tempfile::NamedTempFile, to: &Path) -> Result<(), Failure> {
    from.persist(to)
        .map(|_| ())
        .map_err(|error| unwritten(to, &error.error))
}

fn unwritten(file: &Path, error: &std::io::Error) -> Failure {
    let why = crate::file_failure::sentence(error);
    anyhow!("{} cannot be written: {why}", file.display()).into()
}
