//! jq's syntax → [`Expr`], if it is plain.

use super::functions::{Function, Method};
use super::{Expr, Fields, Index, Piece, Stream};
use crate::write::Writer;
use jaq_core::ValT as _;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::path::{Opt, Part};
use jaq_json::Val;

/// Terms that are looked at: a term may be looked at twice, as one value and
/// as a stream, and so may each of those inside of it. Beyond that, finding out
/// costs more than it gives.
const MOST_TERMS: usize = 20_000;

/// Where a term stands.
pub struct Scope<'a> {
    /// The names of the bindings around it, the outermost first.
    names: Vec<&'a str>,
    /// Terms that were looked at before it.
    terms: usize,
}

impl<'a> Scope<'a> {
    /// With the variable that is always there.
    pub fn new(context: &'a str) -> Self {
        Self {
            names: vec![context],
            terms: 0,
        }
    }

    fn bound<T>(&mut self, name: &'a str, body: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.names.push(name);
        let body = body(self);
        self.names.pop();
        body
    }

    /// A term as a stream; nothing if it is more than plain.
    pub fn stream(&mut self, term: &Term<&'a str>) -> Option<Stream> {
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
        self.terms += 1;
        if self.terms > MOST_TERMS {
            return None;
        }
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
                let away = self.names.iter().rev().position(|known| known == name)?;
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
