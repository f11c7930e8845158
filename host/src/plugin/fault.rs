//! What an adapter says went wrong, in words.

use super::contract::{Detail, Fault};

/// A fault in one sentence.
pub fn fault_text(fault: &Fault) -> String {
    match fault {
        Fault::InvalidInput(detail) => at("the input is not valid", detail),
        Fault::InvalidSettings(detail) => at("the settings do not allow this", detail),
        Fault::InvalidReply(detail) => at("the answer could not be read", detail),
        Fault::Unsupported(what) => format!("not supported: {what}"),
        Fault::Other(text) => text.clone(),
    }
}

fn at(what: &str, detail: &Detail) -> String {
    if detail.pointer.is_empty() {
        format!("{what}: {}", detail.message)
    } else {
        format!("{what}: {} (at {})", detail.message, detail.pointer)
    }
}
