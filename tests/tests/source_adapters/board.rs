//! A folder with the language runtime, a tenant that uses the board, and the
//! board's platform.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossdock::host::Host;
use crossdock::reload::status::PluginStatus;
use crossdock::report::{ItemStatus, Report};
use crossdock_tests::bed::{Bed, call, connection};
use crossdock_tests::live::base_config;
use crossdock_tests::recorder::{Recorder, Reply};
use crossdock_tests::wait::{BOUND, until};
use serde_json::Value;

/// Longest that compiling a runtime may take.
const COMPILING: Duration = Duration::from_secs(120);

/// What no adapter may see.
pub const SECRET: &str = "never-to-be-seen-4711";

/// The board's file, with the label that its requests and results carry.
pub fn source(label: &str) -> String {
    let text = include_str!("board.js").replace("\"v1\"", &format!("\"{label}\""));
    assert!(text.contains(label));
    text
}

/// A folder with what belongs to the board, but for its file.
pub struct Board {
    pub bed: Bed,
    pub platform: Recorder,
}

impl Board {
    /// With these plugins; `config` goes to the end of `crossdock.toml`.
    pub async fn lay_out(plugins: &[&str], config: &str) -> Self {
        let platform =
            Recorder::answering(|_| Reply::json(r#"{"id":3539925204033339668,"price":12.3400}"#));
        let board = Self {
            bed: Bed::with_plugins(plugins),
            platform: platform.await,
        };
        board.bed.configure(&(base_config() + config));
        let more = "secrets = { key = { file = \"key.txt\" } }";
        let shop = connection("shop", "board", &board.platform.base_url(), more);
        board.bed.put_tenant("acme", "key.txt", SECRET);
        board.bed.put_tenant("acme", "tenant.toml", &shop);
        board
    }

    /// Where a source file lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.bed.path("plugins").join(name)
    }

    /// Saves the board's file as an editor does that writes it in place.
    pub fn save(&self, text: &str) {
        std::fs::write(self.path("board.js"), text).expect("writing");
    }

    /// What the host says of a file.
    pub fn status(&self, host: &Host, name: &str) -> Option<PluginStatus> {
        let path = self.path(name);
        host.plugins().into_iter().find(|it| it.file == path)
    }

    /// Waits until a file is refused, and says why: step and reason.
    pub async fn refused(&self, host: &Host, name: &str) -> (String, String) {
        let look = || {
            let status = self.status(host, name)?;
            status.refused.filter(|_| !status.checking)
        };
        let refused = until(&format!("{name} to be refused"), look).await;
        (refused.step.to_owned(), refused.reason)
    }

    /// Waits until a generation serves of a file. A runtime may have to be
    /// compiled for it, which takes seconds, and many where others do, too.
    pub async fn serving(&self, host: &Host, name: &str, number: u32) {
        let started = Instant::now();
        let serves = || {
            let serving = self.status(host, name).and_then(|it| it.serving);
            serving.is_some_and(|serving| serving.number >= number)
        };
        while !serves() {
            assert!(
                started.elapsed() < COMPILING,
                "generation {number} of {name} expected\n{:#?}",
                host.plugins()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// A host that has looked at everything: its runtime may have to be compiled
    /// before.
    pub async fn host(&self) -> Host {
        let host = self.bed.host().await;
        let started = Instant::now();
        let checking = || host.plugins().iter().any(|it| it.checking);
        while checking() {
            assert!(started.elapsed() < COMPILING, "{:#?}", host.plugins());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        until("the tenant to be looked at", || {
            let tenants = host.tenants();
            tenants.iter().all(|it| !it.checking).then_some(())
        })
        .await;
        host
    }
}

/// One delivery of one document.
pub async fn deliver(host: &Host, document: &str) -> Result<Report, String> {
    let call = call("acme", "shop", "price.update", document);
    host.call(call).await.map_err(|problem| problem.to_string())
}

/// The result of one item that was accepted, as its text.
pub fn result(report: &Report) -> Result<String, String> {
    let item = &report.items[0];
    match (&item.status, &item.data) {
        (ItemStatus::Accepted, Some(data)) => Ok(data.get().to_owned()),
        _ => Err(format!("{item:?}")),
    }
}

/// The label of whatever serves.
pub async fn label(host: &Host) -> Result<String, String> {
    let report = deliver(host, r#"{"sku":"A-1","price":5}"#).await?;
    let result: Value = serde_json::from_str(&result(&report)?).map_err(|e| e.to_string())?;
    Ok(result["label"].as_str().unwrap_or_default().to_owned())
}

/// Calls until this label answers; what fails before the first answer is waited
/// out.
pub async fn until_label(host: &Host, expected: &str, started: Instant) {
    loop {
        let seen = label(host).await;
        if seen.as_deref() == Ok(expected) {
            return;
        }
        assert!(
            started.elapsed() < BOUND,
            "{expected} expected, {seen:?} seen\n{:#?}\n{:#?}",
            host.plugins(),
            host.tenants()
        );
        tokio::task::yield_now().await;
    }
}
