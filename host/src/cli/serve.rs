//! `crossdock serve`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::failure::{Exit, Failure, Finished};
use super::loaded;
use super::logging;
use super::signals::Signals;
use super::terminal::{Paint, print};
use super::{Global, LogFormat};
use crate::api::{self, Control, Server, TokenMode};
use crate::config::{HostConfig, load_host};
use crate::host::Host;
use crate::log::panics;
use crate::outbox;
use crate::problem::Problem;
use crate::vital::{Part, Trouble};

/// How long spans may take to be sent at the end.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// How long flows may take to end: they go on from the disk at the next start.
const LAST_FLOWS: Duration = Duration::from_secs(2);

/// How long the end takes at most beyond `[limits] shutdown_ms`, which callers and
/// queued requests share: one after the other, answers leave, flows
/// end, what became of requests is written down, then what connections know, spans
/// are sent, threads end, and the last lines of the log are written.
const AFTER: Duration = api::LAST_ANSWERS
    .saturating_add(outbox::LAST_OUTCOMES)
    .saturating_add(outbox::LAST_LIMITS)
    .saturating_add(LAST_SPANS)
    .saturating_add(LAST_FLOWS)
    .saturating_add(super::LAST_THREADS)
    .saturating_add(logging::LAST_LINES);

pub(super) async fn run(global: &Global, listen: Option<SocketAddr>) -> Finished {
    panics::log();
    let mut signals = Signals::listen();
    let config = config(global, listen)?;
    let listener = api::bind(config.listen).await?;
    let health = match config.health_listen {
        Some(address) => Some(api::bind(address).await?),
        None => None,
    };
    let host = tokio::select! {
        host = start(config) => host?,
        () = signals.stop.cancelled() => {
            tracing::info!("ended before everything was loaded");
            return Ok(Exit::Done);
        }
    };
    let server = Server::new(listener, host.clone())?.with_health(health);
    let (address, mode) = (server.address(), server.token_mode());
    match global.log_format {
        LogFormat::Text => show(banner(Paint::stdout(), &host, &server, mode)?),
        // What loaded and what did not is in the log already.
        LogFormat::Json => tracing::info!(
            %address,
            health = server.health_address().map(tracing::field::display),
            access = mode.sentence(),
            "listening"
        ),
    }

    warn_of_closed_tenants(&host, address);
    for problem in host.warnings() {
        tracing::warn!(code = &*problem.code, problem = %problem.detail, "others may change what this host runs");
    }
    let control = server.control();
    let (stop, cut) = (signals.stop.clone(), signals.cut.clone());
    if let Ok(outbox) = host.outbox() {
        outbox.end_with(stop.clone());
    }
    if let Ok(flows) = host.flows() {
        flows.end_with(stop.clone());
    }
    let until = tokio::spawn(ends(stop.clone(), host.config().limits.shutdown));
    let serving = std::pin::pin!(server.run(stop.clone(), cut.clone()));
    let reloading = std::pin::pin!(async {
        loop {
            signals.hangup().await;
            reload(global, listen, &host, &control).await;
        }
    });
    let supervising = std::pin::pin!(supervise(&host, || stop.cancel()));
    let (cut_off, lost) = join(serving, reloading, supervising).await;
    // Serving ends with the signal only; without it, nobody waits.
    stop.cancel();
    let until = until.await.unwrap_or_else(|_| Instant::now());
    // First, since they put what they have into the outbox.
    let flows = async {
        if let Ok(flows) = host.flows() {
            flows.close(LAST_FLOWS).await;
        }
    };
    // A renewal that is under way may have used up what renews: its answer is worth
    // the same patience.
    let grants = async {
        if let Ok(grants) = host.grants() {
            grants.close(LAST_FLOWS).await;
        }
    };
    tokio::join!(flows, grants);
    if let Ok(outbox) = host.outbox() {
        outbox.close(until, &cut).await;
    }
    host.telemetry().finish(LAST_SPANS).await;
    if cut_off > 0 {
        tracing::error!(
            cut_off,
            "calls were cut off; what they sent may have been applied"
        );
    } else {
        tracing::info!("every call has ended");
    }
    if let Some(part) = lost {
        let lost = Trouble::from(part);
        return Err(anyhow::anyhow!("the host ended by itself: {}", lost.detail).into());
    }
    Ok(if cut_off > 0 { Exit::Error } else { Exit::Done })
}

/// When everything has to have ended: one bound for callers who wait and for
/// queued requests that are under way.
async fn ends(stop: CancellationToken, patience: Duration) -> Instant {
    stop.cancelled().await;
    let at_most = patience.saturating_add(AFTER).as_secs();
    tracing::info!(at_most, "the process ends within so many seconds");
    Instant::now() + patience
}

async fn start(config: HostConfig) -> Result<Host, Problem> {
    Host::start(config, true).await?.with_outbox().await
}

fn config(global: &Global, listen: Option<SocketAddr>) -> Result<HostConfig, Failure> {
    let mut config = global.config()?;
    if let Some(listen) = listen {
        config.listen = listen;
    }
    Ok(config)
}

/// Waits for the end of serving; the two others run beside it. Tells what the
/// second of them found, if it did.
async fn join<T>(
    mut serving: impl Future<Output = usize> + Unpin,
    mut reloading: impl Future<Output = ()> + Unpin,
    mut supervising: impl Future<Output = T> + Unpin,
) -> (usize, Option<T>) {
    let mut found = None;
    loop {
        tokio::select! {
            cut_off = &mut serving => return (cut_off, found),
            () = &mut reloading => {}
            part = &mut supervising, if found.is_none() => found = Some(part),
        }
    }
}

/// Ends serving in good order when a part is lost that the host cannot do
/// without: whoever runs the host starts it again, and it is whole then.
async fn supervise(host: &Host, stop: impl FnOnce()) -> Part {
    let part = host.lost().await;
    let trouble = Trouble::from(part);
    tracing::error!(
        part = trouble.part,
        "the host ends by itself: {}",
        trouble.detail
    );
    stop();
    part
}

/// Reads again what can be read again: the admin tokens, and every file of
/// plugins and tenants.
async fn reload(global: &Global, listen: Option<SocketAddr>, host: &Host, control: &Control<Host>) {
    tracing::info!("SIGHUP: reading every file again");
    match load_host(global.config.as_deref()) {
        Ok(mut config) => {
            if let Some(listen) = listen {
                config.listen = listen;
            }
            for part in config.changed_parts(host.config()) {
                tracing::warn!(
                    part,
                    "this part of crossdock.toml has changed and takes effect when the host is started again"
                );
            }
            control.set_admin_tokens(config.admin_tokens);
        }
        Err(problems) => {
            for problem in problems {
                tracing::error!(%problem, "crossdock.toml is not right; what was read before goes on");
            }
        }
    }
    host.rescan().await;
}

/// Writes what is for people, without waiting for them: a reader that does not
/// read, or a full disk, keeps nobody from serving.
fn show(text: String) {
    let shown = std::thread::Builder::new().name("banner".into()).spawn(move || {
        if print(&text).is_err() {
            tracing::warn!("stdout cannot be written to; what was loaded is in `crossdock plugin list` as well");
        }
    });
    if let Err(error) = shown {
        tracing::warn!(%error, "the system gives no thread to write to stdout");
    }
}

/// What was loaded, what was refused, and where to call.
fn banner(
    paint: Paint,
    host: &Host,
    server: &Server<Host>,
    mode: TokenMode,
) -> Result<String, Failure> {
    let health = server.health_address();
    let health = health.map_or_else(String::new, |address| {
        format!("health checks on http://{address}\n")
    });
    Ok(format!(
        "crossdock {}\n\n{}\n{}\naccess: {}\n{health}listening on http://{}\n",
        env!("CARGO_PKG_VERSION"),
        loaded::plugins(paint, &loaded::views(&host.plugins())?),
        loaded::tenants(paint, &host.tenants()),
        mode.sentence(),
        server.address(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(path: &str) -> String {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        std::fs::read_to_string(folder.join(path)).unwrap()
    }

    #[test]
    fn the_unit_waits_longer_than_the_host_takes_to_end_and_the_documentation_says_how_long() {
        let whole = crate::config::HostLimits::default().shutdown + AFTER;
        let unit = beside("packaging/crossdock.service");
        let waits = unit
            .lines()
            .find_map(|line| line.strip_prefix("TimeoutStopSec="))
            .unwrap();
        assert!(
            Duration::from_secs(waits.parse().unwrap()) > whole,
            "{waits}"
        );
        let image = beside("packaging/Containerfile");
        assert!(
            image.contains(&format!("--stop-timeout={waits} ")),
            "{image}"
        );
        let said = format!("`shutdown_ms` and {} s", AFTER.as_secs());
        for page in [
            "docs/operations.md",
            "docs/outbox.md",
            "docs/configuration.md",
        ] {
            assert!(beside(page).contains(&said), "{page} does not say: {said}");
        }
    }

    #[tokio::test]
    async fn callers_and_queued_requests_have_one_bound_that_begins_with_the_signal() {
        let stop = CancellationToken::new();
        let until = tokio::spawn(ends(stop.clone(), Duration::from_secs(100)));
        stop.cancel();
        let until = until.await.unwrap();
        let left = until.saturating_duration_since(Instant::now());
        assert!(left <= Duration::from_secs(100) && left > Duration::from_secs(50));
    }
}
