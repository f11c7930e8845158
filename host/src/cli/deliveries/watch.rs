//! `crossdock deliveries watch`.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use axum::body::Bytes;
use clap::Args;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;

use super::super::Global;
use super::super::client::{self, Told};
use super::super::failure::{Exit, Failure, Finished};
use super::super::terminal::{Paint, clean, note};
use super::asking::encoded;
use super::filter::says_something;
use super::stream::{Lines, Received};

pub(super) const HELP: &str = "\
Asks the host that runs at the configured address, with the token in CROSSDOCK_TOKEN if that is set: a tenant's with --tenant, else an admin token.
A connection that is lost is made again, and nothing is left out or shown twice.

Examples:
  crossdock deliveries watch --tenant acme --status failed,rejected,unknown,held
  crossdock deliveries watch --json | jq -c 'select(.code == \"oversold\")'";

/// How long a host may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// Silence after which a connection is given up: the host says something each
/// 15 s.
const SILENCE: Duration = Duration::from_secs(45);

/// Pauses before a lost connection is made again: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Largest answer of a host that refuses.
const MOST_REFUSAL: usize = 64 << 10;

#[derive(Debug, Args)]
pub(in super::super) struct WatchArgs {
    /// Only this tenant's, with its token or an admin token
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only of this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Only of this operation
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Only what comes to this; several with commas between
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<String>,
    /// Begin with the oldest that is kept, and not with what comes now
    #[arg(long)]
    from_oldest: bool,
    /// For programs: one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: client::Reach,
}

pub(super) async fn run(global: &Global, args: WatchArgs) -> Finished {
    let url = args.reach.url(global)?.trim_end_matches('/').to_owned();
    for (name, value) in [
        ("tenant", &args.tenant),
        ("connection", &args.connection),
        ("operation", &args.operation),
    ] {
        says_something(name, value.as_deref())?;
    }
    for status in &args.status {
        says_something("status", Some(status))?;
    }
    let mut watch = Watch {
        url,
        token: args.reach.token(),
        args,
        last: None,
        door: 0,
    };
    tokio::select! {
        ended = watch.follow() => ended,
        interrupted = tokio::signal::ctrl_c() => match interrupted {
            Ok(()) => Ok(Exit::Done),
            Err(error) => Err(anyhow::anyhow!(
                "Ctrl-C cannot be noticed ({error}); kill the process to end it"
            )
            .into()),
        },
    }
}

struct Watch {
    url: String,
    token: Option<String>,
    args: WatchArgs,
    /// The id of the newest event.
    last: Option<String>,
    /// Which of the interfaces lets the token in.
    door: usize,
}

/// What came of a connection.
enum Came {
    /// It was made, and lost.
    Lost,
    /// It was not made; it may be later.
    NotNow(String),
    /// Nobody reads any more.
    NobodyReads,
}

impl Watch {
    /// Follows until nobody reads, or the host says that it makes no sense.
    async fn follow(&mut self) -> Finished {
        let (mut pause, mut was_there) = (FIRST_PAUSE, false);
        loop {
            let why = match self.once().await? {
                Came::NobodyReads => return Ok(Exit::Done),
                Came::Lost => {
                    (pause, was_there) = (FIRST_PAUSE, true);
                    "the connection was lost".to_owned()
                }
                Came::NotNow(why) if was_there => why,
                Came::NotNow(why) => {
                    return Err(anyhow::anyhow!(
                        "{why}; start the host with `crossdock serve`, or name another one with --url"
                    )
                    .into());
                }
            };
            note(&format!("{}; it is tried again", clean(&why)));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One connection, to its end.
    async fn once(&mut self) -> Result<Came, Failure> {
        let doors = self.doors();
        loop {
            let path = doors.get(self.door).cloned().unwrap_or_default();
            let asked = tokio::time::timeout(PATIENCE, self.ask(&path)).await;
            let Some(response) = asked.unwrap_or(Ok(None))? else {
                return Ok(Came::NotNow(format!("nothing answers at {}", self.url)));
            };
            match response.status() {
                StatusCode::OK => return self.read(response).await,
                StatusCode::UNAUTHORIZED if self.door + 1 < doors.len() => self.door += 1,
                status => return self.refused(status, response).await,
            }
        }
    }

    /// A tenant's own interface, and that of all.
    fn doors(&self) -> Vec<String> {
        let mut pairs: Vec<String> = Vec::new();
        let args = &self.args;
        let single = [
            ("connection", &args.connection),
            ("operation", &args.operation),
        ];
        for (name, value) in single {
            pairs.extend(
                value
                    .iter()
                    .map(|value| format!("{name}={}", encoded(value))),
            );
        }
        let statuses = args.status.iter();
        pairs.extend(statuses.map(|status| format!("status={}", encoded(status))));
        if args.from_oldest {
            pairs.push("from=oldest".into());
        }
        let path = |base: String, pairs: &[String]| match pairs {
            [] => base,
            pairs => format!("{base}?{}", pairs.join("&")),
        };
        match &args.tenant {
            None => vec![path("/v1/deliveries/events".into(), &pairs)],
            Some(tenant) => {
                let tenant = encoded(tenant);
                let own = path(format!("/v1/{tenant}/deliveries/events"), &pairs);
                pairs.push(format!("tenant={tenant}"));
                vec![own, path("/v1/deliveries/events".into(), &pairs)]
            }
        }
    }

    /// Asks; nothing if nobody answers.
    async fn ask(&self, path: &str) -> Result<Option<Response<Incoming>>, Failure> {
        let url = format!("{}{path}", self.url);
        let uri: Uri = url.parse().map_err(|_| not_a_url(&self.url))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(not_a_url(&self.url));
        }
        let mut request = Request::get(uri)
            .header(ACCEPT, "text/event-stream")
            .body(Empty::<Bytes>::new())
            .map_err(|error| anyhow::anyhow!("`{url}` cannot be asked: {error}"))?;
        let headers = request.headers_mut();
        if let Some(token) = &self.token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| anyhow::anyhow!("the token has characters no token has"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(id) = self
            .last
            .as_deref()
            .and_then(|id| HeaderValue::from_str(id).ok())
        {
            headers.insert("last-event-id", id);
        }
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| anyhow::anyhow!("TLS cannot be used: {error}"))?
            .https_or_http()
            .enable_http1()
            .build();
        let asking = Client::builder(TokioExecutor::new()).build(connector);
        Ok(asking.request(request).await.ok())
    }

    /// Shows what comes, until nothing comes any more.
    async fn read(&mut self, response: Response<Incoming>) -> Result<Came, Failure> {
        let mut body = response.into_body();
        let mut lines = Lines::default();
        loop {
            let frame = tokio::time::timeout(SILENCE, body.frame()).await;
            let Ok(Some(Ok(frame))) = frame else {
                return Ok(Came::Lost);
            };
            let Some(data) = frame.data_ref() else {
                continue;
            };
            if !lines.take(data) {
                return Ok(Came::NotNow("a line without end came".into()));
            }
            let mut shown = String::new();
            for event in lines.events() {
                if let Some(text) = self.show(&event) {
                    shown.push_str(&text);
                    shown.push('\n');
                }
                if let Some(id) = event.id {
                    self.last = Some(id);
                }
            }
            if !write(&shown)? {
                return Ok(Came::NobodyReads);
            }
        }
    }

    /// An event as a line; nothing for what is none.
    fn show(&self, event: &Received) -> Option<String> {
        if event.data.is_empty() {
            return None;
        }
        if event.name == "missed" {
            note(&format!(
                "{} events before this were not kept long enough to be shown",
                Paint::stderr().warn("warning:")
            ));
            return None;
        }
        if self.args.json {
            return Some(clean(&event.data));
        }
        // What is no event of a host of this version is shown as it is.
        let line = serde_json::from_str::<Shown>(&event.data);
        Some(line.map_or_else(|_| clean(&event.data), |shown| shown.line(Paint::stdout())))
    }

    async fn refused(
        &self,
        status: StatusCode,
        response: Response<Incoming>,
    ) -> Result<Came, Failure> {
        let body = Limited::new(response.into_body(), MOST_REFUSAL).collect();
        let body = tokio::time::timeout(PATIENCE, body).await.ok();
        let body = body.and_then(Result::ok).map(|body| body.to_bytes());
        let told = body.and_then(|body| serde_json::from_slice::<Told>(&body).ok());
        let url = &self.url;
        let Some(told) = told else {
            return Err(anyhow::anyhow!("what answers at {url} is not a crossdock host").into());
        };
        let passing = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        let why = format!("the host at {url} says: {}", told.detail);
        if passing.contains(&status) {
            return Ok(Came::NotNow(why));
        }
        let advice = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => format!(
                "; put the token into the environment variable {}",
                self.args.reach.token_env
            ),
            _ => String::new(),
        };
        Err(anyhow::anyhow!("{why}{advice}").into())
    }
}

fn not_a_url(url: &str) -> Failure {
    anyhow::anyhow!("`{url}` must look like http://127.0.0.1:8080").into()
}

/// As much of an event as is shown to people.
#[derive(Deserialize)]
struct Shown {
    tenant: String,
    delivery: String,
    index: u32,
    connection: String,
    operation: String,
    status: String,
    at_ms: u64,
    #[serde(default)]
    label: String,
    code: Option<String>,
    message: Option<String>,
    #[serde(default)]
    successor: Option<super::show::Named>,
}

impl Shown {
    fn line(&self, paint: Paint) -> String {
        let status = format!("{:<10}", clean(&self.status));
        let status = match &*self.status {
            "accepted" | "duplicate" => paint.good(&status),
            "rejected" | "failed" | "unknown" => paint.bad(&status),
            "held" => paint.warn(&status),
            _ => status,
        };
        let why = [&self.code, &self.message];
        let newer = self.successor.as_ref();
        let newer = newer.map(super::show::Named::left_in_its_place);
        let why = why.into_iter().flatten().chain(&newer);
        let why: Vec<&str> = why.map(String::as_str).collect();
        let line = format!(
            "{}/{}/{}  {}#{}  {}  {}",
            self.tenant,
            self.connection,
            self.operation,
            self.delivery,
            self.index,
            self.label,
            why.join(": "),
        );
        let line = clean(&line);
        format!(
            "{}  {status}  {}",
            crate::clock::rfc3339(self.at_ms),
            line.trim_end()
        )
    }
}

/// Writes to stdout; false if nobody reads it any more.
fn write(text: &str) -> Result<bool, Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let why = crate::file_failure::sentence(&error);
            Err(anyhow::anyhow!("stdout cannot be written to: {why}").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_became_of_which_record_and_hides_nothing_in_it() {
        let shown: Shown = serde_json::from_str(
            r#"{"tenant":"acme","delivery":"d-1","index":3,"connection":"shop","operation":"stock.update",
                "status":"rejected","at_ms":1614265330042,"label":"1001","code":"oversold","message":"no\u001b[2J"}"#,
        )
        .unwrap();
        let line = shown.line(Paint::stdout());
        assert!(line.starts_with("2021-02-25T15:02:10.042Z  "), "{line}");
        for part in [
            "acme/shop/stock.update",
            "d-1#3",
            "1001",
            "oversold: no",
            "rejected",
        ] {
            assert!(line.contains(part), "{line}");
        }
        assert!(!line.contains("\u{1b}[2J"), "{line:?}");
        let shown: Shown = serde_json::from_str(
            r#"{"tenant":"acme","delivery":"d-1","index":3,"connection":"shop","operation":"stock.update",
                "status":"superseded","at_ms":1614265330042,"successor":{"delivery":"d-2","index":0}}"#,
        )
        .unwrap();
        let line = shown.line(Paint::stdout());
        assert!(line.contains("item 0 of delivery d-2"), "{line}");
    }
}
