//! `GET /v1/{tenant}/deliveries/events`: what became of items, as it becomes
//! known, as server-sent events.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use futures_util::stream::unfold;
use tokio_util::sync::CancellationToken;

use super::auth::admit;
use super::deliveries::query::{chooses, pairs, unknown};
use super::problem::{Refused, names};
use super::{App, Service};
use crate::outbox::event::EventFilter;
use crate::outbox::listening::{Begin, EventPage, Listening};
use crate::problem::Problem;

/// Silence after which a listener is told that the connection lives. Proxies
/// commonly cut what is silent for 60 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After which a listener that lost its connection comes back.
const COME_BACK: Duration = Duration::from_secs(2);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Longest id of an event; those that are given are shorter.
const MOST_ID_BYTES: usize = 256;

/// How many listen now: in all, and of each tenant. The administrator's are
/// under no name.
#[derive(Default)]
pub(super) struct Listeners(Arc<Mutex<HashMap<String, usize>>>);

/// A listener's place; dropping it gives the place back.
struct Seat {
    of: Arc<Mutex<HashMap<String, usize>>>,
    name: String,
}

impl Listeners {
    fn take(&self, name: &str, most: usize, most_of_one: usize) -> Result<Seat, Refused> {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.values().sum::<usize>() >= most {
            return Err(Refused::busy(format!(
                "{most} event streams are open, which `[limits] event_streams` allows; try again later"
            )));
        }
        let of_one = seats.entry(name.to_owned()).or_default();
        if *of_one >= most_of_one {
            return Err(Refused::new(
                StatusCode::TOO_MANY_REQUESTS,
                Problem::caller(
                    "too-many-streams",
                    format!(
                        "{most_of_one} event streams of this tenant are open, which `[limits] event_streams_per_tenant` allows; close one of them"
                    ),
                ),
            ));
        }
        *of_one += 1;
        Ok(Seat {
            of: self.0.clone(),
            name: name.to_owned(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = seats.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                seats.remove(&self.name);
            }
        }
    }
}

/// Who asked, so that it can be looked at again whether they may.
struct Asker<S> {
    app: Arc<App<S>>,
    /// Nothing for the administrator.
    tenant: Option<String>,
    uri: Uri,
    headers: HeaderMap,
}

impl<S: Service> Asker<S> {
    fn admit(&self) -> Result<(), Refused> {
        match &self.tenant {
            Some(tenant) => admit(&self.app, tenant, &self.uri, &self.headers),
            None => {
                let any = || self.app.service.any_tenant_has_tokens();
                self.app.access.admin(&self.uri, &self.headers, any)
            }
        }
    }
}

pub(super) async fn of_tenant<S: Service>(
    State(app): State<Arc<App<S>>>,
    tenant: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let tenant = Some(names(tenant)?);
    listen(Asker {
        app,
        tenant,
        uri,
        headers,
    })
    .await
}

pub(super) async fn of_all<S: Service>(
    State(app): State<Arc<App<S>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    listen(Asker {
        app,
        tenant: None,
        uri,
        headers,
    })
    .await
}

async fn listen<S: Service>(asker: Asker<S>) -> Result<Response, Refused> {
    asker.admit()?;
    let app = &asker.app;
    let outbox = app.service.outbox()?;
    let mut asked = asked(asker.uri.query().unwrap_or_default(), &asker.headers)?;
    if asker.tenant.is_some() && asked.tenant.is_some() {
        return Err(unknown(&[KNOWN]));
    }
    let whose = asker.tenant.clone().or(asked.tenant.take());
    if app.ending.is_cancelled() {
        return Err(Refused::shutting_down());
    }
    let limits = &app.service.config().limits;
    let name = asker.tenant.as_deref().unwrap_or_default();
    let seat = app
        .listeners
        .take(name, limits.event_streams, limits.event_streams_per_tenant)?;
    let listening = outbox
        .listen(whose.as_deref(), asked.filter, asked.begin)
        .await?;
    let stream = Stream {
        ending: app.ending.clone(),
        asker,
        listening,
        state: Progress::Beginning,
        _seat: seat,
    };
    let body = unfold(stream, |mut stream| async move {
        let chunk = stream.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(chunk)), stream))
    });
    let mut response = Response::new(Body::from_stream(body));
    for (name, value) in [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // What nginx would otherwise collect before it passes it on.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// `tenant` is the administrator's.
const KNOWN: &[&str] = &[
    "connection",
    "operation",
    "status",
    "from",
    "last_event_id",
    "tenant",
];

/// What a stream is asked for.
#[derive(Debug)]
struct Asked {
    /// Of one tenant: an administrator's question.
    tenant: Option<String>,
    filter: EventFilter,
    begin: Begin,
}

/// What is wanted, and from where on. An id in the header is newer than one in
/// the query: browsers send the query again as it was.
fn asked(query: &str, headers: &HeaderMap) -> Result<Asked, Refused> {
    let mut filter = EventFilter::default();
    let mut tenant = None;
    let mut begin = Begin::Now;
    for (name, value) in pairs(query)? {
        if matches!(&*name, "connection" | "operation" | "status" | "tenant") {
            chooses(&name, &value)?;
        }
        match (&*name, &*value) {
            ("connection", _) => filter.connection = Some(value),
            ("operation", _) => filter.operation = Some(value),
            ("status", _) => filter.want(&value)?,
            ("from", "oldest") => begin = Begin::Oldest,
            ("from", "now") => begin = Begin::Now,
            ("from", _) => {
                return Err(Refused::bad_request(
                    "invalid-query",
                    "`from` is `now` or `oldest`",
                ));
            }
            ("last_event_id", _) => begin = Begin::After(value),
            ("tenant", _) => tenant = Some(value),
            _ => return Err(unknown(&[KNOWN])),
        }
    }
    if let Some(id) = headers.get(LAST_EVENT_ID)
        && !id.is_empty()
    {
        begin = Begin::After(String::from_utf8_lossy(id.as_bytes()).into_owned());
    }
    match &begin {
        Begin::After(id) if id.len() > MOST_ID_BYTES => Err(Refused::bad_request(
            "unknown-event",
            format!("the id has more than {MOST_ID_BYTES} bytes, and so is none of an event"),
        )),
        _ => Ok(Asked {
            tenant,
            filter,
            begin,
        }),
    }
}

/// Where a stream is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing was sent.
    Beginning,
    /// There may be more to read now.
    Reading,
    /// Everything was read.
    Waiting,
}

struct Stream<S> {
    ending: CancellationToken,
    asker: Asker<S>,
    listening: Listening,
    state: Progress,
    _seat: Seat,
}

impl<S: Service> Stream<S> {
    /// What is sent next; nothing at the end. It is asked for only when there is
    /// room, so that a client that reads slowly has one page in memory.
    async fn next(&mut self) -> Option<String> {
        if self.state == Progress::Beginning {
            self.state = Progress::Reading;
            let place = self.listening.place();
            let ms = COME_BACK.as_millis();
            return Some(format!("retry: {ms}\nid: {place}\n\n"));
        }
        loop {
            // A token that was taken away ends what was begun with it.
            if self.ending.is_cancelled() || self.asker.admit().is_err() {
                return None;
            }
            if self.state == Progress::Waiting {
                let silent = tokio::select! {
                    () = self.ending.cancelled() => return None,
                    () = self.listening.news() => false,
                    () = tokio::time::sleep(KEEP_ALIVE) => true,
                };
                // Much may have happened to the token meanwhile.
                self.asker.admit().ok()?;
                if silent {
                    return self.keep_alive().await;
                }
            }
            let page = self.page().await?;
            if let Some(text) = text(&page) {
                return Some(text);
            }
        }
    }

    async fn page(&mut self) -> Option<EventPage> {
        match self.listening.page().await {
            Ok(page) => {
                self.state = match page.end {
                    true => Progress::Waiting,
                    false => Progress::Reading,
                };
                Some(page)
            }
            Err(problem) => {
                // It comes back, and finds its place.
                tracing::warn!(%problem, "an event stream was ended: the outbox cannot be read");
                None
            }
        }
    }

    /// A sign of life, with a place that is further than the last event's: so
    /// far, there was nothing for this listener.
    async fn keep_alive(&mut self) -> Option<String> {
        let page = self.page().await?;
        let text = text(&page).unwrap_or_else(|| ": nothing new\n".into());
        let place = self.listening.place();
        Some(format!("{text}id: {place}\n\n"))
    }
}

/// A page as it is sent; nothing for one without anything to tell.
fn text(page: &EventPage) -> Option<String> {
    let mut text = String::new();
    if page.missed {
        let detail = "events before this were not kept long enough to be told; `GET /v1/{tenant}/deliveries` says where every item is";
        let _ = write!(text, "event: missed\ndata: {{\"detail\":\"{detail}\"}}\n\n");
    }
    for (id, event) in &page.events {
        // JSON has no line breaks of its own.
        if let Ok(data) = serde_json::to_string(&**event) {
            let _ = write!(text, "id: {id}\ndata: {data}\n\n");
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_bounded_for_one_and_in_all_and_give_their_places_back() {
        let listeners = Listeners::default();
        let code = |taken: Result<Seat, Refused>| taken.err().map(|r| r.problem.code);
        let first = listeners.take("a", 3, 2).unwrap();
        let second = listeners.take("a", 3, 2).unwrap();
        assert_eq!(
            code(listeners.take("a", 3, 2)).as_deref(),
            Some("too-many-streams")
        );
        let other = listeners.take("b", 3, 2).unwrap();
        assert_eq!(
            code(listeners.take("c", 3, 2)).as_deref(),
            Some("host-busy")
        );
        drop(first);
        let third = listeners.take("a", 3, 2).unwrap();
        drop((second, third, other));
        assert!(listeners.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_stream_is_asked_for_by_what_is_known_and_nothing_else() {
        let none = HeaderMap::new();
        let Asked { filter, begin, .. } =
            asked("status=failed&connection=shop&from=oldest", &none).unwrap();
        assert_eq!(filter.connection.as_deref(), Some("shop"));
        assert_eq!((filter.states.len(), begin), (1, Begin::Oldest));
        let mut headers = HeaderMap::new();
        headers.insert(LAST_EVENT_ID, HeaderValue::from_static("new"));
        let asked_both = asked("last_event_id=old", &headers).unwrap();
        assert_eq!(asked_both.begin, Begin::After("new".into()));
        assert_eq!(asked("", &none).unwrap().begin, Begin::Now);
        for query in [
            "status=queued",
            "status=",
            "connection=",
            "operation=+",
            "tenant=",
            "from=yesterday",
            "state=failed",
        ] {
            let refused = asked(query, &none).unwrap_err();
            assert_eq!(refused.problem.code, "invalid-query", "{query}");
        }
        let long = format!("last_event_id={}", "x".repeat(MOST_ID_BYTES + 1));
        assert!(asked(&long, &none).is_err());
    }
}
