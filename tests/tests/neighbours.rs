//! What a tenant feels of its neighbours' endless scripts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossdock::problem::Blame;
use crossdock::report::ItemStatus;
use crossdock_tests::scripted::Scripted;

/// How long one measurement takes: several deadlines of endless scripts.
const WINDOW: Duration = Duration::from_millis(1500);

/// Calls in it at least, so that there is a 99th percentile.
const FEWEST_CALLS: usize = 200;

/// Comparisons until the result counts.
const ATTEMPTS: usize = 3;

/// Threads that serve: as on a machine with two cores, whatever this one has.
const WORKERS: usize = 2;

/// Added to the bound on the 99th percentile. A call waits for a thread or for
/// its platform about four times, and may find a guest in the middle of its
/// tick of 1 ms each time; the rest is for whatever else the machine does.
const ALLOWANCE: Duration = Duration::from_millis(20);

const HOSTILE: [&str; 4] = ["hostile-1", "hostile-2", "hostile-3", "hostile-4"];

#[derive(Debug)]
struct Felt {
    per_second: f64,
    median: Duration,
    p99: Duration,
    worst: Duration,
}

/// Calls one after the other, while each hostile tenant runs an endless script
/// after another.
async fn measure(scripted: &Arc<Scripted>, hostile: &'static [&str]) -> Felt {
    let stop = Arc::new(AtomicBool::new(false));
    let running = Arc::new(AtomicUsize::new(0));
    let hostile: Vec<_> = hostile
        .iter()
        .map(|tenant| {
            let (scripted, stop) = (scripted.clone(), stop.clone());
            let running = running.clone();
            tokio::spawn(async move {
                running.fetch_add(1, Ordering::Relaxed);
                while !stop.load(Ordering::Relaxed) {
                    let report = scripted.call(tenant, "{}").await;
                    let item = &report.items[0];
                    assert_eq!(item.blame, Some(Blame::Script), "{item:?}");
                    assert_eq!(item.code.as_deref(), Some("script-deadline"));
                }
            })
        })
        .collect();
    while running.load(Ordering::Relaxed) < hostile.len() {
        tokio::task::yield_now().await;
    }
    let calling = tokio::spawn({
        let scripted = scripted.clone();
        async move {
            let mut took = Vec::new();
            let begun = Instant::now();
            while begun.elapsed() < WINDOW || took.len() < FEWEST_CALLS {
                let body = format!(r#"{{"n":{}}}"#, took.len());
                let started = Instant::now();
                let report = scripted.call("good", &body).await;
                took.push(started.elapsed());
                assert_eq!(report.items[0].status, ItemStatus::Accepted);
            }
            (took, begun.elapsed())
        }
    });
    let (mut took, window) = calling.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    for hostile in hostile {
        hostile.await.unwrap();
    }
    took.sort();
    Felt {
        per_second: took.len() as f64 / window.as_secs_f64(),
        median: took[took.len() / 2],
        p99: took[took.len() * 99 / 100],
        worst: took[took.len() - 1],
    }
}

#[test]
fn endless_scripts_do_not_slow_a_neighbour_by_more_than_their_share() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let endless = HOSTILE.map(|tenant| (tenant, "last(repeat(1))"));
        let scripts = [("good", "{n: .n}")].into_iter().chain(endless);
        let config = "limits.guest_deadline_ms = 200\n";
        let scripted = Arc::new(Scripted::start(config, scripts).await);
        // The first calls make connections and instances.
        for _ in 0..50 {
            scripted.call("good", r#"{"n":0}"#).await;
        }
        println!("{WORKERS} threads, calls of a well-behaved tenant one after the other");
        // What else the machine does passes; a host that is unfair stays so.
        for attempt in 1.. {
            match compare(&scripted).await {
                Ok(()) => break,
                Err(unfair) if attempt == ATTEMPTS => panic!("{unfair}"),
                Err(unfair) => println!("{unfair}; once more"),
            }
        }
    });
}

async fn compare(scripted: &Arc<Scripted>) -> Result<(), String> {
    let alone = measure(scripted, &[]).await;
    print(0, &alone);
    for callers in [1, 4] {
        let felt = measure(scripted, &HOSTILE[..callers]).await;
        print(callers, &felt);
        let parties = 1 + callers as u32;
        let bound = alone.p99 * parties + ALLOWANCE;
        if felt.p99 > bound {
            return Err(format!("{felt:?}, at most {bound:?} expected"));
        }
        // Half of a fair share, since the machine does other things too.
        let share = alone.per_second / f64::from(2 * parties);
        if felt.per_second < share {
            return Err(format!("{felt:?}, at least {share:.0} calls/s expected"));
        }
    }
    Ok(())
}

fn print(callers: usize, felt: &Felt) {
    println!(
        "{callers} endless scripts: {:6.0} calls/s, median {:6.1?}, p99 {:6.1?}, worst {:6.1?}",
        felt.per_second, felt.median, felt.p99, felt.worst
    );
}
