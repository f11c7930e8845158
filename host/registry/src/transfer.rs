//! Blobs and manifests, up and down.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::artifact::{INDEX, Layout, MANIFEST, Manifest};
use crate::client::{Call, MOST_SAID, Registry};
use crate::cosign::{MOST_PAYLOAD, MOST_SIGNATURES, PAYLOAD_TYPE, SIGNATURE_KEY, Signature};
use crate::digest::Digest;
use crate::failure::{Failure, FailureKind};
use crate::reference::Target;
use crate::transport::{Response, Transport};

/// Most bytes of a manifest; the distribution specification has registries take
/// 4 MiB.
pub const MOST_MANIFEST: usize = 4 << 20;

/// What the digest of an answer's body is to be.
const DIGEST_HEADER: &str = "docker-content-digest";

/// A manifest that was pulled, and what it says of the component.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The manifest's bytes.
    pub manifest: Bytes,
    /// Their digest.
    pub digest: Digest,
    /// The digest of the file.
    pub file: Digest,
    /// Its size.
    pub size: u64,
}

/// The signatures of a manifest: none where nobody signed it.
pub type Signed = Vec<Signature>;

impl<T: Transport> Registry<T> {
    /// Puts a component under a tag, and returns the digest that it has for ever.
    ///
    /// # Errors
    /// The registry does not take it.
    pub async fn push(&self, layout: &Layout, file: Bytes, tag: &str) -> Result<Digest, Failure> {
        self.put_blob(file).await?;
        self.put_blob(layout.config.clone().into()).await?;
        let mut call = Call::new(
            Method::PUT,
            self.url(&format!("manifests/{tag}"))?,
            MOST_SAID,
        );
        call.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(MANIFEST));
        call.body = layout.manifest.clone().into();
        let (response, _) = self.ask(call).await?;
        if !response.status.is_success() {
            return Err(self.refused(&response, "does not take the manifest"));
        }
        self.same_digest(&response.headers, layout.digest)?;
        Ok(layout.digest)
    }

    /// Puts a blob where it is not there already.
    async fn put_blob(&self, bytes: Bytes) -> Result<(), Failure> {
        let digest = Digest::of(&bytes);
        let there = self.url(&format!("blobs/{digest}"))?;
        let (response, _) = self.ask(Call::new(Method::HEAD, there, MOST_SAID)).await?;
        if response.status == StatusCode::OK {
            return Ok(());
        }
        let begin = Call::new(Method::POST, self.url("blobs/uploads/")?, MOST_SAID);
        let (response, asked) = self.ask(begin).await?;
        if response.status != StatusCode::ACCEPTED {
            return Err(self.refused(&response, "does not begin an upload"));
        }
        let mut upload = self.pointed(&asked, &response.headers)?;
        upload
            .query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let mut call = Call::new(Method::PUT, upload, MOST_SAID);
        call.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        call.body = bytes;
        let (response, _) = self.ask(call).await?;
        match response.status.is_success() {
            true => self.same_digest(&response.headers, digest),
            false => Err(self.refused(&response, "does not take the upload")),
        }
    }

    /// Takes the manifest of a plugin, which is not more than `most` bytes.
    ///
    /// # Errors
    /// It is not there, not what it should be, or no plugin's.
    pub async fn pull(&self, target: &Target, most: usize) -> Result<Pulled, Failure> {
        let (response, digest) = self
            .manifest(&target.to_string())
            .await?
            .map_err(|response| self.absent(&response, "has no such plugin"))?;
        if let Target::Digest(wanted) = target
            && *wanted != digest
        {
            return Err(self.tampered(*wanted, digest));
        }
        let layer = Manifest::read(&response.body)?.component()?;
        if layer.size > most as u64 {
            return Err(Failure::new(
                FailureKind::TooLarge,
                format!(
                    "the plugin has {} bytes, more than the {most} which `[limits] plugin_mb` allows",
                    layer.size
                ),
            ));
        }
        Ok(Pulled {
            manifest: response.body,
            digest,
            file: layer.digest,
            size: layer.size,
        })
    }

    /// Takes the file of a plugin.
    ///
    /// # Errors
    /// It is not what its manifest says.
    pub async fn file(&self, pulled: &Pulled) -> Result<Bytes, Failure> {
        let size = usize::try_from(pulled.size).unwrap_or(usize::MAX);
        self.blob(pulled.file, size).await
    }

    async fn blob(&self, digest: Digest, size: usize) -> Result<Bytes, Failure> {
        // One byte more is never read: an answer beyond its bound is an error.
        let url = self.url(&format!("blobs/{digest}"))?;
        let call = Call::new(Method::GET, url, size.max(MOST_SAID));
        let (response, _) = self.ask(call).await?;
        if response.status != StatusCode::OK {
            return Err(self.absent(&response, "does not have what the manifest names"));
        }
        let found = Digest::of(&response.body);
        match found == digest && response.body.len() == size {
            true => Ok(response.body),
            false => Err(self.tampered(digest, found)),
        }
    }

    /// The signatures that `cosign` has left for a manifest.
    ///
    /// # Errors
    /// What is there cannot be read.
    pub async fn signatures(&self, digest: Digest) -> Result<Signed, Failure> {
        let tag = format!("sha256-{}.sig", digest.hex());
        let response = match self.manifest(&tag).await? {
            Ok((response, _)) => response,
            Err(response) if response.status == StatusCode::NOT_FOUND => return Ok(Vec::new()),
            Err(response) => return Err(self.refused(&response, "does not show signatures")),
        };
        let manifest = Manifest::read(&response.body)?;
        let mut signatures = Vec::new();
        for layer in &manifest.layers {
            let signature = layer.annotations.get(SIGNATURE_KEY);
            let (Some(signature), PAYLOAD_TYPE) = (signature, &*layer.media_type) else {
                continue;
            };
            if layer.size > MOST_PAYLOAD || signatures.len() == MOST_SIGNATURES {
                return Err(Failure::new(
                    FailureKind::TooLarge,
                    format!(
                        "the registry {} has more signatures of it, or larger ones, than are looked at",
                        self.name()
                    ),
                ));
            }
            let size = usize::try_from(layer.size).unwrap_or(usize::MAX);
            signatures.push(Signature {
                payload: self.blob(layer.digest()?, size).await?,
                signature: signature.clone(),
            });
        }
        Ok(signatures)
    }

    /// A manifest that is what the registry says, or the answer that is none.
    async fn manifest(
        &self,
        target: &str,
    ) -> Result<Result<(Response, Digest), Response>, Failure> {
        let url = self.url(&format!("manifests/{target}"))?;
        let mut call = Call::new(Method::GET, url, MOST_MANIFEST);
        let accepted = HeaderValue::try_from(format!("{MANIFEST}, {INDEX}"));
        call.headers.extend(accepted.map(|value| (ACCEPT, value)));
        let (response, _) = self.ask(call).await?;
        if response.status != StatusCode::OK {
            return Ok(Err(response));
        }
        let digest = Digest::of(&response.body);
        self.same_digest(&response.headers, digest)?;
        Ok(Ok((response, digest)))
    }

    /// Something is not there, or is not given.
    fn absent(&self, response: &Response, absent: &str) -> Failure {
        match response.status {
            StatusCode::NOT_FOUND => self.refused(response, absent),
            _ => self.refused(response, "does not give what it was asked for"),
        }
    }

    /// Holds what the registry says a digest is against what it is.
    fn same_digest(&self, headers: &HeaderMap, found: Digest) -> Result<(), Failure> {
        let Some(said) = headers.get(DIGEST_HEADER) else {
            return Ok(());
        };
        let said = said.to_str().unwrap_or_default();
        match said.parse() {
            Ok(said) if said == found => Ok(()),
            Ok(said) => Err(self.tampered(said, found)),
            // Of another algorithm.
            Err(_) => Ok(()),
        }
    }

    fn tampered(&self, wanted: Digest, found: Digest) -> Failure {
        Failure::new(
            FailureKind::Digest,
            format!(
                "the registry {} gave something else than it should: it has the digest {found} and not {wanted}; nothing of it is used",
                self.name()
            ),
        )
    }
}
