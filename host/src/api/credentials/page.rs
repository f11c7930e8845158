//! What a person sees who comes back from a platform.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::problem::{Blame, Problem};

/// One page each. None has anything in it that was sent: whoever makes up an address
/// makes up no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// It worked.
    Authorized,
    /// The state is not known, was used, or is too old; or it is none at all.
    Unknown,
    /// The person, or the platform for them, said no.
    Declined,
    /// The platform did not like what it was asked.
    Misasked,
    /// The platform did not take the code.
    Refused,
    /// Something is not working now.
    Failed,
    /// Nothing was done.
    Busy,
}

impl Page {
    /// What a platform says instead of giving a code (RFC 6749 §4.1.2.1).
    pub fn of_error(error: &str) -> Self {
        match error {
            "server_error" | "temporarily_unavailable" => Self::Failed,
            "invalid_request"
            | "invalid_scope"
            | "unauthorized_client"
            | "unsupported_response_type" => Self::Misasked,
            _ => Self::Declined,
        }
    }

    /// Why a code led to nothing.
    pub fn of_problem(problem: &Problem) -> Self {
        match &*problem.code {
            "shutting-down" | "host-busy" => Self::Busy,
            "platform-unreachable"
            | "platform-no-answer"
            | "platform-answer"
            | "timeout"
            | "server_error"
            | "temporarily_unavailable"
            | "slow_down" => Self::Failed,
            _ if problem.blame == Blame::Caller => Self::Unknown,
            _ if problem.blame == Blame::Platform => Self::Refused,
            _ => Self::Failed,
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Authorized => StatusCode::OK,
            Self::Unknown => StatusCode::BAD_REQUEST,
            Self::Declined | Self::Misasked => StatusCode::FORBIDDEN,
            Self::Refused | Self::Failed => StatusCode::BAD_GATEWAY,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Authorized => (
                "Authorized",
                "The connection is authorized and renews its credentials by itself from now on. You can close this page.",
            ),
            Self::Unknown => (
                "This address does not work",
                "It was opened before, is more than ten minutes old, or is not the one that the platform was given. Begin anew with \"crossdock connection authorize\".",
            ),
            Self::Declined => (
                "Not authorized",
                "The platform says that nobody agreed. Begin anew with \"crossdock connection authorize\", and agree at the platform.",
            ),
            Self::Misasked => (
                "Not authorized",
                "The platform does not accept what it was asked. Compare the client_id, the scopes and the address for coming back with what the platform has on its page about the application.",
            ),
            Self::Refused => (
                "Not authorized",
                "The platform did not accept the code that it gave you. The host's log says why. Begin anew with \"crossdock connection authorize\".",
            ),
            Self::Failed => (
                "Not authorized",
                "The platform does not work now, or the host could not keep what it answered. The host's log says why. Begin anew in a moment.",
            ),
            Self::Busy => (
                "Not now",
                "The host is busy or is being restarted. Load this page again in a moment.",
            ),
        }
    }

    /// The page: text, without scripts, kept by nobody, and telling nobody its address.
    pub fn response(self) -> Response {
        let (title, text) = self.words();
        let page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
             <body><h1>{title}</h1><p>{}</p></body></html>\n",
            text.replace('"', "&quot;")
        );
        let mut response = Response::new(Body::from(page));
        *response.status_mut() = self.status();
        for (name, value) in [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            (
                CONTENT_SECURITY_POLICY,
                "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_FRAME_OPTIONS, "DENY"),
            (
                HeaderName::from_static("cross-origin-opener-policy"),
                "same-origin",
            ),
        ] {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
