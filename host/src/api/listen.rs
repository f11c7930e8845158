//! Server-sent events without an end, whatever is told: who listens, within which
//! bounds, from which place on.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use futures_util::stream::unfold;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::auth::{admit, admit_or_admin};
use super::deliveries::query::{chooses, pairs, unknown};
use super::problem::Refused;
use super::{App, Service};
use crate::outbox::listening::Begin;
use crate::problem::Problem;

/// Silence after which a listener is told that the connection lives. Proxies
/// commonly cut what is silent for 60 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After which a listener that lost its connection comes back.
const COME_BACK: Duration = Duration::from_secs(2);

pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Longest id of an event; those that are given are shorter.
pub(super) const MOST_ID_BYTES: usize = 256;

/// What is told to one listener, page after page.
pub(super) trait Told: Send + 'static {
    /// What somebody reads who was told too late.
    const MISSED: &'static str;

    /// The id with which this place is found again.
    fn place(&self) -> String;

    /// What comes next, which may be nothing.
    fn page(&mut self) -> impl Future<Output = Result<Page, Problem>> + Send;

    /// Waits until there is something new.
    fn news(&mut self) -> impl Future<Output = ()> + Send;
}

/// What comes next.
pub(super) struct Page {
    /// Events that were not kept long enough to be told come before these.
    pub missed: bool,
    /// Events as JSON, each with its id, oldest first.
    pub events: Vec<(String, String)>,
    /// Whether there is nothing more now.
    pub end: bool,
}

impl Page {
    /// With events of any kind.
    pub fn new<E: Serialize>(missed: bool, events: Vec<(String, Arc<E>)>, end: bool) -> Self {
        let events = events.into_iter();
        // Nothing of an event can fail to be JSON.
        let events =
            events.filter_map(|(id, event)| Some((id, serde_json::to_string(&*event).ok()?)));
        Self {
            missed,
            events: events.collect(),
            end,
        }
    }
}

/// How many listen now: in all, and of each tenant. The administrator's are
/// under no name.
#[derive(Default)]
pub(super) struct Listeners(Arc<Mutex<HashMap<String, usize>>>);

/// A listener's place; dropping it gives the place back.
pub(super) struct Seat {
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

/// Whose token opens a stream.
pub(super) enum Opens {
    /// The tenant's.
    Tenant(String),
    /// The tenant's, or an administrator's.
    TenantOrAdmin(String),
    /// An administrator's.
    Admin,
}

/// Who asked, so that it can be looked at again whether they may.
pub(super) struct Asker<S> {
    pub app: Arc<App<S>>,
    pub opens: Opens,
    pub uri: Uri,
    pub headers: HeaderMap,
}

impl<S: Service> Asker<S> {
    /// # Errors
    /// If they may not listen.
    pub fn admit(&self) -> Result<(), Refused> {
        let any = || self.app.service.any_tenant_has_tokens();
        match &self.opens {
            Opens::Tenant(tenant) => admit(&self.app, tenant, &self.uri, &self.headers),
            Opens::TenantOrAdmin(tenant) => {
                admit_or_admin(&self.app, tenant, &self.uri, &self.headers).map(|_| ())
            }
            Opens::Admin => self.app.access.admin(&self.uri, &self.headers, any),
        }
    }

    /// Whose places it takes; the administrator's are under no name.
    fn name(&self) -> &str {
        match &self.opens {
            Opens::Tenant(tenant) | Opens::TenantOrAdmin(tenant) => tenant,
            Opens::Admin => "",
        }
    }

    /// A place among those who listen.
    ///
    /// # Errors
    /// If there is none, or the host is going down.
    pub fn seat(&self) -> Result<Seat, Refused> {
        let app = &self.app;
        if app.ending.is_cancelled() {
            return Err(Refused::shutting_down());
        }
        let limits = &app.service.config().limits;
        let (most, most_of_one) = (limits.event_streams, limits.event_streams_per_tenant);
        app.listeners.take(self.name(), most, most_of_one)
    }
}

/// Where to begin: an id in the header is newer than one in the query, as browsers
/// send the query again as it was.
///
/// # Errors
/// If the id is none that could be an event's.
pub(super) fn begin(asked: Begin, headers: &HeaderMap) -> Result<Begin, Refused> {
    let in_header = headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty());
    let begin = in_header.map_or(asked, |id| {
        Begin::After(String::from_utf8_lossy(id.as_bytes()).into_owned())
    });
    match &begin {
        Begin::After(id) if id.len() > MOST_ID_BYTES => Err(Refused::bad_request(
            "unknown-event",
            format!("the id has more than {MOST_ID_BYTES} bytes, and so is none of an event"),
        )),
        _ => Ok(begin),
    }
}

/// What a stream of the newest events is asked for: whose (`of` is the parameter's
/// name), which states, each of them given to `want`, and from where on.
pub(super) fn newest(
    query: &str,
    headers: &HeaderMap,
    of: &'static str,
    mut want: impl FnMut(&str) -> Result<(), Problem>,
) -> Result<(Option<String>, Begin), Refused> {
    let (mut whose, mut asked) = (None, Begin::Now);
    for (name, value) in pairs(query)? {
        match &*name {
            "state" => {
                chooses(&name, &value)?;
                want(&value)?;
            }
            "from" => asked = from(&value)?,
            "last_event_id" => asked = Begin::After(value),
            name if name == of => {
                chooses(name, &value)?;
                whose = Some(value);
            }
            _ => return Err(unknown(&[&[of, "state", "from", "last_event_id"]])),
        }
    }
    Ok((whose, begin(asked, headers)?))
}

/// `from` of a query.
///
/// # Errors
/// If it is no word of it.
pub(super) fn from(value: &str) -> Result<Begin, Refused> {
    match value {
        "oldest" => Ok(Begin::Oldest),
        "now" => Ok(Begin::Now),
        _ => Err(Refused::bad_request(
            "invalid-query",
            "`from` is `now` or `oldest`",
        )),
    }
}

/// The answer, which ends with the connection, the token or the host.
pub(super) fn respond<S: Service, T: Told>(asker: Asker<S>, seat: Seat, told: T) -> Response {
    let stream = Stream {
        ending: asker.app.ending.clone(),
        asker,
        told,
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
    response
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

struct Stream<S, T> {
    ending: CancellationToken,
    asker: Asker<S>,
    told: T,
    state: Progress,
    _seat: Seat,
}

impl<S: Service, T: Told> Stream<S, T> {
    /// What is sent next; nothing at the end. It is asked for only when there is
    /// room, so that a client that reads slowly has one page in memory.
    async fn next(&mut self) -> Option<String> {
        if self.state == Progress::Beginning {
            self.state = Progress::Reading;
            let place = self.told.place();
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
                    () = self.told.news() => false,
                    () = tokio::time::sleep(KEEP_ALIVE) => true,
                };
                // Much may have happened to the token meanwhile.
                self.asker.admit().ok()?;
                if silent {
                    return self.keep_alive().await;
                }
            }
            let page = self.page().await?;
            if let Some(text) = text::<T>(&page) {
                return Some(text);
            }
        }
    }

    async fn page(&mut self) -> Option<Page> {
        match self.told.page().await {
            Ok(page) => {
                self.state = match page.end {
                    true => Progress::Waiting,
                    false => Progress::Reading,
                };
                Some(page)
            }
            Err(problem) => {
                // It comes back, and finds its place.
                tracing::warn!(%problem, "an event stream was ended: what it tells cannot be read");
                None
            }
        }
    }

    /// A sign of life, with a place that is further than the last event's: so
    /// far, there was nothing for this listener.
    async fn keep_alive(&mut self) -> Option<String> {
        let page = self.page().await?;
        let text = text::<T>(&page).unwrap_or_else(|| ": nothing new\n".into());
        let place = self.told.place();
        Some(format!("{text}id: {place}\n\n"))
    }
}

/// A page as it is sent; nothing for one without anything to tell.
fn text<T: Told>(page: &Page) -> Option<String> {
    let mut text = String::new();
    if page.missed {
        let detail = T::MISSED;
        let _ = write!(text, "event: missed\ndata: {{\"detail\":\"{detail}\"}}\n\n");
    }
    for (id, data) in &page.events {
        // JSON has no line breaks of its own.
        let _ = write!(text, "id: {id}\ndata: {data}\n\n");
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
}
