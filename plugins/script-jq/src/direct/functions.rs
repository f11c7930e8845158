//! jq's functions that are so simple that they are here too. What is not as
//! usual (a type that is seldom given, an error) is left to jaq.

use super::{Jaq, Result, append};
use crate::{tables, write};
use jaq_core::ValT as _;
use jaq_json::Val;

/// Functions without arguments that give one value.
#[derive(Debug, Clone, Copy)]
pub enum Function {
    Not,
    ToString,
    Length,
    Add,
    Max,
    Min,
    Downcase,
    Upcase,
    ToNumber,
    /// Whatever it is given: jaq has to say it.
    Error,
}

/// Functions with one argument that give one value.
#[derive(Debug, Clone, Copy)]
pub enum Method {
    StartsWith,
    EndsWith,
    TrimStart,
    TrimEnd,
    Has,
    Split,
    Join,
}

impl Function {
    /// The one of this name, if it is here.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "not" => Self::Not,
            "tostring" => Self::ToString,
            "length" => Self::Length,
            "add" => Self::Add,
            "max" => Self::Max,
            "min" => Self::Min,
            "ascii_downcase" => Self::Downcase,
            "ascii_upcase" => Self::Upcase,
            "tonumber" => Self::ToNumber,
            "error" => Self::Error,
            _ => return None,
        })
    }

    /// What it gives for a value.
    pub fn of(self, input: &Val) -> Result<Val> {
        Ok(match (self, input) {
            (Self::Not, value) => Val::Bool(!value.as_bool()),
            (Self::ToString, Val::TStr(_)) => input.clone(),
            (Self::ToString, value) => Val::utf8_str(write::document(value, 0).map_err(|_| Jaq)?),
            (Self::Length, Val::Null) => Val::from(0_usize),
            (Self::Length, Val::Arr(values)) => Val::from(values.len()),
            (Self::Length, Val::Obj(map)) => match tables::place(input) {
                None => Val::from(map.len()),
                Some(place) => Val::from(tables::rows(place)),
            },
            (Self::Add, Val::Arr(values)) => values.iter().try_fold(Val::Null, |sum, value| {
                if tables::place(value).is_some() {
                    return Err(Jaq);
                }
                (sum + value.clone()).map_err(|_: jaq_core::Error<Val>| Jaq)
            })?,
            // The last of the greatest, the first of the least, as in jaq.
            (Self::Max, Val::Arr(values)) => values.iter().max().cloned().unwrap_or_default(),
            (Self::Min, Val::Arr(values)) => values.iter().min().cloned().unwrap_or_default(),
            (Self::Downcase, Val::TStr(text)) => Val::utf8_str(text.to_ascii_lowercase()),
            (Self::Upcase, Val::TStr(text)) => Val::utf8_str(text.to_ascii_uppercase()),
            (Self::ToNumber, Val::Num(_)) => input.clone(),
            (Self::ToNumber, Val::TStr(text)) => Val::from(short_integer(text).ok_or(Jaq)?),
            _ => return Err(Jaq),
        })
    }
}

/// Most numbers that are text: no sign, no zeros in front, at most nine digits.
fn short_integer(text: &[u8]) -> Option<isize> {
    let plain = matches!(text, [b'0'] | [b'1'..=b'9', ..]) && text.len() <= 9;
    let digits = plain.then(|| std::str::from_utf8(text).ok())??;
    digits.parse().ok()
}

impl Method {
    /// The one of this name, if it is here.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "startswith" => Self::StartsWith,
            "endswith" => Self::EndsWith,
            "ltrimstr" => Self::TrimStart,
            "rtrimstr" => Self::TrimEnd,
            "has" => Self::Has,
            "split" => Self::Split,
            "join" => Self::Join,
            _ => return None,
        })
    }

    /// What it gives for a value and its argument.
    pub fn of(self, input: &Val, argument: &Val) -> Result<Val> {
        let Val::TStr(part) = argument else {
            return Err(Jaq);
        };
        Ok(match (self, input) {
            (Self::StartsWith, Val::TStr(text)) => Val::Bool(text.starts_with(part)),
            (Self::EndsWith, Val::TStr(text)) => Val::Bool(text.ends_with(part)),
            (Self::TrimStart, Val::TStr(text)) => match text.strip_prefix(&part[..]) {
                Some(rest) => Val::utf8_str(text.slice_ref(rest)),
                None => input.clone(),
            },
            (Self::TrimEnd, Val::TStr(text)) => match text.strip_suffix(&part[..]) {
                Some(rest) => Val::utf8_str(text.slice_ref(rest)),
                None => input.clone(),
            },
            (Self::Has, Val::Obj(map)) => Val::Bool(match tables::place(input) {
                None => map.contains_key(argument),
                Some(place) => tables::row(place, argument).map_err(|_| Jaq)?.is_some(),
            }),
            (Self::Split, Val::TStr(_)) => (input.clone() / argument.clone()).map_err(|_| Jaq)?,
            // Nothing stands for null; lists and objects are no text.
            (Self::Join, Val::Arr(values)) => {
                let mut text = Vec::new();
                for (position, value) in values.iter().enumerate() {
                    if position > 0 {
                        text.extend_from_slice(part);
                    }
                    match value {
                        Val::Null => {}
                        Val::Arr(_) | Val::Obj(_) => return Err(Jaq),
                        value => append(value, &mut text)?,
                    }
                }
                Val::utf8_str(text)
            }
            _ => return Err(Jaq),
        })
    }
}
