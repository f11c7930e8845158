//! What the guide says the host adds to a request, for every method and body.

use bytes::Bytes;
use http::Method;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::server::{Server, client, read_request};

#[tokio::test]
async fn every_method_and_body_gets_what_the_guide_promises() {
    let (tell, mut requests) = mpsc::channel(8);
    let server = Server::start(move |mut tcp, _| {
        let tell = tell.clone();
        async move {
            while let Some(request) = read_request(&mut tcp).await {
                tell.send(request).await.unwrap();
                tcp.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                    .await
                    .unwrap();
            }
        }
    })
    .await;
    let client = client();
    let address = server.address;
    for method in [
        "GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT", "PATCH", "PURGE",
    ] {
        for body in [&b""[..], "文".as_bytes(), b"\xff\0"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let mut request = server.request(method.clone(), "/x?a=b");
            request.body = Bytes::from_static(body);
            client.send(request).await.unwrap();
            let bodiless = ["GET", "HEAD", "DELETE", "OPTIONS"].contains(&method.as_str());
            let sent = requests.recv().await.unwrap();
            let head = &sent[..sent.len() - body.len()];
            let mut lines: Vec<&str> = std::str::from_utf8(head).unwrap().lines().collect();
            lines.pop();
            lines.sort_unstable();
            let first = format!("{method} /x?a=b HTTP/1.1");
            let length = format!("content-length: {}", body.len());
            let host = format!("host: {address}");
            let mut expected = vec![&first[..], "accept-encoding: gzip, deflate, br", &host];
            if !(bodiless && body.is_empty()) {
                expected.push(&length);
            }
            expected.sort_unstable();
            assert_eq!(lines, expected, "{method} {body:?}");
            assert_eq!(&sent[head.len()..], body);
        }
    }
}
