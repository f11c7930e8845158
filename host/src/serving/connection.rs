//! One generation of a connection: everything about it that is decided once
//! per load and not per call.

use std::collections::HashMap;
use std::sync::Arc;

use super::connection_limits::Channel;
use super::credentials::{Armed, Credentials};
use super::keeping::place;
use crate::config::ConnectionConfig;
use crate::http::Target;
use crate::script::Script;

/// A connection, ready to deliver.
#[derive(Debug)]
pub struct ConnectionGeneration {
    /// What its tenant's file says.
    pub config: ConnectionConfig,
    /// The settings as the adapter gets them.
    pub settings: String,
    /// What requests are signed with, and what of it must not appear anywhere.
    pub credentials: Credentials,
    /// Where requests go.
    pub target: Target,
    /// Mapping scripts by operation.
    pub scripts: HashMap<String, Script>,
    /// Reply scripts by operation.
    pub replies: HashMap<String, Script>,
    /// HTTP pool and limits.
    pub channel: Channel,
}

impl ConnectionGeneration {
    /// The same connection with another mapping of one operation, and no reply
    /// scripts: for trying a script that does not serve.
    pub fn with_mapping(&self, operation: &str, script: Script) -> Self {
        Self {
            config: self.config.clone(),
            settings: self.settings.clone(),
            credentials: self.credentials.beside(),
            target: self.target.clone(),
            scripts: HashMap::from([(operation.to_owned(), script)]),
            replies: HashMap::new(),
            channel: self.channel.clone(),
        }
    }

    /// Everything that requests are signed with now, and their redactor.
    pub fn armed(&self) -> Arc<Armed> {
        self.credentials.armed()
    }

    /// What its account is without its secrets, as a hash: adapter, URL, settings.
    pub fn place(&self) -> String {
        place(&self.config)
    }

    /// Every script of it.
    pub fn all_scripts(&self) -> impl Iterator<Item = &Script> {
        self.scripts.values().chain(self.replies.values())
    }
}
