//! The file, and the contract's functions over what it exports.

use crate::contract::{
    Context, Draft, Edit, Fault, Item, Mapped, Parsed, Push, Received, Reply, Request,
};
use crate::faults;
use crate::flavour::ADAPTER;
use crate::give::Giver;
use crate::modules;
use crate::names::named;
use crate::place::{Place, Wrong, listed, nearest};
use crate::prepared;
use crate::take::Taker;
use crossdock_js_engine::diagnose::Diagnose;
use crossdock_js_engine::{Confined, Diagnostic, Numbers};
use rquickjs::{Ctx, Error, Function, Module, Object, Persistent, Value};

/// What a file exports, and how that is written.
const MAP: (&str, &str) = (
    "map",
    "export function map(context, operation, items) { … }",
);
const SIGN: (&str, &str) = (
    "sign",
    "export function sign(context, operation, draft) { … }",
);
const PARSE: (&str, &str) = (
    "parseResponse",
    "export function parseResponse(context, operation, request, reply) { … }",
);
const RECEIVE: (&str, &str) = ("receive", "export function receive(context, push) { … }");
const MANIFEST: (&str, &str) = (
    "manifest",
    "export const manifest = { name, version, summary, operations, settings }",
);

/// Names that a file may export for the runtime.
const EXPORTS: [&str; 7] = [
    MANIFEST.0, MAP.0, SIGN.0, PARSE.0, RECEIVE.0, "integers", "decimals",
];

/// An adapter that is a file, run as far as it runs by itself.
pub struct Adapter {
    name: String,
    text: String,
    manifest: String,
    numbers: Numbers,
    quickjs: Confined,
    /// Taken when it is dropped: QuickJS wants its values back before it goes.
    kept: Option<Kept>,
}

/// The functions between calls.
struct Kept {
    map: Persistent<Function<'static>>,
    /// None for an adapter that does not sign.
    sign: Option<Persistent<Function<'static>>>,
    parse: Persistent<Function<'static>>,
    /// None for an adapter to which its platform pushes nothing.
    receive: Option<Persistent<Function<'static>>>,
}

/// What the file exports.
struct Exported {
    manifest: String,
    numbers: Numbers,
    kept: Kept,
}

impl Adapter {
    /// Runs a file.
    ///
    /// # Errors
    /// The first thing wrong with it, with its place.
    pub fn load(name: &str, text: &str) -> Result<Self, Diagnostic> {
        let quickjs = prepared::take().map_err(gone)?;
        let diagnose = diagnose(name, text);
        let exported = quickjs.with(|ctx| {
            let realm = quickjs.realm(&ctx).map_err(gone)?;
            let taker = Taker {
                realm: &realm,
                spelled: quickjs.spelled(),
            };
            let exported = exported(&ctx, &taker, &diagnose);
            while ctx.execute_pending_job() {}
            exported
        })?;
        Ok(Self {
            name: name.to_owned(),
            text: text.to_owned(),
            manifest: exported.manifest,
            numbers: exported.numbers,
            quickjs,
            kept: Some(exported.kept),
        })
    }

    /// The manifest, as JSON.
    pub fn describe(&self) -> &str {
        &self.manifest
    }

    /// Turns items into requests.
    ///
    /// # Errors
    /// The fault that the file threw, or what is wrong with what it returned.
    pub fn map(&self, context: &Context, operation: &str, items: &[Item]) -> Result<Mapped, Fault> {
        self.run(MAP.0, |run| {
            let map = run.function(run.kept.map.clone())?;
            let arguments = (
                run.giver.context(context)?,
                operation,
                run.giver.items(items)?,
            );
            run.taker.mapped(&map.call(arguments)?)
        })
    }

    /// Authenticates a request.
    ///
    /// # Errors
    /// As for [`map`](Self::map).
    pub fn sign(
        &self,
        context: &Context,
        operation: &str,
        draft: &Draft,
    ) -> Result<Vec<Edit>, Fault> {
        self.run(SIGN.0, |run| {
            let Some(sign) = run.kept.sign.clone() else {
                return Ok(Vec::new());
            };
            let sign = run.function(sign)?;
            let arguments = (
                run.giver.context(context)?,
                operation,
                run.giver.draft(draft)?,
            );
            run.taker.edits(&sign.call(arguments)?)
        })
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// As for [`map`](Self::map).
    pub fn parse_response(
        &self,
        context: &Context,
        operation: &str,
        request: &Request,
        reply: &Reply,
    ) -> Result<Parsed, Fault> {
        self.run(PARSE.0, |run| {
            let parse = run.function(run.kept.parse.clone())?;
            let arguments = (
                run.giver.context(context)?,
                operation,
                run.giver.request(request)?,
                run.giver.reply(reply)?,
            );
            run.taker.parsed(&parse.call(arguments)?)
        })
    }

    /// Verifies what the platform pushes, and splits it.
    ///
    /// # Errors
    /// As for [`map`](Self::map); [`Fault::Unsupported`] of a file without
    /// `receive`.
    pub fn receive(&self, context: &Context, push: &Push) -> Result<Received, Fault> {
        let has = self
            .kept
            .as_ref()
            .is_some_and(|kept| kept.receive.is_some());
        if !has {
            return Err(Fault::Unsupported(RECEIVE.0.into()));
        }
        self.run(RECEIVE.0, |run| {
            let Some(receive) = run.kept.receive.clone() else {
                return Ok(Received::nothing());
            };
            let receive = run.function(receive)?;
            let arguments = (run.giver.context(context)?, run.giver.push(push)?);
            run.taker.received(&receive.call(arguments)?)
        })
    }

    fn run<T>(
        &self,
        function: &str,
        work: impl for<'a, 'js> FnOnce(&Run<'a, 'js>) -> Result<T, Wrong>,
    ) -> Result<T, Fault> {
        let unknown = |what: &str| Fault::Other(format!("{}: {what}", self.name));
        let Some(kept) = &self.kept else {
            return Err(unknown("the file is gone"));
        };
        let spelled = self.quickjs.spelled();
        spelled.clear();
        self.quickjs.with(|ctx| {
            let realm = self.quickjs.realm(&ctx);
            let realm = realm.map_err(|error| unknown(&error.to_string()))?;
            let run = Run {
                ctx: &ctx,
                kept,
                giver: Giver {
                    ctx: &ctx,
                    realm: &realm,
                    numbers: self.numbers,
                    spelled,
                },
                taker: Taker {
                    realm: &realm,
                    spelled,
                },
            };
            let result = work(&run).map_err(|wrong| {
                let diagnose = diagnose(&self.name, &self.text);
                faults::fault(&ctx, &run.taker, &diagnose, function, wrong)
            });
            // Whatever it has left to do later is done now.
            while ctx.execute_pending_job() {}
            result
        })
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        let kept = self.kept.take();
        self.quickjs.with(|_| drop(kept));
    }
}

/// One call.
struct Run<'a, 'js> {
    ctx: &'a Ctx<'js>,
    kept: &'a Kept,
    giver: Giver<'a, 'js>,
    taker: Taker<'a, 'js>,
}

impl<'js> Run<'_, 'js> {
    fn function(&self, kept: Persistent<Function<'static>>) -> Result<Function<'js>, Wrong> {
        Ok(kept.restore(self.ctx)?)
    }
}

fn diagnose<'a>(file: &'a str, source: &'a str) -> Diagnose<'a> {
    Diagnose {
        file,
        source,
        lines_before: 0,
        flavour: &ADAPTER,
    }
}

/// QuickJS itself failed, which has no place in the file.
fn gone(error: Error) -> Diagnostic {
    Diagnostic::unplaced(error.to_string())
}

/// Runs the file and looks at what it exports.
fn exported<'js>(
    ctx: &Ctx<'js>,
    taker: &Taker<'_, 'js>,
    diagnose: &Diagnose<'_>,
) -> Result<Exported, Diagnostic> {
    let caught = |error: Error| match error {
        Error::WouldBlock => Diagnostic::unplaced("an `await` outside of a function never ends"),
        error => imported(named(diagnose.source, diagnose.caught(ctx, &error))),
    };
    let module = Module::declare(ctx.clone(), diagnose.file, diagnose.source).map_err(caught)?;
    let (module, done) = module.eval().map_err(caught)?;
    done.finish::<()>().map_err(caught)?;
    let exports = Exports {
        all: module.namespace().map_err(caught)?,
        caught: &caught,
    };
    let numbers = Numbers {
        integers_as_text: exports.choice("integers", "bigint")?,
        decimals_as_text: exports.choice("decimals", "number")?,
    };
    taker.realm.arrive(numbers).map_err(caught)?;

    let manifest = exports.get(MANIFEST.0)?;
    if manifest.is_undefined() {
        return Err(exports.missing(MANIFEST));
    }
    let Some(described) = manifest.as_object().filter(|it| !it.is_array()) else {
        return Err(Diagnostic::unplaced(format!(
            "`manifest` is no object; write `{}`",
            MANIFEST.1
        )));
    };
    let signs: Value = described.get("signs").map_err(caught)?;
    let root = Place::Exported;
    let text = taker
        .json(&manifest, &root.member(MANIFEST.0))
        .map_err(|wrong| match wrong {
            Wrong::Said(said) => Diagnostic::unplaced(said),
            Wrong::Js(error) => caught(error),
        })?;
    let keep = |function| Persistent::save(ctx, function);
    let sign = exports.function(SIGN);
    Ok(Exported {
        manifest: text,
        numbers,
        kept: Kept {
            map: keep(exports.function(MAP)?),
            sign: match (sign, signs.as_bool()) {
                (Ok(sign), _) => Some(keep(sign)),
                (Err(_), Some(false)) => None,
                (Err(missing), _) => {
                    return Err(Diagnostic::unplaced(format!(
                        "{}, or `signs: false` in the manifest if nothing is signed",
                        missing.message
                    )));
                }
            },
            parse: keep(exports.function(PARSE)?),
            receive: match exports.get(RECEIVE.0)?.is_undefined() {
                true => None,
                false => Some(keep(exports.function(RECEIVE)?)),
            },
        },
    })
}

/// A module that is not there, or has no such export.
fn imported(mut diagnostic: Diagnostic) -> Diagnostic {
    let quoted = |text: &str| Some(text.split_once('\'')?.0.to_owned());
    let export = diagnostic
        .message
        .split_once("ould not find export '")
        .filter(|(_, rest)| rest.contains(&format!("'{}'", modules::SDK)))
        .and_then(|(_, rest)| quoted(rest));
    if let Some(name) = export {
        let known: Vec<&str> = modules::exports().collect();
        let meant = match nearest(&name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it exports {}", listed(&known)),
        };
        diagnostic.message = format!("\"{}\" exports no `{name}`; {meant}", modules::SDK);
        return diagnostic;
    }
    let name = diagnostic
        .message
        .split_once("could not load module")
        .map(|(_, name)| name.trim_matches([' ', '\'', ':', '"']).to_owned());
    if let Some(name) = name {
        diagnostic.message = format!(
            "there is no module `{name}`; a file imports `crossdock` and nothing else, so a bundler \
             has to put other code into it"
        );
    }
    diagnostic
}

/// What the file's module exports.
struct Exports<'a, 'js> {
    all: Object<'js>,
    caught: &'a dyn Fn(Error) -> Diagnostic,
}

impl<'js> Exports<'_, 'js> {
    fn get(&self, name: &str) -> Result<Value<'js>, Diagnostic> {
        self.all.get(name).map_err(self.caught)
    }

    fn function(&self, (name, written): (&str, &str)) -> Result<Function<'js>, Diagnostic> {
        let value = self.get(name)?;
        if value.is_undefined() {
            return Err(self.missing((name, written)));
        }
        value.as_function().cloned().ok_or_else(|| {
            Diagnostic::unplaced(format!("`{name}` is no function; write `{written}`"))
        })
    }

    /// The sentence about an export that is not there.
    fn missing(&self, (name, written): (&str, &str)) -> Diagnostic {
        let names: Vec<String> = self.all.keys::<String>().filter_map(Result::ok).collect();
        let others: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|other| !EXPORTS.contains(other))
            .collect();
        let hint = match nearest(name, &others) {
            Some(near) => format!(" (there is `{near}`)"),
            None if names.iter().any(|name| name == "default") => {
                " (`export default` is not looked at)".to_owned()
            }
            None if names.is_empty() => " (nor anything else)".to_owned(),
            None => String::new(),
        };
        Diagnostic::unplaced(format!("it exports no `{name}`{hint}; write `{written}`"))
    }

    /// Whether a setting is `"string"` and not what it is otherwise.
    fn choice(&self, name: &str, otherwise: &str) -> Result<bool, Diagnostic> {
        let value = self.get(name)?;
        if value.is_undefined() {
            return Ok(false);
        }
        let said = value.as_string().and_then(|text| text.to_string().ok());
        match said.as_deref() {
            Some("string") => Ok(true),
            Some(said) if said == otherwise => Ok(false),
            _ => Err(Diagnostic::unplaced(format!(
                "`export const {name}` is {}",
                listed(&[&format!("\"{otherwise}\""), "\"string\""])
            ))),
        }
    }
}

#[cfg(test)]
#[path = "adapter_tests.rs"]
mod tests;
