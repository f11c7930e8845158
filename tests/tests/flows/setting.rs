//! An ERP, two shops, a tenant with a flow between them, and a host over it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crossdock::flows::shown::RunShown;
use crossdock::host::Host;
use crossdock::problem::Problem;
use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::guests;
use crossdock_tests::recorder::{Recorded, Recorder, Reply};
use crossdock_tests::wait::until_async;
use serde_json::{Value, json};

/// What the ERP knows.
#[derive(Debug, Default)]
pub struct Stock {
    /// Articles with a change that is not confirmed, in their order.
    pub pending: Vec<Value>,
    /// By article.
    pub quantities: BTreeMap<String, u64>,
    /// What it was told.
    pub confirmed: Vec<Value>,
    /// Whether it takes a confirmed article from the list.
    pub keeps_pending: bool,
    /// Whether it calculates nothing now, which holds a run up in the middle.
    pub closed: bool,
    /// Articles that it does not know yet: to calculate one of them is refused.
    pub unknown: BTreeSet<String>,
}

/// The ERP: `/pending`, `/calc`, `/confirm`.
pub struct Erp {
    pub stock: Arc<Mutex<Stock>>,
    pub server: Recorder,
}

impl Erp {
    pub async fn start() -> Self {
        let stock = Arc::new(Mutex::new(Stock::default()));
        let known = stock.clone();
        let server = Recorder::answering(move |request| {
            let mut stock = known.lock().unwrap_or_else(PoisonError::into_inner);
            stock.answer(request)
        })
        .await;
        Self { stock, server }
    }

    /// What it knows now.
    pub fn stock(&self) -> std::sync::MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes an article's quantity.
    pub fn change(&self, sku: &str, shop: u64, quantity: u64) {
        let mut stock = self.stock();
        stock.quantities.insert(sku.to_owned(), quantity);
        stock.pending.push(json!({"sku": sku, "shop_id": shop}));
    }
}

impl Stock {
    fn answer(&mut self, request: &Recorded) -> Reply {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let item = &body[0];
        match &*request.target {
            "/pending" => {
                let from = item["position"].as_u64().unwrap_or(0) as usize;
                let count = item["count"].as_u64().unwrap_or(1000) as usize;
                let from = from.min(self.pending.len());
                let until = (from + count).min(self.pending.len());
                let list = json!({"records": &self.pending[from..until], "position": until});
                Reply::json(list.to_string())
            }
            "/calc" if self.closed => Reply::json(r#"{"outcome":"retry"}"#),
            "/calc" => {
                let sku = item["sku"].as_str().unwrap_or_default();
                if self.unknown.contains(sku) {
                    return Reply::json(
                        r#"{"outcome":"rejected","code":"E4","message":"no such article"}"#,
                    );
                }
                let quantity = self.quantities.get(sku).copied().unwrap_or(0);
                Reply::json(json!({"quantity": quantity}).to_string())
            }
            "/confirm" if item["sku"] == "refused" => {
                Reply::json(r#"{"outcome":"rejected","code":"E9","message":"no"}"#)
            }
            "/confirm" => {
                self.confirmed.push(item.clone());
                if !self.keeps_pending {
                    self.pending.retain(|known| known["sku"] != item["sku"]);
                }
                Reply::json("{}")
            }
            other => panic!("{other}"),
        }
    }
}

/// The flow's file as [`bed`] makes it, with the text of `[flows.stock]`.
pub fn tenant(erp: &Erp, shops: &[(&str, &Recorder)], flow: &str) -> String {
    let path = |path: &str| format!("settings = {{ path = \"{path}\" }}");
    let base = erp.server.base_url();
    let mut text = String::new();
    for name in ["pending", "calc", "confirm"] {
        let more = path(&format!("/{name}"));
        text += &connection(name, "test-adapter", &base, &more);
    }
    for (name, shop) in shops {
        text += &connection(name, "test-adapter", &shop.base_url(), "");
    }
    text + flow
}

/// A folder with everything but the tenant.
pub fn bed() -> Bed {
    let bed = Bed::with_plugins(&["script-jq"]);
    bed.put_plugin("test-adapter", &guests::test_adapter("normal", "a"));
    bed.share_compiled_code();
    bed.configure("limits.guest_instances = 64\nserver.listen = \"127.0.0.1:0\"\n");
    bed.put_tenant("acme", "item.jq", "{sku}");
    bed.put_tenant(
        "acme",
        "update.jq",
        "{sku, quantity: .stock.reply.quantity, repeatable: true}",
    );
    bed.put_tenant(
        "acme",
        "confirm.jq",
        "{sku: .record.sku, repeatable: true, told: [.outcomes[] | {target, status}]}",
    );
    bed
}

/// A source that is read from its beginning in each run.
pub const PENDING: &str =
    r#"{ connection = "pending", operation = "read", records = "/reply/records" }"#;

/// The step that asks for each article's quantity.
pub const STEPS: &str =
    r#"[ { connection = "calc", operation = "read", script = "item.jq", as = "stock" } ]"#;

/// What tells the ERP.
pub const CONFIRM: &str =
    r#"{ connection = "confirm", operation = "keyed", script = "confirm.jq", wait = "10s" }"#;

/// `[flows.stock]` with a trigger, targets, and further keys.
pub fn flow(trigger: &str, source: &str, targets: &str, more: &str) -> String {
    format!("[flows.stock]\n{trigger}\nfrom = {source}\nsteps = {STEPS}\nto = {targets}\n{more}\n")
}

/// A host that serves, in this process.
pub async fn host(bed: &Bed) -> Host {
    let host = bed.host().await.with_outbox().await;
    host.unwrap_or_else(|problem| panic!("{problem}"))
}

/// Runs the flow once, and waits until everything is known of it.
pub async fn run(host: &Host) -> RunShown {
    let flows = host.flows().expect("it has flows");
    let begun = flows.run("acme", "stock", "the test").await;
    let run = begun.unwrap_or_else(|problem| panic!("{problem}")).run;
    ended(host, run).await
}

/// Waits until the flow's run is held up, and says by what.
pub async fn held_up(host: &Host) -> Problem {
    let flows = host.flows().expect("it has flows");
    until_async("the run to be held up", async || {
        let flow = flows.show("acme", "stock").await.ok()?.flow;
        (flow.state == "retrying").then_some(flow.problem?)
    })
    .await
}

/// Begins a run, whatever becomes of it.
pub async fn begin(host: &Host) -> u64 {
    let flows = host.flows().expect("it has flows");
    let begun = flows.run("acme", "stock", "the test").await;
    begun.unwrap_or_else(|problem| panic!("{problem}")).run
}

/// Waits until everything is known of a run.
pub async fn ended(host: &Host, run: u64) -> RunShown {
    let flows = host.flows().expect("it has flows");
    until_async("the run to end", async || {
        let shown = flows.run_report("acme", "stock", run).await.ok()?;
        (shown.ended_ms.is_some() && shown.open_pages == 0).then_some(shown)
    })
    .await
}

/// The items that a platform was sent, in the order of the articles and those
/// of one article as they arrived: two articles may arrive in either order.
pub fn items(platform: &Recorder) -> Vec<Value> {
    let requests = platform.requests();
    let items = requests.iter().flat_map(|request| {
        let items: Vec<Value> = serde_json::from_slice(&request.body).expect("an array");
        items
    });
    let mut items: Vec<Value> = items.collect();
    items.sort_by_key(|item| item["sku"].to_string());
    items
}

/// Articles and quantities that a shop was sent, in the order of the articles.
pub fn quantities(platform: &Recorder) -> Vec<(String, u64)> {
    let items = items(platform).into_iter().map(|item| {
        let sku = item["sku"].as_str().expect("an article").to_owned();
        (sku, item["quantity"].as_u64().expect("a quantity"))
    });
    let mut items: Vec<_> = items.collect();
    items.sort();
    items
}
