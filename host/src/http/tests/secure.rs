//! TLS: who is believed, and what is spoken.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Version};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::server::{Server, client, options};
use crate::http::{Answer, Client, ClientOptions, Outgoing, Reached, SendError, SendErrorKind};

/// A server that answers with the version and the body of each request, and
/// the PEM certificate to trust for it.
async fn server(alpn: &'static [&'static [u8]]) -> (Server, Arc<[u8]>) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::start(move |tcp, _| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(tls) = acceptor.accept(tcp).await else {
                return;
            };
            let echo = service_fn(|request: http::Request<hyper::body::Incoming>| async {
                let version = request.version();
                let body = request.into_body().collect().await?.to_bytes();
                let text = [format!("{version:?} ").as_bytes(), &body].concat();
                Ok::<_, hyper::Error>(http::Response::new(Full::new(Bytes::from(text))))
            });
            let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(tls), echo)
                .await;
        }
    })
    .await;
    (server, own.cert.pem().into_bytes().into())
}

fn trusting(pem: &Arc<[u8]>) -> Client {
    Client::new(ClientOptions {
        extra_roots: Some(Arc::clone(pem)),
        ..options()
    })
    .unwrap()
}

async fn post(client: &Client, server: &Server, host: &str) -> Result<Answer, SendError> {
    let outgoing = Outgoing {
        method: Method::POST,
        uri: format!("https://{host}:{}/x?k=v", server.address.port())
            .parse()
            .unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"hello"),
    };
    client.send(outgoing).await
}

#[tokio::test]
async fn the_version_is_what_both_sides_know() {
    const OFFERS: [(&[&[u8]], Version); 3] = [
        (&[b"h2", b"http/1.1"], Version::HTTP_2),
        (&[b"http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ];
    for (alpn, version) in OFFERS {
        let (server, pem) = server(alpn).await;
        let client = trusting(&pem);
        for _ in 0..3 {
            let answer = post(&client, &server, "localhost").await.unwrap();
            assert_eq!(answer.body, format!("{version:?} hello"));
        }
        assert_eq!(server.connections(), 1, "{version:?}");
    }
}

#[tokio::test]
async fn many_requests_share_one_http2_connection() {
    let (server, pem) = server(&[b"h2"]).await;
    let client = trusting(&pem);
    post(&client, &server, "localhost").await.unwrap();
    let all = (0..100).map(|_| post(&client, &server, "localhost"));
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer.unwrap().body, "HTTP/2.0 hello");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_unknown_issuer_is_refused_before_anything_is_sent() {
    let (server, _) = server(&[b"h2"]).await;
    let (_, other) = self::server(&[b"h2"]).await;
    for client in [client(), trusting(&other)] {
        let error = post(&client, &server, "localhost").await.unwrap_err();
        assert_eq!(
            (error.kind, error.reached),
            (SendErrorKind::Tls, Reached::NotSent)
        );
        assert!(error.message.contains("localhost"), "{}", error.message);
    }
    let error = post(&client(), &server, "localhost").await.unwrap_err();
    assert!(error.message.contains("ca_file"), "{}", error.message);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (server, pem) = server(&[b"h2"]).await;
    let error = post(&trusting(&pem), &server, "127.0.0.1")
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::Tls, Reached::NotSent)
    );
}

#[tokio::test]
async fn a_server_without_tls_is_refused_and_one_that_says_nothing_times_out() {
    let plain = Server::start(|mut tcp, _| async move {
        let _ = tcp.read(&mut [0; 1024]).await;
        let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let error = post(&client(), &plain, "localhost").await.unwrap_err();
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::Tls, Reached::NotSent)
    );

    let silent = Server::start(|mut tcp, _| async move {
        while tcp.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
    })
    .await;
    let client = Client::new(ClientOptions {
        connect_timeout: std::time::Duration::from_millis(100),
        ..options()
    })
    .unwrap();
    let error = post(&client, &silent, "localhost").await.unwrap_err();
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::Tls, Reached::NotSent)
    );
}

/// An HTTP/2 connection that dies with a request on it: sent once, outcome open.
#[tokio::test]
async fn a_lost_http2_connection_leaves_the_outcome_open() {
    let (inner, pem) = server(&[b"h2"]).await;
    let upstream = inner.address;
    // Passes everything on until the request has surely been written (the
    // handshake's bytes are far fewer than the body's), then resets.
    let server = Server::start(move |mut tcp, _| async move {
        let mut up = tokio::net::TcpStream::connect(upstream).await.unwrap();
        let mut passed = 0;
        let (mut to_server, mut to_client) = ([0; 4096], [0; 4096]);
        while passed < 20_000 {
            tokio::select! {
                read = tcp.read(&mut to_server) => {
                    let read = read.unwrap();
                    passed += read;
                    up.write_all(&to_server[..read]).await.unwrap();
                }
                read = up.read(&mut to_client) => {
                    let read = read.unwrap();
                    tcp.write_all(&to_client[..read]).await.unwrap();
                }
            }
        }
        super::server::reset(tcp);
    })
    .await;
    let outgoing = Outgoing {
        method: Method::POST,
        uri: format!("https://localhost:{}/", server.address.port())
            .parse()
            .unwrap(),
        headers: HeaderMap::new(),
        body: vec![b'x'; 1 << 20].into(),
    };
    let error = trusting(&pem).send(outgoing).await.unwrap_err();
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::ConnectionLost, Reached::MaybeApplied),
        "{}",
        error.message
    );
    assert_eq!(server.connections(), 1);
}
