//! A short cut for scripts of plain expressions.
//!
//! jaq evaluates every expression as a stream of values, with several
//! allocations for each. Most of a mapping's expressions give exactly one: a
//! field, a text with fields in it, a sum, an object of these. A script made of
//! nothing but such expressions, and of a few that give several (`,`, `.[]`,
//! `empty`, `select`), is also kept as an [`Expr`], which computes with jaq's
//! own values and operators.
//!
//! What is not among them (`def`, `reduce`, `try`, most functions) makes the
//! whole script jaq's. So does anything that does not succeed, for the one
//! document: an error is always jaq's own. The tests run everything both ways.
//!
//! | module | what is in it |
//! |---|---|
//! | `plain` | jq's syntax → [`Expr`], if it is plain |
//! | `functions` | jq's functions that are so simple that they are here too |

mod functions;
mod plain;

use crate::tables;
use crate::write::{self, Writer};
use functions::{Function, Method};
use jaq_core::ValT as _;
use jaq_core::ops::{Cmp, Math};
use jaq_json::{Map, Val};
use plain::Scope;

/// Gives exactly one value.
#[derive(Debug)]
enum Expr {
    Input,
    Const(Val),
    /// The variable that is so many bindings away.
    Var(usize),
    Path(Box<Expr>, Vec<Index>),
    Text(Vec<Piece>),
    Object(Fields),
    Array(Box<Stream>),
    Neg(Box<Expr>),
    Math(Box<Expr>, Math, Box<Expr>),
    Cmp(Box<Expr>, Cmp, Box<Expr>),
    /// The value that decides alone: false of `and`, true of `or`.
    Logic(Box<Expr>, bool, Box<Expr>),
    Alternative(Box<Expr>, Box<Expr>),
    If(Vec<(Expr, Expr)>, Box<Expr>),
    Pipe(Box<Expr>, Box<Expr>),
    Bind(Box<Expr>, Box<Expr>),
    Call(Function),
    CallWith(Method, Box<Expr>),
}

/// Gives any number of values.
#[derive(Debug)]
enum Stream {
    One(Expr),
    Empty,
    Comma(Box<Stream>, Box<Stream>),
    Each(Box<Stream>),
    Select(Expr),
    If(Vec<(Expr, Stream)>, Box<Stream>),
    Pipe(Box<Stream>, Box<Stream>),
    Bind(Box<Stream>, Box<Stream>),
}

#[derive(Debug)]
enum Index {
    At(Expr),
    Range(Option<Expr>, Option<Expr>),
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Value(Expr),
}

#[derive(Debug)]
struct Fields {
    all: Vec<(Expr, Expr)>,
    /// The keys as JSON with their colons, if they are known and different: a
    /// result of these fields is written as it is computed.
    keys: Option<Vec<String>>,
}

/// The short cut leads nowhere: jaq has to say what happens.
#[derive(Debug)]
pub struct Jaq;

type Result<T> = std::result::Result<T, Jaq>;

/// Bindings, the innermost first.
#[derive(Clone, Copy)]
pub struct Vars<'a> {
    value: &'a Val,
    outer: Option<&'a Vars<'a>>,
}

impl<'a> Vars<'a> {
    /// The outermost one.
    pub fn new(context: &'a Val) -> Self {
        Self {
            value: context,
            outer: None,
        }
    }

    fn get(&self, away: usize) -> Result<&'a Val> {
        match away {
            0 => Ok(self.value),
            _ => self.outer.ok_or(Jaq)?.get(away - 1),
        }
    }
}

/// A script's expression.
#[derive(Debug)]
pub struct Direct(Stream);

impl Direct {
    /// Nothing if the script is more than plain expressions. `context` is the
    /// name of the variable that is always there.
    pub fn new(source: &str, context: &str) -> Option<Self> {
        let term = jaq_core::load::parse(source, |parser| parser.term())?;
        Some(Self(Scope::new(context).stream(&term)?))
    }

    /// The documents that an item becomes, as JSON; `size` is a guess at the
    /// length of one.
    pub fn apply(&self, vars: &Vars<'_>, input: &Val, size: usize) -> Result<Vec<String>> {
        let mut documents = Vec::new();
        if let Stream::One(expr) = &self.0 {
            let mut writer = Writer::new(size);
            expr.write(vars, input, &mut writer)?;
            documents.push(writer.finish());
        } else {
            self.0.each(vars, input, &mut |value| {
                let mut writer = Writer::new(size);
                writer.value(value).map_err(|_| Jaq)?;
                documents.push(writer.finish());
                Ok(())
            })?;
        }
        Ok(documents)
    }
}

impl Stream {
    fn each(
        &self,
        vars: &Vars<'_>,
        input: &Val,
        give: &mut dyn FnMut(&Val) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::One(expr) => give(&expr.one(vars, input)?),
            Self::Empty => Ok(()),
            Self::Comma(left, right) => {
                left.each(vars, input, give)?;
                right.each(vars, input, give)
            }
            Self::Each(of) => of.each(vars, input, &mut |value| match value {
                Val::Arr(values) => values.iter().try_for_each(&mut *give),
                Val::Obj(_) if tables::place(value).is_some() => Err(Jaq),
                Val::Obj(map) => map.values().try_for_each(&mut *give),
                _ => Err(Jaq),
            }),
            Self::Select(condition) => match condition.one(vars, input)?.as_bool() {
                true => give(input),
                false => Ok(()),
            },
            Self::If(cases, otherwise) => {
                for (condition, then) in cases {
                    if condition.one(vars, input)?.as_bool() {
                        return then.each(vars, input, give);
                    }
                }
                otherwise.each(vars, input, give)
            }
            Self::Pipe(left, right) => {
                left.each(vars, input, &mut |value| right.each(vars, value, give))
            }
            Self::Bind(value, body) => value.each(vars, input, &mut |value| {
                let vars = Vars {
                    value,
                    outer: Some(vars),
                };
                body.each(&vars, input, give)
            }),
        }
    }
}

impl Expr {
    fn one(&self, vars: &Vars<'_>, input: &Val) -> Result<Val> {
        Ok(match self {
            Self::Input => input.clone(),
            Self::Const(value) => value.clone(),
            Self::Var(away) => vars.get(*away)?.clone(),
            Self::Path(of, path) => {
                let mut found = None;
                self::path(of, path, vars, input, &mut |value| {
                    found = Some(value.clone());
                    Ok(())
                })?;
                found.ok_or(Jaq)?
            }
            Self::Text(pieces) => Val::utf8_str(text(pieces, vars, input)?),
            Self::Object(fields) => {
                let mut map = Map::with_capacity_and_hasher(fields.all.len(), Default::default());
                for (key, value) in &fields.all {
                    let key = key.one(vars, input)?;
                    let Val::TStr(_) = &key else {
                        return Err(Jaq);
                    };
                    map.insert(key, value.one(vars, input)?);
                }
                Val::obj(map)
            }
            Self::Array(stream) => {
                let mut values = Vec::new();
                stream.each(vars, input, &mut |value| {
                    values.push(value.clone());
                    Ok(())
                })?;
                Val::Arr(values.into())
            }
            Self::Neg(value) => (-value.one(vars, input)?).map_err(|_| Jaq)?,
            Self::Math(left, op, right) => {
                let (left, right) = operands(left, right, vars, input)?;
                op.run(left, right).map_err(|_: jaq_core::Error<Val>| Jaq)?
            }
            Self::Cmp(left, op, right) => {
                let (left, right) = operands(left, right, vars, input)?;
                Val::Bool(op.run(&left, &right))
            }
            Self::Logic(left, decides, right) => {
                let decided = left.one(vars, input)?.as_bool() == *decides;
                Val::Bool(match decided {
                    true => *decides,
                    false => right.one(vars, input)?.as_bool(),
                })
            }
            Self::Alternative(left, right) => {
                let left = left.one(vars, input)?;
                match left.as_bool() {
                    true => left,
                    false => right.one(vars, input)?,
                }
            }
            Self::If(cases, otherwise) => {
                for (condition, then) in cases {
                    if condition.one(vars, input)?.as_bool() {
                        return then.one(vars, input);
                    }
                }
                otherwise.one(vars, input)?
            }
            Self::Pipe(left, right) => right.one(vars, &left.one(vars, input)?)?,
            Self::Bind(value, body) => {
                let value = &value.one(vars, input)?;
                let outer = Some(vars);
                body.one(&Vars { value, outer }, input)?
            }
            Self::Call(function) => function.of(input)?,
            Self::CallWith(method, argument) => method.of(input, &argument.one(vars, input)?)?,
        })
    }

    /// Writes the one value, without making it where that is not needed.
    fn write(&self, vars: &Vars<'_>, input: &Val, writer: &mut Writer) -> Result<()> {
        match self {
            Self::Object(Fields {
                all,
                keys: Some(keys),
            }) => {
                writer.raw("{");
                for (position, ((_, value), key)) in all.iter().zip(keys).enumerate() {
                    if position > 0 {
                        writer.raw(",");
                    }
                    writer.raw(key);
                    value.write(vars, input, writer)?;
                }
                writer.raw("}");
                Ok(())
            }
            Self::Path(of, path) => self::path(of, path, vars, input, &mut |value| {
                writer.value(value).map_err(|_| Jaq)
            }),
            Self::Text(pieces) => {
                writer.string(&text(pieces, vars, input)?);
                Ok(())
            }
            other => {
                let value = other.one(vars, input)?;
                writer.value(&value).map_err(|_| Jaq)
            }
        }
    }
}

/// Both sides of an operator, neither of them a table.
fn operands(left: &Expr, right: &Expr, vars: &Vars<'_>, input: &Val) -> Result<(Val, Val)> {
    let (left, right) = (left.one(vars, input)?, right.one(vars, input)?);
    match (tables::place(&left), tables::place(&right)) {
        (None, None) => Ok((left, right)),
        _ => Err(Jaq),
    }
}

/// Where a path leads to: a value is only made for what is not in the item.
fn path(
    of: &Expr,
    path: &[Index],
    vars: &Vars<'_>,
    input: &Val,
    give: &mut dyn FnMut(&Val) -> Result<()>,
) -> Result<()> {
    let made;
    let mut at = match of {
        Expr::Input => input,
        Expr::Var(away) => vars.get(*away)?,
        other => {
            made = other.one(vars, input)?;
            &made
        }
    };
    for (position, index) in path.iter().enumerate() {
        let key_made;
        let key = match index {
            Index::At(Expr::Const(key)) => key,
            Index::At(other) => {
                key_made = other.one(vars, input)?;
                &key_made
            }
            Index::Range(from, to) => {
                let bound = |bound: &Option<Expr>| {
                    let value = bound.as_ref().map(|bound| bound.one(vars, input));
                    value.transpose()
                };
                let (from, to) = (bound(from)?, bound(to)?);
                let part = at.clone().range(from.as_ref()..to.as_ref());
                let part = part.map_err(|_| Jaq)?;
                return self::path(&Expr::Const(part), &path[position + 1..], vars, input, give);
            }
        };
        if let Some(place) = tables::place(at) {
            let row = tables::row(place, key).map_err(|_| Jaq)?;
            let row = Expr::Const(row.unwrap_or_default());
            return self::path(&row, &path[position + 1..], vars, input, give);
        }
        at = match (at, key) {
            (Val::Obj(map), Val::TStr(_)) => map.get(key).unwrap_or(&Val::Null),
            (Val::Null, Val::TStr(_)) => &Val::Null,
            (other, key) => {
                let part = other.clone().index(key).map_err(|_| Jaq)?;
                return self::path(&Expr::Const(part), &path[position + 1..], vars, input, give);
            }
        };
    }
    give(at)
}

fn text(pieces: &[Piece], vars: &Vars<'_>, input: &Val) -> Result<Vec<u8>> {
    let mut text = Vec::with_capacity(64);
    for piece in pieces {
        match piece {
            Piece::Text(piece) => text.extend_from_slice(piece.as_bytes()),
            Piece::Value(Expr::Path(of, path)) => {
                self::path(of, path, vars, input, &mut |value| append(value, &mut text))?;
            }
            Piece::Value(value) => append(&value.one(vars, input)?, &mut text)?,
        }
    }
    Ok(text)
}

/// As `tostring` does it.
fn append(value: &Val, text: &mut Vec<u8>) -> Result<()> {
    match value {
        Val::TStr(bytes) => text.extend_from_slice(bytes),
        other => {
            let written = write::document(other, 0).map_err(|_| Jaq)?;
            text.extend_from_slice(written.as_bytes());
        }
    }
    Ok(())
}
