//! Who writes down what leaves.

use futures_util::future::BoxFuture;

use crate::plugin::contract::Request;
use crate::problem::Problem;

/// What of a delivery a request carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// The items, in the order of the request.
    pub items: Vec<usize>,
    /// Whether nothing of these items leaves in another request: then what became
    /// of this one is what became of them.
    pub whole: bool,
}

/// Outlives the delivery: what it knows is there after a crash.
pub trait Journal: Send + Sync {
    /// These items of the delivery are about to leave in a request that must not
    /// be repeated. It leaves only if this succeeds.
    fn leaving<'a>(
        &'a self,
        carried: Carried,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<(), Problem>>;
}
