//! Functions of jaq's over its own values, for ours: what is in them is not to be
//! called one by one, so each is a filter of its own, compiled when it is used.

use crate::tables;
use crate::value::{Value, ValueError, lift};
use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::native::{Filter, bome, v};
use jaq_core::{Compiler, Ctx, Cv, DataT, RunPtr, ValR, Vars};
use jaq_json::Val;
use std::cell::OnceCell;

/// The variable that holds a function's argument.
const ARGUMENT: &str = "$argument";

/// The functions of this module.
pub fn functions<D: for<'a> DataT<V<'a> = Value>>() -> Box<[Filter<RunPtr<D>>]> {
    Box::new([
        ("tobytes", v(0), |cv| {
            thread_local!(static TOBYTES: Own = const { Own::new("tobytes") });
            bome(TOBYTES.with(|own| own.of(cv.1, Value::default())))
        }),
        ("length", v(0), |cv| {
            thread_local!(static LENGTH: Own = const { Own::new("length") });
            bome(match tables::place(&cv.1.0) {
                Some(place) => Ok(Value::from(tables::rows(place))),
                None => LENGTH.with(|own| own.of(cv.1, Value::default())),
            })
        }),
        ("contains", v(1), |cv| {
            thread_local!(static CONTAINS: Own = const { Own::new("contains($argument)") });
            bome(CONTAINS.with(|own| own.with(cv)))
        }),
        ("has", v(1), |mut cv| {
            thread_local!(static HAS: Own = const { Own::new("has($argument)") });
            bome(match tables::place(&cv.1.0) {
                Some(place) => {
                    let row = tables::row(place, &cv.0.pop_var().0);
                    row.map(|row| Value::from(row.is_some()))
                        .map_err(ValueError::str)
                }
                None => HAS.with(|own| own.with(cv)),
            })
        }),
        ("indices", v(1), |cv| {
            thread_local!(static INDICES: Own = const { Own::new("indices($argument)") });
            bome(INDICES.with(|own| own.with(cv)))
        }),
        ("bsearch", v(1), |cv| {
            thread_local!(static BSEARCH: Own = const { Own::new("bsearch($argument)") });
            bome(BSEARCH.with(|own| own.with(cv)))
        }),
    ])
}

/// A filter over jaq's own values.
struct Own {
    source: &'static str,
    filter: OnceCell<Option<jaq_core::Filter<JustLut<Val>>>>,
}

impl Own {
    const fn new(source: &'static str) -> Self {
        Self {
            source,
            filter: OnceCell::new(),
        }
    }

    fn with<D: for<'a> DataT<V<'a> = Value>>(&self, mut cv: Cv<'_, D>) -> ValR<Value> {
        let argument = cv.0.pop_var();
        self.of(cv.1, argument)
    }

    fn of(&self, input: Value, argument: Value) -> ValR<Value> {
        let gone = || ValueError::str(format!("`{}` is not there", self.source));
        let filter = self.filter.get_or_init(|| compile(self.source));
        let filter = filter.as_ref().ok_or_else(gone)?;
        let vars = Vars::new([argument.whole()?]);
        let ctx = Ctx::<JustLut<Val>>::new(&filter.lut, vars);
        let result = filter.id.run((ctx, input.whole()?)).next();
        match result.ok_or_else(gone)? {
            Ok(value) => Ok(Value(value)),
            Err(exception) => match exception.get_err() {
                Ok(error) => lift(Err(error)),
                Err(_) => Err(gone()),
            },
        }
    }
}

fn compile(source: &'static str) -> Option<jaq_core::Filter<JustLut<Val>>> {
    let arena = Arena::default();
    let file = File {
        code: source,
        path: (),
    };
    let modules = Loader::new([]).load(&arena, file).ok()?;
    let compiler = Compiler::default()
        .with_funs(jaq_json::funs())
        .with_global_vars([ARGUMENT]);
    compiler.compile(modules).ok()
}
