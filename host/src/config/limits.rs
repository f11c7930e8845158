//! The tables of limits: the host's own, a connection's, and those of its outbox.
//!
//! A row is a limit: its field, the key in the file, the unit that the key's
//! number is in, the least and the most it may be, the number where the file
//! says nothing (or in parentheses what then holds), and what it bounds.
//! Reading, defaults and the tables in `docs/` are all made of these rows. A
//! message about an unknown key lists the keys in the order of the rows.

use std::time::Duration;

use super::MIB;
use super::mistakes::Report;
use super::reader::Section;

macro_rules! limits {
    (
        $(#[$about:meta])*
        $name:ident
        $(
            $field:ident: $type:ty =
                $key:literal, $unit:ident $least:literal..=$most:literal, $default:tt,
                $meaning:literal;
        )*
    ) => {
        $(#[$about])*
        pub struct $name {
            $(
                #[doc = concat!(
                    "`", $key, "`, ", $least, " to ", $most,
                    ", default: ", default!(shown $default), ". ", $meaning, ".",
                )]
                pub $field: $type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: default!($unit $default),)*
                }
            }
        }

        impl $name {
            /// What the section says, and the default of what it leaves out.
            pub(super) fn read(mut section: Section, report: &mut Report) -> Self {
                let mut limits = Self::default();
                $(
                    if let Some(number) = section.integer(report, $key, $least..=$most) {
                        limits.$field = $unit(number);
                    }
                )*
                section.finish(report);
                limits
            }

            /// The rows of the table in the documentation.
            #[cfg(test)]
            const ROWS: &str = concat!($(
                "| `", $key, "` | ", $least, "–", $most, " | ", default!(shown $default),
                " | ", $meaning, " |\n",
            )*);
        }
    };
}

/// The default of a row, as a value in a unit or as the documentation shows it.
macro_rules! default {
    (shown ($absent:literal)) => {
        $absent
    };
    (shown $number:literal) => {
        $number
    };
    ($unit:ident ($absent:literal)) => {
        None
    };
    ($unit:ident $number:literal) => {
        $unit($number)
    };
}

limits! {
    /// `[limits]` of `crossdock.toml`. Every bound has a default.
    #[derive(Debug, Clone)]
    HostLimits

    guest_deadline: Duration = "guest_deadline_ms", ms 1..=60_000, 500,
        "guest time that one call into a plugin may take";
    // A 32-bit guest cannot address more.
    guest_memory: usize = "guest_memory_mb", mib 1..=4096, 64,
        "memory one instance of a plugin may grow to";
    guest_output: usize = "guest_output_mb", mib 1..=1024, 16,
        "most that one guest call may hand to the host";
    warm_instances: usize = "warm_instances", count 0..=100_000, 256,
        "idle instances kept of each kind (adapters, scripts), over all tenants; at most \
         a quarter of `guest_instances` counts";
    warm_memory: usize = "warm_memory_mb", mib 0..=1_048_576, 512,
        "memory of the idle instances of each kind, over all tenants; the ones unused for \
         longest go first";
    guest_instances: u32 = "guest_instances", count 1..=100_000, 1024,
        "instances alive at once, idle ones included";
    request_body: usize = "request_body_mb", mib 1..=1024, 8,
        "largest body of an inbound call, and largest `--input`";
    items_per_call: usize = "items_per_call", count 1..=1_000_000, 10_000,
        "most items in one call";
    documents_per_call: usize = "documents_per_call", count 1..=10_000_000, 100_000,
        "most documents that a script may make of one call's items";
    call_memory: usize = "call_memory_mb", mib 1..=65_536, 64,
        "memory for what one call keeps from its items to its answer: documents, pages, \
         results, messages";
    response_body: usize = "response_body_mb", mib 1..=1024, 8,
        "largest answer of a platform, on the wire and decoded";
    call_timeout: Duration = "call_timeout_ms", ms 1..=3_600_000, 60_000,
        "longest a call may take, with scripts, turns, attempts and pauses; what is known \
         by then is answered within two seconds";
    check_timeout: Duration = "check_timeout_ms", ms 1..=600_000, 30_000,
        "processor time for checking one candidate: a plugin's golden examples together; \
         a tenant's scripts and their tests together; each file of tests in `crossdock \
         script test`. Waiting for others does not count, up to four times as long";
    startup_wait: Duration = "startup_wait_ms", ms 0..=600_000, 10_000,
        "longest that `serve` waits at its start for what is still being compiled and \
         checked";
    shutdown: Duration = "shutdown_ms", ms 0..=600_000, 15_000,
        "how long calls in flight, and queued requests under way, may finish after \
         SIGTERM; the process ends after `shutdown_ms` and 10 s at the latest";
    follow_ups: usize = "follow_up_requests", count 0..=10_000, 100,
        "most follow-up requests (pages, read-backs) of one request";
    longest_pause: Duration = "longest_pause_ms", ms 1..=86_400_000, 600_000,
        "longest pause of a connection that a throttling platform is granted, whatever it \
         asks for. Another `base_url`, setting or secret of the connection ends a pause";
    plugin_size: usize = "plugin_mb", mib 1..=1024, 64,
        "largest plugin file";
    compile_memory: usize = "compile_memory_mb", mib 32..=1_048_576, 1024,
        "memory that compiling one plugin may take; two are compiled at once";
    compile_timeout: Duration = "compile_timeout_ms", ms 100..=3_600_000, 120_000,
        "longest that compiling one plugin may take";
    compiled_code: u64 = "compiled_code_mb", mib 0..=1_048_576, 1024,
        "compiled code kept in `code/`; what was unused for longest goes first";
    calls_memory: usize = "calls_memory_mb", mib 1..=1_048_576, 512,
        "what all calls that are being received or worked on hold together; at least \
         `request_body_mb` counts. A caller beyond it waits up to 5 s, then gets 503 \
         `host-busy`";
    connections: usize = "connections", count 1..=100_000, 768,
        "inbound connections open at once. Leave room below the number of open files the \
         system allows (`ulimit -n`, often 1024): platforms' connections and files need a \
         part";
    connections_per_address: usize = "connections_per_address", count 1..=100_000, 512,
        "of one address; of one /64 network for IPv6";
    event_streams: usize = "event_streams", count 1..=10_000, 64,
        "event streams open at once, see [http-api.md](http-api.md#events); each takes one \
         of `connections`";
    event_streams_per_tenant: usize = "event_streams_per_tenant", count 1..=10_000, 8,
        "of one tenant; of the administrator for all tenants";
    outbox_attempts: Duration = "outbox_hours", hours 1..=8760, 72,
        "how long the outbox tries a record again; then it is `failed`";
    outbox_history: Duration = "outbox_days", days 1..=3650, 30,
        "how long the outbox keeps a delivery with which nothing is left to do";
    outbox_size: u64 = "outbox_mb", mib 16..=1_048_576, 1024,
        "size of the outbox above which such deliveries go earlier, the oldest first";
    outbox_tenant: u64 = "outbox_tenant_mb", mib 1..=1_048_576, 1024,
        "what the waiting and dead records of one tenant may take in the outbox; beyond it, \
         that tenant gets 507 `outbox-tenant-full`";
}

limits! {
    /// `[connections.NAME.limits]`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    ConnectionLimits

    requests_per_minute: Option<u32> = "requests_per_minute", count 1..=1_000_000, ("not limited"),
        "requests that leave, evenly spaced: 60 is one per second, not 60 at once";
    concurrency: usize = "concurrency", count 1..=1024, 4,
        "requests in flight at once; also the idle connections that are kept";
    timeout: Duration = "timeout_ms", ms 1..=600_000, 10_000,
        "one request, from connecting to the last byte of the answer";
    connect_timeout: Duration = "connect_timeout_ms", ms 1..=600_000, 3000,
        "name, TCP and TLS together";
    attempts: u32 = "attempts", count 1..=20, 3,
        "most attempts within one call";
    response_body: Option<usize> = "response_body_mb", mib 1..=1024, ("the host's"),
        "largest answer in MiB, if lower than the host's own limit";
}

limits! {
    /// `[connections.NAME.outbox]`, apart from `default`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    ConnectionOutbox

    gather: Duration = "gather_ms", ms 0..=10_000, 200,
        "how long a record waits for others of its operation, to leave in one request with \
         them; as many as the adapter allows leave at once";
    first_pause: Duration = "first_pause_ms", ms 1..=3_600_000, 1000,
        "pause before a record goes again; it doubles with each attempt, and a random part \
         of it is taken";
    longest_pause: Duration = "longest_pause_ms", ms 1..=86_400_000, 900_000,
        "the longest such pause. What the platform asks for may be longer";
    give_up: Option<Duration> = "give_up_hours", hours 1..=8760, ("the host's"),
        "age at which a record that fails again is `failed`; otherwise `outbox_hours` of \
         the host's `[limits]`";
    breaker_requests: usize = "breaker_requests", count 0..=1000, 20,
        "the newest requests by whose share of failures queued deliveries are broken off; \
         0: they never are";
    breaker_percent: usize = "breaker_percent", count 1..=100, 50,
        "that share, in percent";
    breaker_pause: Duration = "breaker_pause_ms", ms 100..=3_600_000, 30_000,
        "time after which one request finds out whether the platform works again";
}

/// A number that was checked against its row's range, as its field has it.
trait Amount {
    fn of(number: u64) -> Self;
}

impl Amount for u32 {
    fn of(number: u64) -> Self {
        number as Self
    }
}

impl Amount for u64 {
    fn of(number: u64) -> Self {
        number
    }
}

impl Amount for usize {
    fn of(number: u64) -> Self {
        number as Self
    }
}

impl<N: Amount> Amount for Option<N> {
    fn of(number: u64) -> Self {
        Some(N::of(number))
    }
}

/// The unit of keys that end with no unit.
fn count<N: Amount>(number: u64) -> N {
    N::of(number)
}

/// The unit of keys that end with `_mb`.
fn mib<N: Amount>(number: u64) -> N {
    N::of(number * MIB as u64)
}

/// The unit of keys that end with `_hours`.
fn hours<T: From<Duration>>(number: u64) -> T {
    Duration::from_secs(number * 60 * 60).into()
}

/// The unit of keys that end with `_days`.
fn days(number: u64) -> Duration {
    hours(number * 24)
}

/// The unit of keys that end with `_ms`.
fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ConnectionLimits, ConnectionOutbox, HostLimits};

    /// With this variable in the environment, the tables are written.
    const WRITE: &str = "CROSSDOCK_WRITE_DOCS";

    #[test]
    fn the_documentation_has_these_tables() {
        for (page, heading, rows) in [
            ("configuration.md", "## `[limits]`\n", HostLimits::ROWS),
            ("tenants.md", "## `limits`\n", ConnectionLimits::ROWS),
            ("tenants.md", "## `outbox`\n", ConnectionOutbox::ROWS),
        ] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../docs")
                .join(page);
            let text = std::fs::read_to_string(&path).unwrap();
            let (before, found, after) = table_below(&text, heading);
            if std::env::var_os(WRITE).is_some() {
                std::fs::write(&path, [before, rows, after].concat()).unwrap();
            } else {
                assert!(
                    found == rows,
                    "the table below {heading}of docs/{page} is not made of the rows of \
                     host/src/config/limits.rs; to write it, run\n  \
                     {WRITE}=1 cargo test -p crossdock --lib config::limits"
                );
            }
        }
    }

    /// The rows of the first table below a heading, and what is around them.
    fn table_below<'t>(text: &'t str, heading: &str) -> (&'t str, &'t str, &'t str) {
        const RULE: &str = "|---|---|---|---|\n";
        let section = text.find(heading).unwrap();
        let start = section + text[section..].find(RULE).unwrap() + RULE.len();
        let end = start + text[start..].find("\n\n").unwrap() + 1;
        (&text[..start], &text[start..end], &text[end..])
    }
}
