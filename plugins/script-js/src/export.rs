//! The contract's functions over [`crate::engine`].

mod bindings {
    #![allow(missing_docs, clippy::all)]
    wit_bindgen::generate!({
        path: "../../wit/script",
        world: "script-engine",
    });
}

use crate::engine::{self, Script};
use bindings::exports::crossdock::script::engine as contract;

/// The component.
struct Engine;

impl contract::Guest for Engine {
    type Script = Script;

    fn describe() -> String {
        engine::describe().into()
    }
}

impl contract::GuestScript for Script {
    fn compile(source: String, context: String) -> Result<contract::Script, contract::Diagnostic> {
        Script::compile(&source, &context)
            .map(contract::Script::new)
            .map_err(Into::into)
    }

    fn apply(&self, documents: Vec<String>) -> Vec<Result<Vec<String>, contract::Diagnostic>> {
        let applied = self.apply_all(&documents).into_iter();
        applied.map(|answer| answer.map_err(Into::into)).collect()
    }
}

impl From<crate::Diagnostic> for contract::Diagnostic {
    fn from(diagnostic: crate::Diagnostic) -> Self {
        Self {
            line: diagnostic.line,
            column: diagnostic.column,
            message: diagnostic.message,
        }
    }
}

// Natively these symbols would clash with those of other guests.
#[cfg(target_arch = "wasm32")]
bindings::export!(Engine with_types_in bindings);
