//! JavaScript → the contract's values, or a sentence about what is not as
//! expected, and where.

use crate::contract::{
    Body, Chunk, Detail, Draft, Edit, Failure, Fault, Mapped, Outcome, Parsed, Pause, Refusal,
    Request,
};
use crate::place::{Place, Wrong, listed, nearest, unknown, unlike, unlike_number};
use crossdock_js_engine::keys::Keys;
use crossdock_js_engine::read::Literals;
use crossdock_js_engine::write::{self, Unwritable, plain_text};
use crossdock_js_engine::{Realm, Spelled};
use rquickjs::{Array, Object, Value};

pub(crate) type Result<T, E = Wrong> = std::result::Result<T, E>;

const FAULTS: [&str; 5] = [
    "invalidInput",
    "invalidSettings",
    "invalidReply",
    "unsupported",
    "other",
];

const EDITS: [&str; 5] = [
    "setQuery",
    "setHeader",
    "replaceBody",
    "secretQuery",
    "secretHeader",
];

const OUTCOMES: [&str; 7] = [
    "accepted",
    "duplicate",
    "rejected",
    "retry",
    "throttled",
    "unauthenticated",
    "unknown",
];

const PAIR: &str = "a pair of strings, `[name, value]`,";

/// What values are taken with.
pub struct Taker<'a, 'js> {
    /// Tells what objects are.
    pub realm: &'a Realm<'js>,
    /// How the numbers of this call were written.
    pub spelled: &'a Spelled,
}

impl<'js> Taker<'_, 'js> {
    /// What `map` returns.
    pub fn mapped(&self, value: &Value<'js>) -> Result<Mapped> {
        let place = Place::Returned("map");
        let object = object(
            value,
            &place,
            "`{ requests: […] }`, with `failures: […]` where there are any,",
        )?;
        let requests = get(object, "requests")?;
        let failures = get(object, "failures")?;
        if failures.is_undefined() || requests.is_undefined() {
            only(object, &place, &["requests", "failures"])?;
        }
        let requests = match requests.is_undefined() && !failures.is_undefined() {
            true => Vec::new(),
            false => list(
                &requests,
                &place.member("requests"),
                "an array of `{ draft, items, repeatable }`",
                |value, place| self.request(value, place),
            )?,
        };
        Ok(Mapped {
            requests,
            failures: optional(&failures, |value| {
                list(
                    value,
                    &place.member("failures"),
                    "an array of `{ item, fault }`",
                    |value, place| self.failure(value, place),
                )
            })?,
        })
    }

    /// What `sign` returns.
    pub fn edits(&self, value: &Value<'js>) -> Result<Vec<Edit>> {
        let place = Place::Returned("sign");
        list(
            value,
            &place,
            "an array of edits, such as `[{ setQuery: [\"sign\", \"…\"] }]`,",
            |value, place| self.edit(value, place),
        )
    }

    /// What `parseResponse` returns.
    pub fn parsed(&self, value: &Value<'js>) -> Result<Parsed> {
        let place = Place::Returned("parseResponse");
        let object = object(value, &place, "`{ outcomes: […] }`")?;
        let next = get(object, "next")?;
        if next.is_undefined() {
            only(object, &place, &["outcomes", "next"])?;
        }
        Ok(Parsed {
            outcomes: list(
                &get(object, "outcomes")?,
                &place.member("outcomes"),
                "an array with one outcome per item of the request",
                |value, place| self.outcome(value, place),
            )?,
            next: match next.is_undefined() || next.is_null() {
                true => None,
                false => Some(self.draft(&next, &place.member("next"))?),
            },
        })
    }

    /// A fault that was thrown; nothing if it is none.
    pub fn thrown(&self, value: &Value<'js>) -> Option<Result<Fault>> {
        let object = value.as_object()?;
        // A getter that throws makes it no fault.
        let is_fault = FAULTS
            .iter()
            .any(|name| object.contains_key(*name).unwrap_or(false));
        is_fault.then(|| self.fault(value, &Place::Thrown))
    }

    fn request(&self, value: &Value<'js>, place: &Place<'_>) -> Result<Request> {
        let object = object(value, place, "`{ draft, items, repeatable }`")?;
        let repeatable = get(object, "repeatable")?;
        if repeatable.is_undefined() {
            only(object, place, &["draft", "items", "repeatable"])?;
        }
        Ok(Request {
            draft: self.draft(&get(object, "draft")?, &place.member("draft"))?,
            items: list(
                &get(object, "items")?,
                &place.member("items"),
                "an array of indices into the items, such as `[0, 1]`,",
                |value, place| index(value, place),
            )?,
            repeatable: repeatable
                .as_bool()
                .ok_or_else(|| unlike(&place.member("repeatable"), &repeatable, "true or false"))?,
        })
    }

    fn draft(&self, value: &Value<'js>, place: &Place<'_>) -> Result<Draft> {
        const MEMBERS: [&str; 5] = ["method", "path", "query", "headers", "body"];
        let object = object(value, place, "`{ method, path, query, headers, body }`")?;
        let [query, headers, body] = [
            get(object, "query")?,
            get(object, "headers")?,
            get(object, "body")?,
        ];
        if [&query, &headers, &body].iter().any(|it| it.is_undefined()) {
            only(object, place, &MEMBERS)?;
        }
        Ok(Draft {
            method: self.text(&get(object, "method")?, &place.member("method"))?,
            path: self.text(&get(object, "path")?, &place.member("path"))?,
            query: self.pairs(&query, &place.member("query"))?,
            headers: self.pairs(&headers, &place.member("headers"))?,
            body: self.body(&body, &place.member("body"))?,
        })
    }

    fn failure(&self, value: &Value<'js>, place: &Place<'_>) -> Result<Failure> {
        let object = object(value, place, "`{ item, fault }`")?;
        Ok(Failure {
            item: index(&get(object, "item")?, &place.member("item"))?,
            fault: self.fault(&get(object, "fault")?, &place.member("fault"))?,
        })
    }

    fn fault(&self, value: &Value<'js>, place: &Place<'_>) -> Result<Fault> {
        let expected = "a fault, such as `fault.invalidInput(pointer, message)`,";
        let (name, value) = variant(value, place, &FAULTS, expected)?;
        let place = place.member(name);
        Ok(match name {
            "invalidInput" => Fault::InvalidInput(self.detail(&value, &place)?),
            "invalidSettings" => Fault::InvalidSettings(self.detail(&value, &place)?),
            "invalidReply" => Fault::InvalidReply(self.detail(&value, &place)?),
            "unsupported" => Fault::Unsupported(self.text(&value, &place)?),
            _ => Fault::Other(self.text(&value, &place)?),
        })
    }

    fn detail(&self, value: &Value<'js>, place: &Place<'_>) -> Result<Detail> {
        let object = object(value, place, "`{ pointer, message }`")?;
        Ok(Detail {
            pointer: self.text(&get(object, "pointer")?, &place.member("pointer"))?,
            message: self.text(&get(object, "message")?, &place.member("message"))?,
        })
    }

    fn edit(&self, value: &Value<'js>, place: &Place<'_>) -> Result<Edit> {
        let expected = "an edit, such as `{ setQuery: [name, value] }`,";
        let (name, value) = variant(value, place, &EDITS, expected)?;
        let place = place.member(name);
        Ok(match name {
            "setQuery" => Edit::SetQuery(self.pair(&value, &place)?),
            "setHeader" => Edit::SetHeader(self.pair(&value, &place)?),
            "secretQuery" => Edit::SecretQuery(self.pair(&value, &place)?),
            "secretHeader" => Edit::SecretHeader(self.pair(&value, &place)?),
            _ => Edit::ReplaceBody(self.body(&value, &place)?),
        })
    }

    fn outcome(&self, value: &Value<'js>, place: &Place<'_>) -> Result<Outcome> {
        let expected = "an outcome, such as `{ accepted: {} }`,";
        let (name, value) = variant(value, place, &OUTCOMES, expected)?;
        let place = place.member(name);
        Ok(match name {
            "accepted" => Outcome::Accepted(self.json(&value, &place)?),
            "duplicate" => Outcome::Duplicate(self.json(&value, &place)?),
            "rejected" => Outcome::Rejected(self.refusal(&value, &place)?),
            "retry" => Outcome::Retry(self.pause(&value, &place)?),
            "throttled" => Outcome::Throttled(self.pause(&value, &place)?),
            "unauthenticated" => Outcome::Unauthenticated(self.refusal(&value, &place)?),
            _ => Outcome::Unknown(self.refusal(&value, &place)?),
        })
    }

    fn refusal(&self, value: &Value<'js>, place: &Place<'_>) -> Result<Refusal> {
        let object = object(value, place, "`{ code, message, details }`")?;
        let details = get(object, "details")?;
        if details.is_undefined() {
            only(object, place, &["code", "message", "details"])?;
        }
        Ok(Refusal {
            code: self.text(&get(object, "code")?, &place.member("code"))?,
            message: self.text(&get(object, "message")?, &place.member("message"))?,
            details: optional(&details, |value| {
                list(
                    value,
                    &place.member("details"),
                    "an array of `{ pointer, message }`",
                    |value, place| self.detail(value, place),
                )
            })?,
        })
    }

    fn pause(&self, value: &Value<'js>, place: &Place<'_>) -> Result<Pause> {
        let object = object(value, place, "`{ afterMs, code, message }`")?;
        let after = get(object, "afterMs")?;
        if after.is_undefined() {
            only(object, place, &["afterMs", "code", "message"])?;
        }
        Ok(Pause {
            after_ms: match after.is_undefined() || after.is_null() {
                true => None,
                // The host bounds it; a week is as good as a year.
                false => Some(milliseconds(&after, &place.member("afterMs"))?),
            },
            code: self.text(&get(object, "code")?, &place.member("code"))?,
            message: self.text(&get(object, "message")?, &place.member("message"))?,
        })
    }

    pub(crate) fn pairs(
        &self,
        value: &Value<'js>,
        place: &Place<'_>,
    ) -> Result<Vec<(String, String)>> {
        optional(value, |value| {
            let expected = "an array of pairs, `[[name, value], …]`,";
            list(value, place, expected, |value, place| {
                self.pair(value, place)
            })
        })
    }

    fn pair(&self, value: &Value<'js>, place: &Place<'_>) -> Result<(String, String)> {
        let pair = array(value, place, PAIR)?;
        if pair.len() != 2 {
            return Err(unlike(place, value, PAIR));
        }
        let text = |index: usize| self.text(&pair.get(index)?, &place.element(index));
        Ok((text(0)?, text(1)?))
    }

    pub(crate) fn body(&self, value: &Value<'js>, place: &Place<'_>) -> Result<Body> {
        if value.is_undefined() || value.is_null() {
            return Ok(Body::Empty);
        }
        if value.is_string() {
            return Ok(Body::Text(self.text(value, place)?));
        }
        match value.as_object().and_then(bytes) {
            Some(bytes) => Ok(Body::Bytes(bytes)),
            None => Err(unlike(
                place,
                value,
                "null, a string or a Uint8Array (`json.stringify(…)` makes text of an object)",
            )),
        }
    }

    pub(crate) fn text(&self, value: &Value<'js>, place: &Place<'_>) -> Result<String> {
        match value.as_string() {
            Some(text) => Ok(plain_text(self.realm, text)?),
            None => Err(unlike(place, value, "a string")),
        }
    }

    /// Any value, as JSON.
    pub fn json(&self, value: &Value<'js>, place: &Place<'_>) -> Result<String> {
        let setting = write::Setting {
            realm: self.realm,
            item: "",
            spelled: Some(self.spelled),
        };
        let written = write::json(
            value,
            &setting,
            &mut Literals::default(),
            &mut Keys::default(),
        );
        match written {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(unlike(place, value, "a value that JSON can say")),
            Err(Unwritable::Js(error)) => Err(Wrong::Js(error)),
            Err(Unwritable::Unspeakable { what, path }) => {
                let said = write::sentence(&what, &path);
                let said = said.strip_prefix("the result ").unwrap_or(&said);
                Err(Wrong::Said(format!("{place}: {said}")))
            }
        }
    }
}

/// A message of chunks: strings, bytes, and secrets by name.
pub fn message<'js>(value: &Value<'js>, place: &Place<'_>) -> Result<Vec<Chunk>> {
    let expected = "an array of strings, Uint8Arrays and `secret(\"name\")`";
    list(value, place, expected, |value, place| {
        if let Some(text) = value.as_string() {
            return Ok(Chunk::Text(text.to_string()?));
        }
        if let Some(bytes) = value.as_object().and_then(bytes) {
            return Ok(Chunk::Bytes(bytes));
        }
        let expected = "a string, a Uint8Array or `secret(\"name\")`";
        let secret = get(object(value, place, expected)?, "secret")?;
        match secret.as_string() {
            Some(name) => Ok(Chunk::Secret(name.to_string()?)),
            None => Err(unlike(place, value, expected)),
        }
    })
}

/// The bytes of a Uint8Array.
pub(crate) fn bytes(object: &Object<'_>) -> Option<Vec<u8>> {
    let array = object.as_typed_array::<u8>()?;
    // SAFETY: they are copied before anything runs in QuickJS that could free
    // or move them.
    unsafe { array.as_bytes() }.map(<[u8]>::to_vec)
}

pub(crate) fn object<'a, 'js>(
    value: &'a Value<'js>,
    place: &Place<'_>,
    expected: &str,
) -> Result<&'a Object<'js>> {
    let plain =
        |value: &&Object<'js>| !value.is_array() && !value.is_function() && !value.is_promise();
    let object = value.as_object().filter(plain);
    object.ok_or_else(|| unlike(place, value, expected))
}

fn array<'a, 'js>(
    value: &'a Value<'js>,
    place: &Place<'_>,
    expected: &str,
) -> Result<&'a Array<'js>> {
    value
        .as_array()
        .ok_or_else(|| unlike(place, value, expected))
}

pub(crate) fn get<'js>(object: &Object<'js>, name: &str) -> Result<Value<'js>> {
    Ok(object.get(name)?)
}

/// Nothing where there is nothing.
pub(crate) fn optional<'js, T>(
    value: &Value<'js>,
    take: impl FnOnce(&Value<'js>) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    match value.is_undefined() || value.is_null() {
        true => Ok(Vec::new()),
        false => take(value),
    }
}

pub(crate) fn list<'js, T>(
    value: &Value<'js>,
    place: &Place<'_>,
    expected: &str,
    mut take: impl FnMut(&Value<'js>, &Place<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let array = array(value, place, expected)?;
    // A length is only what an adapter says of it.
    let mut taken = Vec::new();
    for index in 0..array.len() {
        taken.push(take(&array.get(index)?, &place.element(index))?);
    }
    Ok(taken)
}

/// An index into the items.
fn index(value: &Value<'_>, place: &Place<'_>) -> Result<u32> {
    let index = value.as_int().and_then(|index| u32::try_from(index).ok());
    index.ok_or_else(|| unlike_number(place, value, "an index into the items, from 0,"))
}

fn milliseconds(value: &Value<'_>, place: &Place<'_>) -> Result<u32> {
    match value.as_number() {
        Some(number) if number >= 0.0 => Ok(number as u32),
        _ => Err(unlike_number(place, value, "a number of milliseconds")),
    }
}

/// The only member of an object, which says which variant it is.
fn variant<'js>(
    value: &Value<'js>,
    place: &Place<'_>,
    known: &'static [&'static str],
    expected: &str,
) -> Result<(&'static str, Value<'js>)> {
    let object = object(value, place, expected)?;
    let mut names = Vec::new();
    for name in object.keys::<String>() {
        let name = name?;
        // An error has a message and more besides.
        if !value.is_error() || known.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let found = |name: &String| known.iter().find(|known| *known == name).copied();
    match names.as_slice() {
        [name] => match found(name) {
            Some(known) => Ok((known, get(object, known)?)),
            None => Err(Wrong::Said(match nearest(name, known) {
                Some(near) => format!("{place} is a `{name}`; did you mean `{near}`?"),
                None => format!("{place} is a `{name}`; it can be {}", listed(known)),
            })),
        },
        [] => Err(Wrong::Said(format!(
            "{place} is an object without a member; {expected} is expected"
        ))),
        [..] => Err(Wrong::Said(format!(
            "{place} has the members {}; one of them says what it is: {}",
            names.join(", "),
            listed(known)
        ))),
    }
}

/// Whether an object has members that nobody reads. Asked where one that is
/// read is missing: it may be misspelt.
pub(crate) fn only(object: &Object<'_>, place: &Place<'_>, known: &[&str]) -> Result<()> {
    for name in object.keys::<String>() {
        let name = name?;
        if !known.contains(&name.as_str()) {
            return Err(unknown(place, &name, known));
        }
    }
    Ok(())
}
