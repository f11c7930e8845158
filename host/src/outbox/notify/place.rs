//! How far a tenant's receiver was told. It is on disk before a message leaves,
//! and after it was taken.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::{Shared, now};
use crate::problem::Problem;

/// What the notes of places are called, before the tenant's name.
const NOTE: &str = "notify/";

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Everything up to here was told, was not wanted, or was given up.
    pub after: u64,
    /// The message that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Bounds>,
    /// The mark of the setting whose receiver wants nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<String>,
    /// Events were left out since the last message that was taken.
    #[serde(default)]
    pub missed: bool,
}

/// Which events are in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bounds {
    /// Those that are wanted up to here.
    pub to: u64,
    /// The message's id.
    pub id: String,
    /// The mark of the setting that says what is wanted.
    pub mark: String,
}

impl Place {
    /// Nothing before is told.
    pub fn at(after: u64) -> Self {
        Self {
            after,
            message: None,
            gone: None,
            missed: false,
        }
    }

    /// Writes it down.
    pub async fn save(&self, shared: &Shared, tenant: &str) -> Result<(), Problem> {
        let name = format!("{NOTE}{tenant}");
        let value = serde_json::to_vec(self).unwrap_or_default();
        shared
            .with(move |store| store.set_note(&name, Some(value), now()))
            .await
    }
}

impl Bounds {
    /// A message that was not there before.
    pub fn new(to: u64, mark: &str) -> Self {
        Self {
            to,
            id: super::message_id(),
            mark: mark.to_owned(),
        }
    }
}

/// Every tenant's place.
pub(super) async fn all(shared: &Shared) -> Result<BTreeMap<Arc<str>, Place>, Problem> {
    let notes = shared.with(|store| store.notes()).await?;
    let places = notes.into_iter().filter_map(|(name, value)| {
        let tenant = name.strip_prefix(NOTE)?;
        Some((tenant.into(), serde_json::from_slice(&value).ok()?))
    });
    Ok(places.collect())
}

/// One tenant's place.
pub(super) async fn one(shared: &Shared, tenant: &str) -> Result<Option<Place>, Problem> {
    Ok(all(shared).await?.remove(tenant))
}

/// Removes a place.
pub(super) async fn forget(shared: &Shared, tenant: &str) -> Result<(), Problem> {
    let name = format!("{NOTE}{tenant}");
    shared
        .with(move |store| store.set_note(&name, None, now()))
        .await
}
