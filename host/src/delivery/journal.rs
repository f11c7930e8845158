//! Who writes down what leaves.

use futures_util::future::BoxFuture;

use crate::plugin::contract::Request;
use crate::problem::Problem;

/// Outlives the delivery: what it knows is there after a crash.
pub trait Journal: Send + Sync {
    /// These items of the delivery are about to leave in a request that must not
    /// be repeated. It leaves only if this succeeds.
    fn leaving<'a>(
        &'a self,
        items: Vec<usize>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<(), Problem>>;
}
