//! The process that compiles one component: it takes limits on, reads the bytes
//! from its standard input, and writes one frame.

use std::io::{self, Read, Write};

use super::frame::{self, Kind};
use super::{Optimise, precompile, threads};
use crate::text::one_line;

/// Bytes of the reason why a component is not valid.
const REASON_BYTES: usize = 4096;

/// Threads it compiles on at most: each has a stack, which is memory.
const MOST_THREADS: usize = 8;

/// What the process is told.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Work {
    /// How well to compile
    #[arg(long, value_enum)]
    pub optimise: Optimise,
    /// Bytes that come
    #[arg(long)]
    pub bytes: usize,
    /// MiB of memory it may have
    #[arg(long)]
    pub memory_mb: u64,
    /// Seconds of processor time of all its threads together
    #[arg(long)]
    pub cpu_s: u64,
}

/// Does the work. An error is one of the pipes; what is wrong with the component
/// is part of the answer.
pub fn run(work: &Work) -> io::Result<()> {
    take_limits_on(work)?;
    let mut bytes = Vec::with_capacity(work.bytes);
    let most = work.bytes as u64 + 1;
    io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    if bytes.len() != work.bytes {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the component did not come whole",
        ));
    }
    let pool = threads(MOST_THREADS).map_err(io::Error::other)?;
    let (kind, payload) = match pool.install(|| precompile(&bytes, work.optimise)) {
        Ok(code) => (Kind::Code, code),
        Err(error) => {
            let kind = if is_out_of_memory(&error) {
                Kind::OutOfMemory
            } else {
                Kind::Invalid
            };
            let mut reason = one_line(&format!("{error:#}"));
            crate::text::truncate(&mut reason, REASON_BYTES);
            (kind, reason.into_bytes())
        }
    };
    let mut out = io::stdout().lock();
    out.write_all(&frame::header(kind, &payload))?;
    out.write_all(&payload)?;
    out.flush()
}

fn is_out_of_memory(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        io.is_some_and(|error| error.kind() == io::ErrorKind::OutOfMemory)
            || cause.to_string().contains("Cannot allocate memory")
    })
}

/// Bounds that hold whatever the compiler does, and that end with this process.
#[cfg(unix)]
fn take_limits_on(work: &Work) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let at_most = |resource, most: u64| {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit).map_err(io::Error::from)
    };
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};

        // Nobody waits for it any more when the host is gone.
        set_parent_process_death_signal(Some(Signal::TERM))?;
        // Where the machine runs out of memory, this process goes, not the host.
        // It can be told only where /proc is there.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    }
    // Memory that can be written to, which is what fills up; address space that
    // is only set aside costs nothing.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    at_most(Resource::Data, work.memory_mb << 20)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    at_most(Resource::As, work.memory_mb << 20)?;
    at_most(Resource::Cpu, work.cpu_s)?;
    at_most(Resource::Core, 0)?;
    at_most(Resource::Fsize, 0)
}

/// Elsewhere only the time is bounded, by the host.
#[cfg(not(unix))]
fn take_limits_on(_work: &Work) -> io::Result<()> {
    Ok(())
}
