//! What `receive` returns → the contract's values.

use crate::contract::{Answer, Body, Received, ReceivedItem};
use crate::place::{Place, unlike};
use crate::take::{Result, Taker, get, list, object, only, optional};
use rquickjs::Value;

impl Received {
    /// Of a push that nobody verified.
    pub(crate) fn nothing() -> Self {
        Self {
            items: Vec::new(),
            answer: Answer {
                status: 401,
                headers: Vec::new(),
                body: Body::Empty,
            },
        }
    }
}

impl<'js> Taker<'_, 'js> {
    /// `{ items, answer }`, or nothing of a push that is not verified.
    pub fn received(&self, value: &Value<'js>) -> Result<Received> {
        if value.is_null() || value.is_undefined() {
            return Ok(Received::nothing());
        }
        let place = Place::Returned("receive");
        let expected = "`{ items: […], answer: { status, headers, body } }`, or null for a push that is not verified,";
        let object = object(value, &place, expected)?;
        let items = get(object, "items")?;
        if items.is_undefined() {
            only(object, &place, &["items", "answer"])?;
        }
        Ok(Received {
            items: optional(&items, |value| {
                list(
                    value,
                    &place.member("items"),
                    "an array of `{ key, document }`",
                    |value, place| self.received_item(value, place),
                )
            })?,
            answer: self.answer(&get(object, "answer")?, &place.member("answer"))?,
        })
    }

    fn received_item(&self, value: &Value<'js>, place: &Place<'_>) -> Result<ReceivedItem> {
        let object = object(value, place, "`{ key, document }`")?;
        let key = get(object, "key")?;
        if key.is_undefined() {
            only(object, place, &["key", "document"])?;
        }
        Ok(ReceivedItem {
            key: match key.is_undefined() || key.is_null() {
                true => None,
                false => Some(self.text(&key, &place.member("key"))?),
            },
            document: self.json(&get(object, "document")?, &place.member("document"))?,
        })
    }

    fn answer(&self, value: &Value<'js>, place: &Place<'_>) -> Result<Answer> {
        let object = object(value, place, "`{ status, headers, body }`")?;
        let [status, headers, body] = [
            get(object, "status")?,
            get(object, "headers")?,
            get(object, "body")?,
        ];
        if [&status, &headers, &body]
            .iter()
            .any(|it| it.is_undefined())
        {
            only(object, place, &["status", "headers", "body"])?;
        }
        let number = match status.is_undefined() {
            true => Some(200),
            false => status
                .as_int()
                .and_then(|status| u16::try_from(status).ok()),
        };
        let expected = "an HTTP status, such as 200,";
        Ok(Answer {
            status: number.ok_or_else(|| unlike(&place.member("status"), &status, expected))?,
            headers: self.pairs(&headers, &place.member("headers"))?,
            body: self.body(&body, &place.member("body"))?,
        })
    }
}
