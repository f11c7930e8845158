//! From a request to a registry to its answer.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;

use super::access::Verdict;
use super::store::digest_of;
use super::{Asked, Fault, Shared, State};
use crate::server::{ReadError, read};
use crate::wire::{Aborted, Wire, WireBody};

const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// An answer before anything goes wrong with it.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn new(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header");
        self.headers.insert(name, value);
        self
    }

    fn of(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
        Self::new(status)
            .with(CONTENT_TYPE, "application/json")
            .of(body.to_string())
    }
}

/// A request in pieces.
struct Call<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl Call<'_> {
    fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let query = self.uri.query()?;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find_map(|(known, value)| (known == name).then(|| value.into_owned()))
    }
}

pub async fn respond(
    shared: &Shared,
    wire: &Arc<Wire>,
    request: Request<Incoming>,
) -> Result<Response<WireBody>, Aborted> {
    let (parts, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(ReadError::TooLong | ReadError::Broken) => return Err(Aborted),
    };
    let call = Call {
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        body: &body,
    };
    let (answer, fault) = {
        let mut state = shared.state();
        let asked = Asked {
            what: format!("{} {}", parts.method, parts.uri.path()),
            authorized: parts.headers.contains_key(AUTHORIZATION),
        };
        state.asked.push(asked);
        let answer = answer(&mut state, &shared.address.to_string(), &call);
        // Who has to say who asks is asked again.
        let read_only = matches!(parts.method, Method::GET) && answer.status == 200;
        let path = parts.uri.path();
        let faults = state.faults.iter().filter(|_| read_only);
        let fault = faults
            .filter(|(only, _)| path.contains(only.as_str()))
            .map(|(_, fault)| fault.clone())
            .next();
        (answer, fault)
    };
    Ok(wrong(answer, fault, wire).await)
}

/// The answer with what goes wrong with it.
async fn wrong(mut answer: Answer, fault: Option<Fault>, wire: &Arc<Wire>) -> Response<WireBody> {
    let mut cut = false;
    let mut padding = 0;
    match fault {
        None => {}
        Some(Fault::OtherDigest) => {
            answer = answer.with(DIGEST, &digest_of(b"something else"));
        }
        Some(Fault::OtherBytes) => {
            let mut bytes = answer.body.to_vec();
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            answer.body = bytes.into();
            answer.headers.remove(DIGEST);
        }
        Some(Fault::CutOff) => cut = true,
        Some(Fault::Slow(delay)) => tokio::time::sleep(delay).await,
        Some(Fault::Redirect(to)) => answer = Answer::new(307).with(LOCATION, &to),
        Some(Fault::Padded(bytes)) => padding = bytes,
        Some(Fault::Refuse(status, code)) => answer = Answer::error(status, code, "as told"),
    }
    let body = match (cut, padding) {
        (true, _) => WireBody::cut(&answer.body, Arc::clone(wire)),
        (false, 0) => WireBody::Whole(answer.body),
        (false, padding) => WireBody::Padded {
            padding,
            rest: answer.body,
        },
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).expect("a status");
    *response.headers_mut() = answer.headers;
    response
}

fn answer(state: &mut State, address: &str, call: &Call) -> Answer {
    let path = call.uri.path();
    if path == "/token" {
        return token(state, call);
    }
    // What lies behind the registry believes links, and wants no credentials.
    if let Some(digest) = path.strip_prefix("/storage/") {
        if call.headers.contains_key(AUTHORIZATION) {
            let what = format!("credentials were sent to {path}");
            state.violations.push(what);
        }
        return match state.store.any_blob(digest) {
            Some(blob) => Answer::new(200).of(blob),
            None => Answer::new(404),
        };
    }
    let Some((repository, kind, name)) = take_apart(path) else {
        return violation(state, 404, "NAME_UNKNOWN", format!("no such place: {path}"));
    };
    let action = match *call.method {
        Method::GET | Method::HEAD => "pull",
        _ => "push",
    };
    let authorization = call.header(AUTHORIZATION);
    let verdict = state
        .access
        .check(&state.tokens, address, repository, action, authorization);
    if let Verdict::Challenge(challenge) = verdict {
        let status = match authorization.is_some() && challenge.starts_with("Bearer") {
            true => 403,
            false => 401,
        };
        return Answer::error(
            status,
            "DENIED",
            "requested access to the resource is denied",
        )
        .with(WWW_AUTHENTICATE, &challenge);
    }
    match (call.method, kind) {
        (&Method::GET | &Method::HEAD, "blobs") => blob(state, repository, name),
        (&Method::GET | &Method::HEAD, "manifests") => manifest(state, call, repository, name),
        (&Method::PUT, "manifests") => put_manifest(state, call, repository, name),
        (&Method::POST, "blobs") if name == "uploads/" => begin(state, repository),
        (&Method::PATCH | &Method::PUT, "blobs") => upload(state, call, repository, name),
        _ => violation(state, 405, "UNSUPPORTED", format!("{} {path}", call.method)),
    }
}

fn violation(state: &mut State, status: u16, code: &'static str, what: String) -> Answer {
    let answer = Answer::error(status, code, &what);
    state.violations.push(what);
    answer
}

/// Repository, `blobs` or `manifests`, and what is behind it.
fn take_apart(path: &str) -> Option<(&str, &str, &str)> {
    let path = path.strip_prefix("/v2/")?;
    ["blobs", "manifests"].into_iter().find_map(|kind| {
        let (repository, name) = path.split_once(&format!("/{kind}/"))?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
        (repository.chars().all(plain) && !name.is_empty()).then_some((repository, kind, name))
    })
}

fn token(state: &mut State, call: &Call) -> Answer {
    let (service, scope) = (call.parameter("service"), call.parameter("scope"));
    let authorization = call.header(AUTHORIZATION);
    let State { access, tokens, .. } = state;
    match access.token(tokens, service.as_deref(), scope.as_deref(), authorization) {
        Ok(token) => Answer::new(200)
            .with(CONTENT_TYPE, "application/json")
            .of(serde_json::json!({"token": token}).to_string()),
        Err((401, _)) => Answer::error(401, "UNAUTHORIZED", "wrong user or password"),
        Err((status, what)) => violation(state, status, "UNSUPPORTED", what),
    }
}

fn blob(state: &State, repository: &str, digest: &str) -> Answer {
    match state.store.blob(repository, digest) {
        Some(blob) => Answer::new(200)
            .with(CONTENT_TYPE, "application/octet-stream")
            .with(DIGEST, digest)
            .of(blob),
        None => Answer::error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
    }
}

fn manifest(state: &mut State, call: &Call, repository: &str, reference: &str) -> Answer {
    let Some(found) = state.store.manifest(repository, reference) else {
        return Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown");
    };
    let accepted = call.header(ACCEPT).unwrap_or_default();
    if !accepted
        .split(',')
        .any(|known| known.trim() == found.media_type)
    {
        let what = format!("{} is asked for as {accepted}", found.media_type);
        return violation(state, 404, "MANIFEST_UNKNOWN", what);
    }
    Answer::new(200)
        .with(CONTENT_TYPE, &found.media_type)
        .with(DIGEST, &digest_of(&found.bytes))
        .of(found.bytes.clone())
}

fn put_manifest(state: &mut State, call: &Call, repository: &str, reference: &str) -> Answer {
    let content_type = call.header(CONTENT_TYPE).unwrap_or_default().to_owned();
    let digest = digest_of(call.body);
    if reference.contains(':') && reference != digest {
        let what = format!("{reference} is {digest}");
        return violation(state, 400, "DIGEST_INVALID", what);
    }
    if let Err((status, code, what)) = state.store.check(repository, &content_type, call.body) {
        return violation(state, status, code, what);
    }
    let bytes = Bytes::copy_from_slice(call.body);
    let tag = (!reference.contains(':')).then_some(reference);
    state
        .store
        .put_manifest(repository, tag, &content_type, bytes);
    Answer::new(201)
        .with(LOCATION, &format!("/v2/{repository}/manifests/{digest}"))
        .with(DIGEST, &digest)
}

fn begin(state: &mut State, repository: &str) -> Answer {
    let session = state.store.begin(repository);
    // A query of its own: whoever ends the upload has to keep it.
    let location = format!("/v2/{repository}/blobs/uploads/{session}?state=s{session}");
    Answer::new(202)
        .with(LOCATION, &location)
        .with(HeaderName::from_static("range"), "0-0")
}

fn upload(state: &mut State, call: &Call, repository: &str, name: &str) -> Answer {
    let session = name.strip_prefix("uploads/");
    let session = session.and_then(|session| session.parse::<u64>().ok());
    let Some(session) = session else {
        let what = format!("no upload {name}");
        return violation(state, 404, "BLOB_UPLOAD_UNKNOWN", what);
    };
    if call.parameter("state") != Some(format!("s{session}")) {
        let what = format!("the upload {session} lost its state");
        return violation(state, 400, "BLOB_UPLOAD_INVALID", what);
    }
    let at = format!("/v2/{repository}/blobs/uploads/{session}?state=s{session}");
    if call.method == Method::PATCH {
        let range = HeaderName::from_static("content-range");
        let range = call.header(range).unwrap_or_default();
        return match state.store.chunk(repository, session, range, call.body) {
            Ok(end) => Answer::new(202)
                .with(LOCATION, &at)
                .with(HeaderName::from_static("range"), &format!("0-{}", end - 1)),
            Err((status, code, what)) => violation(state, status, code, what),
        };
    }
    let digest = call.parameter("digest").unwrap_or_default();
    match state.store.end(repository, session, &digest, call.body) {
        Ok(()) => Answer::new(201)
            .with(LOCATION, &format!("/v2/{repository}/blobs/{digest}"))
            .with(DIGEST, &digest),
        Err((status, code, what)) => violation(state, status, code, what),
    }
}
