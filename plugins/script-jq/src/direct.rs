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

use crate::write::Writer;
use jaq_core::ValT as _;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::ops::{Cmp, Math};
use jaq_core::path::{Opt, Part};
use jaq_json::{Map, Val};

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

/// Functions without arguments that give one value.
#[derive(Debug, Clone, Copy)]
enum Function {
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
enum Method {
    StartsWith,
    EndsWith,
    TrimStart,
    TrimEnd,
    Has,
    Split,
    Join,
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
        let mut scope = Scope(vec![context]);
        Some(Self(scope.stream(&term)?))
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
                let (left, right) = (left.one(vars, input)?, right.one(vars, input)?);
                op.run(left, right).map_err(|_: jaq_core::Error<Val>| Jaq)?
            }
            Self::Cmp(left, op, right) => {
                let (left, right) = (left.one(vars, input)?, right.one(vars, input)?);
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
        other => match other.clone().into_string() {
            Val::TStr(bytes) => text.extend_from_slice(&bytes),
            _ => return Err(Jaq),
        },
    }
    Ok(())
}

impl Function {
    fn named(name: &str) -> Option<Self> {
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

    fn of(self, input: &Val) -> Result<Val> {
        Ok(match (self, input) {
            (Self::Not, value) => Val::Bool(!value.as_bool()),
            (Self::ToString, value) => value.clone().into_string(),
            (Self::Length, Val::Null) => Val::from(0_usize),
            (Self::Length, Val::Arr(values)) => Val::from(values.len()),
            (Self::Length, Val::Obj(map)) => Val::from(map.len()),
            (Self::Add, Val::Arr(values)) => values.iter().try_fold(Val::Null, |sum, value| {
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
    fn named(name: &str) -> Option<Self> {
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

    fn of(self, input: &Val, argument: &Val) -> Result<Val> {
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
            (Self::Has, Val::Obj(map)) => Val::Bool(map.contains_key(argument)),
            (Self::Split, Val::TStr(_)) => (input.clone() / argument.clone()).map_err(|_| Jaq)?,
            (Self::Join, Val::Arr(values)) => {
                let mut text = Vec::new();
                for (position, value) in values.iter().enumerate() {
                    if position > 0 {
                        text.extend_from_slice(part);
                    }
                    append(value, &mut text)?;
                }
                Val::utf8_str(text)
            }
            _ => return Err(Jaq),
        })
    }
}

/// The names of the bindings around an expression, the outermost first.
struct Scope<'a>(Vec<&'a str>);

impl<'a> Scope<'a> {
    fn bound<T>(&mut self, name: &'a str, body: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.0.push(name);
        let body = body(self);
        self.0.pop();
        body
    }

    fn stream(&mut self, term: &Term<&'a str>) -> Option<Stream> {
        if let Some(expr) = self.expr(term) {
            return Some(Stream::One(expr));
        }
        Some(match term {
            Term::BinOp(left, BinaryOp::Comma, right) => {
                Stream::Comma(self.stream(left)?.into(), self.stream(right)?.into())
            }
            Term::BinOp(left, BinaryOp::Pipe(None), right) => {
                Stream::Pipe(self.stream(left)?.into(), self.stream(right)?.into())
            }
            Term::BinOp(value, BinaryOp::Pipe(Some(Pattern::Var(name))), body) => {
                let value = self.stream(value)?;
                let body = self.bound(name, |scope| scope.stream(body))?;
                Stream::Bind(value.into(), body.into())
            }
            Term::IfThenElse(cases, otherwise) => {
                let cases = cases.iter().map(|(condition, then)| {
                    let condition = self.expr(condition)?;
                    Some((condition, self.stream(then)?))
                });
                let cases = cases.collect::<Option<_>>()?;
                let otherwise = match otherwise {
                    Some(otherwise) => self.stream(otherwise)?,
                    None => Stream::One(Expr::Input),
                };
                Stream::If(cases, otherwise.into())
            }
            Term::Call("empty", arguments) if arguments.is_empty() => Stream::Empty,
            Term::Call("select", arguments) => match arguments.as_slice() {
                [condition] => Stream::Select(self.expr(condition)?),
                _ => return None,
            },
            Term::Path(of, path) => {
                let mut stream = self.stream(of)?;
                // What is in an index is computed from what the path begins
                // with, which is the input only as long as nothing is bound.
                for (part, opt) in &path.0 {
                    let Opt::Essential = opt else { return None };
                    stream = match part {
                        Part::Range(None, None) => Stream::Each(stream.into()),
                        Part::Index(key) => {
                            let key = constant(self.expr(key)?)?;
                            let path = vec![Index::At(key)];
                            let path = Stream::One(Expr::Path(Expr::Input.into(), path));
                            Stream::Pipe(stream.into(), path.into())
                        }
                        Part::Range(..) => return None,
                    };
                }
                stream
            }
            _ => return None,
        })
    }

    fn expr(&mut self, term: &Term<&'a str>) -> Option<Expr> {
        Some(match term {
            Term::Id => Expr::Input,
            Term::Num(number) => Expr::Const(match number.parse::<isize>() {
                Ok(integer) => Val::from(integer),
                Err(_) => Val::from_num(number).ok()?,
            }),
            Term::Str(None, parts) => self.text(parts)?,
            Term::Arr(None) => Expr::Const(Val::Arr(Vec::new().into())),
            Term::Arr(Some(values)) => Expr::Array(self.stream(values)?.into()),
            Term::Obj(entries) => self.object(entries)?,
            Term::Neg(value) => Expr::Neg(self.expr(value)?.into()),
            Term::BinOp(left, op, right) => self.operation(left, op, right)?,
            Term::IfThenElse(cases, otherwise) => {
                let cases = cases.iter().map(|(condition, then)| {
                    let condition = self.expr(condition)?;
                    Some((condition, self.expr(then)?))
                });
                let cases = cases.collect::<Option<_>>()?;
                let otherwise = match otherwise {
                    Some(otherwise) => self.expr(otherwise)?,
                    None => Expr::Input,
                };
                Expr::If(cases, otherwise.into())
            }
            Term::Var(name) => {
                let away = self.0.iter().rev().position(|known| known == name)?;
                Expr::Var(away)
            }
            Term::Call(name, arguments) => match (*name, arguments.as_slice()) {
                ("null", []) => Expr::Const(Val::Null),
                ("true", []) => Expr::Const(Val::Bool(true)),
                ("false", []) => Expr::Const(Val::Bool(false)),
                ("map", [body]) => {
                    let each = Stream::Each(Stream::One(Expr::Input).into());
                    let body = self.stream(body)?;
                    Expr::Array(Stream::Pipe(each.into(), body.into()).into())
                }
                ("error", [_]) => Expr::Call(Function::Error),
                (name, []) => Expr::Call(Function::named(name)?),
                (name, [argument]) => {
                    let method = Method::named(name)?;
                    Expr::CallWith(method, self.expr(argument)?.into())
                }
                _ => return None,
            },
            Term::Path(of, path) => {
                let of = self.expr(of)?;
                let path = path.0.iter().map(|(part, opt)| {
                    let Opt::Essential = opt else { return None };
                    Some(match part {
                        Part::Index(key) => Index::At(self.expr(key)?),
                        Part::Range(None, None) => return None,
                        Part::Range(from, to) => {
                            let mut bound = |bound: &Option<Term<&'a str>>| match bound {
                                Some(bound) => self.expr(bound).map(Some),
                                None => Some(None),
                            };
                            Index::Range(bound(from)?, bound(to)?)
                        }
                    })
                });
                Expr::Path(of.into(), path.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    fn operation(
        &mut self,
        left: &Term<&'a str>,
        op: &BinaryOp<&'a str>,
        right: &Term<&'a str>,
    ) -> Option<Expr> {
        let left: Box<Expr> = self.expr(left)?.into();
        if let BinaryOp::Pipe(Some(pattern)) = op {
            let Pattern::Var(name) = pattern else {
                return None;
            };
            let body = self.bound(name, |scope| scope.expr(right))?;
            return Some(Expr::Bind(left, body.into()));
        }
        let right = self.expr(right)?.into();
        Some(match op {
            BinaryOp::Pipe(None) => Expr::Pipe(left, right),
            BinaryOp::Math(op) => Expr::Math(left, *op, right),
            BinaryOp::Cmp(op) => Expr::Cmp(left, *op, right),
            BinaryOp::And => Expr::Logic(left, false, right),
            BinaryOp::Or => Expr::Logic(left, true, right),
            BinaryOp::Alt => Expr::Alternative(left, right),
            _ => return None,
        })
    }

    fn text(&mut self, parts: &[StrPart<&'a str, Term<&'a str>>]) -> Option<Expr> {
        let mut pieces = Vec::new();
        for part in parts {
            let mut utf8 = [0; 4];
            let more: &str = match part {
                StrPart::Str(text) => text,
                StrPart::Char(character) => character.encode_utf8(&mut utf8),
                StrPart::Term(term) => {
                    pieces.push(Piece::Value(self.expr(term)?));
                    continue;
                }
            };
            match pieces.last_mut() {
                Some(Piece::Text(text)) => text.push_str(more),
                _ => pieces.push(Piece::Text(more.into())),
            }
        }
        Some(match pieces.as_slice() {
            [] => Expr::Const(Val::utf8_str(Vec::new())),
            [Piece::Text(text)] => Expr::Const(Val::utf8_str(text.clone().into_bytes())),
            _ => Expr::Text(pieces),
        })
    }

    fn object(&mut self, entries: &[(Term<&'a str>, Option<Term<&'a str>>)]) -> Option<Expr> {
        let mut all = Vec::new();
        for (key, value) in entries {
            all.push(match (key, value) {
                (Term::Var(name), None) => {
                    let key = Val::utf8_str(name.strip_prefix('$')?.as_bytes().to_vec());
                    (Expr::Const(key), self.expr(&Term::Var(name))?)
                }
                (key, None) => {
                    let path = vec![Index::At(self.expr(key)?)];
                    let value = Expr::Path(Expr::Input.into(), path);
                    (self.expr(key)?, value)
                }
                (key, Some(value)) => (self.expr(key)?, self.expr(value)?),
            });
        }
        let mut keys: Option<Vec<String>> = all.iter().map(|(key, _)| written(key)).collect();
        if let Some(known) = &keys {
            let different: std::collections::BTreeSet<_> = known.iter().collect();
            if different.len() < known.len() {
                keys = None;
            }
        }
        Some(Expr::Object(Fields { all, keys }))
    }
}

fn constant(expr: Expr) -> Option<Expr> {
    matches!(expr, Expr::Const(_)).then_some(expr)
}

/// A key that is known, as JSON with its colon.
fn written(key: &Expr) -> Option<String> {
    let Expr::Const(Val::TStr(text)) = key else {
        return None;
    };
    let mut writer = Writer::new(text.len() + 3);
    writer.string(text);
    let mut key = writer.finish();
    key.push(':');
    Some(key)
}
