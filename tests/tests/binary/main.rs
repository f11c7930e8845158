//! The `crossdock` command as people and programs start it.
//!
//! * [`serving`]: the host, from its first line to its exit code.
//! * [`tokens`]: who may call it.
//! * [`bulk`]: bodies and files of one item a line.
//! * [`commands`]: everything that needs no server.
//! * [`deliveries`]: records that were taken in, and the file in which they are.

// Ending a host in good order is asked for with a signal.
#![cfg(unix)]

mod bulk;
mod commands;
mod deliveries;
mod serving;
mod tokens;

use crossdock_stand_ins::{Options, StandIns};
use crossdock_tests::bed::{Bed, connection};

/// The stock records of a warehouse in the tenant's own field names.
const RECORDS: &str = r#"[
  {"货品": "1^^^8G", "可用": 20, "仓": "aaa"},
  {"货品": "3539925204033339668^^^红", "可用": 0, "仓": "bbb"}
]"#;

const STOCK_SCRIPT: &str = r#"{sku: ."货品", quantity: ."可用", location: ."仓"}"#;

/// A tenant that sends stock to the lingzhi stand-in.
async fn shop(more: &str) -> (Bed, StandIns) {
    let platforms = StandIns::start(Options::default()).await.unwrap();
    let bed = Bed::with_plugins(&["lingzhi", "script-jq"]);
    bed.share_compiled_code();
    bed.configure("");
    bed.put_tenant("acme", "stock.jq", STOCK_SCRIPT);
    let text = connection(
        "shop",
        "lingzhi",
        &platforms.base_url("lingzhi"),
        "mappings = { \"stock.update\" = \"stock.jq\" }",
    );
    bed.put_tenant("acme", "tenant.toml", &format!("{more}{text}"));
    (bed, platforms)
}
