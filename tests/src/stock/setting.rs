//! The tenant's file and scripts, the ERP's articles.

use std::path::PathBuf;

use crossdock_stand_ins::StandIns;
use crossdock_stand_ins::platforms::wangdian::Wangdian;

use super::SHOPS;
use crate::bed::Bed;
use crate::client::Client;
use crate::platforms::{Connection, TENANT, put_tenant};

/// The store of everything.
pub const STORE: &str = "S1";

/// The flow. It reads what changed, asks for each article's stock, gives it to
/// three shops, and tells the ERP what they made of it.
pub const FLOW: &str = r#"
[flows.stock]
every = "1s"
changes_only = true
page = 200
from = { connection = "wangdian", operation = "stock.pending", input = { count = 200 }, records = "/id_list", cursor = { from = "/position", to = "/position", start = 0 } }
steps = [ { connection = "wangdian", operation = "stock.calc", script = "pending-to-calc.jq" } ]
to = [
  { connection = "lingzhi", operation = "stock.update", script = "erp-to-mini.jq" },
  { connection = "fengchao", operation = "stock.update", script = "erp-to-region.jq" },
  { connection = "dingliyun", operation = "stock.update", script = "erp-to-shop.jq" },
]
confirm = { connection = "wangdian", operation = "stock.confirm", script = "confirm.jq", wait = "10m" }
"#;

/// A second flow. Its records change a stock by something, so that none may come
/// twice.
pub const MOVEMENTS: &str = r#"
[flows.movements]
every = "1s"
page = 25
from = { folder = "movements", settle = "1s" }
to = [ { connection = "fengchao", operation = "stock.update", script = "movement.jq" } ]
"#;

/// Its script.
const MOVEMENT: &str = "{sku: .sku, quantity: .by, mode: \"adjust\"}\n";

/// What the shop calls an article that is moved.
pub fn movement_sku(article: i64) -> String {
    format!("m-{article}")
}

/// Its scripts.
pub const SCRIPTS: [(&str, &str); 5] = [
    ("pending-to-calc.jq", "{api_goods_id: .}\n"),
    (
        "erp-to-mini.jq",
        "{sku: \"\\(.rec_id)^^^红色\", location: \"S1\", quantity: .syn_stock}\n",
    ),
    (
        "erp-to-shop.jq",
        "{sku: \"a-\\(.rec_id)\", location: \"S1\", quantity: .syn_stock}\n",
    ),
    (
        "erp-to-region.jq",
        "{sku: \"a-\\(.rec_id)\", quantity: .syn_stock}\n",
    ),
    (
        "confirm.jq",
        r#"# A newer number went in the place of this one: it will be confirmed itself.
if any(.outcomes[]; .status == "superseded") then empty else
  (.outcomes | all(.status == "accepted" or .status == "duplicate" or .status == "unchanged")) as $taken
  | .record
  | {
      api_goods_id: .rec_id, success: $taken,
      syn_stock, stock_change_count, stock_syn_rule_id, stock_syn_rule_no, stock_syn_warehouses,
      stock_syn_mask, stock_syn_percent, stock_syn_plus, stock_syn_min, stock_syn_max,
      is_auto_listing, is_auto_delisting
    }
end
"#,
    ),
];

/// A host's folder with the flow, and an ERP with articles of which none waits.
pub fn bed(stand_ins: &StandIns, articles: usize) -> Bed {
    let mut plugins = SHOPS.to_vec();
    plugins.extend(["wangdian", "script-jq"]);
    let bed = Bed::with_plugins(&plugins);
    bed.share_compiled_code();
    bed.configure("");
    let connections = ["wangdian"].into_iter().chain(SHOPS);
    let connections: Vec<Connection> = connections
        .map(|platform| {
            Connection::to(platform)
                .limit("timeout_ms", 3_000)
                .limit("concurrency", 16)
        })
        .collect();
    for (file, text) in SCRIPTS {
        bed.put_tenant(TENANT, file, text);
    }
    put_tenant(&bed, stand_ins, &connections);
    let file = bed.path(format!("tenants/{TENANT}/tenant.toml"));
    let text = std::fs::read_to_string(file).expect("the tenant's file");
    bed.put_tenant(TENANT, "movement.jq", MOVEMENT);
    std::fs::create_dir_all(movements(&bed)).expect("a folder");
    let text = format!("{text}{FLOW}{MOVEMENTS}");
    bed.put_tenant(TENANT, "tenant.toml", &text);
    let erp = stand_ins.wangdian();
    erp.clear_pending();
    for article in 1..=articles as i64 {
        erp.put_api_goods(article, 0);
    }
    bed
}

/// The folder that the second flow reads.
pub fn movements(bed: &Bed) -> PathBuf {
    bed.path(format!("tenants/{TENANT}/movements"))
}

/// Whether the host has checked everything.
pub async fn serves(client: &Client) -> bool {
    let ready = client.get("/readyz").await;
    let checking = |ready: &serde_json::Value, what: &str| ready[what].get("checking").is_some();
    ready.is_ok_and(|ready| !checking(&ready, "plugins") && !checking(&ready, "tenants"))
}

/// How often the stock of an article has changed in the ERP.
pub fn count(erp: &Wangdian, article: i64) -> i64 {
    let goods = erp.api_goods(article);
    let count = goods.and_then(|goods| goods.row["stock_change_count"].as_i64());
    count.unwrap_or_default()
}
