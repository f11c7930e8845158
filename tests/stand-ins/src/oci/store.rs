//! What lies in a registry.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// `sha256:` and the digits of some bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[derive(Debug, Clone)]
pub struct Manifest {
    pub media_type: String,
    pub bytes: Bytes,
}

#[derive(Default)]
struct Repository {
    blobs: BTreeMap<String, Bytes>,
    manifests: BTreeMap<String, Manifest>,
    tags: BTreeMap<String, String>,
    /// What was sent of uploads that are under way.
    uploads: BTreeMap<u64, Vec<u8>>,
}

#[derive(Default)]
pub struct Store {
    repositories: BTreeMap<String, Repository>,
    begun: u64,
}

/// Why something was not taken: status, code and what was wrong.
pub type Refused = (u16, &'static str, String);

impl Store {
    fn at(&mut self, repository: &str) -> &mut Repository {
        self.repositories.entry(repository.to_owned()).or_default()
    }

    pub fn put_blob(&mut self, repository: &str, bytes: Bytes) -> String {
        let digest = digest_of(&bytes);
        self.at(repository).blobs.insert(digest.clone(), bytes);
        digest
    }

    pub fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        let repository = self.repositories.get(repository)?;
        repository.blobs.get(digest).cloned()
    }

    /// A blob of any repository, for the storage behind the registry.
    pub fn any_blob(&self, digest: &str) -> Option<Bytes> {
        let mut repositories = self.repositories.values();
        repositories.find_map(|repository| repository.blobs.get(digest).cloned())
    }

    pub fn put_manifest(
        &mut self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: Bytes,
    ) -> String {
        let digest = digest_of(&bytes);
        let repository = self.at(repository);
        let manifest = Manifest {
            media_type: media_type.to_owned(),
            bytes,
        };
        repository.manifests.insert(digest.clone(), manifest);
        if let Some(tag) = tag {
            repository.tags.insert(tag.to_owned(), digest.clone());
        }
        digest
    }

    pub fn manifest(&self, repository: &str, reference: &str) -> Option<&Manifest> {
        let repository = self.repositories.get(repository)?;
        let digest = repository.tags.get(reference);
        let digest = digest.map_or(reference, String::as_str);
        repository.manifests.get(digest)
    }

    /// Begins an upload.
    pub fn begin(&mut self, repository: &str) -> u64 {
        self.begun += 1;
        let session = self.begun;
        self.at(repository).uploads.insert(session, Vec::new());
        session
    }

    /// Takes a chunk, whose range is where the last one ended.
    pub fn chunk(
        &mut self,
        repository: &str,
        session: u64,
        range: &str,
        bytes: &[u8],
    ) -> Result<usize, Refused> {
        let upload = self.at(repository).uploads.get_mut(&session);
        let upload = upload.ok_or_else(|| unknown_upload(session))?;
        let (start, end) = (upload.len(), upload.len() + bytes.len());
        if range != format!("{start}-{}", end.saturating_sub(1)) {
            let what = format!(
                "range {range} where {start}-{} comes",
                end.saturating_sub(1)
            );
            return Err((416, "BLOB_UPLOAD_INVALID", what));
        }
        upload.extend_from_slice(bytes);
        Ok(end)
    }

    /// Ends an upload with its last bytes, which have to have this digest.
    pub fn end(
        &mut self,
        repository: &str,
        session: u64,
        digest: &str,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        let upload = self.at(repository).uploads.remove(&session);
        let mut upload = upload.ok_or_else(|| unknown_upload(session))?;
        upload.extend_from_slice(bytes);
        let found = digest_of(&upload);
        if found != digest {
            return Err((400, "DIGEST_INVALID", format!("{digest} is {found}")));
        }
        self.put_blob(repository, upload.into());
        Ok(())
    }

    /// Whether a manifest is one: its type, and its blobs with their sizes.
    pub fn check(&self, repository: &str, content_type: &str, bytes: &[u8]) -> Result<(), Refused> {
        let invalid = |what: String| (400, "MANIFEST_INVALID", what);
        let manifest: Value = serde_json::from_slice(bytes)
            .map_err(|error| invalid(format!("the manifest is no JSON: {error}")))?;
        if manifest["schemaVersion"] != 2 {
            return Err(invalid("schemaVersion is not 2".into()));
        }
        if manifest["mediaType"] != content_type {
            let media_type = &manifest["mediaType"];
            let what = format!("mediaType {media_type}, Content-Type {content_type}");
            return Err(invalid(what));
        }
        let layers = manifest["layers"].as_array();
        let layers = layers.ok_or_else(|| invalid("no layers".into()))?;
        let mut seen = BTreeSet::new();
        for part in layers.iter().chain([&manifest["config"]]) {
            let digest = part["digest"].as_str().unwrap_or_default();
            let Some(blob) = self.blob(repository, digest) else {
                return Err((
                    404,
                    "MANIFEST_BLOB_UNKNOWN",
                    format!("{digest} is not there"),
                ));
            };
            if part["size"] != blob.len() || !part["mediaType"].is_string() {
                return Err(invalid(format!("{digest} has another size, or no type")));
            }
            seen.insert(digest.to_owned());
        }
        match seen.is_empty() {
            true => Err(invalid("nothing in it".into())),
            false => Ok(()),
        }
    }
}

fn unknown_upload(session: u64) -> Refused {
    (404, "BLOB_UPLOAD_UNKNOWN", format!("no upload {session}"))
}
