//! Other people's programs: compilers and packers, bounded in time. What they
//! say is shown as they say it, on stderr, or in our words where those say what
//! to do; results of ours are on stdout.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// Most that is kept of what a program prints for us to read.
const MOST_OUTPUT: u64 = 64 << 20;

/// Questions, such as where a compiler is installed, are answered at once.
const ASK: Duration = Duration::from_secs(30);

/// What is heard of a program that is asked something.
const MOST_ANSWER: u64 = 1 << 20;

/// What is told of what a program said when it failed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Mistakes that are known, each with what to do.
    pub sentences: Vec<String>,
    /// The program's own lines about everything else.
    pub rest: String,
}

impl Told {
    /// Adds a sentence that is not there yet.
    pub fn add(&mut self, sentence: String) {
        if !self.sentences.contains(&sentence) {
            self.sentences.push(sentence);
        }
    }
}

/// A program with its arguments.
#[derive(Debug)]
pub struct Tool {
    command: Command,
    name: String,
    shown: String,
}

impl Tool {
    /// A program that runs in a folder.
    pub fn new(program: impl AsRef<OsStr>, dir: &Path) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command
            .current_dir(dir)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        // So that whatever it starts can be ended with it.
        #[cfg(unix)]
        command.process_group(0);
        Self {
            command,
            name: Path::new(program)
                .file_name()
                .unwrap_or(program)
                .to_string_lossy()
                .into_owned(),
            shown: program.to_string_lossy().into_owned(),
        }
    }

    /// Adds a word.
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        let word = word.as_ref();
        self.command.arg(word);
        self.shown.push(' ');
        self.shown.push_str(&word.to_string_lossy());
        self
    }

    /// Adds words.
    pub fn args<W: AsRef<OsStr>>(self, words: impl IntoIterator<Item = W>) -> Self {
        words.into_iter().fold(self, Self::arg)
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes a variable out of its environment.
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// The command as one would type it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Runs it to its end; what it prints is shown on stderr.
    ///
    /// # Errors
    /// One sentence: it cannot start, fails, or takes longer than `bound`.
    pub async fn run(mut self, bound: Duration) -> Result<(), String> {
        self.command.stdout(std::io::stderr());
        let child = self.spawn()?;
        self.finish(child, bound, async |_| Ok(())).await
    }

    /// The same, with what it prints on stdout given back.
    ///
    /// # Errors
    /// As [`run`](Self::run), or what it prints is no text or too much.
    pub async fn output(mut self, bound: Duration) -> Result<String, String> {
        self.command.stdout(Stdio::piped());
        let child = self.spawn()?;
        let mut text = String::new();
        let shown = self.shown.clone();
        self.finish(child, bound, async |child| {
            if let Some(stdout) = child.stdout.take() {
                let mut bounded = stdout.take(MOST_OUTPUT);
                bounded
                    .read_to_string(&mut text)
                    .await
                    .map_err(|error| format!("what `{shown}` printed cannot be read: {error}"))?;
                if bounded.limit() == 0 {
                    return Err(format!("`{shown}` printed more than {MOST_OUTPUT} bytes"));
                }
            }
            Ok(())
        })
        .await?;
        Ok(text)
    }

    /// Runs it to its end. What it says of a failure is told by `tell`; all else
    /// is shown on stderr when it has ended.
    ///
    /// # Errors
    /// As [`run`](Self::run), in the sentences that `tell` has for it. The command
    /// is named only where nothing else is known.
    pub async fn run_told(
        mut self,
        bound: Duration,
        tell: impl FnOnce(&str) -> Told,
    ) -> Result<(), String> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.spawn()?;
        let (mut said, mut wrong) = (Vec::new(), Vec::new());
        let ended = self
            .ended(child, bound, async |child| {
                let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
                // Both at once: it would wait until somebody reads the other.
                tokio::join!(listen(stdout, &mut said), listen(stderr, &mut wrong));
                Ok(())
            })
            .await;
        said.append(&mut wrong);
        let said = String::from_utf8_lossy(&said).into_owned();
        match ended {
            Ok(status) if !status.success() => {
                let told = tell(&said);
                show(&told.rest);
                Err(if !told.sentences.is_empty() {
                    told.sentences.join("; ")
                } else if told.rest.trim().is_empty() {
                    self.failed(status)
                } else {
                    format!(
                        "`{}` ended with {status}: mend what its lines above name",
                        self.name
                    )
                })
            }
            Ok(_) => {
                show(&said);
                Ok(())
            }
            Err(why) => {
                show(&said);
                Err(why)
            }
        }
    }

    fn spawn(&mut self) -> Result<Child, String> {
        self.command.spawn().map_err(|error| {
            let why = crate::file_failure::sentence(&error);
            format!("`{}` cannot be started: {why}", self.shown)
        })
    }

    async fn finish(
        &self,
        child: Child,
        bound: Duration,
        read: impl AsyncFnOnce(&mut Child) -> Result<(), String>,
    ) -> Result<(), String> {
        let status = self.ended(child, bound, read).await?;
        match status.success() {
            true => Ok(()),
            false => Err(self.failed(status)),
        }
    }

    fn failed(&self, status: ExitStatus) -> String {
        format!("`{}` ended with {status}", self.shown)
    }

    async fn ended(
        &self,
        mut child: Child,
        bound: Duration,
        read: impl AsyncFnOnce(&mut Child) -> Result<(), String>,
    ) -> Result<ExitStatus, String> {
        let group = Group::of(&child);
        let ended = async {
            let read = read(&mut child).await;
            let status = child.wait().await;
            read?;
            status.map_err(|error| format!("`{}` was lost: {error}", self.shown))
        };
        tokio::select! {
            ended = ended => { group.is_done(); ended }
            () = tokio::time::sleep(bound) => Err(format!(
                "`{}` took more than {} s and was ended; --timeout SECONDS gives it longer",
                self.shown,
                bound.as_secs()
            )),
            _ = tokio::signal::ctrl_c() => Err(format!("`{}` was ended by Ctrl-C", self.shown)),
        }
    }
}

/// Keeps what a program prints, to a bound.
async fn listen(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let _ = (&mut stream).take(MOST_ANSWER).read_to_end(kept).await;
    // It would wait for whoever does not read the rest.
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

/// Shows on stderr what a program said; a closed stderr is no error.
fn show(said: &str) {
    let said = said.trim_end();
    if !said.is_empty() {
        let _ = writeln!(std::io::stderr().lock(), "{said}");
    }
}

/// The processes that a program started with itself, ended unless it has ended
/// by itself.
struct Group {
    #[cfg(unix)]
    leader: std::cell::Cell<Option<rustix::process::Pid>>,
}

impl Group {
    fn of(child: &Child) -> Self {
        #[cfg(unix)]
        {
            let id = child.id().and_then(|id| i32::try_from(id).ok());
            Self {
                leader: std::cell::Cell::new(id.and_then(rustix::process::Pid::from_raw)),
            }
        }
        #[cfg(not(unix))]
        {
            let _ = child;
            Self {}
        }
    }

    fn is_done(&self) {
        #[cfg(unix)]
        self.leader.set(None);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.leader.get() {
            // One that is gone already needs no end.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// What a program answers to a question, or nothing: it is not there, fails, or
/// says nothing in time.
pub async fn ask(program: impl AsRef<OsStr>, dir: &Path, words: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command
        .current_dir(dir)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let answer = async {
        let mut child = command.spawn().ok()?;
        let mut text = String::new();
        let stdout = child.stdout.take()?;
        stdout
            .take(MOST_ANSWER)
            .read_to_string(&mut text)
            .await
            .ok()?;
        let status = child.wait().await.ok()?;
        status.success().then_some(text)
    };
    tokio::time::timeout(ASK, answer).await.ok().flatten()
}

/// The first program of one of these names: in the folder's `below`, or on the
/// PATH.
pub fn find(dir: &Path, below: &[&str], names: &[&str]) -> Option<PathBuf> {
    let own = below.iter().map(|below| dir.join(below));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = own.chain(std::env::split_paths(&path)).collect();
    names
        .iter()
        .flat_map(|name| {
            let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
            folders.iter().map(move |folder| folder.join(&file))
        })
        .find(|file| file.is_file())
        // It is started in another folder.
        .map(|file| std::path::absolute(&file).unwrap_or(file))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Tool {
        Tool::new("sh", Path::new("/")).arg("-c").arg(script)
    }

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn what_a_program_prints_is_given_back() {
        assert_eq!(
            shell("echo hello").output(LONG).await.as_deref(),
            Ok("hello\n")
        );
        assert_eq!(shell("exit 0").run(LONG).await, Ok(()));
        let failed = shell("exit 3").run(LONG).await.unwrap_err();
        assert!(failed.contains("`sh -c exit 3` ended with"), "{failed}");
        let missing = Tool::new("/nowhere/at/all", Path::new("/")).run(LONG).await;
        assert!(missing.unwrap_err().contains("cannot be started"));
    }

    #[tokio::test]
    async fn what_a_failed_program_said_is_told_in_other_words() {
        let told = |sentences: &[&str], rest: &str| Told {
            sentences: sentences.iter().map(|known| (*known).to_owned()).collect(),
            rest: rest.to_owned(),
        };
        let fails = || shell("echo out; echo err >&2; exit 3");
        let said = fails()
            .run_told(LONG, |said| {
                assert_eq!(said, "out\nerr\n");
                told(&["write a", "write b"], "")
            })
            .await;
        assert_eq!(said, Err("write a; write b".to_owned()));
        // Its own lines say it, so its long command does not.
        let said = fails().run_told(LONG, |_| told(&[], "err")).await;
        let said = said.unwrap_err();
        assert!(said.starts_with("`sh` ended with "), "{said}");
        let said = fails().run_told(LONG, |_| told(&[], " \n")).await;
        let said = said.unwrap_err();
        assert!(said.starts_with("`sh -c echo out; "), "{said}");
        let well = shell("echo warning >&2").run_told(LONG, |_| panic!("it went well"));
        assert_eq!(well.await, Ok(()));
        // More than is kept, and more than a pipe holds.
        let much = shell("head -c 3000000 /dev/zero; exit 1")
            .run_told(LONG, |said| told(&[said.len().to_string().as_str()], ""));
        assert_eq!(much.await, Err(MOST_ANSWER.to_string()));
    }

    #[tokio::test]
    async fn one_that_takes_too_long_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", mark.display());
        let said = shell(&script)
            .run(Duration::from_secs(1))
            .await
            .unwrap_err();
        assert!(said.contains("--timeout"), "{said}");
        let id = std::fs::read_to_string(&mark).unwrap().trim().to_owned();
        let gone = async || {
            let alive = ask("kill", Path::new("/"), &["-0", &id]).await;
            // One that nobody waited for is there as a zombie.
            alive.is_none()
                || std::fs::read_to_string(format!("/proc/{id}/stat"))
                    .is_ok_and(|stat| stat.contains(" Z "))
        };
        let deadline = std::time::Instant::now() + LONG;
        while !gone().await {
            assert!(std::time::Instant::now() < deadline, "{id} goes on");
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn a_program_of_the_folder_goes_before_that_of_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join(".venv/bin");
        std::fs::create_dir_all(&bin).unwrap();
        let found = find(folder.path(), &[".venv/bin"], &["sh"]).unwrap();
        assert!(!found.starts_with(folder.path()));
        std::fs::write(bin.join("sh"), "").unwrap();
        let found = find(folder.path(), &[".venv/bin"], &["sh"]).unwrap();
        assert_eq!(found, bin.join("sh"));
        assert_eq!(find(folder.path(), &[], &["no-such-program"]), None);
    }
}
