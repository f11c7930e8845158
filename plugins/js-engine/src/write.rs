//! JavaScript values → JSON text, compact.
//!
//! What JSON cannot say is an error here, never something else that looks
//! similar: `JSON.stringify` would make `null` of NaN and `{}` of a Map.

use crate::keys::Keys;
use crate::read::Literals;
use crate::realm::Realm;
use crate::spelled::Spelled;
use crossdock_script_engine::write::push_string;
use rquickjs::atom::PredefinedAtom;
use rquickjs::function::This;
use rquickjs::{Array, Atom, Coerced, Error, Object, String as JsString, Value};
use std::fmt::Write as _;

/// A script may build deeper values than it can read.
const MAX_DEPTH: usize = 512;

/// Fields of the way to what JSON cannot say that are shown.
const MOST_SHOWN: usize = 8;

/// Documents that room is made for in advance.
const MOST_RESERVED: usize = 1000;

/// Why a result could not be written.
pub enum Unwritable {
    /// JSON cannot say it.
    Unspeakable {
        /// What is there: `is NaN, which is no JSON number`.
        what: String,
        /// The way to it, innermost first.
        path: Vec<String>,
    },
    /// Reading it threw.
    Js(Error),
}

impl From<Error> for Unwritable {
    fn from(error: Error) -> Self {
        Self::Js(error)
    }
}

impl Unwritable {
    fn said(what: impl Into<String>) -> Self {
        Self::Unspeakable {
            what: what.into(),
            path: Vec::new(),
        }
    }

    /// It lies below this field.
    fn below(mut self, field: impl FnOnce() -> String) -> Self {
        if let Self::Unspeakable { path, .. } = &mut self {
            path.push(field());
        }
        self
    }
}

/// The sentence about what JSON cannot say.
pub fn sentence(what: &str, path: &[String]) -> String {
    if path.is_empty() {
        return format!("the result {what}");
    }
    let fields = path.iter().rev().take(MOST_SHOWN);
    let mut pointer = fields.fold(String::new(), |pointer, field| {
        pointer + "/" + &field.replace('~', "~0").replace('/', "~1")
    });
    if path.len() > MOST_SHOWN {
        pointer.push_str("/…");
    }
    format!("`{pointer}` of the result {what}")
}

type Result<T, E = Unwritable> = std::result::Result<T, E>;

/// What results are written with.
pub struct Setting<'a, 'js> {
    /// Tells what objects are.
    pub realm: &'a Realm<'js>,
    /// The item's text.
    pub item: &'a str,
    /// How the numbers of other texts were written.
    pub spelled: Option<&'a Spelled>,
}

/// Writes what a script returned: an array's elements are documents, and so is
/// anything else; `null` and `undefined` are none.
pub fn documents<'js>(
    result: &Value<'js>,
    setting: &Setting<'_, 'js>,
    literals: &mut Literals,
    keys: &mut Keys<'js, String>,
) -> Result<Vec<String>> {
    keys.rewind();
    let mut writer = Writer {
        setting,
        literals,
        keys,
        out: String::new(),
        depth: 0,
    };
    let Some(array) = result.as_array() else {
        return Ok(writer.document(result)?.into_iter().collect());
    };
    // An array's length is only what a script says of it.
    let length = length(array)?;
    let mut documents = Vec::with_capacity(length.min(MOST_RESERVED));
    for position in 0..length {
        let document = writer.document(&array.get(position)?);
        documents.extend(document.map_err(|error| error.below(|| position.to_string()))?);
    }
    Ok(documents)
}

/// Writes one value; nothing of `undefined`.
///
/// # Errors
/// What JSON cannot say.
pub fn json<'js>(
    value: &Value<'js>,
    setting: &Setting<'_, 'js>,
    literals: &mut Literals,
    keys: &mut Keys<'js, String>,
) -> Result<Option<String>> {
    if value.is_undefined() {
        return Ok(None);
    }
    keys.rewind();
    let mut writer = Writer {
        setting,
        literals,
        keys,
        out: String::new(),
        depth: 0,
    };
    writer.value(value)?;
    Ok(Some(writer.out))
}

/// An array's length, which may be up to 2^32 - 1 whatever is in it.
fn length(array: &Array<'_>) -> rquickjs::Result<usize> {
    let length: f64 = array.as_object().get(PredefinedAtom::Length)?;
    Ok(length as usize)
}

struct Writer<'a, 'js> {
    setting: &'a Setting<'a, 'js>,
    literals: &'a mut Literals,
    keys: &'a mut Keys<'js, String>,
    out: String,
    depth: usize,
}

impl<'js> Writer<'_, 'js> {
    fn document(&mut self, value: &Value<'js>) -> Result<Option<String>> {
        if value.is_undefined() || value.is_null() {
            return Ok(None);
        }
        // Documents are mostly about as long as the item.
        self.out.reserve(self.setting.item.len());
        self.value(value)?;
        Ok(Some(std::mem::take(&mut self.out)))
    }

    fn value(&mut self, value: &Value<'js>) -> Result<()> {
        if let Some(number) = value.as_int() {
            // Writing to a string cannot fail.
            let _ = write!(self.out, "{number}");
        } else if let Some(text) = value.as_string() {
            self.text(text)?;
        } else if let Some(number) = value.as_float() {
            self.float(value, number)?;
        } else if let Some(truth) = value.as_bool() {
            self.out.push_str(if truth { "true" } else { "false" });
        } else if value.is_null() {
            self.out.push_str("null");
        } else if value.is_big_int() {
            self.out.push_str(&value.get::<Coerced<String>>()?.0);
        } else if value.is_undefined() {
            return Err(Unwritable::said("is undefined"));
        } else if let Some(object) = value.as_object() {
            self.nested(object)?;
        } else {
            return Err(Unwritable::said("is a symbol"));
        }
        Ok(())
    }

    fn nested(&mut self, object: &Object<'js>) -> Result<()> {
        if self.depth == MAX_DEPTH {
            return Err(Unwritable::Unspeakable {
                what: format!("is nested deeper than {MAX_DEPTH} levels, or holds itself"),
                path: Vec::new(),
            });
        }
        self.depth += 1;
        match object.as_array() {
            Some(array) => self.array(array)?,
            None => self.object(object)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self, array: &Array<'js>) -> Result<()> {
        self.out.push('[');
        for position in 0..length(array)? {
            if position > 0 {
                self.out.push(',');
            }
            let value: Value = array.get(position)?;
            self.value(&value)
                .map_err(|error| error.below(|| position.to_string()))?;
        }
        self.out.push(']');
        Ok(())
    }

    fn object(&mut self, object: &Object<'js>) -> Result<()> {
        if object.is_proxy() {
            return match self.setting.realm.rows(object)? {
                Some(rows) => self.fields(&rows),
                None => Err(Unwritable::said("is a Proxy, which JSON cannot say")),
            };
        }
        match object.get_prototype() {
            Some(prototype) if self.setting.realm.is_plain(&prototype) => self.fields(object),
            Some(_) => self.special(object),
            None => match self.setting.realm.raw_json(object)? {
                Some(raw) => self.raw(&raw),
                None => self.fields(object),
            },
        }
    }

    /// An object of a class.
    fn special(&mut self, object: &Object<'js>) -> Result<()> {
        if object.is_function() {
            return Err(Unwritable::said("is a function"));
        }
        let realm = self.setting.realm;
        let to_json: Value = object.get(PredefinedAtom::ToJSON)?;
        if let Some(to_json) = to_json.as_function() {
            let value: Value = to_json.call((This(object.clone()),))?;
            if value.is_null() && realm.kind(object)? == "Date" {
                return Err(Unwritable::said("is an invalid date"));
            }
            return self.value(&value);
        }
        let unboxed = realm.unbox(object)?;
        if !unboxed.is_object() {
            return self.value(&unboxed);
        }
        match realm.kind(object)?.as_str() {
            "" => self.fields(object),
            "Promise" => Err(Unwritable::said(
                "is a promise; a script answers at once, without `async`",
            )),
            "Map" => Err(Unwritable::said(
                "is a Map; `Object.fromEntries(map)` makes an object of it",
            )),
            "Set" => Err(Unwritable::said(
                "is a Set; `[...set]` makes an array of it",
            )),
            "iterator" => Err(Unwritable::said(
                "is an iterator; `[...iterator]` makes an array of it",
            )),
            kind => Err(Unwritable::said(format!(
                "is an instance of {kind}, which JSON cannot say"
            ))),
        }
    }

    /// What `JSON.rawJSON` was given, which has seen that it is JSON and no
    /// object; read again, since it takes what is not quite JSON.
    fn raw(&mut self, raw: &str) -> Result<()> {
        if !is_number(raw) && !matches!(raw, "true" | "false" | "null") {
            return Err(Unwritable::said(
                "is raw JSON that is no number, which `JSON.parse` makes a value of",
            ));
        }
        self.out.push_str(raw);
        Ok(())
    }

    /// A field that is undefined is not there.
    fn fields(&mut self, object: &Object<'js>) -> Result<()> {
        self.out.push('{');
        let mut first = true;
        for field in object.props::<Atom, Value>() {
            let (key, value) = field?;
            if value.is_undefined() {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.out.push(',');
            }
            let realm = self.setting.realm;
            self.keys.append(&mut self.out, &key, |key| {
                let mut text = String::new();
                push_string(&mut text, &plain_text(realm, &key.to_js_string()?)?);
                text.push(':');
                Ok::<_, Error>(text)
            })?;
            self.value(&value).map_err(|error| {
                error.below(|| {
                    let name = key.to_js_string().ok();
                    name.and_then(|name| plain_text(realm, &name).ok())
                        .unwrap_or_default()
                })
            })?;
        }
        self.out.push('}');
        Ok(())
    }

    /// As it is written in the item, if it is from there.
    fn float(&mut self, value: &Value<'js>, number: f64) -> Result<()> {
        if !number.is_finite() {
            return Err(Unwritable::said(format!(
                "is {}, which is no JSON number",
                value.get::<Coerced<String>>()?.0
            )));
        }
        if let Some(text) = self.literals.text(self.setting.item, number) {
            self.out.push_str(text);
            return Ok(());
        }
        let spelled = self.setting.spelled;
        if !spelled.is_some_and(|spelled| spelled.append(&mut self.out, number)) {
            self.out.push_str(&value.get::<Coerced<String>>()?.0);
        }
        Ok(())
    }

    fn text(&mut self, text: &JsString<'js>) -> Result<()> {
        let text = plain_text(self.setting.realm, text)?;
        push_string(&mut self.out, &text);
        Ok(())
    }
}

/// Half of a character, which a script that cuts text may leave, becomes
/// U+FFFD.
pub fn plain_text<'js>(realm: &Realm<'js>, text: &JsString<'js>) -> rquickjs::Result<String> {
    match text.to_string() {
        Err(Error::Utf8(_)) => realm.well_formed(text),
        other => other,
    }
}

/// Whether a text is a JSON number.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}
