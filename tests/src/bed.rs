//! A folder with plugins and tenants, and a host over it.

use std::path::{Path, PathBuf};

use crossdock::config::{HostConfig, load_host};
use crossdock::host::{Call, Host};
use crossdock::problem::Problem;
use crossdock::report::{DryRun, Report};
use crossdock::telemetry::incoming::Incoming;
use tempfile::TempDir;

use crate::guests;

/// A folder as an operator would have it.
pub struct Bed {
    dir: TempDir,
}

impl Default for Bed {
    fn default() -> Self {
        Self::new()
    }
}

impl Bed {
    /// An empty one.
    pub fn new() -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        for name in ["plugins", "tenants"] {
            std::fs::create_dir(dir.path().join(name)).expect("a folder");
        }
        Self { dir }
    }

    /// With the bundled plugins of these names.
    pub fn with_plugins(names: &[&str]) -> Self {
        let bed = Self::new();
        for name in names {
            bed.put_plugin(name, &guests::plugin(name));
        }
        bed
    }

    /// A path below the folder.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(below)
    }

    /// Where a plugin lies.
    pub fn plugin_path(&self, name: &str) -> PathBuf {
        self.path("plugins").join(format!("{name}.wasm"))
    }

    /// Puts a plugin as a careful operator does: written beside, renamed into place.
    pub fn put_plugin(&self, name: &str, bytes: &[u8]) {
        self.put(&self.plugin_path(name), bytes);
    }

    /// Puts a file of a tenant.
    pub fn put_tenant(&self, tenant: &str, file: &str, text: &str) {
        let dir = self.path("tenants").join(tenant);
        std::fs::create_dir_all(&dir).expect("the tenant's folder");
        self.put(&dir.join(file), text.as_bytes());
    }

    /// Writes `crossdock.toml`.
    pub fn configure(&self, text: &str) {
        self.put(&self.path("crossdock.toml"), text.as_bytes());
    }

    /// Lets the host find what other beds of this machine have compiled: for
    /// tests of something else than loading.
    pub fn share_compiled_code(&self) {
        let shared = guests::target_dir().join("tests/code");
        std::fs::create_dir_all(&shared).expect("the folder of compiled code");
        let shared = shared.canonicalize().expect("the folder's path");
        let data = self.path("data");
        std::fs::create_dir_all(&data).expect("the data folder");
        std::os::unix::fs::symlink(shared, data.join("code")).expect("a link");
    }

    fn put(&self, path: &Path, bytes: &[u8]) {
        // Beside, but outside of the watched folders.
        let beside = tempfile::NamedTempFile::new_in(self.dir.path()).expect("a file");
        std::fs::write(beside.path(), bytes).expect("writing");
        beside.persist(path).expect("renaming");
    }

    /// The configuration of a host over it.
    pub fn config(&self) -> HostConfig {
        let file = self.path("crossdock.toml");
        if !file.exists() {
            self.configure("");
        }
        load_host(Some(&file)).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    /// A host over it that watches.
    pub async fn host(&self) -> Host {
        self.start(true).await
    }

    /// A host over what is there now.
    pub async fn host_unwatched(&self) -> Host {
        self.start(false).await
    }

    async fn start(&self, watch: bool) -> Host {
        let host = Host::start(self.config(), watch)
            .await
            .unwrap_or_else(|problem| panic!("{problem}"));
        // For the test that did not expect any.
        for problem in host.tenants().iter().flat_map(|tenant| &tenant.problems) {
            eprintln!("{problem}");
        }
        host
    }
}

/// A connection of a tenant's file to a server on this machine; `more` are
/// further keys.
pub fn connection(name: &str, adapter: &str, base_url: &str, more: &str) -> String {
    format!(
        "[connections.{name}]\nadapter = \"{adapter}\"\nbase_url = \"{base_url}\"\n\
         allow_private = true\n{more}\n"
    )
}

/// A call's body and names, for short tests.
pub fn call(tenant: &str, connection: &str, operation: &str, body: impl Into<String>) -> Call {
    Call {
        tenant: tenant.into(),
        connection: connection.into(),
        operation: operation.into(),
        body: body.into().into(),
        idempotency_key: None,
        trace: Incoming::default(),
    }
}

/// Calls and expects a report.
pub async fn deliver(host: &Host, call: Call) -> Report {
    host.call(call)
        .await
        .unwrap_or_else(|problem| panic!("{problem}"))
}

/// Dry-runs and expects an answer.
pub async fn dry_run(host: &Host, call: Call) -> Result<DryRun, Problem> {
    host.dry_run(call).await
}
