//! `crossdock serve`.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use super::failure::{Exit, Failure, Finished};
use super::loaded;
use super::terminal::{Paint, print};
use super::{Global, LogFormat};
use crate::api::{self, Server, TokenMode};
use crate::host::Host;

pub(super) async fn run(global: &Global, listen: Option<SocketAddr>) -> Finished {
    let mut config = global.config()?;
    if let Some(listen) = listen {
        config.listen = listen;
    }
    let listener = api::bind(config.listen).await?;
    let host = Host::start(config, true).await?;
    let server = Server::new(listener, host.clone())?;
    let (address, mode) = (server.address(), server.token_mode());
    match global.log_format {
        LogFormat::Text => print(&banner(Paint::stdout(), &host, address, mode)?)?,
        // What loaded and what did not is in the log already.
        LogFormat::Json => tracing::info!(%address, access = mode.sentence(), "listening"),
    }

    warn_of_closed_tenants(&host, address);
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let signals = tokio::spawn(signals(stop.clone(), cut.clone()));
    let cut_off = server.run(stop, cut).await;
    signals.abort();
    if cut_off > 0 {
        tracing::error!(
            cut_off,
            "calls were cut off; what they sent may have been applied"
        );
        return Ok(Exit::Error);
    }
    tracing::info!("every call has ended");
    Ok(Exit::Done)
}

/// What was loaded, what was refused, and where to call.
fn banner(
    paint: Paint,
    host: &Host,
    address: SocketAddr,
    mode: TokenMode,
) -> Result<String, Failure> {
    Ok(format!(
        "crossdock {}\n\n{}\n{}\naccess: {}\nlistening on http://{address}\n",
        env!("CARGO_PKG_VERSION"),
        loaded::plugins(paint, &loaded::views(&host.plugins())?),
        loaded::tenants(paint, &host.tenants()),
        mode.sentence(),
    ))
}

/// A tenant without tokens is for callers on this machine; where others can
/// call, it answers nobody.
fn warn_of_closed_tenants(host: &Host, address: SocketAddr) {
    if address.ip().to_canonical().is_loopback() {
        return;
    }
    for (name, tenant) in &host.snapshot().tenants {
        if tenant.config.tokens.is_empty() {
            tracing::warn!(
                tenant = &**name,
                "it has no tokens, so every call for it is refused; `crossdock token new` makes one"
            );
        }
    }
}

/// The first signal ends serving in good order, the second at once.
async fn signals(stop: CancellationToken, cut: CancellationToken) {
    for token in [stop, cut] {
        if let Err(error) = signal().await {
            tracing::warn!(%error, "signals cannot be received; kill the process to end it");
            return;
        }
        token.cancel();
    }
}

#[cfg(unix)]
async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
