//! Ten thousand tenants with a script each: how long the host takes to start,
//! what it then occupies, how fast tenants are served that were not called
//! lately, and what a neighbour feels of a tenant whose scripts run out of time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use crossdock::host::Host;
use crossdock::plugin::script_engine::ScriptSpec;
use crossdock::report::DeliveryStatus;
use crossdock_stand_ins::{Options, StandIns};
use crossdock_tests::bed::{Bed, call, connection};

use crate::direct::loader;
use crate::figures::{Figures, Goal};
use crate::scripts::engine;

/// Tenants with a script of their own.
const TENANTS: usize = 10_000;

/// Tenants that are called, spread over all.
const SAMPLE: usize = 1000;

/// Scripts kept warm to see what one occupies.
const WARM: usize = 200;

/// Longest until all serve, before the measurement fails.
const BOUND: Duration = Duration::from_secs(120);

/// How long a neighbour is watched.
const WINDOW: Duration = Duration::from_secs(3);

const ROW: &str = r#"{"item":"12345678901234567890","spec":"8G","on_hand":22,"reserved":2,"shop":"aaa","kind":"normal"}"#;

/// Four fields, and a text that no other tenant has.
fn script(tenant: usize) -> String {
    format!(
        "# of tenant {tenant}\n{{sku: \"\\(.item)^^^\\(.spec)\", quantity: ([.on_hand - .reserved, 0] | max), location: .shop, type: .kind}}\n"
    )
}

pub fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    figures.section(&format!("{TENANTS} tenants with a script each"));
    let options = Options {
        quiet: true,
        ..Options::default()
    };
    let platforms = StandIns::start_in_background(options, 1)?;
    let bed = Bed::with_plugins(&["lingzhi", "script-jq"]);
    bed.configure("");
    let folder = bed.path("tenants");
    for tenant in 0..TENANTS {
        write(
            &folder,
            &format!("t{tenant:05}"),
            &script(tenant),
            &platforms,
        )?;
    }
    write(&folder, "hostile", "last(range(1e15))", &platforms)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Compiled code is in the cache from the second start on.
        let empty = Bed::with_plugins(&["lingzhi", "script-jq"]);
        let none = Host::start(empty.config(), false).await?;
        let alone = resident()?;
        drop(none);
        let started = Instant::now();
        let host = Host::start(bed.config(), true).await?;
        // On a slow machine it serves before all are loaded.
        loop {
            let serving = host.snapshot().tenants.len();
            if serving == TENANTS + 1 {
                break;
            }
            ensure!(started.elapsed() < BOUND, "{serving} tenants serve");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let seconds = started.elapsed().as_secs_f64();
        figures.add("start, plugins compiled too", seconds, "s");
        figures.goal("10,000 tenants start (s)", seconds, Goal::AtMost(30.0));
        let loaded = resident()?;
        figures.add("resident, no tenants", alone, "MiB");
        figures.add("resident, all loaded", loaded, "MiB");
        figures.add(
            "resident per tenant, loaded",
            (loaded - alone) * 1024.0 / TENANTS as f64,
            "KiB",
        );
        calls(figures, &host, "not called lately", TENANTS / SAMPLE).await?;
        calls(figures, &host, "called just now", 0).await?;
        let served = resident()?;
        figures.add(
            format!("resident, after {SAMPLE} were called"),
            served,
            "MiB",
        );
        figures.goal(
            "10,000 tenants resident (MiB)",
            served,
            Goal::AtMost(1024.0),
        );
        swap(figures, &host, &folder).await?;
        neighbour(figures, &host).await
    })?;
    drop(runtime);
    warm(figures)
}

fn write(folder: &Path, tenant: &str, script: &str, platforms: &StandIns) -> anyhow::Result<()> {
    let dir = folder.join(tenant);
    std::fs::create_dir(&dir)?;
    std::fs::write(dir.join("stock.jq"), script)?;
    let keys = "mappings = { \"stock.update\" = \"stock.jq\" }";
    let text = connection("shop", "lingzhi", &platforms.base_url("lingzhi"), keys);
    std::fs::write(dir.join("tenant.toml"), text)?;
    Ok(())
}

/// Calls tenants, every so many of them; 0: one of them again and again.
async fn calls(figures: &mut Figures, host: &Host, which: &str, step: usize) -> anyhow::Result<()> {
    let mut took = Vec::with_capacity(SAMPLE);
    for n in 0..SAMPLE {
        let tenant = format!("t{:05}", n * step);
        let started = Instant::now();
        let report = host
            .call(call(&tenant, "shop", "stock.update", ROW))
            .await?;
        took.push(started.elapsed());
        ensure!(report.status == DeliveryStatus::Accepted, "{report:?}");
    }
    tell(figures, &format!("call of a tenant {which}"), &mut took);
    Ok(())
}

/// From a saved script to the first call that it serves.
async fn swap(figures: &mut Figures, host: &Host, folder: &Path) -> anyhow::Result<()> {
    let mut took = Vec::new();
    for n in 0..20 {
        let tenant = format!("t{:05}", n * 7);
        let text = script(TENANTS + n);
        let beside = folder.with_file_name("beside.jq");
        std::fs::write(&beside, text)?;
        let started = Instant::now();
        std::fs::rename(&beside, folder.join(&tenant).join("stock.jq"))?;
        loop {
            let report = host
                .call(call(&tenant, "shop", "stock.update", ROW))
                .await?;
            if report.generations.tenant == 2 {
                break;
            }
            ensure!(started.elapsed() < WINDOW * 10, "the script is not taken");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        took.push(started.elapsed());
    }
    tell(figures, "a changed script serves", &mut took);
    Ok(())
}

fn tell(figures: &mut Figures, what: &str, took: &mut [Duration]) -> f64 {
    took.sort();
    let at = |part: usize| took[(took.len() - 1) * part / 100].as_secs_f64() * 1e3;
    figures.add(format!("{what}, median"), at(50), "ms");
    figures.add(format!("{what}, p99"), at(99), "ms")
}

/// A tenant's calls alone, and beside four callers whose script never ends.
async fn neighbour(figures: &mut Figures, host: &Host) -> anyhow::Result<()> {
    let mut alone = watched(host).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let hostile: Vec<_> = (0..4)
        .map(|_| {
            let (host, stop) = (host.clone(), stop.clone());
            tokio::spawn(async move {
                let mut failed = 0;
                while !stop.load(Ordering::Relaxed) {
                    let call = call("hostile", "shop", "stock.update", ROW);
                    let report = host.call(call).await;
                    failed += usize::from(report.is_ok_and(|report| {
                        report.items[0].code.as_deref() == Some("script-deadline")
                    }));
                }
                failed
            })
        })
        .collect();
    let mut beside = watched(host).await?;
    stop.store(true, Ordering::Relaxed);
    for hostile in hostile {
        ensure!(
            hostile.await? > 0,
            "the hostile script did not run out of time"
        );
    }
    tell(figures, "neighbour's call, alone", &mut alone);
    let p99 = tell(
        figures,
        "neighbour's call, beside endless scripts",
        &mut beside,
    );
    figures.goal(
        "neighbour's p99 beside endless scripts (ms)",
        p99,
        Goal::AtMost(20.0),
    );
    Ok(())
}

async fn watched(host: &Host) -> anyhow::Result<Vec<Duration>> {
    let host = host.clone();
    let calling = tokio::spawn(async move {
        let begun = Instant::now();
        let mut took = Vec::new();
        while begun.elapsed() < WINDOW {
            let started = Instant::now();
            host.call(call("t00001", "shop", "stock.update", ROW))
                .await?;
            took.push(started.elapsed());
        }
        anyhow::Ok(took)
    });
    calling.await?
}

/// What an idle warm script occupies.
fn warm(figures: &mut Figures) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (loader, _dir) = loader(256)?;
        let engine = engine(&loader, "script-jq").await?;
        let keep = async |tenant: usize| {
            let spec = ScriptSpec {
                tenant: format!("t{tenant}").into(),
                id: tenant as u64,
                source: Arc::new(script(tenant)),
                context: Arc::new("{}".to_owned()),
                tables: Arc::default(),
            };
            let mut lease = engine
                .lease(&spec)
                .await
                .map_err(|e| anyhow::anyhow!("{e:?}"))?;
            lease
                .apply(&[ROW.to_owned()], None)
                .await
                .context("the script runs")?;
            anyhow::Ok(())
        };
        keep(0).await?;
        let before = resident()?;
        for tenant in 1..=WARM {
            keep(tenant).await?;
        }
        let each = (resident()? - before) * 1024.0 / WARM as f64;
        figures.add("resident per idle warm script", each, "KiB");
        figures.goal("idle warm script (KiB)", each, Goal::AtMost(2048.0));
        Ok(())
    })
}

/// Resident memory of this process, in MiB.
fn resident() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .and_then(|line| line.split_whitespace().next())
        .context("the system does not say how much memory is resident")?
        .parse()?;
    Ok(kib / 1024.0)
}
