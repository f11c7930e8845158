//! A table as a source, through a whole flow. Where PostgreSQL is not installed, the
//! test says so and passes.

use crossdock_tests::bed::connection;
use crossdock_tests::recorder::Recorder;

use crate::setting::{bed, begin, held_up, host, items, run};

#[allow(dead_code)] // Only one of its servers is asked.
#[path = "../../../host/sources/tests/servers/mod.rs"]
mod servers;

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_table_go_to_a_shop_and_only_newer_ones_the_next_time() {
    let Some(server) = servers::postgres() else {
        return;
    };
    server.run(
        "CREATE TABLE stock (id BIGINT PRIMARY KEY, sku TEXT, quantity NUMERIC(30,10)); \
         INSERT INTO stock VALUES (1, '007', 5), (2, '6912345678901234567', 12345678901234567890.5), (3, 'c', 0);",
    );
    let mini = Recorder::start().await;
    let bed = bed();
    bed.put_tenant("acme", "db.txt", &server.url("erp", "p@ss'word"));
    bed.put_tenant("acme", "row.jq", "{sku, quantity, repeatable: true}");
    let shop = connection("mini", "test-adapter", &mini.base_url(), "");
    let flow = r#"[flows.stock]
page = 2
from = { database = { url = { file = "db.txt" }, query = "SELECT id, sku, quantity FROM stock", cursor = "id", allow_private = true } }
to = [ { connection = "mini", operation = "keyed", script = "row.jq" } ]
"#;
    bed.put_tenant("acme", "tenant.toml", &format!("{shop}{flow}"));
    let host = host(&bed).await;
    let first = run(&host).await;
    assert_eq!(
        (first.state, first.counts.incoming, first.counts.accepted),
        ("done", 3, 3),
        "{first:?}"
    );
    let skus = || -> Vec<String> {
        let items = items(&mini).into_iter();
        items.map(|item| item["sku"].to_string()).collect()
    };
    assert_eq!(skus(), ["\"007\"", "\"6912345678901234567\"", "\"c\""]);
    let bodies: String = mini.requests().iter().map(|it| it.text()).collect();
    assert!(bodies.contains("12345678901234567890.5"), "{bodies}");

    server.run("UPDATE stock SET quantity = 9 WHERE id = 1; INSERT INTO stock VALUES (4, 'd', 1);");
    let second = run(&host).await;
    assert_eq!((second.counts.incoming, skus().len()), (1, 4), "{second:?}");

    // A server that is gone is told of, without its password.
    drop(server);
    begin(&host).await;
    let problem = held_up(&host).await;
    assert_eq!(problem.code, "flow-source-unavailable", "{problem}");
    assert!(!problem.detail.contains("ss'word"), "{problem}");
}
