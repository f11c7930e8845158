//! How a WebAssembly component is laid out in a registry, so that other tools
//! find it: a manifest with one layer, which is the file's bytes.
//!
//! The layout is the one of the CNCF's "Wasm OCI Artifact" (what `wkg` writes).
//! Nothing in it tells the time: the same file has the same digest, whoever
//! pushes it and whenever.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::failure::{Failure, FailureKind, shown};

/// An image manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Several manifests under one name.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What says which component the layer is.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// The component itself.
const LAYER: &str = "application/wasm";

/// A time that says nothing; the layout wants one.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// Names of imports and exports that are written down.
const MOST_NAMES: usize = 100;

/// A component to be pushed.
#[derive(Debug, Clone, Default)]
pub struct Component {
    /// Its name, of which its file's name is made.
    pub name: String,
    /// Its version, if it has one.
    pub version: Option<String>,
    /// What it is, in a sentence.
    pub summary: Option<String>,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
}

/// A component as it lies in a registry: two blobs and their manifest.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// Its digest: the artifact's name for ever.
    pub digest: Digest,
    /// The configuration's bytes.
    pub config: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [String; 1],
    component: Interfaces<'a>,
}

#[derive(Serialize)]
struct Interfaces<'a> {
    exports: &'a [String],
    imports: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    schema_version: u8,
    media_type: &'static str,
    artifact_type: &'static str,
    config: WrittenPart<'a>,
    layers: [WrittenPart<'a>; 1],
    annotations: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenPart<'a> {
    media_type: &'static str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'static str, &'a str>,
}

impl Layout {
    /// The layout of a component's bytes.
    ///
    /// # Errors
    /// Something in it cannot become JSON.
    pub fn new(component: &Component, bytes: &[u8]) -> Result<Self, Failure> {
        let layer = Digest::of(bytes);
        let some = |names: &[String]| names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>();
        let unwritten = |_| Failure::new(FailureKind::Layout, "the manifest cannot become JSON");
        let config = serde_json::to_vec(&Config {
            created: NO_TIME,
            architecture: "wasm",
            os: "wasip2",
            layer_digests: [layer.to_string()],
            component: Interfaces {
                exports: &some(&component.exports),
                imports: &some(&component.imports),
            },
        })
        .map_err(unwritten)?;
        let file = format!("{}.wasm", component.name);
        let mut annotations =
            BTreeMap::from([("org.opencontainers.image.title", &*component.name)]);
        if let Some(version) = &component.version {
            annotations.insert("org.opencontainers.image.version", version);
        }
        if let Some(summary) = &component.summary {
            annotations.insert("org.opencontainers.image.description", summary);
        }
        let manifest = serde_json::to_vec(&Written {
            schema_version: 2,
            media_type: MANIFEST,
            artifact_type: LAYER,
            config: WrittenPart {
                media_type: CONFIG,
                digest: Digest::of(&config).to_string(),
                size: config.len() as u64,
                annotations: BTreeMap::new(),
            },
            layers: [WrittenPart {
                media_type: LAYER,
                digest: layer.to_string(),
                size: bytes.len() as u64,
                annotations: BTreeMap::from([("org.opencontainers.image.title", &*file)]),
            }],
            annotations,
        })
        .map_err(unwritten)?;
        Ok(Self {
            digest: Digest::of(&manifest),
            manifest,
            config,
        })
    }
}

/// A manifest, as much of it as is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    schema_version: u8,
    media_type: Option<String>,
    manifests: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    pub layers: Vec<Part>,
}

/// What a manifest says of a blob.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part {
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// The layer that is the component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layer {
    pub digest: Digest,
    pub size: u64,
}

impl Manifest {
    pub fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::new(FailureKind::Layout, what);
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|_| wrong("what is there is no manifest of the OCI; check the reference"))?;
        let index = manifest.manifests.is_some() || manifest.media_type.as_deref() == Some(INDEX);
        if index {
            return Err(wrong(
                "what is there is an index of several manifests; name one of them by its digest",
            ));
        }
        if manifest.schema_version != 2 {
            return Err(wrong(
                "what is there is a manifest of another version; push it again with a newer tool",
            ));
        }
        Ok(manifest)
    }

    /// The one layer that is WebAssembly.
    pub fn component(&self) -> Result<Layer, Failure> {
        let wrong = |what: String| Failure::new(FailureKind::Layout, what);
        let [layer] = &self.layers[..] else {
            return Err(wrong(format!(
                "what is there has {} layers, and a plugin has one of the type {LAYER}; it is something else",
                self.layers.len()
            )));
        };
        if layer.media_type != LAYER {
            return Err(wrong(format!(
                "what is there is of the type `{}`, and a plugin of the type {LAYER}; it is something else",
                shown(&layer.media_type)
            )));
        }
        Ok(Layer {
            digest: layer.digest()?,
            size: layer.size,
        })
    }
}

impl Part {
    pub fn digest(&self) -> Result<Digest, Failure> {
        self.digest.parse().map_err(|error| {
            let what = format!(
                "its manifest has a digest `{}`, which {error}",
                shown(&self.digest)
            );
            Failure::new(FailureKind::Layout, what)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component() -> Component {
        Component {
            name: "price-board".into(),
            version: Some("1.2.0".into()),
            summary: Some("Shows prices".into()),
            imports: vec!["crossdock:adapter/log@0.1.0".into()],
            exports: vec!["crossdock:adapter/adapter@0.1.0".into()],
        }
    }

    #[test]
    fn the_layout_is_the_one_that_other_tools_know() {
        let layout = Layout::new(&component(), b"bytes").unwrap();
        let layer = Digest::of(b"bytes").to_string();
        let manifest: serde_json::Value = serde_json::from_slice(&layout.manifest).unwrap();
        assert_eq!(
            manifest,
            serde_json::json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "artifactType": "application/wasm",
                "config": {
                    "mediaType": "application/vnd.wasm.config.v0+json",
                    "digest": Digest::of(&layout.config).to_string(),
                    "size": layout.config.len(),
                },
                "layers": [{
                    "mediaType": "application/wasm", "digest": layer, "size": 5,
                    "annotations": {"org.opencontainers.image.title": "price-board.wasm"},
                }],
                "annotations": {
                    "org.opencontainers.image.title": "price-board",
                    "org.opencontainers.image.version": "1.2.0",
                    "org.opencontainers.image.description": "Shows prices",
                },
            })
        );
        let config: serde_json::Value = serde_json::from_slice(&layout.config).unwrap();
        assert_eq!(
            config,
            serde_json::json!({
                "created": "1970-01-01T00:00:00Z",
                "architecture": "wasm",
                "os": "wasip2",
                "layerDigests": [layer],
                "component": {
                    "exports": ["crossdock:adapter/adapter@0.1.0"],
                    "imports": ["crossdock:adapter/log@0.1.0"],
                },
            })
        );
        let again = Layout::new(&component(), b"bytes").unwrap();
        assert_eq!(again.digest, layout.digest);
        let read = Manifest::read(&layout.manifest)
            .unwrap()
            .component()
            .unwrap();
        assert_eq!(read.digest, Digest::of(b"bytes"));
        assert_eq!(read.size, 5);
    }

    #[test]
    fn what_is_no_plugin_is_told_what_it_is() {
        let layer = |media: &str, digest: &str| {
            format!(r#"{{"mediaType":"{media}","digest":"{digest}","size":1}}"#)
        };
        let zeros = format!("sha256:{}", "0".repeat(64));
        let tar = layer("application/vnd.oci.image.layer.v1.tar+gzip", &zeros);
        let wasm = layer(LAYER, &zeros);
        for (text, says) in [
            ("<html>".to_owned(), "no manifest"),
            ("{}".to_owned(), "no manifest"),
            (
                r#"{"schemaVersion":2,"manifests":[]}"#.to_owned(),
                "an index",
            ),
            (r#"{"schemaVersion":1}"#.to_owned(), "another version"),
            (r#"{"schemaVersion":2}"#.to_owned(), "0 layers"),
            (
                format!(r#"{{"schemaVersion":2,"layers":[{tar}]}}"#),
                "tar+gzip",
            ),
            (
                format!(r#"{{"schemaVersion":2,"layers":[{wasm},{wasm}]}}"#),
                "2 layers",
            ),
            (
                format!(
                    r#"{{"schemaVersion":2,"layers":[{}]}}"#,
                    layer(LAYER, "sha512:00")
                ),
                "sha512:00",
            ),
        ] {
            let read = Manifest::read(text.as_bytes());
            let failure = read.and_then(|it| it.component()).unwrap_err();
            assert!(failure.message.contains(says), "{text}: {failure}");
        }
    }
}
