//! `cargo xtask soak`: a host is killed again and again while records are queued
//! and while platforms misbehave, and everything it said of them is held against
//! what the platforms keep. Ends with a failure if anything does not fit.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use crossdock_tests::month::Month;
use crossdock_tests::soak::{Soak, host_binary};
use crossdock_tests::stock::Stock;

/// Kills the host while it takes in and delivers records, and compares what it
/// says of them with what the platforms keep. With --flows, a flow brings stock
/// from an ERP to three shops, and at the end all of them have to agree. With
/// --credentials, tokens live two seconds for as many lifetimes as a month has
/// of two hours, and no call may be lost to one that could have been renewed.
#[derive(Parser)]
#[command(name = "cargo xtask soak")]
struct Arguments {
    /// Stock by a flow, while it keeps changing in the ERP
    #[arg(long)]
    flows: bool,
    /// A month of tokens that are renewed all the time
    #[arg(long, conflicts_with = "flows")]
    credentials: bool,
    /// How often the host is killed, at least; 50, 10 with --flows, and 30 with --credentials
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    kills: Option<u32>,
    /// Records that are queued, at least; 20,000, 2,000 articles with --flows, and 360 lifetimes of a token with --credentials
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    items: Option<u32>,
    /// Rounds of changes in the ERP, with --flows
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: u32,
    /// Without kills and faults, with --flows: nothing at all may be sent twice
    #[arg(long, requires = "flows", conflicts_with = "kills")]
    calm: bool,
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
    if arguments.flows {
        return flows(arguments).await;
    }
    if arguments.credentials {
        return credentials(arguments).await;
    }
    let soak = Soak {
        binary: arguments.host.unwrap_or_else(host_binary),
        items: arguments.items.unwrap_or(20_000) as usize,
        kills: arguments.kills.unwrap_or(50) as usize,
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

/// Stock from an ERP to three shops.
async fn flows(arguments: Arguments) -> anyhow::Result<()> {
    let stock = Stock {
        binary: arguments.host.unwrap_or_else(host_binary),
        articles: arguments.items.unwrap_or(2_000) as usize,
        rounds: arguments.rounds as usize,
        kills: match arguments.calm {
            true => 0,
            false => arguments.kills.unwrap_or(10) as usize,
        },
        seed: arguments.seed.unwrap_or_else(of_now).into(),
        calm: arguments.calm,
        patience: Duration::from_secs(60 * u64::from(arguments.minutes)),
        tells: true,
    };
    println!(
        "seed {}: {} articles, {} rounds of changes, {} kills",
        stock.seed, stock.articles, stock.rounds, stock.kills
    );
    let found = stock.run().await?;
    println!("\n{found}");
    found.hold()?;
    println!(
        "every shop has the stock of the ERP, every confirmation matches, no older number came after a newer one, \
         no change by something came twice, and no total was sent again whose end was written down"
    );
    Ok(())
}

/// A month of short tokens.
async fn credentials(arguments: Arguments) -> anyhow::Result<()> {
    let month = Month {
        binary: arguments.host.unwrap_or_else(host_binary),
        lifetimes: arguments.items.unwrap_or(360),
        lifetime: Duration::from_secs(2),
        kills: arguments.kills.unwrap_or(30),
        seed: arguments.seed.unwrap_or_else(of_now).into(),
        patience: Duration::from_secs(60 * u64::from(arguments.minutes)),
        tells: true,
    };
    println!(
        "seed {}: {} lifetimes of {:?}, {} kills",
        month.seed, month.lifetimes, month.lifetime, month.kills
    );
    let found = month.run().await?;
    println!("\n{found}");
    found.hold()?;
    println!(
        "no call lost to a token that could have been renewed, no refresh token used twice with success, no token in any output"
    );
    Ok(())
}

/// A seed that another run does not have.
fn of_now() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(1, |now| now.as_millis() as u32)
}
