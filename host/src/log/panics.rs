//! Panics as log lines: the standard hook writes to stderr by itself, and
//! waits there if nobody reads it.

use std::panic::PanicHookInfo;
use std::thread;

use crate::text::shorten;

/// Characters of what a panic said.
const MOST_CHARS: usize = 1000;

/// From now on a panic of any thread is logged.
pub fn log() {
    std::panic::set_hook(Box::new(|panic| {
        let (said, place) = (said(panic), panic.location().map(ToString::to_string));
        let thread = thread::current();
        tracing::error!(
            place = place.as_deref(),
            thread = thread.name(),
            "a fault of the host's: {said}"
        );
    }));
}

fn said(panic: &PanicHookInfo<'_>) -> String {
    let mut said = panic
        .payload_as_str()
        .unwrap_or("it says nothing")
        .to_owned();
    shorten(&mut said, MOST_CHARS);
    said
}
