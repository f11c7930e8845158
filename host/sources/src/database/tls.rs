//! The encrypted connection to a server whose certificate is checked.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::{DatabaseUrl, Stream};
use crate::failure::Failure;

/// Goes on encrypted.
pub(super) async fn wrap(
    url: &DatabaseUrl,
    stream: Box<dyn Stream>,
    tls: Arc<ClientConfig>,
) -> Result<Box<dyn Stream>, Failure> {
    let name = ServerName::try_from(url.host().to_owned())
        .map_err(|_| Failure::setting(format!("{:?} is no server's name", url.host())))?;
    let wrapped = TlsConnector::from(tls).connect(name, stream).await;
    let wrapped = wrapped.map_err(|error| {
        Failure::unavailable(format!(
            "no encrypted connection to {url} comes about: {error}"
        ))
    })?;
    Ok(Box::new(wrapped))
}
