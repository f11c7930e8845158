//! Plugins that come from elsewhere: the command against a registry that runs on
//! this machine.
//!
//! * [`transfer`]: pushed, pulled and installed.
//! * [`refused`]: what a registry gets wrong, and what would not load.
//! * [`pins`]: only the file that was meant.
//! * [`signatures`]: only what somebody signed.

#![cfg(unix)]

mod pins;
mod refused;
mod signatures;
mod transfer;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crossdock_stand_ins::oci::{Access, Registry, digest_of};
use crossdock_tests::bed::Bed;
use crossdock_tests::guests::{plugin, plugin_file};
use crossdock_tests::process::{Ended, crossdock, finish};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

/// The repository of all tests.
const REPOSITORY: &str = "shop/lingzhi";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An operator's folder and a registry.
struct World {
    bed: Bed,
    registry: Registry,
}

impl World {
    async fn new(access: Access, config: &str) -> Self {
        let bed = Bed::new();
        bed.share_compiled_code();
        bed.configure(config);
        Self {
            bed,
            registry: Registry::start(access).await.unwrap(),
        }
    }

    /// With lingzhi in the registry.
    async fn stocked(config: &str) -> Self {
        let world = Self::new(Access::Open, config).await;
        world.pushed("1.0.0").await;
        world
    }

    fn reference(&self, tail: &str) -> String {
        format!("oci://{}/{REPOSITORY}{tail}", self.registry.name())
    }

    /// `crossdock plugin …`, whose home is the folder.
    async fn plugin(&self, arguments: &[&str], input: &str) -> Ended {
        let folder = self.bed.path("");
        let arguments = [&["plugin"], arguments].concat();
        let mut command = crossdock(&folder, &arguments);
        command.env("HOME", &folder).env_remove("DOCKER_CONFIG");
        command.stdin(std::process::Stdio::piped());
        finish(command, input).await
    }

    async fn push(&self, file: &Path, tag: &str) -> Ended {
        let (file, reference) = (file.display().to_string(), self.reference(tag));
        self.plugin(&["push", &file, &reference, "--json"], "")
            .await
    }

    async fn pull(&self, tail: &str, more: &[&str]) -> Ended {
        let reference = self.reference(tail);
        let arguments = [&["pull", &reference, "--json"], more].concat();
        self.plugin(&arguments, "").await
    }

    /// Pushes lingzhi and returns its manifest's digest.
    async fn pushed(&self, tag: &str) -> String {
        let pushed = self.push(&plugin_file("lingzhi"), &format!(":{tag}")).await;
        assert_eq!(pushed.code, Some(0), "{pushed:?}");
        pushed.json()["manifest"].as_str().unwrap().to_owned()
    }

    /// The files of the plugins folder.
    fn plugins(&self) -> Vec<String> {
        names(&self.bed.path("plugins"))
    }
}

/// The names of a folder's files, hidden ones too.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Asserts that a command failed and said so.
#[track_caller]
fn fails(ended: &Ended, says: &str) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said = ended.stderr.trim();
    assert!(said.contains(says), "{says}: {ended:?}");
    assert_eq!(said.lines().count(), 1, "it is one sentence: {ended:?}");
    assert!(!said.contains("panicked"), "{ended:?}");
}

/// The digest that a pin is of.
fn pin_of(bytes: &[u8]) -> String {
    digest_of(bytes)
}

fn lingzhi() -> Vec<u8> {
    plugin("lingzhi")
}

/// A key pair, which signs as cosign does.
struct Keys(EcdsaKeyPair);

impl Keys {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
    }

    /// The public half, in PEM: what `cosign.pub` is.
    fn public(&self) -> String {
        // SubjectPublicKeyInfo of a point of P-256, RFC 5480.
        const HEAD: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
        let der = [
            hex::decode(HEAD).unwrap(),
            self.0.public_key().as_ref().to_vec(),
        ]
        .concat();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        )
    }

    /// What `cosign sign-blob --key` prints.
    fn sign(&self, bytes: &[u8]) -> String {
        let signature = self.0.sign(&SystemRandom::new(), bytes).unwrap();
        STANDARD.encode(signature)
    }

    /// What `cosign sign --key` leaves in a registry for a manifest.
    fn sign_manifest(&self, registry: &Registry, digest: &str) {
        let payload = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"{}/{REPOSITORY}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#,
            registry.name()
        );
        let config = "{}";
        let part = |media: &str, text: &str| {
            serde_json::json!({
                "mediaType": media,
                "digest": registry.put_blob(REPOSITORY, text.to_owned()),
                "size": text.len(),
            })
        };
        let mut layer = part("application/vnd.dev.cosign.simplesigning.v1+json", &payload);
        layer["annotations"] = serde_json::json!({
            "dev.cosignproject.cosign/signature": self.sign(payload.as_bytes()),
        });
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": part("application/vnd.oci.image.config.v1+json", config),
            "layers": [layer],
        });
        let tag = format!("{}.sig", digest.replace(':', "-"));
        registry.put_manifest(REPOSITORY, &tag, MANIFEST, manifest.to_string());
    }
}
