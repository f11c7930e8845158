//! Files replaced while calls run, and what the calls saw.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossdock::host::Host;
use crossdock::report::{ItemStatus, Report};
use serde_json::Value;

use crate::bed::{Bed, call};
use crate::echo::Echo;
use crate::guests::test_adapter;

/// What is done to the host.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Clients that call without pause.
    pub clients: usize,
    /// Calls at least, over all clients.
    pub calls: usize,
    /// Times the adapter's file is replaced.
    pub adapter_swaps: usize,
    /// Times the script's file is replaced.
    pub script_swaps: usize,
}

/// What the calls saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Calls answered.
    pub calls: usize,
    /// What was wrong with each call that failed or mixed generations.
    pub wrong: Vec<String>,
    /// From the adapter file's rename to the end of the first call on it.
    pub adapter_swaps: Vec<Duration>,
    /// From the script file's rename to the end of the first call on it.
    pub script_swaps: Vec<Duration>,
}

/// The median and the worst of some times.
pub fn median_and_worst(times: &[Duration]) -> (Duration, Duration) {
    let mut sorted = times.to_vec();
    sorted.sort();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    (median, sorted.last().copied().unwrap_or_default())
}

/// What one call's answer says about the versions that served it.
struct Answer {
    adapter: String,
    script: String,
}

/// Runs the plan on a host with the test adapter and the jq engine.
pub async fn swap_under_load(plan: Plan) -> Seen {
    let echo = Arc::new(Echo::start().await.expect("an echo server"));
    let bed = Bed::with_plugins(&["script-jq"]);
    bed.put_plugin("test-adapter", &test_adapter("normal", "a0"));
    put_script(&bed, "s0");
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &format!(
            r#"
            [connections.shop]
            adapter = "test-adapter"
            base_url = "{}"
            allow_private = true
            secrets = {{ secret = {{ file = "secret.txt" }} }}
            [connections.shop.mappings]
            "echo" = "map.jq"
            [connections.shop.limits]
            concurrency = 64
            "#,
            echo.base_url()
        ),
    );
    bed.put_tenant("acme", "secret.txt", "not-to-be-seen");
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &std::fs::read_to_string(bed.path("tenants/acme/tenant.toml")).expect("just written"),
    );
    let host = bed.host().await;
    assert_eq!(host.snapshot().tenants.len(), 1, "{:?}", host.tenants());

    let done = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..plan.clients)
        .map(|_| tokio::spawn(client(host.clone(), done.clone(), count.clone())))
        .collect();

    let mut seen = Seen::default();
    let swaps = plan.adapter_swaps.max(plan.script_swaps);
    for swap in 1..=swaps {
        // Spread over the whole load.
        let before = plan.calls * swap / (swaps + 1);
        crate::wait::until("enough calls", || {
            (count.load(Ordering::Relaxed) >= before).then_some(())
        })
        .await;
        if swap <= plan.adapter_swaps {
            let label = format!("a{swap}");
            let bytes = test_adapter("normal", &label);
            let started = Instant::now();
            bed.put_plugin("test-adapter", &bytes);
            seen.adapter_swaps
                .push(first_call(&host, started, |answer| answer.adapter == label).await);
        }
        if swap <= plan.script_swaps {
            let label = format!("s{swap}");
            let started = Instant::now();
            put_script(&bed, &label);
            seen.script_swaps
                .push(first_call(&host, started, |answer| answer.script == label).await);
        }
    }
    crate::wait::until("all calls", || {
        (count.load(Ordering::Relaxed) >= plan.calls).then_some(())
    })
    .await;
    done.store(true, Ordering::Relaxed);
    for client in clients {
        seen.wrong
            .extend(client.await.expect("a client does not panic"));
    }
    seen.calls = count.load(Ordering::Relaxed);
    seen
}

fn put_script(bed: &Bed, label: &str) {
    bed.put_tenant(
        "acme",
        "map.jq",
        &format!("{{n: .number, script: \"{label}\", repeatable: true}}"),
    );
}

/// Calls until the answer is of the new generation; the time from `started`.
async fn first_call(host: &Host, started: Instant, is_new: impl Fn(&Answer) -> bool) -> Duration {
    loop {
        let answer = ask(host, 0).await.unwrap_or_else(|wrong| panic!("{wrong}"));
        if is_new(&answer) {
            return started.elapsed();
        }
        assert!(
            started.elapsed() < crate::wait::BOUND,
            "{:?} {:?}",
            host.plugins(),
            host.tenants()
        );
    }
}

async fn client(host: Host, done: Arc<AtomicBool>, count: Arc<AtomicUsize>) -> Vec<String> {
    let mut wrong = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let number = count.fetch_add(1, Ordering::Relaxed);
        if let Err(why) = ask(&host, number).await {
            wrong.push(why);
        }
    }
    wrong
}

/// One call; an error when it failed or when two generations had a part in it.
async fn ask(host: &Host, number: usize) -> Result<Answer, String> {
    let body = format!(r#"{{"number":{number}}}"#);
    let report: Report = host
        .call(call("acme", "shop", "echo", body))
        .await
        .map_err(|problem| problem.to_string())?;
    let item = &report.items[0];
    if item.status != ItemStatus::Accepted {
        return Err(format!("{item:?}"));
    }
    let data: Value = item
        .data
        .as_ref()
        .and_then(|data| serde_json::from_str(data.get()).ok())
        .ok_or("no data")?;
    let text = |pointer: &str| {
        data.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let (parsed, mapped, signed) = (text("/generation"), text("/reply/map"), text("/reply/sign"));
    let script = text("/reply/sent/0/script");
    let labelled = report.generations.adapter.clone();
    let sent = data.pointer("/reply/sent/0/n").map(ToString::to_string);
    if parsed != mapped || parsed != signed || !labelled.contains(&parsed) {
        return Err(format!("generations mixed: {data} under {labelled}"));
    }
    if sent != Some(number.to_string()) {
        return Err(format!("call {number} was answered with {data}"));
    }
    Ok(Answer {
        adapter: parsed,
        script,
    })
}
