//! Signatures made by `cosign` with a key pair: ECDSA on P-256 over SHA-256.
//!
//! A file is signed by itself (`cosign sign-blob`), or by way of the registry:
//! there the signature is over a small JSON text, the payload, which names the
//! digest of the manifest, which names the digest of the file. What proves a
//! pulled file can be kept beside it ([`Evidence`]), so that it is proved again
//! at each load without the registry.
//!
//! Private keys are nobody's business here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::artifact::Manifest;
use crate::digest::Digest;

/// The annotation that is a signature.
pub(crate) const SIGNATURE_KEY: &str = "dev.cosignproject.cosign/signature";

/// The type of a payload.
pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// Most bytes of a payload.
pub(crate) const MOST_PAYLOAD: u64 = 64 << 10;

/// Most signatures of one manifest that are looked at.
pub(crate) const MOST_SIGNATURES: usize = 16;

/// Most bytes of a signature beside a file.
pub const MOST_FILE: usize = 1 << 20;

/// Most bytes of a public key's file.
pub const MOST_KEY: usize = 16 << 10;

/// What cosign says a payload is.
const PAYLOAD_KIND: &str = "cosign container image signature";

/// How an uncompressed point of P-256 begins in a PEM file's bytes: an algorithm
/// (`id-ecPublicKey`, `prime256v1`) and a bit string of 65 bytes (RFC 5480).
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// How PEM marks a public key.
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// A public key, as `cosign.pub` has it.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: [u8; 65],
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", hex::encode(&self.point[1..9]))
    }
}

/// Why a text is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It is the other half of the pair.
    #[error(
        "is a private key, which nobody but its owner may have; name the public one (cosign.pub)"
    )]
    Private,
    /// It is nothing of the kind.
    #[error(
        "is not one public key in PEM (-----BEGIN PUBLIC KEY-----), as `cosign generate-key-pair` writes cosign.pub"
    )]
    NotPem,
    /// It is of another kind.
    #[error("is not a key for ECDSA on P-256, the kind that `cosign generate-key-pair` makes")]
    OtherKind,
}

/// Why a file is not taken for signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// What is there is no signature.
    #[error(
        "is neither a signature in base64, as `cosign sign-blob` writes it, nor what `crossdock plugin pull` leaves"
    )]
    Unreadable,
    /// No key made it.
    #[error("was made by none of the keys of `[plugins.signatures]`, or for other bytes")]
    Wrong,
    /// It is somebody's signature of something else.
    #[error("is of something else: what it signs does not lead to this file")]
    OfSomethingElse,
}

/// One signature of a manifest, as it lies in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// What was signed.
    pub payload: Bytes,
    /// The signature in base64.
    pub signature: String,
}

/// What proves a file that was pulled: signature, payload, manifest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    manifest: String,
    payload: String,
    signature: String,
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

impl PublicKey {
    /// Reads a PEM file with one public key.
    ///
    /// # Errors
    /// What it is instead.
    pub fn from_pem(text: &str) -> Result<Self, BadKey> {
        if text.contains("PRIVATE KEY-----") {
            return Err(BadKey::Private);
        }
        let body = text.trim().strip_prefix(BEGIN);
        let body = body.and_then(|rest| rest.strip_suffix(END));
        let body = body.filter(|body| !body.contains("-----"));
        let body = body.ok_or(BadKey::NotPem)?;
        let joined: String = body.split_whitespace().collect();
        let bytes = STANDARD.decode(joined).map_err(|_| BadKey::NotPem)?;
        let point = bytes.strip_prefix(&P256).ok_or(BadKey::OtherKind)?;
        let point: [u8; 65] = point.try_into().map_err(|_| BadKey::OtherKind)?;
        // Uncompressed.
        match point[0] {
            4 => Ok(Self { point }),
            _ => Err(BadKey::OtherKind),
        }
    }

    /// Whether this key's owner signed these bytes.
    fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point);
        key.verify(bytes, signature).is_ok()
    }
}

fn signed_by(keys: &[PublicKey], bytes: &[u8], signature: &str) -> Result<(), Unsigned> {
    let signature = STANDARD
        .decode(signature.trim())
        .map_err(|_| Unsigned::Unreadable)?;
    match keys.iter().any(|key| key.verifies(bytes, &signature)) {
        true => Ok(()),
        false => Err(Unsigned::Wrong),
    }
}

/// Holds what lies beside a file against it: a signature of the file's bytes, or
/// what [`Evidence`] was written.
///
/// # Errors
/// It proves nothing of this file.
pub fn verify_file(keys: &[PublicKey], bytes: &[u8], beside: &[u8]) -> Result<(), Unsigned> {
    let text = std::str::from_utf8(beside).map_err(|_| Unsigned::Unreadable)?;
    if !text.trim_start().starts_with('{') {
        return signed_by(keys, bytes, text);
    }
    let evidence: Evidence = serde_json::from_str(text).map_err(|_| Unsigned::Unreadable)?;
    let decoded = |text: &str| STANDARD.decode(text).map_err(|_| Unsigned::Unreadable);
    let manifest = decoded(&evidence.manifest)?;
    let signature = Signature {
        payload: decoded(&evidence.payload)?.into(),
        signature: evidence.signature,
    };
    signature.verify(keys, Digest::of(&manifest))?;
    let layer = Manifest::read(&manifest).and_then(|manifest| manifest.component());
    let layer = layer.map_err(|_| Unsigned::OfSomethingElse)?;
    match layer.digest == Digest::of(bytes) && layer.size == bytes.len() as u64 {
        true => Ok(()),
        false => Err(Unsigned::OfSomethingElse),
    }
}

/// The first of several signatures that one of the keys made for a manifest.
///
/// # Errors
/// Why the last one of them is none.
pub fn verify_manifest<'a>(
    keys: &[PublicKey],
    digest: Digest,
    signatures: &'a [Signature],
) -> Result<&'a Signature, Unsigned> {
    let mut why = Unsigned::Wrong;
    for signature in signatures {
        match signature.verify(keys, digest) {
            Ok(()) => return Ok(signature),
            Err(error) => why = error,
        }
    }
    Err(why)
}

impl Signature {
    /// Whether one of the keys made it, for the manifest of this digest.
    fn verify(&self, keys: &[PublicKey], digest: Digest) -> Result<(), Unsigned> {
        signed_by(keys, &self.payload, &self.signature)?;
        let payload: Payload =
            serde_json::from_slice(&self.payload).map_err(|_| Unsigned::OfSomethingElse)?;
        let critical = payload.critical;
        match critical.kind == PAYLOAD_KIND && critical.image.digest.parse() == Ok(digest) {
            true => Ok(()),
            false => Err(Unsigned::OfSomethingElse),
        }
    }

    /// What proves a file that this manifest names, to be kept beside it.
    pub fn evidence(&self, manifest: &[u8]) -> Evidence {
        Evidence {
            manifest: STANDARD.encode(manifest),
            payload: STANDARD.encode(&self.payload),
            signature: self.signature.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;
    use crate::artifact::{Component, Layout};

    /// A key pair: what signs in base64, and the public half in PEM.
    struct Pair(EcdsaKeyPair);

    impl Pair {
        fn new() -> Self {
            let random = SystemRandom::new();
            let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
            Self(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
        }

        fn sign(&self, bytes: &[u8]) -> String {
            let signature = self.0.sign(&SystemRandom::new(), bytes).unwrap();
            STANDARD.encode(signature)
        }

        fn pem(&self) -> String {
            let der = [&P256[..], self.0.public_key().as_ref()].concat();
            format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
        }

        fn public(&self) -> PublicKey {
            PublicKey::from_pem(&self.pem()).unwrap()
        }
    }

    fn payload(digest: &str, kind: &str) -> String {
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"a.example/b"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"{kind}"}},"optional":null}}"#
        )
    }

    /// Made by `openssl dgst -sha256 -sign key.pem`, which signs as
    /// `cosign sign-blob --key` does, and read by `openssl ec -pubout`.
    #[test]
    fn a_signature_of_openssl_holds() {
        let pem = "-----BEGIN PUBLIC KEY-----\n\
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE00xoWaK1MxEbTTnQU6F6vn4OBb+s\n\
            YkqPFuH8kWJqrHQWRv7i3xetYVvOSERyYtKzNhB3GQ4Ou0m2MAKbperIjQ==\n\
            -----END PUBLIC KEY-----\n";
        let signature = b"MEUCIQCqPmEtYbPEyU8S3vXnIblgX38zt2cGqJTyKNG4K86mZAIgTQE8MWqA69wQbg79uKgMoCRui9BIJhFuChVY8aY+2eg=\n";
        let key = PublicKey::from_pem(pem).unwrap();
        let keys = [Pair::new().public(), key];
        assert_eq!(verify_file(&keys, b"hello, cosign\n", signature), Ok(()));
        let other = verify_file(&keys, b"hello, cosign", signature);
        assert_eq!(other, Err(Unsigned::Wrong));
        let none = verify_file(&keys[..1], b"hello, cosign\n", signature);
        assert_eq!(none, Err(Unsigned::Wrong));
    }

    #[test]
    fn what_is_no_public_key_is_told_what_it_is() {
        let pem = Pair::new().pem();
        let twice = format!("{pem}{pem}");
        let private = "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\nAA==\n";
        let rsa = format!("{BEGIN}\nMFwwDQYJKoZIhvcNAQEBBQADSwA=\n{END}");
        for (text, wrong) in [
            ("", BadKey::NotPem),
            ("ssh-ed25519 AAAA", BadKey::NotPem),
            (&*twice, BadKey::NotPem),
            (private, BadKey::Private),
            (&rsa, BadKey::OtherKind),
            (&pem.replace("MFkw", "MFkx"), BadKey::OtherKind),
        ] {
            assert_eq!(PublicKey::from_pem(text), Err(wrong), "{text}");
        }
        let windows = pem.replace('\n', "\r\n");
        assert!(PublicKey::from_pem(&windows).is_ok());
    }

    #[test]
    fn a_signature_of_a_manifest_is_of_that_manifest_alone() {
        let (pair, other) = (Pair::new(), Pair::new());
        let digest = Digest::of(b"manifest");
        let signed = |pair: &Pair, payload: &str| Signature {
            payload: payload.to_owned().into(),
            signature: pair.sign(payload.as_bytes()),
        };
        let right = payload(&digest.to_string(), PAYLOAD_KIND);
        let keys = [pair.public()];
        let good = signed(&pair, &right);
        let theirs = signed(&other, &right);
        let both = [theirs.clone(), good.clone()];
        assert_eq!(verify_manifest(&keys, digest, &both), Ok(&good));
        assert_eq!(
            verify_manifest(&keys, Digest::of(b"other"), &both[1..]),
            Err(Unsigned::OfSomethingElse)
        );
        assert_eq!(
            verify_manifest(&keys, digest, &[theirs]),
            Err(Unsigned::Wrong)
        );
        assert_eq!(verify_manifest(&keys, digest, &[]), Err(Unsigned::Wrong));
        let changed = Signature {
            payload: right.replace("a.example", "b.example").into(),
            ..good.clone()
        };
        assert_eq!(
            verify_manifest(&keys, digest, &[changed]),
            Err(Unsigned::Wrong)
        );
        for other in [
            payload(&digest.to_string(), "something else"),
            payload("sha256:00", PAYLOAD_KIND),
            "{}".to_owned(),
        ] {
            assert_eq!(
                verify_manifest(&keys, digest, &[signed(&pair, &other)]),
                Err(Unsigned::OfSomethingElse),
                "{other}"
            );
        }
    }

    #[test]
    fn what_was_proved_at_the_registry_is_proved_again_beside_the_file() {
        let pair = Pair::new();
        let keys = [pair.public()];
        let layout = Layout::new(&Component::default(), b"file").unwrap();
        let text = payload(&layout.digest.to_string(), PAYLOAD_KIND);
        let signature = Signature {
            signature: pair.sign(text.as_bytes()),
            payload: text.into(),
        };
        let kept = |manifest: &[u8]| serde_json::to_vec(&signature.evidence(manifest)).unwrap();
        let evidence = kept(&layout.manifest);
        assert_eq!(verify_file(&keys, b"file", &evidence), Ok(()));
        assert_eq!(
            verify_file(&keys, b"fils", &evidence),
            Err(Unsigned::OfSomethingElse)
        );
        let other = Layout::new(&Component::default(), b"fils").unwrap();
        assert_eq!(
            verify_file(&keys, b"fils", &kept(&other.manifest)),
            Err(Unsigned::OfSomethingElse)
        );
        let theirs = [Pair::new().public()];
        assert_eq!(
            verify_file(&theirs, b"file", &evidence),
            Err(Unsigned::Wrong)
        );
        for broken in [&b"{}"[..], b"\xff", b"no base64", b""] {
            let why = verify_file(&keys, b"file", broken).unwrap_err();
            assert_ne!(why, Unsigned::OfSomethingElse, "{broken:?}");
        }
    }
}
