//! A message that is about something else than records: signed and sent as theirs are.

use std::time::Instant;

use bytes::Bytes;

use super::answer::{Follows, follows};
use super::sender::{TIMEOUT, client};
use super::{message, seconds};
use crate::config::{HostNetwork, NotifyConfig};
use crate::http::Client;

/// The way to where a tenant wants to hear of something.
pub(crate) struct Courier<'c> {
    config: &'c NotifyConfig,
    client: Client,
}

impl<'c> Courier<'c> {
    /// By a tenant's setting.
    ///
    /// # Errors
    /// If nothing can be sent by it.
    pub fn new(config: &'c NotifyConfig, network: &HostNetwork) -> Result<Self, String> {
        let client = client(config, network)?;
        Ok(Self { config, client })
    }

    /// Sends a message once.
    pub async fn send(&self, id: &str, body: &Bytes) -> Follows {
        match message::outgoing(self.config, id, seconds(), body) {
            Some(outgoing) => {
                let sent = self.client.send_until(outgoing, Instant::now() + TIMEOUT);
                follows(sent.await, seconds())
            }
            None => Follows::nowhere(),
        }
    }
}
