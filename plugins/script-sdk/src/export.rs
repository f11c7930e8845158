//! From an [`Engine`] to the component's exports.

use crate::bindings::exports::crossdock::script::engine::{self as contract, Guest, GuestScript};
use crate::{Diagnostic, Engine};
use std::marker::PhantomData;

/// The contract's functions over an engine's.
pub struct Component<E>(PhantomData<E>);

/// The contract's resource: a compiled script.
pub struct Compiled<E>(E);

impl<E: Engine> Guest for Component<E> {
    type Script = Compiled<E>;

    fn describe() -> String {
        E::DESCRIPTION.into()
    }
}

impl<E: Engine> GuestScript for Compiled<E> {
    fn compile(source: String, context: String) -> Result<contract::Script, Diagnostic> {
        E::compile(&source, &context).map(|script| contract::Script::new(Self(script)))
    }

    fn apply(&self, documents: Vec<String>) -> Vec<Result<Vec<String>, Diagnostic>> {
        self.0.apply_batch(documents)
    }
}

/// Makes the crate a component of the [`Engine`] with this type's name.
///
/// Natively it does nothing, so that several engines can be linked into one
/// program (their exports would have the same names).
#[macro_export]
macro_rules! export_engine {
    ($engine:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::Component<$engine>;
    $crate::bindings::export_script_engine!(Component with_types_in $crate::bindings);
        };
    };
}
