//! Servers that speak one version of HTTP, and connections that want one.

use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::certificates::{Identity, acceptor};
use super::server::{Server, options};
use crate::http::{
    Answer, Client, ClientOptions, Outgoing, Reached, SendError, SendErrorKind, Versions,
};

/// What a server speaks.
#[derive(Debug, Clone, Copy)]
enum Speaks {
    Http1,
    Http2,
}

/// Answers with the version and the body of each request.
async fn serve<T>(io: T, speaks: Speaks)
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    let echo = service_fn(|request: http::Request<hyper::body::Incoming>| async {
        let version = request.version();
        let body = request.into_body().collect().await?.to_bytes();
        let text = [format!("{version:?} ").as_bytes(), &body].concat();
        Ok::<_, hyper::Error>(http::Response::new(Full::new(Bytes::from(text))))
    });
    let io = TokioIo::new(io);
    let _ = match speaks {
        Speaks::Http1 => {
            hyper::server::conn::http1::Builder::new()
                .serve_connection(io, echo)
                .await
        }
        Speaks::Http2 => {
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(io, echo)
                .await
        }
    };
}

async fn plain(speaks: Speaks) -> Server {
    Server::start(move |tcp, _| serve(tcp, speaks)).await
}

async fn over_tls(identity: &Identity, speaks: Speaks, alpn: &[&[u8]]) -> Server {
    let acceptor = acceptor(identity, alpn);
    Server::start(move |tcp: TcpStream, _| {
        let acceptor: TlsAcceptor = acceptor.clone();
        async move {
            if let Ok(tls) = acceptor.accept(tcp).await {
                serve(tls, speaks).await;
            }
        }
    })
    .await
}

async fn post(
    server: &Server,
    scheme: &str,
    identity: Option<&Identity>,
    versions: Versions,
) -> Result<Answer, SendError> {
    let client = Client::new(ClientOptions {
        extra_roots: identity.map(|identity| identity.ca.clone()),
        versions,
        ..options()
    });
    let outgoing = Outgoing {
        method: Method::POST,
        uri: format!("{scheme}://localhost:{}/x", server.address.port())
            .parse()
            .unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"x"),
    };
    client.unwrap().send(outgoing).await
}

#[tokio::test]
async fn a_server_that_speaks_one_version_is_spoken_to_in_it() {
    let identity = Identity::new();
    let alpn: [(Speaks, &[&[u8]]); 3] = [
        (Speaks::Http1, &[b"http/1.1"]),
        (Speaks::Http1, &[]),
        (Speaks::Http2, &[b"h2"]),
    ];
    for (speaks, alpn) in alpn {
        let server = over_tls(&identity, speaks, alpn).await;
        let answer = post(&server, "https", Some(&identity), Versions::Auto).await;
        let version = match speaks {
            Speaks::Http1 => "HTTP/1.1 x",
            Speaks::Http2 => "HTTP/2.0 x",
        };
        assert_eq!(answer.unwrap().body, version);
    }
}

#[tokio::test]
async fn a_version_that_is_named_is_spoken_and_no_other() {
    let identity = Identity::new();
    let both: &[&[u8]] = &[b"h2", b"http/1.1"];
    for (speaks, versions, body) in [
        (Speaks::Http1, Versions::Http1, "HTTP/1.1 x"),
        (Speaks::Http2, Versions::Http2, "HTTP/2.0 x"),
    ] {
        let server = over_tls(&identity, speaks, both).await;
        let answer = post(&server, "https", Some(&identity), versions).await;
        assert_eq!(answer.unwrap().body, body);
    }
    let cases: [(Speaks, &[&[u8]], Versions); 3] = [
        (Speaks::Http1, &[b"http/1.1"], Versions::Http2),
        (Speaks::Http1, &[], Versions::Http2),
        (Speaks::Http2, &[b"h2"], Versions::Http1),
    ];
    for (speaks, alpn, versions) in cases {
        let server = over_tls(&identity, speaks, alpn).await;
        let error = post(&server, "https", Some(&identity), versions).await;
        let error = error.unwrap_err();
        assert_eq!(
            (error.kind, error.reached),
            (SendErrorKind::Tls, Reached::NotSent),
            "{speaks:?}: {}",
            error.message
        );
        assert!(error.message.contains("HTTP"), "{}", error.message);
    }
}

#[tokio::test]
async fn http2_without_tls_is_spoken_where_it_is_known_to_be() {
    let server = plain(Speaks::Http2).await;
    let answer = post(&server, "http", None, Versions::Http2).await;
    assert_eq!(answer.unwrap().body, "HTTP/2.0 x");
    // Nobody asks: without TLS there is nothing to ask with.
    assert!(post(&server, "http", None, Versions::Auto).await.is_err());
    let server = plain(Speaks::Http1).await;
    for versions in [Versions::Auto, Versions::Http1] {
        let answer = post(&server, "http", None, versions).await;
        assert_eq!(answer.unwrap().body, "HTTP/1.1 x");
    }
}
