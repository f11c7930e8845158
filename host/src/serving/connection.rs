//! One generation of a connection: everything about it that is decided once
//! per load and not per call.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::connection_limits::Channel;
use super::keeping::place;
use crate::config::{ConnectionConfig, Secret};
use crate::http::Target;
use crate::redact::Redactor;
use crate::script::Script;

/// A connection, ready to deliver.
#[derive(Debug)]
pub struct ConnectionGeneration {
    /// What its tenant's file says.
    pub config: ConnectionConfig,
    /// The settings as the adapter gets them.
    pub settings: String,
    /// The secrets as `keys` gets them.
    pub secrets: Arc<BTreeMap<String, Secret>>,
    /// Where requests go.
    pub target: Target,
    /// What must not appear anywhere.
    pub redactor: Redactor,
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
            secrets: self.secrets.clone(),
            target: self.target.clone(),
            redactor: self.redactor.scope(),
            scripts: HashMap::from([(operation.to_owned(), script)]),
            replies: HashMap::new(),
            channel: self.channel.clone(),
        }
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
