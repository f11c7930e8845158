//! An author's folder, outside of the repository, and a host that takes what is
//! built there.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crossdock::host::Host;
use crossdock::plugin::packed;
use crossdock::report::ItemStatus;
use crossdock_tests::bed::{Bed, call, connection, deliver};
use crossdock_tests::guests::{program, target_dir};
use crossdock_tests::process::{Ended, crossdock_at};
use crossdock_tests::recorder::{Recorder, Reply};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

/// Longest a build may take before the test fails: a compiler's first one, on a
/// machine that is busy.
const BOUND: Duration = Duration::from_secs(600);

/// Golden examples of every template.
pub const EXAMPLES: usize = 3;

/// An author's disk.
pub struct Author {
    folder: TempDir,
    /// Words that stand before those that are there: tools of the tests' own.
    path: Option<PathBuf>,
    /// The command; by default the one that was built for the tests.
    binary: Option<PathBuf>,
}

impl Author {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            path: None,
            binary: None,
        }
    }

    /// With programs of a folder that go before all others.
    pub fn with_tools(tools: &Path) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            path: Some(tools.to_owned()),
            binary: None,
        }
    }

    /// The same with another binary.
    pub fn by(self, binary: &Path) -> Self {
        Self {
            binary: Some(binary.to_owned()),
            ..self
        }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub fn read(&self, below: &str) -> String {
        std::fs::read_to_string(self.path(below)).unwrap()
    }

    /// A command in a folder below.
    pub fn command(&self, below: &str, words: &[&str]) -> Command {
        let binary = self.binary.clone();
        let binary = binary.unwrap_or_else(|| program("crossdock"));
        let mut command = crossdock_at(&binary, &self.path(below), words);
        // What was compiled for one test is there for the next; nothing is
        // fetched.
        command
            .env("CARGO_TARGET_DIR", absolute(&target_dir().join("authored")))
            .env("CARGO_NET_OFFLINE", "true")
            .env("GOPROXY", "off")
            .env_remove("VIRTUAL_ENV");
        if let Some(tools) = &self.path {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(tools.clone()).chain(std::env::split_paths(&path));
            command.env("PATH", std::env::join_paths(folders).unwrap());
        }
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, below: &str, words: &[&str]) -> Ended {
        let child = self.command(below, words).spawn().expect("it starts");
        let output = timeout(BOUND, child.wait_with_output()).await;
        output
            .unwrap_or_else(|_| panic!("{words:?} did not end within {BOUND:?}"))
            .expect("its end")
            .into()
    }

    /// Makes an adapter's folder, and gives it compiled code of other tests.
    pub async fn begin(&self, name: &str, language: &str) {
        let new = self
            .run("", &["plugin", "new", name, "--lang", language])
            .await;
        assert_eq!(new.code, Some(0), "{new:?}");
        assert!(new.stdout.contains("crossdock plugin build"), "{new:?}");
        let shared = absolute(&target_dir().join("tests/code"));
        let work = self.path(name).join(".crossdock");
        std::fs::create_dir_all(&work).unwrap();
        std::os::unix::fs::symlink(shared, work.join("code")).unwrap();
    }

    /// Builds it, and looks at what came.
    pub async fn build(&self, name: &str) -> Ended {
        let started = std::time::Instant::now();
        let built = self.run(name, &["plugin", "build"]).await;
        assert_eq!(built.code, Some(0), "{built:?}");
        let bytes = std::fs::read(self.path(name).join(format!("{name}.wasm"))).unwrap();
        let packed = packed::read(&bytes).unwrap();
        assert_eq!(packed.examples.len(), EXAMPLES);
        println!(
            "{name}: {} KiB, built in {:.1} s",
            bytes.len().div_ceil(1024),
            started.elapsed().as_secs_f64()
        );
        built
    }

    /// Tries it as `plugin check` does, with fewer documents than people get.
    pub async fn check(&self, name: &str) {
        // A machine that is busy is no fault of an adapter's.
        let config = "[limits]\nguest_deadline_ms = 20000\n";
        std::fs::write(self.path("crossdock.toml"), config).unwrap();
        let data = self.path("data");
        std::fs::create_dir_all(&data).unwrap();
        let shared = absolute(&target_dir().join("tests/code"));
        std::os::unix::fs::symlink(shared, data.join("code")).unwrap();
        let file = format!("{name}/{name}.wasm");
        let words = ["plugin", "check", "--documents", "40", &file];
        let checked = self.run("", &words).await;
        assert_eq!(checked.code, Some(0), "{checked:?}");
        // Nothing to look at, either: whoever begins takes it for their own mistake.
        assert!(!checked.stdout.contains("look "), "{checked:?}");
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::fs::create_dir_all(path).unwrap();
    path.canonicalize().unwrap()
}

/// The platform that the templates speak to: one product in three places, on two
/// pages, and one that it does not know.
pub async fn platform() -> Recorder {
    Recorder::answering(|request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let row = |place: &str, quantity: &str| {
            format!("{{\"sku\":\"A-1\",\"location\":\"{place}\",\"quantity\":{quantity}}}")
        };
        let (rows, more) = match body["page"].as_u64() {
            Some(1) => ([row("HZ", "12"), row("BJ", "3")].join(","), true),
            _ => (row("SH", "7"), false),
        };
        Reply::json(format!(
            "{{\"ok\":true,\"rows\":[{rows}],\"unknown\":[\"白色\"],\"more\":{more}}}"
        ))
    })
    .await
}

/// A folder of a host with a tenant that uses the adapter.
pub fn served(name: &str, platform: &Recorder) -> Bed {
    let bed = Bed::new();
    bed.share_compiled_code();
    let more =
        "settings = { shop = \"17\" }\nsecrets = { app-secret = { file = \"secret.txt\" } }\n";
    bed.put_tenant("acme", "secret.txt", "live-secret");
    let tenant = connection("shop", name, &platform.base_url(), more);
    bed.put_tenant("acme", "tenant.toml", &tenant);
    bed
}

/// One call through the host: what the platform got, and what became of it.
pub async fn answers(host: &Host, platform: &Recorder) {
    let body = r#"[{"sku":"A-1"},{"sku":"白色"}]"#;
    let report = deliver(host, call("acme", "shop", "stock.query", body)).await;
    let item = &report.items[0];
    assert_eq!(item.status, ItemStatus::Accepted, "{report:?}");
    // Both pages, as one.
    let stock = json!([
        { "location": "HZ", "quantity": 12 },
        { "location": "BJ", "quantity": 3 },
        { "location": "SH", "quantity": 7 },
    ]);
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(report["items"][0]["data"]["stock"], stock, "{report}");
    assert_eq!(report["items"][1]["status"], "rejected", "{report}");
    assert_eq!(report["items"][1]["code"], "unknown-sku", "{report}");
    let sent = platform.requests();
    assert_eq!(sent.len(), 2, "{sent:?}");
    for (request, page) in sent.iter().zip([1, 2]) {
        let body = format!("{{\"shop\":\"17\",\"skus\":[\"A-1\",\"白色\"],\"page\":{page}}}");
        assert_eq!(request.text(), body);
        let (path, query) = request.target.split_once('?').unwrap();
        assert_eq!(path, "/v1/stock/query");
        let time = query.strip_prefix("time=").unwrap();
        let (time, sign) = time.split_once("&sign=").unwrap();
        assert_eq!(sign, signature(time, &body), "{query}");
    }
}

/// HMAC-SHA256 of time and body, computed apart from every adapter.
fn signature(time: &str, body: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};

    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"live-secret").unwrap();
    mac.update(time.as_bytes());
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// A program that can be started, and does what it is asked.
pub fn has(program: &Path, question: &str) -> bool {
    let asked = std::process::Command::new(program)
        .arg(question)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}
