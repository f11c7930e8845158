//! `cargo xtask soak`: a host is killed again and again while records are queued
//! and while platforms misbehave, and everything it said of them is held against
//! what the platforms keep. Ends with a failure if anything does not fit.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use crossdock_tests::soak::{Soak, host_binary};

/// Kills the host while it takes in and delivers records, and compares what it
/// says of them with what the platforms keep.
#[derive(Parser)]
#[command(name = "cargo xtask soak")]
struct Arguments {
    /// How often the host is killed, at least
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    kills: u32,
    /// Records that are queued, at least
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    items: u32,
    /// Draws records, faults and kills; that of a run that failed repeats them
    #[arg(long)]
    seed: Option<u32>,
    /// Longest that everything may take, in minutes
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_080))]
    minutes: u32,
    /// The host's binary; that of target/debug if it is not given
    #[arg(long, value_name = "FILE")]
    host: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let soak = Soak {
        binary: arguments.host.unwrap_or_else(host_binary),
        items: arguments.items as usize,
        kills: arguments.kills as usize,
        seed: arguments.seed.unwrap_or_else(of_now).into(),
        patience: Duration::from_secs(60 * u64::from(arguments.minutes)),
        tells: true,
    };
    println!(
        "seed {}: {} records, {} kills",
        soak.seed, soak.items, soak.kills
    );
    let found = soak.run().await?;
    println!("\n{found}");
    found.hold()?;
    println!("nothing lost, nothing applied twice that must not be, the order of each thing kept");
    Ok(())
}

/// A seed that another run does not have.
fn of_now() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(1, |now| now.as_millis() as u32)
}
