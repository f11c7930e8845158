//! `[plugins.pin]` and `[plugins.signatures]`: which plugin files are taken.

use std::collections::BTreeMap;
use std::path::Path;

use crossdock_registry::Digest;
use crossdock_registry::cosign::{MOST_KEY, PublicKey};
use toml::de::DeValue;

use super::disk::Disk;
use super::mistakes::Report;
use super::reader::{Section, Typed};

/// Most keys whose signatures are taken.
const MOST_KEYS: usize = 16;

/// Longest name of a plugin, by its manifest's schema.
const MOST_NAME: usize = 64;

/// Which plugin files are taken; every one by default.
#[derive(Debug, Clone, Default)]
pub struct TrustConfig {
    /// `[plugins.pin]`: the digest that the file of a plugin has to have, by the
    /// plugin's name.
    pub pins: BTreeMap<String, Digest>,
    /// `[plugins.signatures]`; absent by default.
    pub signatures: Option<SignatureConfig>,
}

/// `[plugins.signatures]`.
#[derive(Debug, Clone)]
pub struct SignatureConfig {
    /// `keys`: the files' public keys.
    pub keys: Vec<PublicKey>,
    /// `required`: whether a file without a signature is refused; default true.
    pub required: bool,
}

/// Reads what `[plugins]` says of it. Files are relative to `folder`.
pub(super) fn read(plugins: &mut Section, folder: &Path, report: &mut Report) -> TrustConfig {
    let pins = plugins.section(report, "pin");
    let signatures = plugins.section(report, "signatures");
    TrustConfig {
        pins: pins.map_or_else(BTreeMap::new, |pins| read_pins(&pins, report)),
        signatures: signatures.map(|table| read_signatures(table, folder, report)),
    }
}

fn read_pins(table: &Section, report: &mut Report) -> BTreeMap<String, Digest> {
    let mut pins = BTreeMap::new();
    for entry in table.entries() {
        let Some(typed) = entry.value.string(report) else {
            continue;
        };
        if !is_name(entry.name) {
            let what = "must be the name of a plugin: lower-case letters, digits and `-`.";
            typed.refuse(report, "config-bad-value", what);
            continue;
        }
        match typed.value.parse() {
            Ok(digest) => {
                pins.insert(entry.name.to_owned(), digest);
            }
            Err(error) => {
                let what = format!("{error}, as `sha256sum` prints them for the plugin's file.");
                typed.refuse(report, "config-bad-value", what);
            }
        }
    }
    pins
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= MOST_NAME && name.bytes().all(plain)
}

fn read_signatures(mut table: Section, folder: &Path, report: &mut Report) -> SignatureConfig {
    if !table.table().contains_key("keys") {
        table.missing(
            report,
            "keys",
            "name public keys, as in keys = [\"cosign.pub\"].",
        );
    }
    let files = table.strings(report, "keys");
    let required = table.boolean(report, "required").unwrap_or(true);
    if files.len() > MOST_KEYS {
        let what = format!("has more than {MOST_KEYS} keys; remove those that nobody signs with.");
        table.refuse(report, "config-out-of-range", what);
    }
    // None at all would take nothing, or everything.
    if let Some(typed) = table.any("keys")
        && matches!(typed.value, DeValue::Array(keys) if keys.is_empty())
    {
        typed.refuse(
            report,
            "config-bad-value",
            "must name at least one public key.",
        );
    }
    let files = files.iter().take(MOST_KEYS);
    let keys = files.filter_map(|file| read_key(file, folder, report));
    let keys = keys.collect();
    table.finish(report);
    SignatureConfig { keys, required }
}

fn read_key(file: &Typed<&str>, folder: &Path, report: &mut Report) -> Option<PublicKey> {
    let path = folder.join(file.value);
    let bytes = match Disk::default().read(&path, &path, MOST_KEY) {
        Ok(bytes) => bytes,
        Err(error) => {
            let what = format!("names {}, which {error}.", path.display());
            file.refuse(report, error.code(), what);
            return None;
        }
    };
    match PublicKey::from_pem(&String::from_utf8_lossy(&bytes)) {
        Ok(key) => Some(key),
        Err(error) => {
            let what = format!("names {}, which {error}.", path.display());
            file.refuse(report, "config-bad-value", what);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::load_host;
    use super::*;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE00xoWaK1MxEbTTnQU6F6vn4OBb+s\n\
        YkqPFuH8kWJqrHQWRv7i3xetYVvOSERyYtKzNhB3GQ4Ou0m2MAKbperIjQ==\n\
        -----END PUBLIC KEY-----\n";

    fn load(text: &str) -> Result<TrustConfig, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("crossdock.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::write(dir.path().join("cosign.pub"), KEY).unwrap();
        std::fs::write(dir.path().join("cosign.key"), "-----BEGIN PRIVATE KEY-----").unwrap();
        let prefix = format!("{}/", dir.path().display());
        let loaded = load_host(Some(&path)).map_err(|problems| {
            let shown = problems.iter().map(|p| p.to_string().replace(&prefix, ""));
            shown.collect()
        });
        loaded.map(|config| config.trust)
    }

    #[test]
    fn a_host_takes_every_plugin_that_nobody_says_anything_of() {
        let trust = load("[plugins]\ndir = \"p\"\n").unwrap();
        assert!(trust.pins.is_empty() && trust.signatures.is_none());
    }

    #[test]
    fn pins_and_keys_are_read() {
        let digest = Digest::of(b"x");
        let trust = load(&format!(
            "[plugins.pin]\nlingzhi = \"{digest}\"\n[plugins.signatures]\nkeys = [\"cosign.pub\"]\n"
        ))
        .unwrap();
        assert_eq!(trust.pins["lingzhi"], digest);
        let signatures = trust.signatures.unwrap();
        assert_eq!(signatures.keys, [PublicKey::from_pem(KEY).unwrap()]);
        assert!(signatures.required, "unless somebody says otherwise");
        let text = "[plugins]\nsignatures = { keys = [\"cosign.pub\"], required = false }\n";
        assert!(!load(text).unwrap().signatures.unwrap().required);
    }

    #[test]
    fn every_file_that_the_page_shows_can_be_read() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let page = std::fs::read_to_string(page).unwrap();
        let blocks = page.split("```toml crossdock.toml\n").skip(1);
        let mut count = 0;
        for block in blocks.filter_map(|block| block.split("```").next()) {
            load(block).unwrap_or_else(|problems| panic!("{block}\n{problems:?}"));
            count += 1;
        }
        assert!(count >= 3, "{count}");
    }

    #[test]
    fn what_would_protect_nothing_is_an_error() {
        let zeros = "0".repeat(64);
        for (text, says) in [
            (
                "[plugins.pins]\n",
                "`plugins.pins` is not a known key: did you mean `pin`?".to_owned(),
            ),
            (
                "[plugins.signature]\n",
                "did you mean `signatures`?".to_owned(),
            ),
            (
                &format!("[plugins.pin]\nlingzhi = \"{zeros}\"\n"),
                "2:11: `plugins.pin.lingzhi` must be \"sha256:\" and 64 hex digits".to_owned(),
            ),
            (
                &format!("[plugins.pin]\n\"lingzhi.wasm\" = \"sha256:{zeros}\"\n"),
                "must be the name of a plugin".to_owned(),
            ),
            (
                "[plugins.pin]\nlingzhi = 1\n",
                "must be a string".to_owned(),
            ),
            (
                "[plugins.signatures]\n",
                "`plugins.signatures.keys` is missing".to_owned(),
            ),
            (
                "[plugins.signatures]\nkeys = []\n",
                "at least one public key".to_owned(),
            ),
            (
                "[plugins.signatures]\nkeys = [\"a.pub\"]\n",
                "`plugins.signatures.keys[0]` names a.pub, which does not exist".to_owned(),
            ),
            (
                "[plugins.signatures]\nkeys = [\"cosign.key\"]\n",
                "is a private key".to_owned(),
            ),
            (
                "[plugins.signatures]\nkeys = [\"crossdock.toml\"]\n",
                "is not one public key in PEM".to_owned(),
            ),
            (
                "[plugins.signatures]\nkeys = [\"cosign.pub\"]\nrequire = true\n",
                "did you mean `required`?".to_owned(),
            ),
        ] {
            let problems = load(text).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].contains(&says), "{problems:?}");
        }
    }
}
