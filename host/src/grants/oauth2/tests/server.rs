//! A token server that is only played.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

use crate::config::{ClientAuth, OAuth2Config, OAuth2Grant, TokenFormat, TokenPlace};

/// A token server that gives the same answer to whatever it is asked.
pub(super) struct Server {
    pub url: Url,
    /// Head and body of each request.
    asked: Arc<Mutex<Vec<(String, String)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn answering(status: &str, headers: &str, body: &str) -> Self {
        let answer = format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        Self::raw(answer.into_bytes()).await
    }

    /// Writes these bytes, whatever they are, and closes.
    pub async fn raw(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut read = Vec::new();
                let request = loop {
                    let mut piece = [0; 4096];
                    match socket.read(&mut piece).await {
                        Ok(size) if size > 0 => read.extend_from_slice(&piece[..size]),
                        _ => break None,
                    }
                    if let Some(request) = whole(&read) {
                        break Some(request);
                    }
                };
                kept.lock().unwrap().extend(request);
                // A client that has read enough may have gone.
                let _ = socket.write_all(&answer).await;
                let _ = socket.shutdown().await;
            }
        });
        Self {
            url: Url::parse(&url).unwrap(),
            asked,
            task,
        }
    }

    pub fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }

    pub fn config(&self, grant: OAuth2Grant) -> OAuth2Config {
        OAuth2Config {
            grant,
            token_url: self.url.clone(),
            client_id: "app 7".into(),
            secret: Some("client-secret".into()),
            client_auth: ClientAuth::Basic,
            scopes: vec!["read".into(), "write".into()],
            parameters: BTreeMap::from([("audience".into(), "a&b".into())]),
            format: TokenFormat::Form,
            place: TokenPlace::Bearer,
        }
    }
}

/// Head and body of a request, once all of it is there.
fn whole(read: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8(read.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    (body.len() >= length).then(|| (text.split_once("\r\n\r\n").unwrap().0.into(), body.into()))
}
