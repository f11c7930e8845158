//! A TCP server whose every connection is a piece of test code.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::http::{Answer, Client, ClientOptions, Outgoing, SendError};

/// Longer than anything here takes on a busy machine; nothing waits it out.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Server {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Serves connections, each as `serve` says; it gets the connection and its
    /// 0-based number.
    pub async fn start<F, S>(serve: S) -> Self
    where
        S: Fn(TcpStream, usize) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), serve)
    }

    /// The same where somebody listens already.
    pub fn on<F, S>(listener: TcpListener, serve: S) -> Self
    where
        S: Fn(TcpStream, usize) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serve(tcp, counter.fetch_add(1, Ordering::SeqCst)));
            }
        });
        Self {
            address,
            connections,
            task,
        }
    }

    /// Answers every request of every connection with these bytes, and keeps
    /// the connection if `keep`.
    pub async fn answering(answer: impl Into<Bytes>, keep: bool) -> Self {
        let answer = answer.into();
        Self::start(move |mut tcp, _| {
            let answer = answer.clone();
            async move {
                while read_request(&mut tcp).await.is_some() {
                    if tcp.write_all(&answer).await.is_err() || !keep {
                        break;
                    }
                }
            }
        })
        .await
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn request(&self, method: Method, path: &str) -> Outgoing {
        Outgoing {
            method,
            uri: format!("http://{}{path}", self.address).parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub async fn get(&self, client: &Client) -> Result<Answer, SendError> {
        client.send(self.request(Method::GET, "/x")).await
    }

    pub async fn post(&self, client: &Client, body: impl Into<Bytes>) -> Result<Answer, SendError> {
        let mut request = self.request(Method::POST, "/x");
        request.body = body.into();
        client.send(request).await
    }
}

pub(super) fn options() -> ClientOptions {
    ClientOptions {
        allow_private: true,
        connect_timeout: PATIENCE,
        timeout: PATIENCE,
        ..ClientOptions::default()
    }
}

pub(super) fn client() -> Client {
    Client::new(options()).unwrap()
}

/// Reads one request with its `content-length` body, as it was on the wire.
/// Nothing if the connection ends before it does.
pub(super) async fn read_request(tcp: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let head = loop {
        if let Some(end) = find(&request, b"\r\n\r\n") {
            break end + 4;
        }
        if tcp.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
    let length: usize = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    while request.len() < head + length {
        if tcp.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// An answer with a correct `content-length`.
pub(super) fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("{head}content-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// Ends a connection with RST.
pub(super) fn reset(tcp: TcpStream) {
    tcp.set_zero_linger().unwrap();
}
