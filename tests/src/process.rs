//! The `crossdock` command as a process.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use http::Method;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::Client;
use crate::guests::program;
use crate::wait::until_within;

/// Longest a command may take before the test fails.
const BOUND: Duration = Duration::from_secs(30);

/// Longest that plugins may take to be compiled and checked.
const COMPILING: Duration = Duration::from_secs(180);

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

impl Ended {
    /// What it printed as JSON.
    ///
    /// # Panics
    /// When that is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A command in a folder, with nothing of this process' environment that it
/// would heed.
pub fn crossdock(folder: &Path, arguments: &[&str]) -> Command {
    crossdock_at(&program("crossdock"), folder, arguments)
}

/// The same with the binary at a path.
pub fn crossdock_at(binary: &Path, folder: &Path, arguments: &[&str]) -> Command {
    with_arguments(Command::new(binary), folder, arguments)
}

fn with_arguments(mut command: Command, folder: &Path, arguments: &[&str]) -> Command {
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("CROSSDOCK_CONFIG")
        .env_remove("CROSSDOCK_TOKEN")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub async fn run(folder: &Path, arguments: &[&str]) -> Ended {
    finish(crossdock(folder, arguments), "").await
}

/// Runs a command that reads `input` to its end.
///
/// # Panics
/// When it takes too long.
pub async fn run_with_input(folder: &Path, arguments: &[&str], input: &str) -> Ended {
    let mut command = crossdock(folder, arguments);
    command.stdin(Stdio::piped());
    finish(command, input).await
}

/// Runs a command to its end.
///
/// # Panics
/// When it cannot start or takes too long.
pub async fn finish(mut command: Command, input: &str) -> Ended {
    let mut child = command.spawn().expect("the command starts");
    if let Some(mut stdin) = child.stdin.take() {
        // A command that reads nothing has closed it.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = timeout(BOUND, child.wait_with_output()).await;
    let output = output.unwrap_or_else(|_| panic!("{command:?} did not end within {BOUND:?}"));
    output.expect("its end").into()
}

/// `crossdock serve`, ready to be called. Dropping it kills it.
pub struct Serving {
    child: Child,
    /// What it printed before it listened.
    pub banner: String,
    /// Where it listens.
    pub base_url: String,
    stderr: JoinHandle<String>,
}

impl Serving {
    /// Starts it on a free port and waits until it listens.
    ///
    /// # Panics
    /// When it ends or takes too long.
    pub async fn start(folder: &Path) -> Self {
        Self::start_at(&program("crossdock"), folder).await
    }

    /// The same with the binary at a path.
    ///
    /// # Panics
    /// When it ends or takes too long.
    pub async fn start_at(binary: &Path, folder: &Path) -> Self {
        Self::start_with(Command::new(binary), folder).await
    }

    /// The same with a command that runs the binary, which lacks the binary's
    /// own arguments.
    ///
    /// # Panics
    /// When it ends or takes too long.
    pub async fn start_with(command: Command, folder: &Path) -> Self {
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let mut child = with_arguments(command, folder, &arguments)
            .spawn()
            .expect("it starts");
        let mut stderr = child.stderr.take().expect("is piped");
        let stderr = tokio::spawn(async move {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text).await;
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
        let mut banner = String::new();
        let listening = async {
            while let Some(line) = lines.next_line().await.expect("text") {
                banner.push_str(&line);
                banner.push('\n');
                if let Some(url) = line.strip_prefix("listening on ") {
                    return Some(url.to_owned());
                }
            }
            None
        };
        let base_url = timeout(BOUND, listening).await.expect("it listens in time");
        let Some(base_url) = base_url else {
            panic!("it ended: {banner}{}", stderr.await.unwrap_or_default());
        };
        Self {
            child,
            banner,
            base_url,
            stderr,
        }
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(&*self.base_url)
    }

    /// Waits until everything that it found is checked: it listens before that.
    ///
    /// # Panics
    /// When it does not answer, or that takes too long.
    pub async fn checked(self) -> Self {
        let client = self.client();
        until_within("everything to be checked", COMPILING, async || {
            let (_, ready) = client
                .send(Method::GET, "/readyz", None)
                .await
                .expect("it answers");
            let checking = |what: &str| ready[what].get("checking").is_some();
            (!checking("plugins") && !checking("tenants")).then_some(())
        })
        .await;
        self
    }

    /// The most memory it has had so far, in MiB.
    ///
    /// # Panics
    /// When there is no such process any more.
    #[cfg(target_os = "linux")]
    pub fn peak_memory_mib(&self) -> u64 {
        let id = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.expect("its peak") / 1024
    }

    /// Its process' number.
    ///
    /// # Panics
    /// When it has ended.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    /// When there is no such process any more.
    #[cfg(unix)]
    pub async fn terminate(&self) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(sent.expect("`kill` is there").success());
    }

    /// Kills it, as a power cut would, and waits until it is gone.
    ///
    /// # Panics
    /// When it has ended before.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it ran");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn ended(mut self) -> Ended {
        let status = timeout(BOUND, self.child.wait()).await;
        let status = status.expect("it ends in time").expect("its end");
        Ended {
            code: status.code(),
            stdout: self.banner,
            stderr: self.stderr.await.unwrap_or_default(),
        }
    }
}
