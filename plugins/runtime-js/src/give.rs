//! The contract's values → JavaScript.

use crate::contract::{Body, Context, Draft, Item, Push, Reply, Request};
use crossdock_js_engine::keys::Keys;
use crossdock_js_engine::read::{self, Unreadable};
use crossdock_js_engine::{Numbers, Realm, Spelled};
use rquickjs::{Array, Ctx, Error, Exception, IntoJs, Object, Result, TypedArray, Value};

/// What values are made with.
pub struct Giver<'a, 'js> {
    /// Where they are made.
    pub ctx: &'a Ctx<'js>,
    /// Makes what is no plain value.
    pub realm: &'a Realm<'js>,
    /// How numbers arrive.
    pub numbers: Numbers,
    /// How they were written.
    pub spelled: &'a Spelled,
}

impl<'js> Giver<'_, 'js> {
    /// `{ nowMs, nonce, settings }`.
    pub fn context(&self, context: &Context) -> Result<Object<'js>> {
        let object = self.object()?;
        // Milliseconds since 1970 are far below 2^53.
        object.set("nowMs", context.now_ms as f64)?;
        object.set("nonce", context.nonce.as_str())?;
        let mut keys = Keys::default();
        object.set("settings", self.json(&context.settings, &mut keys)?)?;
        Ok(object)
    }

    /// `[{ key, document }]`.
    pub fn items(&self, items: &[Item]) -> Result<Array<'js>> {
        let mut keys = Keys::default();
        self.array(items, |item| {
            let object = self.object()?;
            object.set("key", item.key.as_str())?;
            object.set("document", self.json(&item.document, &mut keys)?)?;
            Ok(object)
        })
    }

    /// `{ method, path, query, headers, body }`.
    pub fn draft(&self, draft: &Draft) -> Result<Object<'js>> {
        let object = self.object()?;
        object.set("method", draft.method.as_str())?;
        object.set("path", draft.path.as_str())?;
        object.set("query", self.pairs(&draft.query)?)?;
        object.set("headers", self.pairs(&draft.headers)?)?;
        object.set("body", self.body(&draft.body)?)?;
        Ok(object)
    }

    /// `{ draft, items, repeatable }`.
    pub fn request(&self, request: &Request) -> Result<Object<'js>> {
        let object = self.object()?;
        object.set("draft", self.draft(&request.draft)?)?;
        object.set("items", self.array(&request.items, |index| Ok(*index))?)?;
        object.set("repeatable", request.repeatable)?;
        Ok(object)
    }

    /// `{ status, headers, body }`.
    pub fn reply(&self, reply: &Reply) -> Result<Object<'js>> {
        let object = self.object()?;
        object.set("status", reply.status)?;
        object.set("headers", self.pairs(&reply.headers)?)?;
        object.set("body", self.body(&reply.body)?)?;
        Ok(object)
    }

    /// `{ method, path, query, headers, body }`.
    pub fn push(&self, push: &Push) -> Result<Object<'js>> {
        let object = self.object()?;
        object.set("method", push.method.as_str())?;
        object.set("path", push.path.as_str())?;
        object.set("query", self.pairs(&push.query)?)?;
        object.set("headers", self.pairs(&push.headers)?)?;
        object.set("body", self.body(&push.body)?)?;
        Ok(object)
    }

    fn object(&self) -> Result<Object<'js>> {
        Object::new(self.ctx.clone())
    }

    fn array<T, V: IntoJs<'js>>(
        &self,
        list: &[T],
        mut give: impl FnMut(&T) -> Result<V>,
    ) -> Result<Array<'js>> {
        let array = Array::new(self.ctx.clone())?;
        for (index, element) in list.iter().enumerate() {
            array.set(index, give(element)?)?;
        }
        Ok(array)
    }

    fn pairs(&self, pairs: &[(String, String)]) -> Result<Array<'js>> {
        self.array(pairs, |(name, value)| {
            let pair = Array::new(self.ctx.clone())?;
            pair.set(0, name.as_str())?;
            pair.set(1, value.as_str())?;
            Ok(pair)
        })
    }

    /// `null`, text or bytes.
    fn body(&self, body: &Body) -> Result<Value<'js>> {
        match body {
            Body::Empty => Ok(Value::new_null(self.ctx.clone())),
            Body::Text(text) => text.as_str().into_js(self.ctx),
            Body::Bytes(bytes) => TypedArray::new_copy(self.ctx.clone(), bytes)?.into_js(self.ctx),
        }
    }

    /// The host hands over JSON, so that it is none is the host's mistake.
    fn json(&self, text: &str, keys: &mut Keys<'js, Box<str>>) -> Result<Value<'js>> {
        let setting = read::Setting {
            ctx: self.ctx,
            realm: self.realm,
            numbers: self.numbers,
        };
        match read::document(text, &setting, keys) {
            Ok((value, literals)) => {
                self.spelled.note(text, &literals);
                Ok(value)
            }
            Err(Unreadable::Js(error)) => Err(error),
            Err(malformed) => Err(thrown(
                self.ctx,
                &format!("what the host gave is no JSON: {malformed}"),
            )),
        }
    }
}

/// Throws a TypeError.
pub fn thrown(ctx: &Ctx<'_>, message: &str) -> Error {
    Exception::throw_type(ctx, message)
}
