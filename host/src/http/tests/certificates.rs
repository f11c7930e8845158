//! What goes wrong with TLS, in words an operator can act on.

use std::sync::Arc;

use http::{HeaderMap, Method};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::server::{Server, options};
use crate::http::{Client, ClientOptions, Outgoing, Reached, SendError, SendErrorKind};

/// A CA and a server's certificate signed by it.
pub(super) struct Identity {
    pub ca: Arc<[u8]>,
    pub ca_der: CertificateDer<'static>,
    pub chain: Vec<CertificateDer<'static>>,
    pub key: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Identity {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// One for a client, signed by this CA, as two PEM texts.
    pub fn client(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec!["client".to_owned()]).unwrap();
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let leaf = leaf.signed_by(&key, &self.issuer).unwrap();
        (leaf.pem(), key.serialize_pem())
    }

    /// The server's certificate is for `localhost`, and as `change` makes it.
    pub fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut leaf);
        let issuer = Issuer::new(ca, ca_key);
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        Self {
            ca: ca_certificate.pem().into_bytes().into(),
            ca_der: ca_certificate.der().clone(),
            chain: vec![leaf.der().clone()],
            key: key.serialize_der(),
            issuer,
        }
    }

    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }
}

pub(super) fn acceptor(identity: &Identity, alpn: &[&[u8]]) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.private_key())
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// One that asks for a client certificate and refuses whoever has none.
pub(super) fn demanding(
    identity: &Identity,
    version: &'static SupportedProtocolVersion,
    alpn: &[&[u8]],
) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(identity.ca_der.clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain.clone(), identity.private_key())
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

pub(super) async fn serve(acceptor: TlsAcceptor) -> Server {
    Server::start(move |tcp, _| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                let _ = tls.read(&mut [0; 4096]).await;
                let _ = tls
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                    .await;
            }
        }
    })
    .await
}

async fn post(server: &Server, ca: Option<Arc<[u8]>>, body: usize) -> Result<(), SendError> {
    let client = Client::new(ClientOptions {
        extra_roots: ca,
        ..options()
    })
    .unwrap();
    let outgoing = Outgoing {
        method: Method::POST,
        uri: format!("https://localhost:{}/x?k=v", server.address.port())
            .parse()
            .unwrap(),
        headers: HeaderMap::new(),
        body: vec![b'x'; body].into(),
    };
    client.send(outgoing).await.map(|_| ())
}

fn refused(error: &SendError, says: &str) {
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::Tls, Reached::NotSent),
        "{}",
        error.message
    );
    assert!(error.message.contains(says), "{says}: {}", error.message);
    for inner in [
        "Other",
        "Error",
        "Context",
        "received fatal alert",
        "invalid peer",
        "()",
    ] {
        assert!(!error.message.contains(inner), "{}", error.message);
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_told_in_words() {
    type Change = fn(&mut CertificateParams);
    let cases: [(Change, &str); 6] = [
        (
            |leaf| leaf.not_after = rcgen::date_time_ymd(2020, 1, 1),
            "has expired",
        ),
        (
            |leaf| leaf.not_before = rcgen::date_time_ymd(4000, 1, 1),
            "not valid yet",
        ),
        (
            |leaf| {
                leaf.subject_alt_names =
                    vec![rcgen::SanType::DnsName("other.example".try_into().unwrap())];
            },
            "for other names (other.example)",
        ),
        (|leaf| leaf.subject_alt_names.clear(), "subjectAltName"),
        (
            |leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            "one for a CA and not for a server",
        ),
        (
            |leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            "serverAuth is missing",
        ),
    ];
    for (change, says) in cases {
        let identity = Identity::with(change);
        let server = serve(acceptor(&identity, &[])).await;
        refused(
            &post(&server, Some(identity.ca), 1).await.unwrap_err(),
            says,
        );
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_told_with_what_to_do() {
    let identity = Identity::new();
    let server = serve(acceptor(&identity, &[])).await;
    refused(&post(&server, None, 1).await.unwrap_err(), "ca_file");
    // The server's own certificate named as if it were a CA.
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem: Arc<[u8]> = own.cert.pem().into_bytes().into();
    refused(&post(&server, Some(pem), 1).await.unwrap_err(), "ca_file");
}

#[tokio::test]
async fn a_port_without_tls_is_told_apart() {
    let plain = Server::start(|mut tcp, _| async move {
        let _ = tcp.read(&mut [0; 1024]).await;
        let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    refused(&post(&plain, None, 1).await.unwrap_err(), "is not TLS");
    let closed = Server::start(|tcp, _| async move { drop(tcp) }).await;
    let error = post(&closed, None, 1).await.unwrap_err();
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::Tls, Reached::NotSent)
    );
}

/// TLS 1.3 refuses after the first request was written, and with HTTP/2 the
/// library keeps no more than the alert's text.
#[tokio::test]
async fn a_client_certificate_that_is_asked_for_is_named_and_nothing_was_sent() {
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        for alpn in [&[b"h2".as_slice()][..], &[b"http/1.1".as_slice()], &[]] {
            for body in [1, 1 << 20] {
                let identity = Identity::new();
                let server = serve(demanding(&identity, version, alpn)).await;
                let error = post(&server, Some(identity.ca), body).await.unwrap_err();
                refused(&error, "client certificate");
            }
        }
    }
}
