//! Slow, idle and greedy clients, and what refusals say about the connection.

use super::*;
use crate::vital::Part;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const STOCK: &str = "/v1/acme/shop/stock.update";

async fn start_with(limits: HostLimits) -> Running {
    start(Setup {
        limits,
        tenants: vec![("acme", Vec::new())],
        ..Setup::default()
    })
    .await
}

async fn ask(host: &Running, socket: &mut TcpStream) -> String {
    let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let _ = host;
    read_some(socket, "\"ok\"").await
}

#[tokio::test]
async fn idle_connections_of_one_client_keep_nobody_out() {
    let host = start_with(HostLimits {
        connections: 8,
        connections_per_address: 8,
        ..HostLimits::default()
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut socket = connect(&host).await;
        assert!(ask(&host, &mut socket).await.starts_with("HTTP/1.1 200 "));
        idle.push(socket);
    }
    // The first ones have left.
    let mut rest = [0; 16];
    let read = tokio::time::timeout(BOUND, idle[0].read(&mut rest)).await;
    assert_eq!(read.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn where_all_are_busy_health_is_answered_and_calls_are_told_so() {
    let host = start_with(HostLimits {
        connections: 1,
        connections_per_address: 1,
        ..HostLimits::default()
    })
    .await;
    let mut busy = connect(&host).await;
    let request = "POST /v1/acme/slow/stock.update HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";
    busy.write_all(request.as_bytes()).await.unwrap();
    host.fake.until_begun().await;
    assert_eq!(host.get("/healthz", &[]).await.status, 200);
    let refused = host.post(STOCK, &[], "{}").await;
    refused.is_problem(503, "host-busy");
    assert_eq!(refused.headers["connection"], "close");
    assert_eq!(refused.headers["retry-after"], "1");
    host.fake.release();
    let answer = read_some(&mut busy, "accepted").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn health_has_a_listener_of_its_own() {
    let fake = Fake::new(Setup::default());
    let health = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let listener = bind(fake.0.config.listen).await.unwrap();
    let server = Server::new(listener, fake.clone())
        .unwrap()
        .with_health(Some(health));
    let base = format!("http://{}", server.health_address().unwrap());
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let served = tokio::spawn(server.run(stop.clone(), cut.clone()));
    let host = Running {
        fake,
        base,
        stop,
        cut,
        served,
        client: Client::builder(TokioExecutor::new()).build_http(),
    };
    assert_eq!(host.get("/healthz", &[]).await.status, 200);
    assert_eq!(host.get("/readyz", &[]).await.json()["status"], "ready");
    host.get("/v1/plugins", &[])
        .await
        .is_problem(404, "unknown-path");
    host.stop.cancel();
    assert_eq!(host.served.await.unwrap(), 0);
}

#[tokio::test]
async fn a_refusal_before_the_body_was_read_closes_the_connection() {
    let host = start_open().await;
    for (head, status) in [
        ("POST /v1/nowhere HTTP/1.1", "404"),
        ("POST /v1/plugins HTTP/1.1", "405"),
        (
            "POST /v1/acme/shop/stock.update HTTP/1.1\r\ncontent-type: text/plain",
            "415",
        ),
        (
            "POST /v1/acme/shop/stock.update HTTP/1.1\r\ncontent-encoding: br",
            "415",
        ),
        ("POST /v1/acme/shop/stock.update?x HTTP/1.1", "400"),
        (
            "POST /v1/acme/shop/stock.update HTTP/1.1\r\norigin: http://x",
            "403",
        ),
    ] {
        let mut socket = connect(&host).await;
        // Nothing of the body ever comes.
        let request = format!("{head}\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let answer = read_some(&mut socket, "\r\n\r\n").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{head}: {answer}"
        );
        assert!(answer.contains("connection: close"), "{head}: {answer}");
    }
    // What was read to its end goes on.
    let answer = host.post(STOCK, &[], "{}").await;
    assert!(!answer.headers.contains_key("connection"));
}

#[tokio::test]
async fn a_head_of_a_byte_too_many_is_refused_at_once() {
    let host = start_open().await;
    for (length, status) in [(60 << 10, "200"), (66 << 10, "431"), (100 << 10, "431")] {
        let mut socket = connect(&host).await;
        let head = format!(
            "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n",
            "x".repeat(length)
        );
        socket.write_all(head.as_bytes()).await.ok();
        let answer = read_some(&mut socket, "\r\n\r\n").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{length}: {answer}"
        );
    }
}

#[tokio::test]
async fn bodies_have_a_bound_in_sum() {
    let host = start_with(HostLimits {
        calls_memory: 64 << 10,
        ..HostLimits::default()
    })
    .await;
    let held = host.fake.0.memory.try_take(60 << 10).unwrap();
    let answer = host.post(STOCK, &[], vec![b' '; 32 << 10]).await;
    answer.is_problem(503, "host-busy");
    assert_eq!(answer.headers["connection"], "close");
    drop(held);
    assert_eq!(
        host.post(STOCK, &[], vec![b' '; 32 << 10]).await.status,
        200
    );
    assert_eq!(host.fake.0.memory.used(), 0);
}

#[tokio::test]
async fn a_body_may_be_packed_and_may_begin_with_a_mark() {
    use async_compression::tokio::write::GzipEncoder;

    let host = start_with(HostLimits {
        request_body: 1000,
        ..HostLimits::default()
    })
    .await;
    let pack = async |bytes: &[u8]| {
        let mut encoder = GzipEncoder::new(Vec::new());
        encoder.write_all(bytes).await.unwrap();
        encoder.shutdown().await.unwrap();
        encoder.into_inner()
    };
    let gzip = [("content-encoding", "gzip")];
    let packed = pack("\u{feff}{\"sku\":\"1\"}".as_bytes()).await;
    assert_eq!(host.post(STOCK, &gzip, packed.clone()).await.status, 200);
    assert_eq!(host.post(STOCK, &[], "\u{feff}{}").await.status, 200);
    let calls = host.fake.calls();
    assert_eq!(
        (&calls[0].body[..], &calls[1].body[..]),
        (&b"{\"sku\":\"1\"}"[..], &b"{}"[..])
    );
    let bomb = pack(&vec![b' '; 1 << 20]).await;
    assert!(bomb.len() < 2000, "{}", bomb.len());
    host.post(STOCK, &gzip, bomb)
        .await
        .is_problem(413, "body-too-large");
    for broken in [&packed[..packed.len() - 3], b"{}"] {
        let answer = host.post(STOCK, &gzip, broken.to_vec()).await;
        answer.is_problem(400, "invalid-content-encoding");
    }
    host.post(STOCK, &[("content-encoding", "br")], "{}")
        .await
        .is_problem(415, "unsupported-content-encoding");
}

#[tokio::test]
async fn a_header_given_twice_is_refused() {
    let host = start_open().await;
    for name in ["content-type", "authorization", "host"] {
        let mut socket = connect(&host).await;
        let request = format!(
            "POST {STOCK} HTTP/1.1\r\nhost: localhost\r\n{name}: a\r\n{name}: b\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let answer = read_some(&mut socket, "}").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("repeated-header"), "{answer}");
    }
    let twice = format!("{STOCK}?dry_run=true&dry_run=false");
    host.post(&twice, &[], "{}")
        .await
        .is_problem(400, "invalid-query");
    assert!(host.fake.calls().is_empty());
}

#[tokio::test]
async fn readiness_names_what_does_not_work() {
    let host = start_open().await;
    let troubles = |parts: &[Part]| {
        let troubles = parts.iter().map(|part| Trouble::from(*part));
        *host.fake.0.troubles.lock().unwrap() = troubles.collect();
    };
    assert!(
        host.get("/readyz", &[])
            .await
            .json()
            .get("not_working")
            .is_none()
    );
    troubles(&[Part::Recording]);
    let ready = host.get("/readyz", &[]).await;
    assert_eq!(
        (ready.status.as_u16(), &ready.json()["status"]),
        (200, &"ready".into())
    );
    assert_eq!(ready.json()["not_working"][0]["part"], "recording");
    troubles(&[Part::Recording, Part::Reload]);
    let failing = host.get("/readyz", &[]).await;
    assert_eq!(
        (failing.status.as_u16(), &failing.json()["status"]),
        (503, &"failing".into())
    );
}
