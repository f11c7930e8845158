//! `cargo xtask demo`: the host at its job, with a stand-in of the platform.
//!
//! A real `crossdock serve` process, real components, real HTTP. Arguments:
//! the host's binary, a folder to work in, the next version of the lingzhi
//! adapter, and `--keep` to leave host and stand-in running.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use crossdock_stand_ins::{Options, StandIns};
use crossdock_tests::client::Client;
use serde_json::Value;
use tokio::process::{Child, Command};

const CALL: &str = "/v1/acme/mini-shop/stock.update";

/// Clients that call while files are replaced.
const CLIENTS: usize = 4;

/// Longest the demo waits for anything.
const BOUND: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let keep = arguments.iter().any(|argument| argument == "--keep");
    arguments.retain(|argument| argument != "--keep");
    let [binary, folder, next_adapter] = arguments.as_slice() else {
        bail!("usage: demo HOST-BINARY FOLDER NEXT-ADAPTER [--keep]; `cargo xtask demo` calls it");
    };
    let demo = Demo::start(Path::new(binary), Path::new(folder)).await?;
    demo.run(Path::new(next_adapter)).await?;
    if keep {
        demo.wait_for_the_user().await?;
    }
    demo.stop().await
}

struct Demo {
    folder: PathBuf,
    platforms: StandIns,
    host: Child,
    address: String,
    client: Client,
}

impl Demo {
    async fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut options = Options::default();
        options.lingzhi.auth = crossdock_stand_ins::platforms::lingzhi::Auth::Header {
            name: "X-Token".into(),
            value: "demo-token-not-a-secret".into(),
        };
        let platforms = StandIns::start(options)
            .await
            .context("the platform's stand-in cannot start")?;
        let address = free_address()?;
        prepare(folder, &platforms.base_url("lingzhi"), &address)?;
        heading("The host starts: adapters, script engine, tenant");
        let mut host = Command::new(binary);
        host.arg("--config")
            .arg(folder.join("crossdock.toml"))
            .args(["--log-level", "warn"])
            .arg("serve")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let host = host
            .spawn()
            .with_context(|| format!("{} cannot start", binary.display()))?;
        let client = Client::new(format!("http://{address}"));
        let demo = Self {
            folder: folder.to_owned(),
            platforms,
            host,
            address,
            client,
        };
        demo.ready().await?;
        Ok(demo)
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let started = Instant::now();
        while self.client.get("/readyz").await.is_err() {
            ensure!(
                started.elapsed() < BOUND,
                "the host was not ready within {BOUND:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn run(&self, next_adapter: &Path) -> anyhow::Result<()> {
        let records = std::fs::read_to_string(self.folder.join("stock.json"))?;
        heading("The tenant's records, in its own words");
        println!("{}", records.trim_end());

        heading(
            "What would be sent (dry run): the script's and the adapter's work, secrets masked",
        );
        let dry = self
            .client
            .post(&format!("{CALL}?dry_run=true"), &records)
            .await?;
        for request in dry["requests"].as_array().into_iter().flatten() {
            println!("{} {}", text(&request["method"]), text(&request["url"]));
            for header in request["headers"].as_array().into_iter().flatten() {
                println!("{}: {}", text(&header[0]), text(&header[1]));
            }
            println!("\n{}", text(&request["body"]));
        }

        heading("Sent: what became of each item");
        let report = self.client.post(CALL, &records).await?;
        show_items(&report);
        ensure!(
            report["status"] == "accepted",
            "not all items were accepted: {report}"
        );
        println!("\nthe platform's stock now:");
        self.show_stock();

        self.replace(&records, next_adapter).await
    }

    /// Edits the script and replaces the adapter while clients call.
    async fn replace(&self, records: &str, next_adapter: &Path) -> anyhow::Result<()> {
        heading(&format!(
            "While {CLIENTS} clients keep calling: the script is edited, the adapter replaced"
        ));
        let load = Load::start(&self.client, records);
        let first = self.client.post(CALL, records).await?;
        println!("serving     {}", served_by(&first));

        let script = self.folder.join("tenants/acme/mini-shop-stock.jq");
        let edited = std::fs::read_to_string(&script)?
            .replace(".on_hand - .reserved", ".on_hand - .reserved + 100");
        let saved = Instant::now();
        std::fs::write(&script, edited)?;
        let before = text(&first["generations"]["script"]);
        let next = self
            .until(records, |report| {
                text(&report["generations"]["script"]) != before
            })
            .await?;
        println!(
            "new script  {}  ({} ms after the file was saved)",
            served_by(&next),
            saved.elapsed().as_millis()
        );

        let adapter = self.folder.join("plugins/lingzhi.wasm");
        let beside = self.folder.join("lingzhi.wasm.new");
        std::fs::copy(next_adapter, &beside)?;
        let saved = Instant::now();
        std::fs::rename(&beside, &adapter)?;
        let before = text(&next["generations"]["adapter"]);
        let next = self
            .until(records, |report| {
                text(&report["generations"]["adapter"]) != before
            })
            .await?;
        println!(
            "new adapter {}  ({} ms after the file was renamed into place)",
            served_by(&next),
            saved.elapsed().as_millis()
        );

        let (calls, failed) = load.stop().await;
        println!("\n{calls} calls meanwhile, {failed} failed");
        println!("\nthe platform's stock now, 100 more of each by the edited script:");
        self.show_stock();
        ensure!(failed == 0, "{failed} calls failed");
        Ok(())
    }

    /// Calls until an answer is as wanted.
    async fn until(&self, records: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let started = Instant::now();
        loop {
            let report = self.client.post(CALL, records).await?;
            ensure!(report["status"] == "accepted", "a call failed: {report}");
            if wanted(&report) {
                return Ok(report);
            }
            ensure!(
                started.elapsed() < BOUND,
                "no new generation within {BOUND:?}"
            );
        }
    }

    fn show_stock(&self) {
        for (kind, key) in [
            ("normal", "1^^^8Gú128G"),
            ("integral", "2^^^白色"),
            ("group", "2"),
        ] {
            let stock = self.platforms.lingzhi().stock(kind, key, "aaa");
            let quantity = stock.map_or_else(|| "none".into(), |stock| stock.stock.to_string());
            println!("  {quantity:>6}  {kind:<9} {key}");
        }
    }

    async fn wait_for_the_user(&self) -> anyhow::Result<()> {
        heading("Running until Ctrl-C");
        println!("host        http://{}", self.address);
        println!("folder      {}", self.folder.display());
        println!(
            "try         curl -s http://{}{CALL} -H 'content-type: application/json' -d @{}",
            self.address,
            self.folder.join("stock.json").display()
        );
        tokio::signal::ctrl_c().await?;
        Ok(())
    }

    /// Asks the host to end as an operator would, and waits for it.
    async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(id) = self.host.id() {
            let status = Command::new("kill").arg(id.to_string()).status().await?;
            ensure!(status.success(), "the host could not be told to end");
        }
        let status = tokio::time::timeout(BOUND, self.host.wait())
            .await
            .context("the host did not end")??;
        ensure!(status.success(), "the host ended with {status}");
        heading("Done");
        println!("To keep host and stand-in running, type:  cargo xtask demo --keep");
        Ok(())
    }
}

/// Clients that call without pause.
struct Load {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<usize>>,
}

impl Load {
    fn start(client: &Client, records: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let calls = Arc::new(AtomicUsize::new(0));
        let clients = (0..CLIENTS)
            .map(|_| {
                let (client, records) = (client.clone(), records.to_owned());
                let (stop, calls) = (stop.clone(), calls.clone());
                tokio::spawn(async move {
                    let mut failed = 0;
                    while !stop.load(Ordering::Relaxed) {
                        calls.fetch_add(1, Ordering::Relaxed);
                        match client.post(CALL, &records).await {
                            Ok(report) if report["status"] == "accepted" => {}
                            Ok(report) => {
                                failed += 1;
                                eprintln!("failed: {report}");
                            }
                            Err(error) => {
                                failed += 1;
                                eprintln!("failed: {error:#}");
                            }
                        }
                    }
                    failed
                })
            })
            .collect();
        Self {
            stop,
            calls,
            clients,
        }
    }

    async fn stop(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let mut failed = 0;
        for client in self.clients {
            failed += client.await.unwrap_or(1);
        }
        (self.calls.load(Ordering::Relaxed), failed)
    }
}

/// A folder as an operator would have it, from `examples/demo`.
fn prepare(folder: &Path, platform: &str, address: &str) -> anyhow::Result<()> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/demo");
    let tenant = folder.join("tenants/acme");
    std::fs::create_dir_all(&tenant)?;
    for file in [
        "stock.json",
        "tenants/acme/mini-shop-stock.jq",
        "tenants/acme/token.txt",
    ] {
        std::fs::copy(example.join(file), folder.join(file)).with_context(|| file.to_owned())?;
    }
    let put = |file: &str, from: &str, to: &str| -> anyhow::Result<()> {
        let typed = std::fs::read_to_string(example.join(file)).with_context(|| file.to_owned())?;
        ensure!(typed.contains(from), "{file} does not name {from}");
        std::fs::write(folder.join(file), typed.replace(from, to))?;
        Ok(())
    };
    put(
        "tenants/acme/tenant.toml",
        "http://127.0.0.1:8090/lingzhi",
        platform,
    )?;
    put("crossdock.toml", "127.0.0.1:8080", address)
}

/// An address nobody listens on just now.
fn free_address() -> anyhow::Result<String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.to_string())
}

fn heading(line: &str) {
    println!("\n── {line}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn served_by(report: &Value) -> String {
    format!(
        "adapter {}, script {}",
        text(&report["generations"]["adapter"]),
        text(&report["generations"]["script"])
    )
}

fn show_items(report: &Value) {
    println!("{:<6} {:<10} {:<6} message", "item", "status", "code");
    for item in report["items"].as_array().into_iter().flatten() {
        println!(
            "{:<6} {:<10} {:<6} {}",
            item["index"].to_string(),
            text(&item["status"]),
            item["code"].as_str().unwrap_or("-"),
            item["message"].as_str().unwrap_or("-")
        );
    }
    for request in report["requests"].as_array().into_iter().flatten() {
        println!(
            "\n{} {} → HTTP {} in {} ms",
            text(&request["method"]),
            text(&request["url"]),
            request["status"],
            request["ms"]
        );
    }
}
