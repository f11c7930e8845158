//! What the system knows of this process. Linux only: elsewhere nothing is said.

use std::fs;

/// Ticks of the processor time in `/proc`: `USER_HZ`, which Linux has fixed for
/// what programs see.
const TICKS_PER_SECOND: f64 = 100.0;

/// The unit of the memory that it tells.
const KIB: u64 = 1024;

/// The process now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Process {
    /// Processor time, seconds.
    pub cpu: f64,
    /// Bytes in RAM.
    pub resident: u64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors.
    pub open_fds: u64,
    /// How many may be open; nothing where there is no bound.
    pub max_fds: Option<u64>,
    /// When it began, Unix seconds.
    pub started: f64,
}

impl Process {
    /// Reads a few files of `/proc`, which takes some tens of microseconds.
    pub fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let system = fs::read_to_string("/proc/stat").ok()?;
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let (cpu, since_boot) = times(&stat)?;
        Some(Self {
            cpu,
            resident: field(&status, "VmRSS:")? * KIB,
            threads: field(&status, "Threads:")?,
            // One of them is the folder that is being read.
            open_fds: (fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1),
            max_fds: field(&limits, "Max open files"),
            started: field(&system, "btime")? as f64 + since_boot,
        })
    }
}

/// Processor time, and when the process began after the machine; seconds.
fn times(stat: &str) -> Option<(f64, f64)> {
    // The program's name is in parentheses, and may have some in it.
    let (_, after) = stat.rsplit_once(") ")?;
    let mut fields = after.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let cpu = ticks()? + ticks()?;
    // Of children that were waited for, priority, nice, threads, and nothing.
    let mut fields = after.split(' ').skip(19);
    let started: u64 = fields.next()?.parse().ok()?;
    Some((
        cpu as f64 / TICKS_PER_SECOND,
        started as f64 / TICKS_PER_SECOND,
    ))
}

/// The first number after a name that a line begins with.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_proc_are_found() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 3 4 20 0 9 0 12345 1 2";
        assert_eq!(times(stat), Some((2.0, 123.45)));
        assert_eq!(times("nonsense"), None);
        let text = "Name:\tx\nVmRSS:\t  1234 kB\nMax open files            1024   4096   files\n";
        assert_eq!(field(text, "VmRSS:"), Some(1234));
        assert_eq!(field(text, "Max open files"), Some(1024));
        assert_eq!(field(text, "Threads:"), None);
        assert_eq!(field("Max open files  unlimited", "Max open files"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_read() {
        let process = Process::read().unwrap();
        assert!(process.resident > 1 << 20, "{process:?}");
        assert!(process.open_fds >= 3 && process.threads >= 1, "{process:?}");
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!(process.started <= now.as_secs_f64() + 1.0);
        assert!(process.started > now.as_secs_f64() - 24.0 * 3600.0);
    }
}
