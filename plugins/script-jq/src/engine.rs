//! Compile once, apply many times.

use crate::direct::{Direct, Vars as Bindings};
use crate::value::Value;
use crate::{Diagnostic, diagnose, library, read, tables, texts, write};
use crossdock_script_engine::{Engine, export_engine};
use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars};
use jaq_json::Val;

/// The variable that holds the context document.
const CONTEXT: &str = "$context";

/// What a filter works on.
pub(crate) type Data = JustLut<Value>;

/// Compiles a script.
fn filter(source: &str) -> Result<Filter<Data>, Diagnostic> {
    let arena = Arena::default();
    let file = File {
        code: source,
        path: (),
    };
    let modules = Loader::new(library::definitions())
        .load(&arena, file)
        .map_err(|errors| diagnose::load(source, &errors))?;
    // `import "file" as $name`: a compiled script would expect its value.
    jaq_core::load::import(&modules, |_| Err(String::new()))
        .map_err(|errors| diagnose::load(source, &errors))?;
    Compiler::default()
        .with_funs(library::functions())
        .with_global_vars([CONTEXT])
        .compile(modules)
        .map_err(|errors| diagnose::compile(source, &errors))
}

/// A compiled script.
pub struct Script {
    filter: Filter<Data>,
    direct: Option<Direct>,
    context: Val,
}

impl Script {
    /// Compiles a script that sees `context` (a JSON text) as `$context`.
    ///
    /// # Errors
    /// The first thing wrong with the script, with its place.
    pub fn compile(source: &str, context: &str) -> Result<Self, Diagnostic> {
        let mut context = read::document(context.to_owned()).map_err(|what| {
            Diagnostic::unplaced(format!("the context is no JSON document: {what}"))
        })?;
        tables::show(&mut context);
        let spelled = texts::with_format(source).and_then(|spelled| filter(&spelled).ok());
        let filter = match spelled {
            Some(filter) => filter,
            // Its errors have the places that the script's author knows.
            None => filter(source)?,
        };
        Ok(Self {
            filter,
            direct: Direct::new(source, CONTEXT),
            context,
        })
    }

    /// Applies the script to one document, both sides as JSON text.
    ///
    /// # Errors
    /// The script's own `error`, or what it cannot do with this document. jaq
    /// does not say where, so line and column are 0.
    pub fn apply(&self, document: String) -> Result<Vec<String>, Diagnostic> {
        let size = document.len();
        let input = read(document)?;
        if let Some(direct) = &self.direct
            && let Ok(documents) = direct.apply(&Bindings::new(&self.context), &input, size)
        {
            return Ok(documents);
        }
        self.run(input, size)
    }

    /// The same by jaq alone, without the short cut for plain expressions: for
    /// tests and measurements.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_by_jaq(&self, document: String) -> Result<Vec<String>, Diagnostic> {
        let size = document.len();
        self.run(read(document)?, size)
    }

    fn run(&self, input: Val, size: usize) -> Result<Vec<String>, Diagnostic> {
        let vars = Vars::new([Value(self.context.clone())]);
        let ctx = Ctx::<Data>::new(&self.filter.lut, vars);
        self.filter
            .id
            .run((ctx, Value(input)))
            .map(|result| match result {
                Ok(value) => write::document(&value.0, size).map_err(Diagnostic::unplaced),
                Err(exception) => Err(diagnose::run(exception)),
            })
            .collect()
    }
}

impl Engine for Script {
    const DESCRIPTION: &str = r#"{"language":"jq","extension":"jq"}"#;

    fn compile(source: &str, context: &str) -> Result<Self, Diagnostic> {
        Self::compile(source, context)
    }

    fn apply_batch(&self, documents: Vec<String>) -> Vec<Result<Vec<String>, Diagnostic>> {
        let apply = |document| self.apply(document);
        documents.into_iter().map(apply).collect()
    }
}

export_engine!(Script);

fn read(document: String) -> Result<Val, Diagnostic> {
    read::document(document)
        .map_err(|what| Diagnostic::unplaced(format!("the document is no JSON: {what}")))
}

#[cfg(test)]
mod tests;
