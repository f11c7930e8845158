//! The host's side of compiling in a process of its own.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::frame::{self, HEADER, Kind};
use super::{CompileFailure, CompileLimits, Down, Optimise};

/// Compiled code is at most this much, and so many times its component.
const CODE_BYTES: usize = 16 << 20;
const CODE_PER_BYTE: usize = 16;

/// Bytes of the process' complaints that are looked at.
const STDERR_BYTES: usize = 16 << 10;

/// How long a process that was killed may take to be gone.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// Processor time beyond the time limit on every core.
const MORE_CPU: u64 = 10;

pub(super) async fn compile(
    program: &Path,
    bytes: &[u8],
    optimise: Optimise,
    limits: CompileLimits,
) -> Result<Vec<u8>, CompileFailure> {
    let mut child = start(program, bytes.len(), optimise, limits)
        .map_err(|error| not_now(&format!("the compiling process cannot start: {error}")))?;
    let most = CODE_BYTES
        .saturating_add(bytes.len().saturating_mul(CODE_PER_BYTE))
        .saturating_add(HEADER);
    let talk = timeout(limits.timeout, talk(&mut child, bytes, most)).await;
    let Ok(talk) = talk else {
        end(&mut child).await;
        return Err(CompileFailure::Down(Down::Time, limits));
    };
    let said = talk.map_err(|error| not_now(&format!("the compiling process is lost: {error}")))?;
    if said.status.success() {
        match frame::open(said.stdout) {
            Some((Kind::Code, code)) => return Ok(code),
            Some((Kind::Invalid, why)) => {
                let why = String::from_utf8_lossy(&why).into_owned();
                return Err(CompileFailure::Invalid(why));
            }
            Some((Kind::OutOfMemory, _)) => {
                return Err(CompileFailure::Down(Down::Memory, limits));
            }
            // More than it may say, or something that is no answer.
            None => {
                tracing::error!(stderr = %said.stderr, "the compiling process gave no usable answer");
                return Err(CompileFailure::Down(Down::Crash, limits));
            }
        }
    }
    match judge(said.status, &said.stderr) {
        Some(down) => {
            tracing::warn!(status = %said.status, stderr = %said.stderr, "the compiling process went down");
            Err(CompileFailure::Down(down, limits))
        }
        None => Err(not_now(&format!(
            "the compiling process ended with {}: {}",
            said.status, said.stderr
        ))),
    }
}

fn not_now(why: &str) -> CompileFailure {
    CompileFailure::NotNow(crate::text::one_line(why))
}

fn start(
    program: &Path,
    bytes: usize,
    optimise: Optimise,
    limits: CompileLimits,
) -> std::io::Result<Child> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let cpu = (limits.timeout.as_secs() + MORE_CPU).saturating_mul(cores);
    let mut command = Command::new(program);
    command
        .arg("compile-component")
        .args(["--optimise", optimise.as_str()])
        .args(["--bytes", &bytes.to_string()])
        .args(["--memory-mb", &limits.mib().to_string()])
        .args(["--cpu-s", &cpu.to_string()])
        // Nothing of the host's: no environment, no folder, no open file.
        .env_clear()
        .current_dir(if cfg!(unix) { "/" } else { "." })
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Otherwise the allocator sets a gibibyte aside at once, as if it were used.
    command.env("MIMALLOC_ARENA_EAGER_COMMIT", "0");
    #[cfg(unix)]
    command.arg0("crossdock");
    command.spawn()
}

/// What the process left behind.
struct Said {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: String,
}

async fn talk(child: &mut Child, bytes: &[u8], most: usize) -> std::io::Result<Said> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(std::io::Error::other("it has no pipes"));
    };
    let feed = async move {
        // One that went down reads no more; how it ended says why.
        let _ = stdin.write_all(bytes).await;
        drop(stdin);
    };
    let ((), stdout, stderr) =
        tokio::join!(feed, bounded(stdout, most), bounded(stderr, STDERR_BYTES));
    let (stdout, stderr) = (stdout?, stderr?);
    Ok(Said {
        status: child.wait().await?,
        stdout,
        stderr: crate::text::one_line(&String::from_utf8_lossy(&stderr)),
    })
}

/// Reads to the end, and keeps at most so much and one byte more, which shows
/// that it was more.
async fn bounded(mut from: impl AsyncRead + Unpin, most: usize) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    (&mut from)
        .take(most as u64 + 1)
        .read_to_end(&mut kept)
        .await?;
    // Whoever goes on writing must come to an end, too.
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(kept)
}

async fn end(child: &mut Child) {
    if let Err(error) = child.start_kill() {
        tracing::warn!(%error, "the compiling process cannot be ended");
    }
    if timeout(LAST_MOMENT, child.wait()).await.is_err() {
        tracing::warn!("the compiling process does not end");
    }
}

/// What the component did to a process that failed; nothing where it was not the
/// component.
fn judge(status: ExitStatus, stderr: &str) -> Option<Down> {
    #[cfg(unix)]
    {
        use rustix::process::Signal;
        use std::os::unix::process::ExitStatusExt;

        let signal = status.signal();
        // Somebody ended it in good order, or the host's own thread did.
        if signal == Some(Signal::TERM.as_raw()) || signal == Some(Signal::INT.as_raw()) {
            return None;
        }
        // The system, where memory is short; nobody else kills so.
        if signal == Some(Signal::KILL.as_raw()) {
            return Some(Down::Memory);
        }
        if signal == Some(Signal::XCPU.as_raw()) {
            return Some(Down::Time);
        }
    }
    // What Rust's runtime and the system say when there is no memory.
    let no_memory = [
        "memory allocation of",
        "Cannot allocate memory",
        "out of memory",
    ];
    if no_memory.iter().any(|words| stderr.contains(words)) {
        return Some(Down::Memory);
    }
    // It understood what it was told and could not begin.
    if status.code() == Some(NOT_BEGUN) {
        return None;
    }
    Some(Down::Crash)
}

/// The exit code of the command where it never came to compiling: the arguments
/// are of another version, a limit cannot be set, the bytes did not come.
const NOT_BEGUN: i32 = 1;

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    use std::time::Instant;

    use super::*;

    /// A program that does as the script says in place of compiling.
    fn program(dir: &Path, script: &str) -> std::path::PathBuf {
        let path = dir.join("program");
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o700)
            .open(&path)
            .unwrap();
        write!(file, "#!/bin/sh\n{script}\n").unwrap();
        path
    }

    async fn with(script: &str, timeout_ms: u64) -> CompileFailure {
        let dir = tempfile::tempdir().unwrap();
        let program = program(dir.path(), script);
        let limits = CompileLimits {
            memory: 64 << 20,
            timeout: Duration::from_millis(timeout_ms),
        };
        // Another thread of this process may be starting one while the file is
        // open for writing.
        for _ in 0..100 {
            let result = compile(&program, &[7; 200_000], Optimise::None, limits).await;
            match result.expect_err("no compiler") {
                CompileFailure::NotNow(why) if why.contains("busy") => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                failure => return failure,
            }
        }
        panic!("the program is busy for ever");
    }

    #[tokio::test]
    async fn however_the_process_ends_the_host_goes_on() {
        for (script, expected) in [
            // It reads nothing and says nothing.
            ("exit 0", Some(Down::Crash)),
            ("exit 101", Some(Down::Crash)),
            (
                "cat > /dev/null; echo CDCOMP1; echo no code",
                Some(Down::Crash),
            ),
            ("kill -SEGV $$", Some(Down::Crash)),
            ("kill -KILL $$", Some(Down::Memory)),
            (
                "echo memory allocation of 9 bytes failed >&2; kill -ABRT $$",
                Some(Down::Memory),
            ),
            // Not the component's doing.
            ("kill -TERM $$", None),
            ("echo unknown argument >&2; exit 1", None),
        ] {
            match with(script, 60_000).await {
                CompileFailure::Down(down, _) => assert_eq!(Some(down), expected, "{script}"),
                CompileFailure::NotNow(_) => assert_eq!(None, expected, "{script}"),
                other @ CompileFailure::Invalid(_) => panic!("{script}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_process_that_never_ends_is_ended() {
        let started = Instant::now();
        let failure = with("exec sleep 1000", 200).await;
        assert!(
            matches!(failure, CompileFailure::Down(Down::Time, _)),
            "{failure:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(60));
    }

    #[tokio::test]
    async fn a_flood_of_output_is_not_kept() {
        let kept = bounded(&[1_u8; 100_000][..], 1000).await.unwrap();
        assert_eq!(kept.len(), 1001);
        let failure = with("cat > /dev/null; head -c 50000000 /dev/zero", 60_000).await;
        assert!(
            matches!(failure, CompileFailure::Down(Down::Crash, _)),
            "{failure:?}"
        );
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_passes() {
        let limits = CompileLimits {
            memory: 1 << 20,
            timeout: Duration::from_secs(9),
        };
        let failure = compile(Path::new("/nowhere/crossdock"), b"", Optimise::None, limits).await;
        assert!(
            matches!(failure, Err(CompileFailure::NotNow(_))),
            "{failure:?}"
        );
    }
}
