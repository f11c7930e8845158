//! What must not overtake what, how long a call takes, and what is known when
//! its time is over. The platform is told what to answer and when.

mod follow_ups;
mod keys;
mod order;
mod time;

use std::time::Duration;

use crossdock::host::Host;
use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::guests;
use crossdock_tests::recorder::{Recorder, Reply};

/// An answer that the test adapter reads as this outcome.
fn outcome(outcome: &str, more: &str) -> Reply {
    Reply::json(format!(
        r#"{{"outcome":"{outcome}","code":"c","message":"m"{more}}}"#
    ))
}

/// A host with one tenant, whose connection `shop` goes to the recorder.
struct Shop {
    bed: Bed,
    platform: Recorder,
    host: Host,
}

impl Shop {
    /// `limits` go into `crossdock.toml`, `more` into the connection.
    async fn start(platform: Recorder, limits: &str, more: &str) -> Self {
        Self::with_plugins(&[], platform, limits, more, &[]).await
    }

    async fn with_plugins(
        plugins: &[&str],
        platform: Recorder,
        limits: &str,
        more: &str,
        files: &[(&str, &str)],
    ) -> Self {
        let bed = Bed::with_plugins(plugins);
        bed.share_compiled_code();
        bed.configure(&format!("[limits]\nguest_instances = 64\n{limits}\n"));
        bed.put_plugin("test-adapter", &guests::test_adapter("normal", "g1"));
        for (file, text) in files {
            bed.put_tenant("acme", file, text);
        }
        let text = connection("shop", "test-adapter", &platform.base_url(), more);
        bed.put_tenant("acme", "tenant.toml", &text);
        let host = bed.host().await;
        Self {
            bed,
            platform,
            host,
        }
    }

    async fn call(&self, operation: &str, body: &str) -> crossdock::report::Report {
        let call = crossdock_tests::bed::call("acme", "shop", operation, body);
        crossdock_tests::bed::deliver(&self.host, call).await
    }

    /// The bodies that arrived, oldest first.
    fn bodies(&self) -> Vec<String> {
        let requests = self.platform.requests();
        requests.iter().map(|request| request.text()).collect()
    }
}

/// Longer than any test waits.
const NEVER: Duration = Duration::from_secs(600);
