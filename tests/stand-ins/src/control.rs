//! The stand-ins' controls over HTTP, for the demo's binary and for tests in
//! other languages.
//!
//! | request | does |
//! |---|---|
//! | `GET /_control` | names and base paths |
//! | `GET /_control/{platform}/state` | the platform's state |
//! | `GET /_control/{platform}/requests?limit=n` | the last requests with their verdicts |
//! | `GET /_control/{platform}/counters` | the counters |
//! | `GET /_control/{platform}/misbehave` | the queued misbehaviours |
//! | `POST /_control/{platform}/misbehave` | queues a [`Plan`], e.g. `{"misbehaviour":"http500","times":"always"}` |
//! | `DELETE /_control/{platform}/misbehave` | forgets them |
//! | `POST /_control/{platform}/reset` | forgets everything |

use http::{Method, Request};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::exchange::Answer;
use crate::misbehave::Plan;
use crate::record::RequestLog;
use crate::server::{ReadError, Server, read};
use crate::station::Station;

/// Requests that are listed unless the caller asks for more.
const LISTED: usize = 100;

/// Answers one request below `/_control`.
pub async fn respond(server: &Server, path: &str, request: Request<Incoming>) -> Answer {
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Answer::json(
            &server
                .stations
                .keys()
                .map(|name| json!({"name": name, "path": format!("/{name}")}))
                .collect(),
        );
    }
    let Some((station, what)) = path
        .split_once('/')
        .and_then(|(name, what)| Some((server.stations.get(name)?, what)))
    else {
        return Answer::text(404, "No such control. GET /_control lists the platforms.\n");
    };
    let method = request.method().clone();
    match (&method, what) {
        (&Method::GET, "state") => Answer::json(&station.platform.state()),
        (&Method::GET, "requests") => requests(station, request.uri().query().unwrap_or_default()),
        (&Method::GET, "counters") => Answer::json(&json!(station.counters.read())),
        (&Method::GET, "misbehave") => Answer::json(&json!(station.faults.waiting())),
        (&Method::POST, "misbehave") => misbehave(station, request.into_body()).await,
        (&Method::DELETE, "misbehave") => {
            station.faults.clear();
            done()
        }
        (&Method::POST, "reset") => {
            station.reset();
            done()
        }
        _ => Answer::text(404, "No such control.\n"),
    }
}

fn done() -> Answer {
    Answer::json(&json!({"done": true}))
}

fn requests(station: &Station, query: &str) -> Answer {
    let limit = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "limit")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(LISTED);
    let all = station
        .log
        .as_ref()
        .map(RequestLog::all)
        .unwrap_or_default();
    let listed: Vec<Value> = all
        .iter()
        .rev()
        .take(limit)
        .rev()
        .map(|recorded| recorded.to_json())
        .collect();
    Answer::json(&Value::Array(listed))
}

async fn misbehave(station: &Station, body: Incoming) -> Answer {
    let body = match read(body).await {
        Ok(body) => body,
        Err(ReadError::TooLong | ReadError::Broken) => {
            return Answer::text(400, "The body could not be read.\n");
        }
    };
    match serde_json::from_slice::<Plan>(&body) {
        Ok(plan) => {
            station.faults.add(plan);
            done()
        }
        Err(error) => Answer::text(
            400,
            format!("The body is no plan of misbehaviour: {error}.\n"),
        ),
    }
}
