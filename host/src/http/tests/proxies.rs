//! Real proxies on this machine, and what goes through them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::certificates::{Identity, acceptor, serve};
use super::server::{Server, answer, options, read_request};
use crate::http::resolve::Resolver;
use crate::http::{
    Answer, Client, ClientOptions, Outgoing, Proxy, ProxyLogin, ProxyProtocol, Reached, SendError,
    SendErrorKind,
};

const USER: &str = "crossdock";
const PASSWORD: &str = "pässword:with a colon";

/// What a proxy was asked for.
type Asked = Arc<Mutex<Vec<String>>>;

/// Connects whatever it is asked for to `to`, if the login is right.
async fn http_proxy(to: SocketAddr) -> (Server, Asked) {
    let asked = Asked::default();
    let record = asked.clone();
    let server = Server::start(move |mut tcp, _| {
        let record = record.clone();
        async move {
            let Some(request) = read_request(&mut tcp).await else {
                return;
            };
            let request = String::from_utf8(request).unwrap();
            let first = request.lines().next().unwrap().to_owned();
            record.lock().unwrap().push(first);
            let login =
                base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
            if !request.contains(&format!("\r\nProxy-Authorization: Basic {login}\r\n")) {
                let refused =
                    b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
                tcp.write_all(refused).await.unwrap();
                return;
            }
            let mut up = TcpStream::connect(to).await.unwrap();
            tcp.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
                .await
                .unwrap();
            let _ = copy_bidirectional(&mut tcp, &mut up).await;
        }
    })
    .await;
    (server, asked)
}

/// The same for SOCKS 5.
async fn socks_proxy(to: SocketAddr) -> (Server, Asked) {
    let asked = Asked::default();
    let record = asked.clone();
    let server = Server::start(move |mut tcp, _| {
        let record = record.clone();
        async move {
            let mut head = [0; 2];
            tcp.read_exact(&mut head).await.unwrap();
            let mut methods = vec![0; usize::from(head[1])];
            tcp.read_exact(&mut methods).await.unwrap();
            if !methods.contains(&2) {
                tcp.write_all(&[5, 0xff]).await.unwrap();
                return;
            }
            tcp.write_all(&[5, 2]).await.unwrap();
            assert_eq!(tcp.read_u8().await.unwrap(), 1);
            let user = text(&mut tcp).await;
            let password = text(&mut tcp).await;
            if (&*user, &*password) != (USER, PASSWORD) {
                tcp.write_all(&[1, 1]).await.unwrap();
                return;
            }
            tcp.write_all(&[1, 0]).await.unwrap();
            let mut head = [0; 4];
            tcp.read_exact(&mut head).await.unwrap();
            let host = match head[3] {
                1 => {
                    let mut address = [0; 4];
                    tcp.read_exact(&mut address).await.unwrap();
                    std::net::Ipv4Addr::from(address).to_string()
                }
                3 => text(&mut tcp).await,
                4 => {
                    let mut address = [0; 16];
                    tcp.read_exact(&mut address).await.unwrap();
                    std::net::Ipv6Addr::from(address).to_string()
                }
                kind => panic!("{kind}"),
            };
            let port = tcp.read_u16().await.unwrap();
            record.lock().unwrap().push(format!("{host} {port}"));
            let mut up = TcpStream::connect(to).await.unwrap();
            tcp.write_all(&[5, 0, 0, 3, 1, b'x', 0, 0]).await.unwrap();
            let _ = copy_bidirectional(&mut tcp, &mut up).await;
        }
    })
    .await;
    (server, asked)
}

async fn text(tcp: &mut TcpStream) -> String {
    let mut text = vec![0; usize::from(tcp.read_u8().await.unwrap())];
    tcp.read_exact(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

fn login(password: &str) -> Option<ProxyLogin> {
    Some(ProxyLogin {
        user: USER.to_owned(),
        password: Arc::new(Zeroizing::new(password.to_owned())),
    })
}

fn proxy(protocol: ProxyProtocol, at: &Server) -> Proxy {
    Proxy {
        protocol,
        host: at.address.ip().to_string(),
        port: at.address.port(),
        login: login(PASSWORD),
        trusted: true,
    }
}

/// A platform's name at a public address, one at a private one, and one at both.
fn resolver() -> Resolver {
    Resolver::of(&[
        ("localhost", &["127.0.0.1"]),
        ("shop.example", &["198.41.0.4"]),
        ("inside.example", &["10.0.0.7"]),
    ])
}

async fn post(
    url: &str,
    proxy: Proxy,
    change: impl FnOnce(&mut ClientOptions),
) -> Result<Answer, SendError> {
    let mut options = ClientOptions {
        allow_private: false,
        proxy: Some(proxy),
        ..options()
    };
    change(&mut options);
    let client = Client::resolving(options, resolver()).unwrap();
    let outgoing = Outgoing {
        method: Method::POST,
        uri: url.parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"x"),
    };
    client.send(outgoing).await
}

fn asked(asked: &Asked) -> Vec<String> {
    std::mem::take(&mut *asked.lock().unwrap())
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn what_goes_through_an_http_proxy_is_what_was_signed() {
    let seen = Asked::default();
    let record = seen.clone();
    let platform = Server::start(move |mut tcp, _| {
        let record = record.clone();
        async move {
            let request = read_request(&mut tcp).await.unwrap();
            record
                .lock()
                .unwrap()
                .push(String::from_utf8(request).unwrap());
            tcp.write_all(OK).await.unwrap();
        }
    })
    .await;
    let (proxy_at, told) = http_proxy(platform.address).await;
    let proxy = proxy(ProxyProtocol::Http, &proxy_at);
    post("http://shop.example/x?k=v", proxy, |_| {})
        .await
        .unwrap();
    assert_eq!(asked(&told), ["CONNECT shop.example:80 HTTP/1.1"]);
    let seen = asked(&seen).remove(0);
    assert!(seen.starts_with("POST /x?k=v HTTP/1.1\r\n"), "{seen}");
    assert!(
        seen.to_lowercase().contains("host: shop.example\r\n"),
        "{seen}"
    );
    assert!(!seen.to_lowercase().contains("proxy"), "{seen}");
}

#[tokio::test]
async fn tls_is_spoken_with_the_platform_and_not_with_the_proxy() {
    let identity = Identity::with(|leaf| {
        leaf.subject_alt_names = vec![rcgen::SanType::DnsName("shop.example".try_into().unwrap())];
    });
    let platform = serve(acceptor(&identity, &[b"http/1.1"])).await;
    for protocol in [
        ProxyProtocol::Http,
        ProxyProtocol::Socks5,
        ProxyProtocol::Socks5Names,
    ] {
        let (proxy_at, told) = match protocol {
            ProxyProtocol::Http => http_proxy(platform.address).await,
            _ => socks_proxy(platform.address).await,
        };
        let proxy = proxy(protocol, &proxy_at);
        let ca = Some(identity.ca.clone());
        let answer = post("https://shop.example/", proxy, |options| {
            options.extra_roots = ca
        });
        assert_eq!(answer.await.unwrap().body, "ok", "{protocol:?}");
        let says = match protocol {
            ProxyProtocol::Http => "CONNECT shop.example:443 HTTP/1.1",
            ProxyProtocol::Socks5 => "198.41.0.4 443",
            ProxyProtocol::Socks5Names => "shop.example 443",
        };
        assert_eq!(asked(&told), [says]);
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_know_the_user_is_told_from_a_platform() {
    let platform = Server::answering(OK, true).await;
    for protocol in [ProxyProtocol::Http, ProxyProtocol::Socks5Names] {
        let (proxy_at, _) = match protocol {
            ProxyProtocol::Http => http_proxy(platform.address).await,
            _ => socks_proxy(platform.address).await,
        };
        for (login, says) in [
            (login("other-secret"), "does not accept"),
            (None, "wants a user"),
        ] {
            let proxy = Proxy {
                login,
                ..proxy(protocol, &proxy_at)
            };
            let error = post("http://shop.example/", proxy, |_| {})
                .await
                .unwrap_err();
            assert_eq!(
                (error.kind, error.reached),
                (SendErrorKind::Proxy, Reached::NotSent)
            );
            assert!(error.message.contains(says), "{}", error.message);
            assert!(!error.message.contains("other-secret"), "{}", error.message);
        }
    }
    assert_eq!(platform.connections(), 0);
}

/// The claim of the security page: whatever a name answers elsewhere, and whoever the
/// proxy is.
#[tokio::test]
async fn a_proxy_cannot_be_used_to_reach_a_private_address_that_is_not_allowed() {
    let inside = Server::answering(OK, true).await;
    for protocol in [
        ProxyProtocol::Http,
        ProxyProtocol::Socks5,
        ProxyProtocol::Socks5Names,
    ] {
        let (proxy_at, told) = match protocol {
            ProxyProtocol::Http => http_proxy(inside.address).await,
            _ => socks_proxy(inside.address).await,
        };
        for host in [
            "10.0.0.7",
            "169.254.169.254",
            "127.0.0.1",
            "[::1]",
            "[::ffff:10.0.0.7]",
            "localhost",
            "a.localhost",
            "inside.example",
        ] {
            let url = format!("http://{host}/");
            let error = post(&url, proxy(protocol, &proxy_at), |_| {})
                .await
                .unwrap_err();
            assert!(
                matches!(
                    error.kind,
                    SendErrorKind::RefusedAddress | SendErrorKind::Resolve
                ),
                "{host}: {}",
                error.message
            );
            assert_eq!(error.reached, Reached::NotSent);
        }
        assert_eq!(asked(&told), [""; 0], "{protocol:?}");
        // With the permission it is reached.
        let allowed = post(
            "http://inside.example/",
            proxy(protocol, &proxy_at),
            |options| {
                options.allow_private = true;
            },
        );
        assert_eq!(allowed.await.unwrap().body, "ok");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_the_operators_stands_at_a_public_address_and_is_told_no_names() {
    let inside = Server::answering(OK, true).await;
    let (proxy_at, told) = http_proxy(inside.address).await;
    let own = Proxy {
        trusted: false,
        ..proxy(ProxyProtocol::Http, &proxy_at)
    };
    // The proxy itself is at a private address.
    let error = post("http://shop.example/", own.clone(), |_| {})
        .await
        .unwrap_err();
    assert_eq!(
        error.kind,
        SendErrorKind::RefusedAddress,
        "{}",
        error.message
    );
    assert!(
        error.message.contains("[network] proxies"),
        "{}",
        error.message
    );
    assert_eq!(proxy_at.connections(), 0);
    // What it is told where it may be used, it is told as a number.
    for protocol in [
        ProxyProtocol::Http,
        ProxyProtocol::Socks5,
        ProxyProtocol::Socks5Names,
    ] {
        let own = Proxy {
            protocol,
            ..own.clone()
        };
        let options = ClientOptions {
            allow_private: false,
            ..options()
        };
        let client = Client::resolving(options, resolver()).unwrap();
        let until = tokio::time::Instant::now() + super::server::PATIENCE;
        let told = client
            .connector
            .destinations(&own, "shop.example", 80, until)
            .await;
        let told: Vec<String> = told.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(told, ["198.41.0.4:80"], "{protocol:?}");
    }
    assert_eq!(asked(&told), [""; 0]);
}

#[tokio::test]
async fn a_name_that_only_the_operators_proxy_knows_is_its_to_decide() {
    let platform = Server::answering(OK, true).await;
    let (proxy_at, told) = socks_proxy(platform.address).await;
    let proxy = proxy(ProxyProtocol::Socks5Names, &proxy_at);
    let answer = post("http://unknown-here.example/", proxy.clone(), |_| {});
    assert_eq!(answer.await.unwrap().body, "ok");
    assert_eq!(asked(&told), ["unknown-here.example 80"]);
    let untold = Proxy {
        protocol: ProxyProtocol::Socks5,
        ..proxy
    };
    let error = post("http://unknown-here.example/", untold, |_| {}).await;
    assert_eq!(error.unwrap_err().kind, SendErrorKind::Resolve);
}

#[tokio::test]
async fn what_is_wrong_with_a_proxy_is_told_in_words_and_nothing_was_sent() {
    async fn answering(bytes: &'static [u8]) -> Server {
        Server::start(move |mut tcp, _| async move {
            let _ = tcp.read(&mut [0; 1024]).await;
            let _ = tcp.write_all(bytes).await;
        })
        .await
    }
    use ProxyProtocol::{Http, Socks5Names};
    let cases: [(ProxyProtocol, &[u8], SendErrorKind, &str); 8] = [
        (
            Http,
            b"HTTP/1.1 403 Forbidden\r\n\r\n",
            SendErrorKind::Proxy,
            "HTTP 403",
        ),
        (
            Http,
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
            SendErrorKind::Connect,
            "HTTP 502",
        ),
        (
            Http,
            b"SSH-2.0-OpenSSH_9.2\r\n",
            SendErrorKind::Proxy,
            "no HTTP proxy",
        ),
        (Http, b"", SendErrorKind::Proxy, "closed the connection"),
        (Http, &[b'x'; 40_000], SendErrorKind::Proxy, "no HTTP proxy"),
        (
            Socks5Names,
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            SendErrorKind::Proxy,
            "no SOCKS 5",
        ),
        (
            Socks5Names,
            &[5, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0],
            SendErrorKind::Proxy,
            "its rules",
        ),
        (
            Socks5Names,
            &[5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0],
            SendErrorKind::Connect,
            "the host is unreachable",
        ),
    ];
    for (protocol, bytes, kind, says) in cases {
        let at = answering(bytes).await;
        let proxy = Proxy {
            login: None,
            ..proxy(protocol, &at)
        };
        let error = post("http://shop.example/", proxy, |_| {})
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, error.reached),
            (kind, Reached::NotSent),
            "{}",
            error.message
        );
        assert!(error.message.contains(says), "{says}: {}", error.message);
    }
    let silent = Server::start(|mut tcp, _| async move {
        while tcp.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
    })
    .await;
    let error = post("http://shop.example/", proxy(Http, &silent), |options| {
        options.connect_timeout = Duration::from_millis(50);
    });
    let error = error.await.unwrap_err();
    assert_eq!(
        (error.kind, error.reached),
        (SendErrorKind::Proxy, Reached::NotSent)
    );
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut gone = proxy(Http, &silent);
    gone.port = closed.local_addr().unwrap().port();
    drop(closed);
    let error = post("http://shop.example/", gone, |_| {})
        .await
        .unwrap_err();
    assert!(
        error.message.contains("connection refused"),
        "{}",
        error.message
    );
}

/// Bytes of the platform right behind the proxy's answer are the platform's.
#[tokio::test]
async fn what_the_platform_says_first_is_not_swallowed() {
    let at = Server::start(|mut tcp, _| async move {
        read_request(&mut tcp).await.unwrap();
        let early = [
            b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n".as_slice(),
            &answer("HTTP/1.1 200 OK\r\n", b"early"),
        ]
        .concat();
        tcp.write_all(&early).await.unwrap();
        let _ = read_request(&mut tcp).await;
    })
    .await;
    let mut tcp = TcpStream::connect(at.address).await.unwrap();
    let proxy = Proxy {
        login: None,
        ..proxy(ProxyProtocol::Http, &at)
    };
    let to = crate::http::proxy::Destination::Name("shop.example", 80);
    crate::http::proxy::tunnel(&proxy, &mut tcp, to)
        .await
        .unwrap();
    let mut first = [0; 12];
    tcp.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
}
