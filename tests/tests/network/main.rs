//! What is promised of the way out, and of secrets that somebody else keeps: a whole
//! host, and real proxies and servers on this machine.

mod certificates;
mod proxies;
mod secrets;

use crossdock_tests::bed::Bed;
use crossdock_tests::guests;

/// A bed with the test adapter, and a configuration.
fn bed(config: &str) -> Bed {
    let bed = Bed::new();
    bed.put_plugin("test-adapter", &guests::test_adapter("normal", "a"));
    bed.share_compiled_code();
    bed.configure(&format!("limits.guest_instances = 64\n{config}"));
    bed
}
