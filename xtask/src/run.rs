//! Starting other programs, with what they do said aloud.

use std::fmt;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Why a command of the developer stopped.
#[derive(Debug)]
pub struct Failure {
    what: String,
    remedy: Option<String>,
}

impl Failure {
    /// A failure described in a sentence without its full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: None,
        }
    }

    /// What to do about it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// A failed operation on a file.
    pub fn file(doing: &str, path: &std::path::Path, error: std::io::Error) -> Self {
        Self::new(format!("could not {doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        if let Some(remedy) = &self.remedy {
            write!(f, "\n{remedy}")?;
        }
        Ok(())
    }
}

/// Says what is being done.
pub fn say(line: impl fmt::Display) {
    eprintln!("xtask: {line}");
}

/// Runs a program to its end with this terminal; its failure is ours.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = show(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("`{shown}` ended with {status}"))),
        Err(error) => Err(Failure::new(format!("`{shown}` could not start: {error}"))),
    }
}

/// A program that runs beside this one. Dropped, it is ended.
pub struct Beside {
    shown: String,
    child: Child,
}

impl Beside {
    /// Starts it with this terminal.
    pub fn start(command: &mut Command) -> Result<Self, Failure> {
        let shown = show(command);
        match command.spawn() {
            Ok(child) => Ok(Self { shown, child }),
            Err(error) => Err(Failure::new(format!("`{shown}` could not start: {error}"))),
        }
    }

    /// Waits for its end; its failure is ours.
    pub fn finish(mut self) -> Result<(), Failure> {
        let shown = &self.shown;
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::new(format!("`{shown}` ended with {status}"))),
            Err(error) => Err(Failure::new(format!("`{shown}` was lost: {error}"))),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Nothing to be done if it is already gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end and gives its standard output; its failure, with
/// what it said on standard error, is ours.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let shown = show(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::new(format!("`{shown}` could not start: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("`{shown}`: {}", said.trim())));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Failure::new(format!("what `{shown}` printed is not UTF-8")))
}

/// Runs a program that has to end within `limit`; gives its standard output,
/// or nothing if it cannot start, fails or takes longer.
pub fn output_within(command: &mut Command, limit: Duration) -> Option<String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // A thread reads, so that a program with much to say cannot block on us.
    let mut stdout = child.stdout.take()?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return reader.join().ok()?.ok(),
            Ok(Some(_)) | Err(_) => return None,
            Ok(None) if Instant::now() >= deadline => {
                // Nothing to be done if it is already gone.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// The command as one would type it.
pub fn show(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
