//! From an [`Adapter`] to the component's exports.

use crate::Adapter;
use crate::bindings::exports::crossdock::adapter::adapter::Guest;
use crate::types::{Context, Draft, Edit, Fault, Item, Mapped, Parsed, Reply, Request};
use std::marker::PhantomData;

/// The contract's functions over an adapter's.
pub struct Component<A>(PhantomData<A>);

/// Has panics say what they say in the plugin's log: the host shows the last
/// lines of a guest that trapped, and a trap by itself says nothing.
pub(crate) fn panics_are_told() {
    #[cfg(target_arch = "wasm32")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            std::panic::set_hook(Box::new(|info| crate::log::error(&info.to_string())));
        });
    }
}

impl<A: Adapter> Guest for Component<A> {
    fn describe() -> String {
        panics_are_told();
        A::describe()
    }

    fn map(ctx: Context, operation: String, items: Vec<Item>) -> Result<Mapped, Fault> {
        panics_are_told();
        A::map(&ctx, &operation, &items)
    }

    fn sign(ctx: Context, operation: String, draft: Draft) -> Result<Vec<Edit>, Fault> {
        panics_are_told();
        A::sign(&ctx, &operation, &draft)
    }

    fn parse_response(
        ctx: Context,
        operation: String,
        request: Request,
        reply: Reply,
    ) -> Result<Parsed, Fault> {
        panics_are_told();
        A::parse_response(&ctx, &operation, &request, &reply)
    }
}

/// Makes the crate a component of the adapter with this type's name.
///
/// Natively it does nothing, so that several adapters can be linked into one
/// program (their exports would have the same names).
#[macro_export]
macro_rules! export_adapter {
    ($adapter:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::Component<$adapter>;
    $crate::bindings::export_platform!(Component with_types_in $crate::bindings);
        };
    };
}
