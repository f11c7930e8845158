//! Which scripts are known to fail: the log says it once for each version of one,
//! and not for every record and attempt.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use crossdock_store::Lane;

use super::accept::lane;
use crate::serving::route::Route;

/// By lane: the script's version, and whether the log has it.
#[derive(Debug, Default)]
pub(super) struct Told {
    by_lane: Mutex<HashMap<Lane, (String, Arc<AtomicBool>)>>,
}

impl Told {
    /// The same route, of which a failing script is logged once.
    pub fn once(&self, route: Route) -> Route {
        let Some(script) = route.connection.scripts.get(&route.operation) else {
            return route;
        };
        let mut by_lane = self.by_lane.lock().unwrap_or_else(PoisonError::into_inner);
        let known = by_lane.entry(lane(&route)).or_default();
        if known.0 != script.label {
            *known = (script.label.clone(), Arc::default());
        }
        let told = Some(known.1.clone());
        drop(by_lane);
        Route { told, ..route }
    }
}
