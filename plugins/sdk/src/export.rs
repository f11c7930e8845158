//! From an [`Adapter`] to the component's exports.

use crate::Adapter;
use crate::bindings::exports::crossdock::adapter::adapter::Guest;
use crate::types::{Context, Draft, Edit, Fault, Item, Mapped, Parsed, Reply, Request};
use std::marker::PhantomData;

/// The contract's functions over an adapter's.
pub struct Component<A>(PhantomData<A>);

impl<A: Adapter> Guest for Component<A> {
    fn describe() -> String {
        A::describe()
    }

    fn map(ctx: Context, operation: String, items: Vec<Item>) -> Result<Mapped, Fault> {
        A::map(&ctx, &operation, &items)
    }

    fn sign(ctx: Context, operation: String, draft: Draft) -> Result<Vec<Edit>, Fault> {
        A::sign(&ctx, &operation, &draft)
    }

    fn parse_response(
        ctx: Context,
        operation: String,
        request: Request,
        reply: Reply,
    ) -> Result<Parsed, Fault> {
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
