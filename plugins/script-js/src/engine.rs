//! Compile once, apply many times.

use crate::Diagnostic;
use crate::flavour::{FILE, SCRIPT};
use crate::module;
use crate::prepared;
use crate::tables;
use crossdock_js_engine::diagnose::Diagnose;
use crossdock_js_engine::keys::Keys;
use crossdock_js_engine::read::{self, Literals, Unreadable};
use crossdock_js_engine::write::{self, Unwritable};
use crossdock_js_engine::{Confined, Numbers, Realm};
use crossdock_script_engine::{Engine, export_engine};
use rquickjs::context::EvalOptions;
use rquickjs::{Ctx, Function, Module, Persistent, Value};

/// A compiled script.
pub struct Script {
    source: String,
    lines_before: u32,
    numbers: Numbers,
    quickjs: Confined,
    /// Taken when it is dropped: QuickJS wants its values back before it goes.
    kept: Option<KeptScript>,
}

/// What a script is between calls.
struct KeptScript {
    /// Runs the script's file and gives the function it exports.
    factory: Persistent<Function<'static>>,
    /// The context document.
    context: Persistent<Value<'static>>,
}

impl Script {
    /// Compiles a script that sees `context` (a JSON text) as its second
    /// argument and as a global.
    ///
    /// # Errors
    /// The first thing wrong with the script, with its place.
    pub fn compile(source: &str, context: &str) -> Result<Self, Diagnostic> {
        let quickjs = prepared::take().map_err(gone)?;
        let syntax = quickjs.with(|ctx| syntax(&ctx, source));
        let factory = match (syntax, module::factory(source)) {
            (Ok(()), factory) => factory?,
            // Without a place: an `import` that leads nowhere.
            (Err(wrong), Err(better)) if wrong.line == 0 => return Err(better),
            (Err(wrong), _) => return Err(wrong),
        };
        let diagnose = Diagnose {
            file: FILE,
            flavour: &SCRIPT,
            source,
            lines_before: factory.lines_before,
        };
        let kept = quickjs.with(|ctx| {
            let realm = quickjs.realm(&ctx).map_err(gone)?;
            keep(&ctx, &realm, &factory, context, &diagnose)
        })?;
        Ok(Self {
            source: source.to_owned(),
            lines_before: factory.lines_before,
            numbers: factory.numbers,
            quickjs,
            kept: Some(kept),
        })
    }

    /// Applies the script to one document, both sides as JSON text.
    ///
    /// # Errors
    /// What the script threw, or what it cannot do with this document.
    pub fn apply(&self, document: &str) -> Result<Vec<String>, Diagnostic> {
        self.apply_all(&[document])
            .pop()
            .unwrap_or_else(|| Err(Diagnostic::unplaced("the script gave no answer")))
    }

    /// Applies the script to each document: one answer per document.
    pub fn apply_all(&self, documents: &[impl AsRef<str>]) -> Vec<Result<Vec<String>, Diagnostic>> {
        self.quickjs.with(|ctx| {
            let mut run = match Run::new(self, &ctx) {
                Ok(run) => run,
                Err(diagnostic) => return vec![Err(diagnostic); documents.len()],
            };
            documents
                .iter()
                .map(|document| run.document(document.as_ref()))
                .collect()
        })
    }
}

impl Engine for Script {
    const DESCRIPTION: &str = r#"{"language":"javascript","extension":"js"}"#;

    fn compile(source: &str, context: &str) -> Result<Self, Diagnostic> {
        Self::compile(source, context)
    }

    fn apply_batch(&self, documents: Vec<String>) -> Vec<Result<Vec<String>, Diagnostic>> {
        self.apply_all(&documents)
    }
}

export_engine!(Script);

impl Drop for Script {
    fn drop(&mut self) {
        let kept = self.kept.take();
        self.quickjs.with(|_| drop(kept));
    }
}

/// Compiles the script as what it is, a module; nothing of it runs.
fn syntax(ctx: &Ctx<'_>, source: &str) -> Result<(), Diagnostic> {
    let diagnose = Diagnose {
        file: FILE,
        flavour: &SCRIPT,
        source,
        lines_before: 0,
    };
    match Module::declare(ctx.clone(), FILE, source) {
        Ok(_) => Ok(()),
        Err(error) => Err(diagnose.caught(ctx, &error)),
    }
}

/// Shows the context and compiles the script for good.
fn keep<'js>(
    ctx: &Ctx<'js>,
    realm: &Realm<'js>,
    factory: &module::Factory,
    context: &str,
    diagnose: &Diagnose<'_>,
) -> Result<KeptScript, Diagnostic> {
    let caught = |error| diagnose.caught(ctx, &error);
    let setting = read::Setting {
        ctx,
        realm,
        numbers: factory.numbers,
    };
    let (context, _) =
        read::document(context, &setting, &mut Keys::default()).map_err(|error| match error {
            Unreadable::Js(error) => caught(error),
            malformed => {
                Diagnostic::unplaced(format!("the context is no JSON document: {malformed}"))
            }
        })?;
    tables::add(ctx, realm, &context).map_err(caught)?;
    realm.show(context.clone()).map_err(caught)?;
    realm.arrive(factory.numbers).map_err(caught)?;
    let mut options = EvalOptions::default();
    options.filename = Some(FILE.into());
    let factory: Function = ctx
        .eval_with_options(factory.text.as_str(), options)
        .map_err(caught)?;
    let main: Value = factory.call(()).map_err(caught)?;
    if !main.is_function() {
        return Err(Diagnostic::unplaced(format!(
            "the script exports no function but a value ({}); write `export default item => …`",
            main.type_name()
        )));
    }
    Ok(KeptScript {
        factory: Persistent::save(ctx, factory),
        context: Persistent::save(ctx, context),
    })
}

/// QuickJS itself failed, which has no place in the script.
fn gone(error: rquickjs::Error) -> Diagnostic {
    Diagnostic::unplaced(error.to_string())
}

/// A script at work on the documents of one call.
struct Run<'a, 'js> {
    ctx: Ctx<'js>,
    diagnose: Diagnose<'a>,
    numbers: Numbers,
    realm: Realm<'js>,
    factory: Function<'js>,
    context: Value<'js>,
    keys_in: Keys<'js, Box<str>>,
    keys_out: Keys<'js, String>,
}

impl<'a, 'js> Run<'a, 'js> {
    fn new(script: &'a Script, ctx: &Ctx<'js>) -> Result<Self, Diagnostic> {
        let kept = script
            .kept
            .as_ref()
            .ok_or_else(|| Diagnostic::unplaced("the script is gone"))?;
        Ok(Self {
            ctx: ctx.clone(),
            diagnose: Diagnose {
                file: FILE,
                flavour: &SCRIPT,
                source: &script.source,
                lines_before: script.lines_before,
            },
            numbers: script.numbers,
            realm: script.quickjs.realm(ctx).map_err(gone)?,
            factory: kept.factory.clone().restore(ctx).map_err(gone)?,
            context: kept.context.clone().restore(ctx).map_err(gone)?,
            keys_in: Keys::default(),
            keys_out: Keys::default(),
        })
    }

    fn document(&mut self, text: &str) -> Result<Vec<String>, Diagnostic> {
        let (item, mut literals) = self.read(text)?;
        let result = self.call(item);
        let documents = result.and_then(|result| self.write(&result, text, &mut literals));
        // Whatever the script has left to do later is done now, for this item.
        while self.ctx.execute_pending_job() {}
        documents
    }

    fn read(&mut self, text: &str) -> Result<(Value<'js>, Literals), Diagnostic> {
        let setting = read::Setting {
            ctx: &self.ctx,
            realm: &self.realm,
            numbers: self.numbers,
        };
        read::document(text, &setting, &mut self.keys_in).map_err(|error| match error {
            Unreadable::Js(error) => self.diagnose.caught(&self.ctx, &error),
            malformed => Diagnostic::unplaced(format!("the document is no JSON: {malformed}")),
        })
    }

    /// Runs the file, then the function it exports.
    fn call(&self, item: Value<'js>) -> Result<Value<'js>, Diagnostic> {
        let main: rquickjs::Result<Function> = self.factory.call(());
        main.and_then(|main| main.call((item, self.context.clone())))
            .map_err(|error| self.diagnose.caught(&self.ctx, &error))
    }

    fn write(
        &mut self,
        result: &Value<'js>,
        item: &str,
        literals: &mut Literals,
    ) -> Result<Vec<String>, Diagnostic> {
        let setting = write::Setting {
            realm: &self.realm,
            item,
            spelled: None,
        };
        write::documents(result, &setting, literals, &mut self.keys_out).map_err(
            |error| match error {
                Unwritable::Js(error) => self.diagnose.caught(&self.ctx, &error),
                Unwritable::Unspeakable { what, path } => {
                    Diagnostic::unplaced(write::sentence(&what, &path))
                }
            },
        )
    }
}

#[cfg(test)]
mod tests;
