//! Runs a set of hostile scripts beside a neighbour.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossdock::problem::Blame;
use crossdock::report::ItemStatus;
use crossdock_tests::scripted::Scripted;

/// Guest time of one call in these tests.
const DEADLINE: Duration = Duration::from_millis(200);

/// Wall time a call may take beyond that: a guest's time only runs while it
/// runs, and a busy machine runs many things.
const MARGIN: Duration = Duration::from_secs(4);

/// What hostile scripts may add to a neighbour's 99th percentile over the whole set.
/// It would be a deadline or more if it had to wait for a hostile script's end.
const NEIGHBOUR: Duration = Duration::from_millis(100);

/// Threads that serve: as on a machine with two cores, whatever this one has.
const WORKERS: usize = 2;

const CONFIG: &str = "limits.guest_deadline_ms = 200\n";

/// What a set's scripts are written in.
pub struct Language {
    /// The extension of its files.
    pub extension: &'static str,
    /// A script that gives `{n}` of an item, unless its `bad` is true: then it
    /// does this.
    pub script: fn(&str) -> String,
}

/// Runs each script: alone with an item that is bad, then a good one, then with
/// both in one call.
pub fn run(language: &Language, hostile: &[(&str, &str)]) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let scripts: Vec<(&str, String)> = std::iter::once(("neighbour", "null"))
            .chain(hostile.iter().copied())
            .map(|(name, bad)| (name, (language.script)(bad)))
            .collect();
        let tenants = scripts.iter().map(|(name, script)| (*name, &**script));
        let scripted = Scripted::in_language(language.extension, CONFIG, tenants).await;
        for status in scripted.host.tenants() {
            assert!(status.problems.is_empty(), "{:?}", status.problems);
        }
        let scripted = Arc::new(scripted);
        let neighbour = Neighbour::start(scripted.clone());
        neighbour.pause(Duration::from_secs(2)).await;
        let alone = Felt::of(neighbour.take());
        let mut all = Vec::new();
        for (name, _) in hostile {
            let told = one(&scripted, name).await;
            let took = neighbour.take();
            println!("{name:26} neighbour {}  {told}", Felt::of(took.clone()));
            all.extend(took);
        }
        let beside = Felt::of(all);
        neighbour.stop().await;
        println!("the neighbour alone:             {alone}");
        println!("the neighbour beside all of them: {beside}");
        // What the machine's other work costs it is no hostile script's doing.
        let most = (alone.p99 + NEIGHBOUR).min(DEADLINE);
        assert!(beside.p99 < most, "{beside}, at most {most:?}");
    });
}

/// What became of the hostile script, for people.
async fn one(scripted: &Scripted, name: &str) -> String {
    let started = Instant::now();
    let report = scripted.call(name, r#"{"bad":true}"#).await;
    let took = started.elapsed();
    let item = &report.items[0];
    assert_eq!(item.blame, Some(Blame::Script), "{name}: {item:?}");
    assert!(took < 2 * DEADLINE + MARGIN, "{name} took {took:?}");
    assert!(report.requests.is_empty());
    let told = format!(
        "{took:>9.1?}  {}: {}",
        item.code.as_deref().unwrap_or("no failure"),
        item.message.as_deref().unwrap_or_default()
    );

    // The same tenant's next call is served, and so is the good item beside a
    // bad one.
    let report = scripted.call(name, r#"{"n":1}"#).await;
    assert_eq!(report.items[0].status, ItemStatus::Accepted, "{name}");
    let report = scripted.call(name, r#"[{"n":1},{"bad":true}]"#).await;
    assert_eq!(report.items[0].status, ItemStatus::Accepted, "{name}");
    assert_eq!(report.items[1].blame, Some(Blame::Script), "{name}");
    told
}

/// A tenant that calls its well-behaved script one time after the other.
struct Neighbour {
    took: Arc<Mutex<Vec<Duration>>>,
    stop: Arc<AtomicBool>,
    calling: tokio::task::JoinHandle<()>,
}

impl Neighbour {
    fn start(scripted: Arc<Scripted>) -> Self {
        let took = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let calling = tokio::spawn({
            let (took, stop) = (took.clone(), stop.clone());
            async move {
                while !stop.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    let report = scripted.call("neighbour", r#"{"n":1}"#).await;
                    assert_eq!(report.items[0].status, ItemStatus::Accepted);
                    let mut took = took.lock().unwrap_or_else(PoisonError::into_inner);
                    took.push(started.elapsed());
                }
            }
        });
        Self {
            took,
            stop,
            calling,
        }
    }

    /// Lets it be alone for a while: this is what is measured.
    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// How long its calls took since this was asked before.
    fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.took.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.calling.await.unwrap();
    }
}

/// What calls took.
struct Felt {
    calls: usize,
    median: Duration,
    p99: Duration,
}

impl Felt {
    fn of(mut took: Vec<Duration>) -> Self {
        took.sort();
        let calls = took.len();
        let at = |part: usize| took.get(calls * part / 100).copied().unwrap_or_default();
        Self {
            calls,
            median: at(50),
            p99: at(99),
        }
    }
}

impl std::fmt::Display for Felt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:5} calls, median {:>7.1?}, p99 {:>7.1?}",
            self.calls, self.median, self.p99
        )
    }
}

/// Both tenants run both scripts, in turns and several items a call: what they
/// send says whether one saw anything of the other or of the item before.
pub async fn nothing_is_seen(language: &Language, spies: &[(&str, &str)]) {
    let tenants: Vec<(String, &str)> = spies
        .iter()
        .flat_map(|(name, script)| ["a", "b"].map(|who| (format!("{name}-{who}"), *script)))
        .collect();
    let scripts = tenants.iter().map(|(name, script)| (&**name, *script));
    let scripted = Scripted::in_language(language.extension, CONFIG, scripts).await;
    for status in scripted.host.tenants() {
        assert!(status.problems.is_empty(), "{:?}", status.problems);
    }
    for (name, _) in spies {
        let (a, b) = (format!("{name}-a"), format!("{name}-b"));
        let body = r#"[{"n":1},{"n":2},{"n":3}]"#;
        let expected = r#"[{"n":1,"seen":0},{"n":2,"seen":0},{"n":3,"seen":0}]"#;
        for tenant in [&a, &b, &a, &b] {
            assert_eq!(scripted.sends(tenant, body).await, expected, "{tenant}");
        }
    }
}
