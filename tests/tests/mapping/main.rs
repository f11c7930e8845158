//! What a tenant's engineer has beside a mapping: lookup tables, replies,
//! tests, comparisons.

mod cases;
mod diagnostics;
mod large_tables;
mod recipes;
mod recording;
mod replies;
mod tables;

use crossdock::host::Host;
use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::guests::test_adapter;
use crossdock_tests::live::base_config;
use crossdock_tests::recorder::{Recorder, Reply};

/// A tenant `acme` with the connection `shop` to a platform that accepts
/// everything; `more` are further keys of the connection.
struct Shop {
    bed: Bed,
    platform: Recorder,
}

impl Shop {
    async fn new(more: &str) -> Self {
        let platform = Recorder::answering(|_| Reply::json(r#"{"order":"A-1"}"#)).await;
        let bed = Bed::with_plugins(&["script-jq"]);
        bed.configure(&base_config());
        bed.put_plugin("test-adapter", &test_adapter("normal", "a0"));
        let shop = Self { bed, platform };
        shop.configure("", more);
        shop
    }

    /// The tenant's file: `top` before the connection, `more` in it.
    fn configure(&self, top: &str, more: &str) {
        let shop = connection("shop", "test-adapter", &self.platform.base_url(), more);
        self.put("tenant.toml", &format!("{top}\n{shop}"));
    }

    fn put(&self, file: &str, text: &str) {
        self.bed.put_tenant("acme", file, text);
    }

    /// A host that keeps what it loaded.
    async fn host(&self) -> Host {
        self.bed.host_unwatched().await
    }
}

/// What stands against the tenant's newest files, one line each.
fn problems(host: &Host) -> Vec<String> {
    let statuses = host.tenants();
    let problems = statuses.iter().flat_map(|tenant| &tenant.problems);
    problems.map(ToString::to_string).collect()
}
