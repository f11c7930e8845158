//! Every metric there is: its name, what kind it is, its labels, and what it
//! says. What `/metrics` answers and the table in `docs/metrics.md` are both made
//! of these rows.

use prometheus_client::metrics::MetricType;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only rises; its name ends with `_total`.
    Counter,
    /// It is what it is now.
    Gauge,
    /// How durations are spread.
    Histogram,
}

impl Kind {
    /// The word of Prometheus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }

    pub(super) fn encoded(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
            Self::Histogram => MetricType::Histogram,
        }
    }
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Its whole name, with its unit.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence.
    pub meaning: &'static str,
}

impl About {
    /// The name without the ending that every counter has.
    pub(super) fn stem(&self) -> &'static str {
        self.name.strip_suffix("_total").unwrap_or(self.name)
    }
}

macro_rules! catalogue {
    ($($id:ident = $kind:ident $name:literal [$($label:literal)*] $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub(super) const $id: About = About {
                name: $name,
                kind: Kind::$kind,
                labels: &[$($label),*],
                meaning: $meaning,
            };
        )*

        /// Every metric.
        pub const ALL: &[About] = &[$($id),*];
    };
}

catalogue! {
    BUILD = Gauge "crossdock_build_info" ["version"]
        "1; the label is the version.";

    CALLS = Counter "crossdock_calls_total" ["tenant" "connection" "operation" "status" "blame"]
        "Calls that were answered. `status` is the delivery's, or `queued`, `known` (queued before under the same key), `dry-run`, `refused`. A call that was refused before its operation was known has no names.";
    ITEMS = Counter "crossdock_items_total" ["tenant" "connection" "operation" "status" "blame"]
        "Items of which it is known what became of them: those of a call when it is answered, queued ones when they end. What is `superseded` or `discarded` has the blame `none`.";
    POSTPONED = Counter "crossdock_items_postponed_total" ["tenant" "connection" "operation" "why" "blame"]
        "Attempts after which a queued item stays in the outbox: `again`, it goes again by itself; `held`, it waits for another script or adapter.";
    REQUESTS = Counter "crossdock_requests_total" ["tenant" "connection" "attempt" "answer"]
        "Requests that were sent to the platform. `attempt` is `first` or `again`; `answer` is the class of the HTTP status, or `none`.";
    THROTTLES = Counter "crossdock_throttles_total" ["tenant" "connection"]
        "Answers in which the platform asked for a pause.";

    ARRIVALS = Counter "crossdock_arrivals_total" ["of" "result"]
        "Messages that others sent by themselves: `of` a `platform`, through its adapter, or of a flow's `webhook`. `result` is `accepted` (on disk), `unverified` (nothing showed who sent it) or `refused`.";
    REPEATS = Counter "crossdock_arrivals_repeated_total" ["of"]
        "Records in them that had come before under the same key.";

    STEP = Histogram "crossdock_step_duration_seconds" ["tenant" "connection" "step"]
        "Time in a sandbox, with waiting for a processor: `script` (a mapping script, once per run), `map`, `sign`, `parse` (each once per guest call).";
    HTTP = Histogram "crossdock_http_duration_seconds" ["tenant" "connection"]
        "One request to the platform, from connecting to the last byte of the answer, or to giving up.";
    TURN = Histogram "crossdock_turn_wait_seconds" ["tenant" "connection"]
        "How long a request waited for its turn: the connection's limits, and pauses that the platform asked for.";
    QUEUE_WAIT = Histogram "crossdock_outbox_wait_seconds" ["tenant" "connection"]
        "From accepting a queued item to its first attempt.";

    GATE = Gauge "crossdock_connection_state" ["tenant" "connection" "state"]
        "1 for the state that a connection is in: `open`, `slowed`, `paused` (its platform asked for it), `broken`, `probing`, `stopped` (it does not accept the credentials). Of `other`, how many are in it.";
    ALLOWED = Gauge "crossdock_connection_requests_allowed" ["tenant" "connection"]
        "Queued requests that may be under way at once: up to `concurrency`, fewer after the platform throttled, 0 while it is broken or stopped.";
    UNDER_WAY = Gauge "crossdock_connection_requests_under_way" ["tenant" "connection"]
        "Queued requests that are under way.";
    GRANTS = Gauge "crossdock_grants" ["state"]
        "Connections whose credentials renew themselves, by how that is: `ready`, `failing`, `missing` (nobody has authorized it yet), `needs-person` (it has to be authorized anew), `revoked`.";
    GRANT_EXPIRES = Gauge "crossdock_grant_expires_timestamp_seconds" ["tenant" "connection"]
        "When a connection's token is over, Unix seconds; absent where the platform does not say. Of `other`, the first of them.";
    GRANT_RENEWALS = Counter "crossdock_grant_renewals_total" ["tenant" "connection" "result"]
        "Requests for a token, by how they ended: `renewed`, `refused` (the platform does not take what it was given), `failed` (it is tried again), `unknown` (no answer came).";

    OUTBOX_ITEMS = Gauge "crossdock_outbox_items" ["tenant" "connection" "state"]
        "Items in the outbox that are open or wait for a person.";
    OUTBOX_OLDEST = Gauge "crossdock_outbox_oldest_seconds" ["tenant" "connection"]
        "Age of the oldest item that is open; absent where none is.";
    OUTBOX_UP = Gauge "crossdock_outbox_up" []
        "1 while the outbox takes records and can be read, 0 while its disk is full or fails, or its file is damaged.";
    OUTBOX_DAMAGED = Gauge "crossdock_outbox_damaged" []
        "1 where the outbox's file is damaged, which does not mend by itself; 0 otherwise.";
    WEBHOOKS = Gauge "crossdock_webhooks" ["state"]
        "Tenants' webhooks (`[notify]`): `working`; `failing`, of which the newest message was not taken and is tried again; `stopped`, whose receivers want no more (HTTP 410) until the setting changes. The log says whose.";

    FLOW_RUNS = Counter "crossdock_flow_runs_total" ["tenant" "flow" "state"]
        "Runs of a flow that have ended: `done`, of which every outcome is known or waited for no longer; `failed`; `stopped`, by a person.";
    FLOW_RECORDS = Counter "crossdock_flow_records_total" ["tenant" "flow" "result"]
        "What these runs counted: records that came `in`; records `unchanged` and `skipped`, of which nothing was sent; items `sent`, and of these `accepted`, `refused` and `waiting`, which have no end yet; records `parked`, `confirmed` and `unconfirmed`, of which the source did not take that or nobody knows; rows and files that were `unreadable`.";
    FLOW_DONE = Gauge "crossdock_flow_last_done_time_seconds" ["tenant" "flow"]
        "When a run last ended as `done`, Unix time; absent until one has since the process began.";
    FLOW_OLDEST = Gauge "crossdock_flow_oldest_run_seconds" ["tenant" "flow"]
        "Age of the oldest run that is under way or waits for outcomes; absent where none is.";
    FLOW_WAITING = Gauge "crossdock_flow_waiting_records" ["tenant" "flow" "state"]
        "Records that are `parked`, or were `received` and are not queued yet.";
    FLOW_SKIPPED = Gauge "crossdock_flow_ticks_skipped" ["tenant" "flow"]
        "Times at which a flow was due and did not run, by its rule, ever.";

    PLUGINS = Gauge "crossdock_plugins" ["state"]
        "Plugin files: `serving`, and `refused`, of which the newest bytes are refused. One may be both.";
    TENANTS = Gauge "crossdock_tenants" ["state"]
        "Tenant folders, likewise.";
    GENERATION = Gauge "crossdock_plugin_generation" ["plugin" "kind"]
        "Number of the generation that serves.";
    RELOADS = Counter "crossdock_reloads_total" ["of" "result"]
        "Changed plugins and tenants: `accepted`, which serve, and `refused`.";

    WARM = Gauge "crossdock_warm_instances" ["kind"]
        "Idle instances of plugins.";
    WARM_BYTES = Gauge "crossdock_warm_script_bytes" []
        "Memory of the idle scripts' instances.";
    GUEST = Counter "crossdock_guest_seconds_total" []
        "Guest time of all plugins and scripts, counted in ticks of a millisecond.";
    MEMORY_USED = Gauge "crossdock_calls_memory_used_bytes" []
        "What calls and batches hold now of `[limits] calls_memory_mb`.";
    MEMORY_LIMIT = Gauge "crossdock_calls_memory_limit_bytes" []
        "What they may hold together.";

    LOG_LOST = Counter "crossdock_log_lines_lost_total" []
        "Log lines that could not be written.";
    RECORDINGS_LOST = Counter "crossdock_recordings_lost_total" []
        "Calls whose items were not recorded for want of room.";
    SPANS_SENT = Counter "crossdock_spans_sent_total" []
        "Spans that the collector took.";
    SPANS_LOST = Counter "crossdock_spans_lost_total" []
        "Spans that were dropped: the queue was full, or the collector did not take them.";
    LABELS_OTHER = Gauge "crossdock_connections_counted_as_other" []
        "Connections beyond `[telemetry] metrics_connections`, which are counted under `other`.";

    CPU = Counter "process_cpu_seconds_total" []
        "Processor time of the process. Linux only, like all below.";
    RESIDENT = Gauge "process_resident_memory_bytes" []
        "Memory of the process that is in RAM.";
    OPEN_FDS = Gauge "process_open_fds" []
        "Open file descriptors, sockets included.";
    MAX_FDS = Gauge "process_max_fds" []
        "How many may be open.";
    STARTED = Gauge "process_start_time_seconds" []
        "When the process began, Unix time.";
    THREADS = Gauge "process_threads" []
        "Threads of the process.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// With this variable in the environment, the table is written.
    const WRITE: &str = "CROSSDOCK_WRITE_DOCS";

    #[test]
    fn the_documentation_has_this_table() {
        const RULE: &str = "|---|---|---|---|\n";
        let row = |about: &About| {
            let labels = about.labels.iter().map(|label| format!("`{label}`"));
            let labels = labels.collect::<Vec<_>>().join(", ");
            let About { name, meaning, .. } = about;
            format!(
                "| `{name}` | {} | {labels} | {meaning} |\n",
                about.kind.as_str()
            )
        };
        let rows: String = ALL.iter().map(row).collect();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let start = text.find(RULE).unwrap() + RULE.len();
        let end = start + text[start..].find("\n\n").map_or(0, |end| end + 1);
        // A table without rows ends where it begins.
        let end = if text[start..].starts_with('\n') {
            start
        } else {
            end
        };
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&path, [&text[..start], &rows, &text[end..]].concat()).unwrap();
        } else {
            assert!(
                text[start..end] == rows,
                "the table of docs/metrics.md is not made of the rows of \
                 host/src/telemetry/catalogue.rs; to write it, run\n  \
                 {WRITE}=1 cargo test -p crossdock --lib telemetry::catalogue"
            );
        }
    }

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let mut names = BTreeSet::new();
        for about in ALL {
            let name = about.name;
            assert!(names.insert(name), "{name} is there twice");
            let allowed = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.chars().all(allowed), "{name}");
            assert!(name.starts_with("crossdock_") || name.starts_with("process_"));
            let is_total = name.ends_with("_total");
            assert_eq!(is_total, about.kind == Kind::Counter, "{name}");
            if about.kind == Kind::Histogram {
                assert!(name.ends_with("_seconds"), "{name}");
            }
            assert!(about.meaning.ends_with('.'), "{name}");
        }
    }
}
