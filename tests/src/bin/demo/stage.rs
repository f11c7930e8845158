//! The folder as an operator would have it, the stand-ins, the host's process.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use crossdock_stand_ins::platforms::lingzhi::Auth;
use crossdock_stand_ins::{Options, StandIns};
use crossdock_tests::client::Client;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::show::{heading, text};

/// Longest the demo waits for anything.
pub const BOUND: Duration = Duration::from_secs(60);

/// Deepest folder of `examples/demo`; what is deeper was not put there by us.
const DEEPEST: usize = 8;

/// Everything the demo plays on.
pub struct Stage {
    binary: PathBuf,
    /// Configuration, plugins, tenants and records.
    pub folder: PathBuf,
    /// The far end.
    pub platforms: StandIns,
    /// Of the host.
    pub client: Client,
    host: Child,
    address: String,
}

impl Stage {
    /// Starts the stand-ins and the host.
    pub async fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut options = Options::default();
        // The document of lingzhi names no authentication; this tenant's shop
        // wants a header.
        options.lingzhi.auth = Auth::Header {
            name: "X-Token".into(),
            value: "demo-token-not-a-secret".into(),
        };
        let platforms = StandIns::start(options)
            .await
            .context("the platforms' stand-ins cannot start")?;
        let address = free_address()?;
        let places = [
            ("127.0.0.1:8080", address.clone()),
            (
                "http://127.0.0.1:8090",
                format!("http://{}", platforms.address()),
            ),
        ];
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/demo");
        copy(&example, folder, &places, DEEPEST)?;

        heading("The host starts: adapters, script engine, tenant");
        let host = serve(binary, folder).stdout(Stdio::inherit()).spawn();
        let host = host.with_context(|| format!("{} cannot start", binary.display()))?;
        let client = Client::new(format!("http://{address}"));
        let stage = Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            platforms,
            host,
            address,
            client,
        };
        stage.ready().await?;
        Ok(stage)
    }

    /// Kills the host without a warning, and waits until it is gone.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.host.kill().await?)
    }

    /// Starts the host again, and waits until everything serves.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        // What it loads was shown before; that it ended without a warning is no news.
        let mut command = serve(&self.binary, &self.folder);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.host = command.spawn().context("the host cannot start again")?;
        self.ready().await
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        // It listens before everything is compiled and checked.
        let checking = |ready: &Value| {
            let of = |what: &str| ready[what].get("checking").is_some();
            of("plugins") || of("tenants")
        };
        while self
            .client
            .get("/readyz")
            .await
            .map_or(true, |ready| checking(&ready))
        {
            ensure!(
                started.elapsed() < BOUND,
                "the host was not ready within {BOUND:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// A file of the folder.
    pub fn read(&self, file: &str) -> anyhow::Result<String> {
        std::fs::read_to_string(self.folder.join(file)).with_context(|| file.to_owned())
    }

    /// One delivery of the tenant.
    pub async fn deliver(
        &self,
        connection: &str,
        operation: &str,
        records: &str,
    ) -> anyhow::Result<Value> {
        self.client
            .post(&format!("/v1/acme/{connection}/{operation}"), records)
            .await
    }

    /// The same, which has to be accepted as a whole.
    pub async fn accepted(
        &self,
        connection: &str,
        operation: &str,
        records: &str,
    ) -> anyhow::Result<Value> {
        let report = self.deliver(connection, operation, records).await?;
        ensure!(
            report["status"] == "accepted",
            "not all items were accepted: {report}"
        );
        Ok(report)
    }

    /// Leaves everything running until Ctrl-C.
    pub async fn wait_for_the_user(&self) -> anyhow::Result<()> {
        heading("Running until Ctrl-C");
        println!("host        http://{}", self.address);
        println!("stand-ins   http://{}", self.platforms.address());
        println!("folder      {}", self.folder.display());
        println!(
            "try         curl -s http://{}/v1/acme/doudian/stock.update -H 'content-type: application/json' -d @{}",
            self.address,
            self.folder.join("core-stock.json").display()
        );
        tokio::signal::ctrl_c().await?;
        Ok(())
    }

    /// Asks the host to end as an operator would, and waits for it.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(id) = self.host.id() {
            let status = Command::new("kill").arg(id.to_string()).status().await?;
            ensure!(status.success(), "the host could not be told to end");
        }
        let status = tokio::time::timeout(BOUND, self.host.wait())
            .await
            .context("the host did not end")??;
        ensure!(status.success(), "the host ended with {status}");
        heading("Done");
        println!("To keep host and stand-ins running, type:  cargo xtask demo --tour --keep");
        Ok(())
    }
}

/// The host's process in its folder.
fn serve(binary: &Path, folder: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .arg("--config")
        .arg(folder.join("crossdock.toml"))
        .args(["--log-level", "warn"])
        .arg("serve")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Copies a folder; in its TOML files, addresses are replaced.
fn copy(from: &Path, to: &Path, places: &[(&str, String)], deepest: usize) -> anyhow::Result<()> {
    ensure!(deepest > 0, "{} is too deep", from.display());
    std::fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    let entries = std::fs::read_dir(from).with_context(|| from.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        let target = to.join(name);
        if path.is_dir() {
            copy(&path, &target, places, deepest - 1)?;
            continue;
        }
        let typed = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let is_toml = path
            .extension()
            .is_some_and(|extension| extension == "toml");
        let written = match is_toml {
            true => places
                .iter()
                .fold(typed, |typed, (typical, real)| typed.replace(typical, real)),
            false => typed,
        };
        std::fs::write(&target, written).with_context(|| target.display().to_string())?;
    }
    Ok(())
}

/// An address nobody listens on just now.
fn free_address() -> anyhow::Result<String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.to_string())
}

/// Which versions served a delivery.
pub fn served_by(report: &Value) -> String {
    format!(
        "adapter {}, script {}",
        text(&report["generations"]["adapter"]),
        text(&report["generations"]["script"])
    )
}
