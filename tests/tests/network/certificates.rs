//! A host before a server that demands a client certificate.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use crossdock::report::ItemStatus;
use crossdock_tests::bed::{call, connection, deliver};
use crossdock_tests::wait::until;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::bed;

/// A CA, and a server that knows its clients by it.
struct Server {
    address: SocketAddr,
    ca: String,
    issuer: Issuer<'static, KeyPair>,
    /// The certificates that were shown.
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Server {
    async fn start() -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(ca_certificate.der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let record = shown.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, record) = (acceptor.clone(), record.clone());
                tokio::spawn(async move {
                    let mut tls = match acceptor.accept(tcp).into_fallible().await {
                        Ok(tls) => tls,
                        Err((_, mut tcp)) => {
                            // Closing over what was not read would take the alert away.
                            while tcp.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
                            return;
                        }
                    };
                    let peer = tls.get_ref().1.peer_certificates().unwrap()[0].to_vec();
                    record.lock().unwrap().push(peer);
                    read_request(&mut tls).await;
                    let answer =
                        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                    let _ = tls.write_all(answer).await;
                    let _ = tls.shutdown().await;
                });
            }
        });
        Self {
            address,
            ca: ca_certificate.pem(),
            issuer,
            shown,
        }
    }

    /// A certificate for a client and its key, and what of it is shown.
    fn client(&self) -> (String, String, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["crossdock".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &self.issuer).unwrap();
        (leaf.pem(), key.serialize_pem(), leaf.der().to_vec())
    }

    fn last(&self) -> Option<Vec<u8>> {
        self.shown.lock().unwrap().last().cloned()
    }
}

/// Reads a request to its end, so that closing takes nothing away from the answer.
async fn read_request(tls: &mut (impl AsyncRead + Unpin)) {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return;
            }
        }
        if tls.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_shown_and_another_one_once_its_files_change() {
    let server = Server::start().await;
    let bed = bed("");
    let url = format!("https://localhost:{}", server.address.port());
    let without = connection("without", "test-adapter", &url, "ca_file = \"ca.pem\"");
    let more = "ca_file = \"ca.pem\"\nclient_certificate = { cert = \"client.pem\", key = \"client.key\" }";
    let shop = connection("shop", "test-adapter", &url, more);
    let (certificate, key, first) = server.client();
    bed.put_tenant("acme", "ca.pem", &server.ca);
    bed.put_tenant("acme", "client.pem", &certificate);
    bed.put_tenant("acme", "client.key", &key);
    bed.put_tenant("acme", "tenant.toml", &(without + &shop));
    let host = bed.host().await;
    let report = deliver(&host, call("acme", "shop", "echo", "{}")).await;
    assert_eq!(report.items[0].status, ItemStatus::Accepted, "{report:?}");
    assert_eq!(server.last(), Some(first));
    let report = deliver(&host, call("acme", "without", "echo", "{}")).await;
    assert_eq!(
        report.items[0].code.as_deref(),
        Some("tls-failed"),
        "{report:?}"
    );
    let message = report.items[0].message.clone().unwrap_or_default();
    assert!(message.contains("client_certificate"), "{message}");

    let (certificate, key, second) = server.client();
    bed.put_tenant("acme", "client.pem", &certificate);
    bed.put_tenant("acme", "client.key", &key);
    until("both files to be taken", || {
        let tenants = host.tenants();
        let acme = tenants.into_iter().find(|tenant| tenant.name == "acme")?;
        (acme.generation > Some(1) && acme.problems.is_empty()).then_some(())
    })
    .await;
    let report = deliver(&host, call("acme", "shop", "echo", "{}")).await;
    assert_eq!(report.items[0].status, ItemStatus::Accepted, "{report:?}");
    assert_eq!(server.last(), Some(second));
}
