//! Values → JSON text, compact.
//!
//! jaq's values are more than JSON's; what JSON cannot say is an error here,
//! never something else that looks similar.

use crate::tables;
use crossdock_script_engine::write::push_string;
use jaq_json::{Num, Val};
use std::fmt::Write as _;

/// A script may build deeper values than it can read.
const MAX_DEPTH: usize = 512;

/// Computed whole numbers below this are written without a fraction, as jq
/// does: `20`, not `20.0`.
const MAX_WHOLE: f64 = 1e17;

/// Writes one document; `size` is a guess at its length.
///
/// # Errors
/// What in it JSON cannot say.
pub fn document(value: &Val, size: usize) -> Result<String, String> {
    let mut writer = Writer::new(size);
    writer.value(value)?;
    Ok(writer.finish())
}

/// A document being written.
pub struct Writer {
    out: String,
    depth: usize,
}

impl Writer {
    /// `size` is a guess at its length.
    pub fn new(size: usize) -> Self {
        Self {
            out: String::with_capacity(size),
            depth: 0,
        }
    }

    /// The document.
    pub fn finish(self) -> String {
        self.out
    }

    /// Appends what is JSON already.
    pub fn raw(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Appends a value.
    ///
    /// # Errors
    /// What in it JSON cannot say.
    pub fn value(&mut self, value: &Val) -> Result<(), String> {
        match value {
            Val::Null => self.out.push_str("null"),
            Val::Bool(true) => self.out.push_str("true"),
            Val::Bool(false) => self.out.push_str("false"),
            Val::Num(number) => self.number(number)?,
            Val::TStr(text) => self.string(text),
            Val::BStr(_) => {
                return Err("the result holds a byte string; `@base64` makes text of it".into());
            }
            Val::Arr(values) => self.nested(|writer| writer.array(values))?,
            Val::Obj(map) => match tables::place(value) {
                None => self.nested(|writer| writer.object(map))?,
                Some(place) => self.out.push_str(&tables::text(place)?),
            },
        }
        Ok(())
    }

    fn nested(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        if self.depth == MAX_DEPTH {
            return Err(format!(
                "the result is nested deeper than {MAX_DEPTH} levels"
            ));
        }
        self.depth += 1;
        write(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self, values: &[Val]) -> Result<(), String> {
        self.out.push('[');
        for (position, value) in values.iter().enumerate() {
            if position > 0 {
                self.out.push(',');
            }
            self.value(value)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn object(&mut self, map: &jaq_json::Map) -> Result<(), String> {
        self.out.push('{');
        for (position, (key, value)) in map.iter().enumerate() {
            if position > 0 {
                self.out.push(',');
            }
            match key {
                Val::TStr(text) => self.string(text),
                other => {
                    return Err(format!(
                        "the result has the key {other}; `tostring` makes text of it"
                    ));
                }
            }
            self.out.push(':');
            self.value(value)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn number(&mut self, number: &Num) -> Result<(), String> {
        // Writing to a string cannot fail.
        let _ = match number {
            Num::Float(float) if !float.is_finite() => {
                return Err(format!(
                    "the result holds {number}, which is no JSON number"
                ));
            }
            Num::Float(float) if float.fract() == 0.0 && float.abs() < MAX_WHOLE => {
                // Exact: every whole number below 1e17 fits.
                write!(self.out, "{}", *float as i64)
            }
            other => write!(self.out, "{other}"),
        };
        Ok(())
    }

    /// Appends a text. UTF-8 in it that a script cut in two becomes U+FFFD.
    pub fn string(&mut self, bytes: &[u8]) {
        push_string(&mut self.out, &String::from_utf8_lossy(bytes));
    }
}
