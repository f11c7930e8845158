//! A host over real files whose every answer shows which of them it came from:
//! the adapter, the script and the tenant's file each carry a label.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crossdock::host::Host;
use crossdock::reload::status::{PluginStatus, TenantStatus};
use crossdock::report::{ItemReport, ItemStatus, Report};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::bed::{Bed, call};
use crate::echo::Echo;
use crate::guests::{target_dir, test_adapter};
use crate::wait::{BOUND, until};

/// What answers of a call's parts said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// Label of the adapter's bytes.
    pub adapter: String,
    /// Label in the script.
    pub script: String,
    /// Label in the tenant's file.
    pub tenant: String,
}

impl Seen {
    /// Three labels.
    pub fn new(adapter: &str, script: &str, tenant: &str) -> Self {
        Self {
            adapter: adapter.into(),
            script: script.into(),
            tenant: tenant.into(),
        }
    }
}

/// A folder, the platform its tenant sends to, and a host over it. The adapter,
/// the script and the tenant's file begin with the labels `a0`, `s0` and `t0`.
pub struct Live {
    /// The folder.
    pub bed: Bed,
    /// The platform.
    pub echo: Echo,
    host: Option<Host>,
}

/// Settings every host of these tests has: room for few instances, because
/// several hosts share one process, and one cache of compiled code for all.
pub fn base_config() -> String {
    format!(
        "data.dir = {:?}\nlimits.guest_instances = 64\nserver.listen = \"127.0.0.1:0\"\n",
        data_dir().display().to_string()
    )
}

/// The data folder that tests share: it holds compiled code.
fn data_dir() -> PathBuf {
    let data = target_dir().join("tmp/data");
    std::fs::create_dir_all(&data).expect("the data folder");
    data.canonicalize().expect("the data folder")
}

impl Live {
    /// Lays the files out; `config` goes to the end of `crossdock.toml`.
    /// Nothing runs yet.
    pub async fn lay_out(config: &str) -> Self {
        let live = Self {
            bed: Bed::with_plugins(&["script-jq"]),
            echo: Echo::start().await.expect("an echo server"),
            host: None,
        };
        live.bed.configure(&(base_config() + config));
        live.bed
            .put_plugin("test-adapter", &test_adapter("normal", "a0"));
        std::fs::create_dir(live.bed.path("secrets")).expect("a folder");
        live.put_secret("the first key");
        live.bed.put_tenant("acme", "map.jq", &script("s0"));
        live.bed
            .put_tenant("acme", "tenant.toml", &live.tenant("t0"));
        live
    }

    /// Lays the files out and starts a host that watches them.
    pub async fn start() -> Self {
        let mut live = Self::lay_out("").await;
        live.watch().await;
        live
    }

    /// Starts a host that watches the files.
    pub async fn watch(&mut self) {
        self.host = Some(self.bed.host().await);
    }

    /// The host.
    ///
    /// # Panics
    /// When it was not started.
    pub fn host(&self) -> &Host {
        self.host.as_ref().expect("the host was started")
    }

    /// The tenant's file with a label, and with a secret that lies outside of
    /// the tenant's folder.
    pub fn tenant(&self, label: &str) -> String {
        self.tenant_with(label, "")
    }

    /// The same with further keys of its connection.
    pub fn tenant_with(&self, label: &str, more: &str) -> String {
        let secret = self.bed.path("secrets/acme.txt");
        format!(
            r#"[connections.shop]
adapter = "test-adapter"
base_url = "{}"
allow_private = true
settings = {{ path = "/{label}" }}
secrets = {{ secret = {{ file = {:?} }} }}
auth = {{ header = {{ name = "x-key", secret = "secret" }} }}
mappings = {{ echo = "map.jq" }}
{more}
"#,
            self.echo.base_url(),
            secret.display().to_string(),
        )
    }

    /// Replaces the secret's file.
    pub fn put_secret(&self, secret: &str) {
        let path = self.bed.path("secrets/acme.txt");
        let beside = self.bed.path("new-secret");
        std::fs::write(&beside, secret).expect("writing");
        std::fs::rename(beside, path).expect("renaming");
    }

    /// A file of the tenant.
    pub fn file(&self, name: &str) -> PathBuf {
        self.bed.path("tenants/acme").join(name)
    }

    /// One call, and the labels of all that took part in it.
    pub async fn ask(&self) -> Result<Seen, String> {
        ask(self.host(), 0).await
    }

    /// One call and its only item.
    pub async fn item(&self) -> Result<ItemReport, String> {
        Ok(send(self.host(), 0).await?.items.remove(0))
    }

    /// Calls until the answer is as expected.
    ///
    /// # Panics
    /// When a call fails, or the bound is over.
    pub async fn until_seen(&self, expected: &Seen) {
        let started = Instant::now();
        loop {
            let seen = self.ask().await.unwrap_or_else(|wrong| panic!("{wrong}"));
            if seen == *expected {
                return;
            }
            assert!(
                started.elapsed() < BOUND,
                "{expected:?} expected, {seen:?} seen\n{:#?}\n{:#?}",
                self.host().plugins(),
                self.host().tenants()
            );
        }
    }

    /// What the host says of the tenant.
    pub fn status(&self, tenant: &str) -> Option<TenantStatus> {
        let mut all = self.host().tenants().into_iter();
        all.find(|status| status.name == tenant)
    }

    /// Generation of the tenant that serves.
    pub fn generation(&self) -> Option<u32> {
        self.status("acme")?.generation
    }

    /// What the host says of a plugin's file.
    pub fn plugin(&self, name: &str) -> Option<PluginStatus> {
        let path = self.bed.plugin_path(name);
        let mut all = self.host().plugins().into_iter();
        all.find(|status| status.file == path)
    }

    /// Waits until everything that happened to files before is dealt with,
    /// which the arrival of a later change shows.
    pub async fn settled(&self) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let label = format!("w{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let text = self.tenant(&label).replace("mappings", "# mappings");
        let before = self.witness();
        self.bed.put_tenant("witness", "tenant.toml", &text);
        until("the witness to be loaded", || {
            (self.witness() > before).then_some(())
        })
        .await;
    }

    fn witness(&self) -> Option<u32> {
        self.status("witness")?.generation
    }

    /// Calls without pause until it is told to stop.
    pub fn traffic(&self, clients: usize) -> Traffic {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..clients)
            .map(|_| {
                let (host, stop) = (self.host().clone(), stop.clone());
                tokio::spawn(async move {
                    let mut observed = Observed::default();
                    while !stop.load(Ordering::Relaxed) {
                        // Refused calls never wait for anything.
                        tokio::task::yield_now().await;
                        observed.calls += 1;
                        match ask(&host, observed.calls).await {
                            Ok(seen) => drop(observed.seen.insert(seen)),
                            Err(wrong) => observed.wrong.push(wrong),
                        }
                    }
                    observed
                })
            })
            .collect();
        Traffic { stop, clients }
    }
}

/// Calls that go on meanwhile.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Observed>>,
}

/// What those calls saw.
#[derive(Debug, Default)]
pub struct Observed {
    /// How many there were.
    pub calls: usize,
    /// What was wrong with each that failed.
    pub wrong: Vec<String>,
    /// Every combination of labels.
    pub seen: BTreeSet<Seen>,
}

impl Traffic {
    /// Ends it.
    ///
    /// # Panics
    /// When a call failed.
    pub async fn stop(mut self) -> Observed {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Observed::default();
        for client in self.clients.drain(..) {
            let observed = client.await.expect("a client does not panic");
            all.calls += observed.calls;
            all.wrong.extend(observed.wrong);
            all.seen.extend(observed.seen);
        }
        assert!(
            all.wrong.is_empty(),
            "{} of {} calls failed: {:#?}",
            all.wrong.len(),
            all.calls,
            &all.wrong[..all.wrong.len().min(3)]
        );
        all
    }
}

impl Drop for Traffic {
    /// A test that fails ends, too.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A script with a label.
pub fn script(label: &str) -> String {
    format!(
        "{{n: .number, script: \"{label}\", tenant: $context.settings.path[1:], repeatable: true}}\n"
    )
}

async fn send(host: &Host, number: usize) -> Result<Report, String> {
    let body = format!(r#"{{"number":{number}}}"#);
    let call = call("acme", "shop", "echo", body);
    host.call(call).await.map_err(|problem| problem.to_string())
}

async fn ask(host: &Host, number: usize) -> Result<Seen, String> {
    let report = send(host, number).await?;
    let item = &report.items[0];
    if item.status != ItemStatus::Accepted {
        return Err(format!("{item:?}"));
    }
    let data = item.data.as_ref().ok_or("no data")?;
    let data: Value = serde_json::from_str(data.get()).map_err(|error| error.to_string())?;
    let text = |pointer: &str| {
        let found = data.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or("").to_owned()
    };
    let adapter = text("/generation");
    if adapter != text("/reply/map") || adapter != text("/reply/sign") {
        return Err(format!("generations of the adapter mixed: {data}"));
    }
    if data.pointer("/reply/sent/0/n").map(ToString::to_string) != Some(number.to_string()) {
        return Err(format!("call {number} was answered with {data}"));
    }
    Ok(Seen {
        adapter,
        script: text("/reply/sent/0/script"),
        tenant: text("/reply/sent/0/tenant"),
    })
}
