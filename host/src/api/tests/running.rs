//! A server of the pretending host, and what is asked of it.

use super::*;

/// A server on a port of its own.
pub struct Running {
    pub fake: Fake,
    pub base: String,
    pub stop: CancellationToken,
    pub cut: CancellationToken,
    pub served: tokio::task::JoinHandle<usize>,
    pub client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// The code of a problem, after checking that it is one.
    pub fn problem(&self) -> String {
        let problem = self.json();
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(problem["status"], self.status.as_u16());
        let code = problem["code"].as_str().expect("a code");
        assert_eq!(problem["type"], format!("/problems/{code}"));
        for member in ["title", "detail", "blame"] {
            assert!(problem[member].is_string(), "{problem}");
        }
        code.to_owned()
    }

    pub fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status.as_u16(), self.problem().as_str()),
            (status, code)
        );
    }
}

pub async fn start(setup: Setup) -> Running {
    let fake = Fake::new(setup);
    let listener = bind(fake.0.config.listen).await.unwrap();
    let server = Server::new(listener, fake.clone()).unwrap();
    let base = format!("http://{}", server.address());
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let served = tokio::spawn(server.run(stop.clone(), cut.clone()));
    Running {
        fake,
        base,
        stop,
        cut,
        served,
        client: Client::builder(TokioExecutor::new()).build_http(),
    }
}

/// A tenant without tokens, called from this machine.
pub async fn start_open() -> Running {
    start(Setup {
        tenants: vec![("acme", Vec::new())],
        ..Setup::default()
    })
    .await
}

impl Running {
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = tokio::time::timeout(BOUND, self.client.request(request))
            .await
            .expect("an answer in time")
            .expect("an answer");
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.expect("a whole body").to_bytes(),
        }
    }

    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> axum::http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.request("GET", path, headers);
        self.send(request.body(Full::default()).unwrap()).await
    }

    pub async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let request = self.request("POST", path, headers);
        self.send(request.body(Full::new(body.into())).unwrap())
            .await
    }
}

pub async fn connect(host: &Running) -> tokio::net::TcpStream {
    let address = host.base.strip_prefix("http://").unwrap();
    tokio::net::TcpStream::connect(address).await.unwrap()
}

/// Reads until the text is there or the connection ends.
pub async fn read_some(socket: &mut tokio::net::TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&read).contains(text) {
            let mut part = [0; 4096];
            match socket.read(&mut part).await {
                Ok(0) | Err(_) => break,
                Ok(length) => read.extend_from_slice(&part[..length]),
            }
        }
    };
    tokio::time::timeout(BOUND, reading).await.expect("in time");
    String::from_utf8_lossy(&read).into_owned()
}
