//! `stand-ins`: all platforms on one port, until Ctrl-C.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use crossdock_stand_ins::{Options, StandIns};

/// Stand-ins of the platforms that crossdock speaks to: strict, stateful, and
/// able to misbehave (see /_control).
#[derive(Parser)]
#[command(name = "stand-ins", version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9700")]
    listen: SocketAddr,
    /// Keep no log of requests: for benchmarks.
    #[arg(long)]
    quiet: bool,
    /// JSON file with accounts and everything the documents leave open.
    #[arg(long)]
    options: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut options = match &arguments.options {
        None => Options::default(),
        Some(path) => {
            let text = std::fs::read(path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            serde_json::from_slice(&text).with_context(|| {
                format!("{} does not hold the stand-ins' options", path.display())
            })?
        }
    };
    options.listen = arguments.listen;
    options.quiet |= arguments.quiet;
    let stand_ins = StandIns::start(options)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    for name in stand_ins.names() {
        println!("{name:<10} {}", stand_ins.base_url(name));
    }
    println!("{:<10} http://{}/_control", "control", stand_ins.address());
    stop_signal().await.context("cannot wait for Ctrl-C")?;
    stand_ins.stop().await;
    Ok(())
}

/// Ctrl-C, or SIGTERM where there is one.
async fn stop_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
