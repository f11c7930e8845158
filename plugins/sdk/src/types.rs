//! The contract's records and variants, with constructors for what adapters
//! write most.
//!
//! Fields and cases are those of `wit/adapter/adapter.wit`, where each is
//! explained.

pub use crate::bindings::crossdock::adapter::types::{
    Body, Context, Detail, Draft, Fault, Json, Pair,
};
pub use crate::bindings::exports::crossdock::adapter::adapter::{
    Edit, Failure, Item, Mapped, Outcome, Parsed, Pause, Refusal, Reply, Request,
};

use crate::batch::{Row, indices};
use crate::keys::KeyError;
use serde::Deserialize;

impl Context {
    /// The connection's settings as a type of the adapter.
    ///
    /// # Errors
    /// [`Fault::InvalidSettings`]; the host has checked them against the
    /// manifest's schema, so this means that type and schema disagree.
    pub fn read_settings<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Fault> {
        serde_json::from_str(&self.settings)
            .map_err(|error| Fault::invalid_settings("", error.to_string()))
    }
}

impl Item {
    /// The document as a type of the adapter, which may borrow from it.
    ///
    /// # Errors
    /// [`Fault::InvalidInput`]; the host has checked it against the
    /// operation's schema, so this means that type and schema disagree.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Fault> {
        serde_json::from_str(&self.document)
            .map_err(|error| Fault::invalid_input("", error.to_string()))
    }
}

impl Body {
    /// The text; empty for no body and for bytes.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Empty | Self::Bytes(_) => "",
        }
    }
}

impl Draft {
    /// A request without query, headers and body. Segments of the path that
    /// come from data go through [`crate::encode::percent`].
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::Empty,
        }
    }

    /// `GET`.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// `POST`.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new("POST", path)
    }

    /// `PUT`.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new("PUT", path)
    }

    /// Adds a query pair, not encoded.
    pub fn with_query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// The first query value of this name.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.iter();
        let (_, value) = pairs.find(|(known, _)| known == name)?;
        Some(value)
    }

    /// Another value for a query pair where it stands, or a new pair: the next
    /// page, for instance.
    pub fn set_query(mut self, name: &str, value: impl Into<String>) -> Self {
        match self.query.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.into(),
            None => self.query.push((name.into(), value.into())),
        }
        self
    }

    /// Adds a header.
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets a body of text and its content type.
    pub fn text_body(self, content_type: impl Into<String>, text: impl Into<String>) -> Self {
        let mut draft = self.with_header("content-type", content_type);
        draft.body = Body::Text(text.into());
        draft
    }

    /// Sets a body that is JSON already.
    pub fn json_body(self, json: impl Into<String>) -> Self {
        self.text_body("application/json", json)
    }

    /// Sets a body of form fields, in their order.
    pub fn form_body<N: AsRef<str>, V: AsRef<str>>(self, fields: &[(N, V)]) -> Self {
        self.text_body(
            "application/x-www-form-urlencoded",
            crate::encode::form(fields),
        )
    }
}

impl Request {
    /// A request that carries these items and may not be repeated.
    pub fn of(draft: Draft, items: Vec<u32>) -> Self {
        Self {
            draft,
            items,
            repeatable: false,
        }
    }

    /// Says whether the platform ends in the same state when this arrives
    /// twice.
    pub fn repeatable(mut self, repeatable: bool) -> Self {
        self.repeatable = repeatable;
        self
    }
}

impl Default for Mapped {
    /// No requests and no failures.
    fn default() -> Self {
        Self {
            requests: Vec::new(),
            failures: Vec::new(),
        }
    }
}

impl Mapped {
    /// Adds a request that carries these rows, and whether it may arrive twice.
    pub fn send<T>(&mut self, draft: Draft, rows: &[Row<T>], repeatable: bool) {
        let request = Request::of(draft, indices(rows)).repeatable(repeatable);
        self.requests.push(request);
    }

    /// Refuses one item.
    pub fn fail(&mut self, item: u32, fault: Fault) {
        self.failures.push(Failure { item, fault });
    }
}

impl Parsed {
    /// The outcomes, in the order of the request's items, and nothing more to
    /// send.
    pub fn of(outcomes: Vec<Outcome>) -> Self {
        Self {
            outcomes,
            next: None,
        }
    }

    /// The same outcome for every item of the request.
    pub fn every(request: &Request, outcome: Outcome) -> Self {
        Self::of(vec![outcome; request.items.len()])
    }

    /// Where a platform lists the rows that it did not take, numbered from 0 as
    /// they were sent: their outcomes, and `others` for all other items.
    ///
    /// # Errors
    /// [`Fault::InvalidReply`] at `pointer` for a row that was not sent.
    pub fn rows(
        request: &Request,
        others: Outcome,
        listed: impl IntoIterator<Item = (usize, Outcome)>,
        pointer: &str,
    ) -> Result<Self, Fault> {
        let mut outcomes = vec![others; request.items.len()];
        for (position, (row, said)) in listed.into_iter().enumerate() {
            let Some(outcome) = outcomes.get_mut(row) else {
                return Err(Fault::invalid_reply(
                    format!("{pointer}/{position}"),
                    format!("the answer is about row {row}, which was not sent"),
                ));
            };
            *outcome = said;
        }
        Ok(Self::of(outcomes))
    }

    /// Sends another request before the outcomes count.
    pub fn then(mut self, next: Draft) -> Self {
        self.next = Some(next);
        self
    }
}

impl Outcome {
    /// Permanently refused, with the platform's own code and message.
    pub fn rejected(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Rejected(Refusal::new(code, message))
    }

    /// The credentials are not accepted.
    pub fn unauthenticated(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Unauthenticated(Refusal::new(code, message))
    }

    /// The platform does not say whether it was applied.
    pub fn unknown(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Unknown(Refusal::new(code, message))
    }

    /// Transient: again under the host's policy.
    pub fn retry(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Retry(Pause::new(code, message))
    }

    /// Rate limited: the whole connection has to slow down.
    pub fn throttled(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Throttled(Pause::new(code, message))
    }
}

impl Refusal {
    /// Without details.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// Adds what is wrong at one place of the item's document.
    pub fn with_detail(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.details.push(Detail::new(pointer, message));
        self
    }
}

impl Pause {
    /// Without a time to wait.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            after_ms: None,
            code: code.into(),
            message: message.into(),
        }
    }

    /// Milliseconds to wait, as the platform asked.
    pub fn after_ms(mut self, after_ms: Option<u32>) -> Self {
        self.after_ms = after_ms;
        self
    }
}

impl Detail {
    /// A message about the place an RFC 6901 pointer names.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }
}

impl Fault {
    /// The item lacks or violates something at `pointer` of its document.
    pub fn invalid_input(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidInput(Detail::new(pointer, message))
    }

    /// The settings, at `pointer`, do not allow this.
    pub fn invalid_settings(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidSettings(Detail::new(pointer, message))
    }

    /// The platform's answer cannot be read at `pointer`.
    pub fn invalid_reply(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidReply(Detail::new(pointer, message))
    }

    /// The adapter does not have this operation.
    pub fn unsupported(operation: impl Into<String>) -> Self {
        Self::Unsupported(operation.into())
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NotFound(name) => {
                Self::invalid_settings("", format!("the secret `{name}` is not set"))
            }
            KeyError::NotPermitted => Self::Other("`keys` works only during `sign`".into()),
            KeyError::Other(message) => Self::Other(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_pair_is_replaced_where_it_stands() {
        let draft = Draft::get("/")
            .with_query("page", "1")
            .with_query("size", "2")
            .with_query("page", "9");
        assert_eq!(draft.query_value("page"), Some("1"));
        assert_eq!(draft.query_value("sort"), None);
        let next = draft.set_query("page", "2").set_query("sort", "id");
        let pairs: Vec<_> = next
            .query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [("page", "2"), ("size", "2"), ("page", "9"), ("sort", "id")]
        );
    }

    #[test]
    fn only_text_is_a_bodys_text() {
        assert_eq!(Body::Text("a".into()).text(), "a");
        assert_eq!(Body::Bytes(vec![97]).text(), "");
        assert_eq!(Body::Empty.text(), "");
    }

    #[test]
    fn listed_rows_find_their_items_and_a_row_that_was_not_sent_is_a_fault() {
        let request = Request::of(Draft::get("/"), vec![4, 5]);
        let refused = || Outcome::rejected("E7", "no such product");
        let others = || Outcome::Accepted("{}".into());
        let parsed = Parsed::rows(&request, others(), [(1, refused())], "/failed");
        assert_eq!(parsed, Ok(Parsed::of(vec![others(), refused()])));
        let stray = Parsed::rows(
            &request,
            others(),
            [(0, refused()), (2, refused())],
            "/failed",
        );
        assert!(matches!(
            stray,
            Err(Fault::InvalidReply(detail)) if detail.pointer == "/failed/1"
        ));
    }
}
