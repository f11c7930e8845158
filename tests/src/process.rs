//! The `crossdock` command as a process.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::Client;
use crate::guests::target_dir;

/// Longest a command may take before the test fails.
const BOUND: Duration = Duration::from_secs(30);

/// The built command.
///
/// # Panics
/// When it has not been built: another package's tests cannot ask cargo for it.
pub fn binary() -> PathBuf {
    let path = target_dir()
        .join("debug")
        .join(format!("crossdock{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is not there; build it with `cargo build -p crossdock`",
        path.display()
    );
    path.canonicalize().expect("it is there")
}

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
    let mut command = Command::new(binary());
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
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let mut child = crossdock(folder, &arguments).spawn().expect("it starts");
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
