//! Instructions of one whole call in the host's process: unlike times, they are
//! the same on a busy machine.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context;
use crossdock_stand_ins::{Options, StandIns};
use crossdock_tests::bed::Bed;
use crossdock_tests::process::Serving;
use tokio::process::Command;

use crate::calls::{call, pool, shop};
use crate::figures::Figures;

/// Calls of the two runs. What both have in common, loading and the first
/// calls, is not in their difference.
const FEW: u32 = 200;
const MANY: u32 = 1200;

/// Few instances, because valgrind has less address space; and time, because
/// under it everything takes some forty times as long.
const LIMITS: &str = "[limits]\nguest_instances = 8\nguest_deadline_ms = 10000\n";

pub async fn measure(figures: &mut Figures) -> anyhow::Result<()> {
    figures.section("Whole calls, one after the other: instructions in the host's process");
    if !is_installed().await {
        println!("left out: this needs valgrind, which is not installed");
        return Ok(());
    }
    let options = Options {
        quiet: true,
        ..Options::default()
    };
    let platforms = StandIns::start_in_background(options, 1)?;
    let bed = Bed::with_plugins(&["lingzhi"]);
    bed.configure(LIMITS);
    bed.put_tenant("acme", "tenant.toml", &shop(&platforms.base_url("lingzhi")));
    // Compiles the adapter, which valgrind need not watch.
    serve_and_stop(&bed, Command::new(host()?), 1).await?;
    let few = instructions(&bed, FEW).await?;
    let many = instructions(&bed, MANY).await?;
    let per_call = (many - few) / f64::from(MANY - FEW);
    figures.add("whole calls, crossdock, 1 row", per_call, "instructions");
    Ok(())
}

async fn is_installed() -> bool {
    let mut command = Command::new("valgrind");
    command.arg("--version").stdout(Stdio::null());
    command.status().await.is_ok_and(|status| status.success())
}

/// The binary beside this one, which was built in the same profile.
fn host() -> anyhow::Result<PathBuf> {
    let name = format!("crossdock{}", std::env::consts::EXE_SUFFIX);
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// Instructions of a host that serves so many calls and nothing else.
async fn instructions(bed: &Bed, calls: u32) -> anyhow::Result<f64> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=callgrind.out"])
        .arg(host()?);
    let said = serve_and_stop(bed, valgrind, calls).await?;
    let total = said
        .lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    total.with_context(|| format!("valgrind counted nothing: {said}"))
}

/// Gives what the host, and what runs it, wrote to standard error.
async fn serve_and_stop(bed: &Bed, command: Command, calls: u32) -> anyhow::Result<String> {
    let host = Serving::start_with(command, &bed.path("")).await;
    let url = format!("{}/v1/acme/shop/stock.update", host.base_url);
    let pool = pool();
    for _ in 0..calls {
        call(&pool, &url).await?;
    }
    host.terminate().await;
    Ok(host.ended().await.stderr)
}
