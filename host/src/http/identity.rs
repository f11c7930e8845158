//! What is shown to a server that asks who the client is (mutual TLS).

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

/// Most certificates of one chain. Real ones have two to four.
const MOST_CERTIFICATES: usize = 16;

/// A certificate with its chain, and its private key. Prints neither.
#[derive(Clone)]
pub struct ClientCertificate {
    /// So that two can be told apart without keeping the key's text.
    digest: [u8; 32],
    pub(super) key: Arc<CertifiedKey>,
}

impl PartialEq for ClientCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for ClientCertificate {}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("«client certificate»")
    }
}

/// Which of the two files is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// That of the certificates.
    Certificate,
    /// That of the private key.
    Key,
}

/// Why files are no client certificate. Repeats nothing of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadIdentity {
    /// The file.
    pub part: Part,
    /// 1-based line of the PEM block that it is about; 0 for the file as a whole.
    pub line: u32,
    /// What is wrong and what to do, to be read after "the file …, which".
    pub what: String,
}

impl ClientCertificate {
    /// From two PEM texts: the certificate first in its chain, and its key
    /// (PKCS#8, PKCS#1 or SEC1, not encrypted).
    ///
    /// # Errors
    /// Why the files cannot be used, and where.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, BadIdentity> {
        let chain = chain(certificates)?;
        let private = private_key(key)?;
        let provider = rustls::crypto::ring::default_provider();
        let bad_key = |what: &str| {
            let line = begins(key, "PRIVATE KEY-----", 0);
            BadIdentity {
                part: Part::Key,
                line,
                what: what.to_owned(),
            }
        };
        let signing = provider.key_provider.load_private_key(private);
        let signing = signing.map_err(|_| {
            bad_key(
                "holds a private key that cannot be used; RSA of 2048 to 8192 bits, ECDSA on P-256 or P-384, and Ed25519 can",
            )
        })?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(bad_key(
                    "holds a private key that is not the certificate's; the certificate it belongs to comes first in the other file",
                ));
            }
            Err(_) => {
                return Err(BadIdentity {
                    part: Part::Certificate,
                    line: begins(certificates, CERTIFICATE, 0),
                    what: "holds a certificate that cannot be read; `openssl x509 -text` shows it"
                        .to_owned(),
                });
            }
        }
        let mut digest = Sha256::new();
        digest.update((certificates.len() as u64).to_be_bytes());
        digest.update(certificates);
        digest.update(key);
        Ok(Self {
            digest: digest.finalize().into(),
            key: Arc::new(certified),
        })
    }

    /// Equal for equal files.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

const CERTIFICATE: &str = "CERTIFICATE-----";

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BadIdentity> {
    let bad = |number: usize, what: String| BadIdentity {
        part: Part::Certificate,
        line: begins(pem, CERTIFICATE, number),
        what,
    };
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let number = chain.len();
        if number == MOST_CERTIFICATES {
            let what = format!(
                "has more than {MOST_CERTIFICATES} certificates; it is one certificate and those that signed it, and no bundle of roots"
            );
            return Err(bad(number, what));
        }
        let certificate = certificate
            .map_err(|error| bad(number, format!("is not valid PEM here: {}", fault(&error))))?;
        chain.push(certificate);
    }
    if chain.is_empty() {
        let what = "has no certificate in PEM form (-----BEGIN CERTIFICATE-----)".to_owned();
        return Err(BadIdentity {
            part: Part::Certificate,
            line: 0,
            what,
        });
    }
    Ok(chain)
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, BadIdentity> {
    let bad = |line, what: String| BadIdentity {
        part: Part::Key,
        line,
        what,
    };
    let encrypted = begins(pem, "ENCRYPTED PRIVATE KEY-----", 0);
    let proc_type = line_of(pem, "Proc-Type: 4,ENCRYPTED");
    if let line @ 1.. = encrypted.max(proc_type) {
        let what = "is encrypted with a passphrase, which nobody could type here; decrypt it with `openssl pkey` and let only the host's user read the result";
        return Err(bad(line, what.to_owned()));
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => bad(
            0,
            "has no private key in PEM form (-----BEGIN PRIVATE KEY-----)".to_owned(),
        ),
        error => {
            let line = begins(pem, "PRIVATE KEY-----", 0);
            bad(line, format!("is not valid PEM here: {}", fault(&error)))
        }
    })
}

/// What is wrong with PEM, without what is in it.
fn fault(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "its -----END line is missing; copy it whole",
        pem::Error::IllegalSectionStart { .. } => "its -----BEGIN line is not as PEM has it",
        pem::Error::Base64Decode(_) => "its text is not Base64; copy it whole",
        _ => "copy it whole",
    }
}

/// The 1-based line on which the block with this number (from 0) begins; 0 where there
/// is none.
fn begins(pem: &[u8], label: &str, number: usize) -> u32 {
    let lines = numbered(pem).filter(|(_, line)| {
        let line = line.trim_ascii();
        line.starts_with(b"-----BEGIN ") && line.ends_with(label.as_bytes())
    });
    lines.map(|(at, _)| at).nth(number).unwrap_or(0)
}

fn line_of(pem: &[u8], text: &str) -> u32 {
    let mut lines = numbered(pem);
    let found = lines.find(|(_, line)| line.trim_ascii().starts_with(text.as_bytes()));
    found.map_or(0, |(at, _)| at)
}

fn numbered(pem: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (1..).zip(pem.split(|byte| *byte == b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> (String, String) {
        let own = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
        (own.cert.pem(), own.signing_key.serialize_pem())
    }

    fn bad(certificates: &str, key: &str) -> BadIdentity {
        ClientCertificate::from_pem(certificates.as_bytes(), key.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_certificate_and_its_key_are_taken_and_not_printed() {
        let (certificate, key) = own();
        let made = ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(format!("{made:?}"), "«client certificate»");
        let again = ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(made, again);
        let (certificate, key) = own();
        let other = ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        assert_ne!(made, other);
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_line_and_without_its_text() {
        let (certificate, key) = own();
        let (_, other_key) = own();
        let cut = |text: &str| text[..text.len() / 2].to_owned();
        let cases = [
            (String::new(), key.clone(), Part::Certificate, 0, "no certificate"),
            (
                format!("# mine\n{certificate}{}", cut(&certificate)),
                key.clone(),
                Part::Certificate,
                2 + u32::try_from(certificate.lines().count()).unwrap(),
                "-----END line",
            ),
            (certificate.clone(), String::new(), Part::Key, 0, "no private key"),
            (
                certificate.clone(),
                format!("\n{}", cut(&key)),
                Part::Key,
                2,
                "-----END line",
            ),
            (
                certificate.clone(),
                "x\n-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n".to_owned(),
                Part::Key,
                2,
                "openssl pkey",
            ),
            (
                certificate.clone(),
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nAAAA\n-----END RSA PRIVATE KEY-----\n".to_owned(),
                Part::Key,
                2,
                "openssl pkey",
            ),
            (certificate.clone(), other_key, Part::Key, 1, "not the certificate's"),
        ];
        for (certificates, key, part, line, says) in cases {
            let bad = bad(&certificates, &key);
            assert_eq!((bad.part, bad.line), (part, line), "{bad:?}");
            assert!(bad.what.contains(says), "{bad:?}");
            for secret in key
                .lines()
                .filter(|line| !line.starts_with("---") && line.len() > 8)
            {
                assert!(!bad.what.contains(secret), "{bad:?}");
            }
        }
    }
}
