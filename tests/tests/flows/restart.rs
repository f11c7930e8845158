//! What becomes of ticks, and of a file that is being written, over a kill.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::client::Client;
use crossdock_tests::process::Serving;
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::{until_async, until_within};
use serde_json::Value;

use crate::setting::{Erp, PENDING, bed, flow, tenant};

const TARGETS: &str = r#"[ { connection = "mini", operation = "keyed", script = "update.jq" } ]"#;

const MINUTE: u64 = 60_000;

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a time after 1970").as_millis() as u64
}

async fn serve(bed: &Bed) -> Serving {
    Serving::start(Path::new(&bed.path("")))
        .await
        .checked()
        .await
}

/// The flow, with its newest runs.
async fn shown(client: &Client) -> Option<Value> {
    client.get("/v1/acme/flows/stock").await.ok()
}

/// The times for which there are runs, oldest first.
fn ticks(flow: &Value) -> Vec<u64> {
    let runs = flow["newest"].as_array().into_iter().flatten();
    let mut ticks: Vec<u64> = runs.filter_map(|run| run["tick_ms"].as_u64()).collect();
    ticks.sort_unstable();
    ticks
}

/// Has the flow's newest tick lie back, as if the host had been down since.
fn was_down(bed: &Bed, since: u64) {
    let file = rusqlite::Connection::open(bed.path("data/outbox/outbox.db")).expect("its file");
    let since = i64::try_from(since).expect("a time of these days");
    let changed = file.execute("UPDATE flow SET last_tick = ?1, made = ?1", [since]);
    assert_eq!(changed.expect("it is changed"), 1);
}

/// A host that was down for some minutes: the ticks that passed, and the flow once
/// it has done what its rule says of them.
async fn after_minutes(trigger: &str, done: impl Fn(&Value, &[u64]) -> bool) -> (Vec<u64>, Value) {
    let (erp, mini) = (Erp::start().await, Recorder::start().await);
    let bed = bed();
    let flow = flow(trigger, PENDING, TARGETS, "");
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &tenant(&erp, &[("mini", &mini)], &flow),
    );
    let host = serve(&bed).await;
    let client = host.client();
    until_async("the flow to be there", async || shown(&client).await).await;
    host.kill().await;
    // No minute begins before the host is there again.
    until_async("a minute's beginning", async || {
        (now() % MINUTE < 40_000).then_some(())
    })
    .await;
    let since = (now() / MINUTE - 4) * MINUTE + 1;
    was_down(&bed, since);
    let passed = (since / MINUTE + 1..=now() / MINUTE).map(|minute| minute * MINUTE);
    let passed: Vec<u64> = passed.collect();
    let host = serve(&bed).await;
    let client = host.client();
    let flow = until_async("the ticks to be run or passed by", async || {
        let flow = shown(&client).await?;
        done(&flow, &passed).then_some(flow)
    })
    .await;
    host.kill().await;
    (passed, flow)
}

/// Ticks that passed while the host was down and have a run.
fn run_of(flow: &Value, passed: &[u64]) -> Vec<u64> {
    let ticks = ticks(flow).into_iter();
    ticks.filter(|tick| passed.contains(tick)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_that_passed_while_the_host_was_down_follow_their_rule_over_a_restart() {
    for trigger in [
        "every = \"1m\"",
        "cron = \"* * * * *\"\ntimezone = \"Asia/Shanghai\"",
    ] {
        let all = format!("{trigger}\nmissed = \"all\"");
        let (passed, flow) = after_minutes(&all, |flow, passed| {
            run_of(flow, passed).len() == passed.len()
        })
        .await;
        assert!(passed.len() >= 4);
        assert_eq!(run_of(&flow, &passed), passed, "{all}");

        let once = format!("{trigger}\nmissed = \"once\"");
        let (passed, flow) = after_minutes(&once, |flow, _| !ticks(flow).is_empty()).await;
        assert_eq!(run_of(&flow, &passed), passed[passed.len() - 1..], "{once}");

        let none = format!("{trigger}\nmissed = \"none\"");
        let (passed, flow) = after_minutes(&none, |flow, passed| {
            flow["ticks_skipped"].as_u64() >= Some(passed.len() as u64)
        })
        .await;
        assert_eq!(run_of(&flow, &passed), [0; 0], "{none}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_during_a_run_that_a_kill_cut_off_is_left_out_or_run_afterwards() {
    for (overlap, queued) in [("skip", false), ("queue", true)] {
        let (erp, mini) = (Erp::start().await, Recorder::start().await);
        erp.change("1", 69, 7);
        erp.stock().closed = true;
        let bed = bed();
        // What passed while the host was down is another matter.
        let trigger = format!("every = \"2s\"\nmissed = \"none\"\noverlap = \"{overlap}\"");
        let flow = flow(&trigger, PENDING, TARGETS, "");
        bed.put_tenant(
            "acme",
            "tenant.toml",
            &tenant(&erp, &[("mini", &mini)], &flow),
        );
        let host = serve(&bed).await;
        let client = host.client();
        let run = until_async("a run that is held up", async || {
            let flow = shown(&client).await?;
            (flow["state"] == "retrying").then(|| flow["run"].as_u64())?
        })
        .await;
        host.kill().await;
        let host = serve(&bed).await;
        let client = host.client();
        let again = until_async("the run to go on", async || {
            let flow = shown(&client).await?;
            (flow["run"].as_u64() == Some(run)).then(now)
        })
        .await;
        until_async("two ticks", async || (now() > again + 4_100).then_some(())).await;
        erp.stock().closed = false;
        // Its outcomes may come later than its end, so it is looked at.
        let mut busy = again;
        let free = until_async("the run to be over", async || {
            let asked = now();
            let under_way = shown(&client).await?["run"].as_u64() == Some(run);
            busy = if under_way { asked } else { busy };
            (!under_way).then(now)
        })
        .await;
        let (first, next) = until_async("the run after it", async || {
            let path = "/v1/acme/flows/stock/runs?limit=100";
            let runs = client.get(path).await.ok()?;
            let runs = runs["runs"].as_array()?.clone();
            // Newest first.
            let at = runs.iter().position(|known| known["run"] == run)?;
            let next = runs.get(at.checked_sub(1)?)?;
            next["ended_ms"].as_u64()?;
            Some((runs[at].clone(), next.clone()))
        })
        .await;
        let tick = next["tick_ms"].as_u64().expect("its tick");
        match queued {
            true => assert!(tick <= free, "{free}: {first} {next}"),
            false => assert!(tick > busy, "{busy}: {first} {next}"),
        }
        // Ticks that are run afterwards are run as one.
        if !queued {
            let flow = shown(&client).await.expect("the flow");
            assert!(flow["ticks_skipped"].as_u64() > Some(0), "{flow}");
        }
        host.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_run_writes_has_every_record_once_after_kills() {
    const ROWS: usize = 2_000;
    const KILLS: u64 = 3;
    // Each page is written down four times.
    const SO_FAR: Duration = Duration::from_secs(120);
    let shop = Recorder::start().await;
    let bed = bed();
    let folder = bed.path("tenants/acme/in");
    std::fs::create_dir_all(&folder).expect("a folder");
    let rows: String = (0..ROWS).map(|row| format!("s{row:05}\n")).collect();
    let file = folder.join("stock.csv");
    std::fs::write(&file, format!("sku\n{rows}")).expect("a file");
    let opened = std::fs::File::options().write(true).open(&file);
    let past = SystemTime::now() - Duration::from_secs(60);
    let opened = opened.expect("it is there");
    opened.set_modified(past).expect("a time");
    let shop = connection("mini", "test-adapter", &shop.base_url(), "");
    let flow = "[flows.stock]\npage = 10\nfrom = { folder = \"in\" }\nto = [ { file = \"out/stock.ndjson\" } ]\n";
    bed.put_tenant("acme", "tenant.toml", &format!("{shop}{flow}"));
    let mut run = None;
    for kill in 0..=KILLS {
        let host = serve(&bed).await;
        let client = host.client();
        let number = match &run {
            Some(number) => *number,
            None => {
                until_async("the flow to be there", async || shown(&client).await).await;
                let begun = client.post("/v1/acme/flows/stock/run", "").await;
                let begun = begun.expect("a run")["run"].as_u64().expect("its number");
                *run.insert(begun)
            }
        };
        let path = format!("/v1/acme/flows/stock/runs/{number}");
        let wanted = (ROWS as u64 / 10) * (kill + 1) / (KILLS + 2);
        let report = until_within("the run to come so far", SO_FAR, async || {
            let report = client.get(&path).await.ok()?;
            let far = match kill {
                KILLS => report["state"] == "done",
                _ => report["pages"].as_u64() >= Some(wanted),
            };
            far.then_some(report)
        })
        .await;
        if kill < KILLS {
            assert_eq!(report["state"], "running", "it is killed in the middle");
        } else {
            assert_eq!(report["counts"]["sent"], ROWS as u64, "{report}");
            // What it did before the kills is not forgotten.
            let took = report["stages"]["targets_ms"].as_u64();
            assert!(took > Some(0), "{report}");
        }
        host.kill().await;
    }
    let out = bed.path("tenants/acme/out");
    let names = std::fs::read_dir(&out).expect("a folder");
    let names: Vec<_> = names
        .map(|name| name.expect("a name").file_name())
        .collect();
    let name = format!("stock-{}.ndjson", run.expect("a run"));
    assert_eq!(names, [std::ffi::OsString::from(&name)]);
    let text = std::fs::read_to_string(out.join(name)).expect("the file");
    let expected: String = (0..ROWS)
        .map(|row| format!("{{\"sku\":\"s{row:05}\"}}\n"))
        .collect();
    assert!(text == expected, "{} lines", text.lines().count());
}
