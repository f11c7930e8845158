//! A plain connection for what is not HTTP: a database is reached by the same
//! rules.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

use super::address::permitted;
use super::net_failure;
use super::tls::platform_roots;

/// Most addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;

/// Connects to a host's port, within a bound of time. Private addresses are
/// reached only where that is allowed. The error is a sentence.
pub(crate) async fn dial(
    host: &str,
    port: u16,
    allow_private: bool,
    patience: Duration,
) -> Result<TcpStream, String> {
    let deadline = Instant::now() + patience;
    let addresses: Vec<SocketAddr> = match timeout_at(deadline, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            return Err(format!(
                "the name `{host}` {}",
                net_failure::unresolved(&error)
            ));
        }
        Err(_) => {
            return Err(format!(
                "the name `{host}` did not resolve within {patience:?}"
            ));
        }
    };
    let addresses = permitted(addresses, allow_private).map_err(|(address, kind)| {
        format!(
            "`{host}` is at {address}, {kind}, and is not called; set allow_private = true beside its URL if that is meant"
        )
    })?;
    let mut why = "it has no address".to_owned();
    for address in addresses.into_iter().take(MOST_ADDRESSES) {
        match timeout_at(deadline, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // A socket that refuses the option works all the same.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => why = net_failure::unreachable(&error).to_owned(),
            Err(_) => {
                why = format!("nothing answers within {patience:?}");
                break;
            }
        }
    }
    Err(format!("no connection to `{host}` port {port}: {why}"))
}

/// Whom such a connection trusts: the platform's roots. Nothing is said of the
/// protocol that is spoken in it.
pub(crate) fn dial_tls() -> Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    let made = CONFIG.get_or_init(|| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .ok()?
            .with_root_certificates(Arc::clone(platform_roots()))
            .with_no_client_auth();
        Some(Arc::new(config))
    });
    made.clone()
        .ok_or_else(|| "this build of TLS cannot be used".to_owned())
}
