//! The buffer between those who log and the one who writes.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::Health;
use super::line::bounded;

/// Bytes that may wait to be written.
const MOST_BYTES: usize = 4 << 20;

/// Beyond this only warnings and errors still get in: they say why.
const MOST_BYTES_OF_CALLS: usize = MOST_BYTES / 4 * 3;

/// How often lost lines are reported while more are being lost.
const REPORT: Duration = Duration::from_secs(1);

/// How long one write may take before the log counts as failing.
const STUCK: Duration = Duration::from_secs(5);

/// How long the thread tries a stream that takes nothing now, and how often.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_PAUSE: Duration = Duration::from_millis(10);

/// Where lines wait. Cloning gives the same queue.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    waiting: Mutex<Waiting>,
    /// Something waits.
    filled: Condvar,
    /// Nothing waits, and nothing is being written.
    emptied: Condvar,
    lost: AtomicU64,
    /// The last write failed.
    failed: AtomicBool,
    /// The shape of lines, for those that are too long.
    json: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Since when the thread has been writing.
    writing: Option<Instant>,
}

impl Queue {
    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            lost: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            json: AtomicBool::new(false),
            thread: Mutex::new(None),
        });
        let writer = Writer {
            shared: shared.clone(),
            out,
            torn: false,
            reported: 0,
            reported_at: None,
        };
        let thread = thread::Builder::new()
            .name("log".into())
            .spawn(move || writer.run())?;
        *lock(&shared.thread) = Some(thread);
        Ok(Self(shared))
    }

    /// Lines are JSON objects from now on.
    pub fn is_json(&self) {
        self.0.json.store(true, Ordering::Relaxed);
    }

    /// Puts whole lines in, or counts one as lost. Never waits for the writer.
    pub fn push(&self, text: &[u8], important: bool) {
        let shared = &*self.0;
        let text = bounded(text, shared.json.load(Ordering::Relaxed));
        let most = if important {
            MOST_BYTES
        } else {
            MOST_BYTES_OF_CALLS
        };
        let mut waiting = lock(&shared.waiting);
        if waiting.lines.len() + text.len() > most {
            drop(waiting);
            shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.lines.extend_from_slice(&text);
        drop(waiting);
        shared.filled.notify_one();
    }

    /// How the log fares.
    pub fn health(&self) -> Health {
        let since = lock(&self.0.waiting).writing;
        let stuck = since.is_some_and(|since| since.elapsed() > STUCK);
        Health {
            lost: self.0.lost.load(Ordering::Relaxed),
            failing: stuck || self.0.failed.load(Ordering::Relaxed),
        }
    }

    /// Whether the thread still runs.
    pub fn is_alive(&self) -> bool {
        let thread = lock(&self.0.thread);
        thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Waits until everything is written, but no longer than `patience`.
    pub fn finish(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut waiting = lock(&self.0.waiting);
        while !waiting.lines.is_empty() || waiting.writing.is_some() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let (again, _) = self
                .0
                .emptied
                .wait_timeout(waiting, left)
                .unwrap_or_else(PoisonError::into_inner);
            waiting = again;
        }
    }
}

/// One event's way into the queue.
pub struct Entry<'q> {
    queue: &'q Queue,
    important: bool,
}

impl Write for Entry<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.queue.push(text, self.important);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'q> MakeWriter<'q> for Queue {
    type Writer = Entry<'q>;

    fn make_writer(&'q self) -> Entry<'q> {
        Entry {
            queue: self,
            important: true,
        }
    }

    fn make_writer_for(&'q self, event: &Metadata<'_>) -> Entry<'q> {
        Entry {
            queue: self,
            important: *event.level() <= Level::WARN,
        }
    }
}

/// The thread's side.
struct Writer<W> {
    shared: Arc<Shared>,
    out: W,
    /// The last thing written was a part of a line.
    torn: bool,
    /// Lost lines the log has told of, and when.
    reported: u64,
    reported_at: Option<Instant>,
}

impl<W: Write> Writer<W> {
    /// Writes until the process ends.
    fn run(mut self) {
        let mut lines = Vec::new();
        loop {
            self.next(&mut lines);
            let written = self.write(&lines);
            self.shared.failed.store(!written, Ordering::Relaxed);
            lines.clear();
            let mut waiting = lock(&self.shared.waiting);
            waiting.writing = None;
            if waiting.lines.is_empty() {
                self.shared.emptied.notify_all();
            }
            drop(waiting);
            if written {
                self.report();
            }
        }
    }

    /// Waits for lines and takes all there are.
    fn next(&self, lines: &mut Vec<u8>) {
        let mut waiting = lock(&self.shared.waiting);
        while waiting.lines.is_empty() {
            let filled = self.shared.filled.wait(waiting);
            waiting = filled.unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut waiting.lines, lines);
        waiting.writing = Some(Instant::now());
    }

    /// Whether everything was written; what was not is counted.
    fn write(&mut self, lines: &[u8]) -> bool {
        if self.torn && self.write_all(b"\n").is_err() {
            self.lose(lines);
            return false;
        }
        self.torn = false;
        match self.write_all(lines) {
            Ok(()) => true,
            Err(written) => {
                let (done, rest) = lines.split_at(written);
                self.torn = done.last().is_some_and(|last| *last != b'\n');
                self.lose(rest);
                false
            }
        }
    }

    fn lose(&self, lines: &[u8]) {
        let lost = lines.iter().filter(|byte| **byte == b'\n').count();
        self.shared.lost.fetch_add(lost as u64, Ordering::Relaxed);
    }

    /// Writes everything, or says how much it wrote.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut written = 0;
        let mut refused_since = None;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.out.write(rest) {
                Ok(0) => return Err(written),
                Ok(count) => {
                    written += count;
                    refused_since = None;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Somebody else made the stream a non-blocking one.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let since: &mut Instant = refused_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > AGAIN {
                        return Err(written);
                    }
                    thread::sleep(AGAIN_PAUSE);
                }
                Err(_) => return Err(written),
            }
        }
        Ok(())
    }

    /// Lines can be written: says how many could not.
    fn report(&mut self) {
        let lost = self.shared.lost.load(Ordering::Relaxed);
        let soon = self.reported_at.is_some_and(|at| at.elapsed() < REPORT);
        if lost == self.reported || soon {
            return;
        }
        // Goes into the queue like any other line.
        tracing::warn!(
            target: "crossdock::log",
            lost = lost - self.reported,
            "log lines were lost, because they could not be written as fast as they came, or not at all"
        );
        self.reported = lost;
        self.reported_at = Some(Instant::now());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const BOUND: Duration = Duration::from_secs(20);

    /// A stream that a test makes take or refuse.
    struct Out {
        answers: mpsc::Receiver<io::Result<usize>>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Waits like a pipe that nobody reads.
            let most = self.answers.recv().unwrap_or(Ok(usize::MAX))?;
            let taken = most.min(bytes.len());
            lock(&self.taken).extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the stream answers next, and what it took.
    type Far = (mpsc::Sender<io::Result<usize>>, Arc<Mutex<Vec<u8>>>);

    fn out() -> (Queue, Far) {
        let (sender, answers) = mpsc::channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let queue = Queue::start(Out {
            answers,
            taken: taken.clone(),
        });
        (queue.unwrap(), (sender, taken))
    }

    #[test]
    fn lines_are_written_in_their_order() {
        let (queue, (answers, taken)) = out();
        drop(answers);
        for number in 0..100 {
            queue.push(format!("line {number}\n").as_bytes(), false);
        }
        queue.finish(BOUND);
        let expected: String = (0..100).map(|number| format!("line {number}\n")).collect();
        assert_eq!(String::from_utf8_lossy(&lock(&taken)), expected);
        assert_eq!(queue.health(), Health::default());
        assert!(queue.is_alive());
    }

    #[test]
    fn a_reader_that_does_not_read_keeps_nobody_who_logs() {
        let (queue, (answers, taken)) = out();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        let lines = MOST_BYTES / line.len();
        for _ in 0..2 * lines {
            queue.push(&line, false);
        }
        let lost = queue.health().lost;
        // The thread may have taken what was there when it began to write.
        assert!(lost as usize >= lines / 2, "{lost}");
        // Warnings still get in.
        queue.push(b"a warning\n", true);
        assert_eq!(queue.health().lost, lost);
        drop(answers);
        queue.finish(BOUND);
        assert!(lock(&taken).ends_with(b"a warning\n"));
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_the_next_begins_on_a_new_line() {
        let (queue, (answers, taken)) = out();
        let full = || Err(io::Error::from(ErrorKind::StorageFull));
        // The disk is full in the middle of the first line.
        answers.send(Ok(3)).unwrap();
        answers.send(full()).unwrap();
        queue.push(b"first\n", false);
        queue.finish(BOUND);
        assert_eq!((queue.health().lost, queue.health().failing), (1, true));
        answers.send(full()).unwrap();
        queue.push(b"second\n", false);
        queue.finish(BOUND);
        assert_eq!(queue.health().lost, 2);
        drop(answers);
        queue.push(b"third\n", false);
        queue.finish(BOUND);
        assert_eq!(&*lock(&taken), b"fir\nthird\n");
        assert!(!queue.health().failing);
        assert!(queue.is_alive());
    }
}
