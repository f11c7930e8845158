//! Numbers as the platform's tables have them.

use crossdock_adapter::Fault;
use crossdock_adapter::json::{self, RawValue};

/// The digits of a document's `api_goods_id` (平台货品的rec_id).
pub fn api_goods_id(raw: &RawValue) -> Result<&str, Fault> {
    json::digits(raw).ok_or_else(|| {
        Fault::invalid_input(
            "/api_goods_id",
            "api_goods_id has to be a whole number, or its digits as text",
        )
    })
}

/// The digits of a `Decimal(19,4)`: 15 before and 4 after the point.
pub fn decimal(raw: &RawValue, pointer: impl FnOnce() -> String) -> Result<&str, Fault> {
    json::decimal(raw, 15, 4).ok_or_else(|| {
        Fault::invalid_input(
            pointer(),
            "the platform has a Decimal(19,4) here: a number, or a text that is one, with at most \
             15 digits before and 4 after the point, without exponent",
        )
    })
}
