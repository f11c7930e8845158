//! Which certificates are believed, and which protocols are offered.

use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Sessions remembered for resumption. A client talks to one host; a few
/// parallel first connections each bring tickets.
const SESSIONS: usize = 32;

/// Most certificates taken from one PEM file; a bundle of every public root is
/// about 150.
const MAX_EXTRA_ROOTS: usize = 1000;

/// Why extra roots cannot be used, in words that fit "the CA file …".
pub(super) type RootsError = String;

/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN, the platform's roots and
/// those of `extra`, a PEM file.
pub(super) fn config(extra: Option<&[u8]>) -> Result<Arc<ClientConfig>, RootsError> {
    let mut roots = Arc::clone(platform_roots());
    if let Some(pem) = extra {
        add_roots(Arc::make_mut(&mut roots), pem)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| "cannot be used with this build of TLS".to_owned())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(Arc::new(config))
}

/// The same without HTTP/2.
pub(super) fn http1_only(config: &ClientConfig) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// The operating system's roots, or Mozilla's where it has none (a container
/// without a `ca-certificates` package). Read once: it is some 150 files.
pub(super) fn platform_roots() -> &'static Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Arc::new(roots)
    })
}

/// Every certificate of an explicitly given file has to be usable: a root that
/// is silently missing shows up much later, as a failed delivery.
fn add_roots(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), RootsError> {
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        count += 1;
        if count > MAX_EXTRA_ROOTS {
            return Err(format!("has more than {MAX_EXTRA_ROOTS} certificates"));
        }
        let certificate = certificate.map_err(|_| {
            format!("is not valid PEM at its certificate number {count}; copy it whole")
        })?;
        roots.add(certificate).map_err(|_| {
            format!("has an unusable certificate (number {count}); `openssl x509 -text` shows it")
        })?;
    }
    if count == 0 {
        return Err("has no PEM certificate".to_owned());
    }
    Ok(())
}
