//! Lookup tables beside the scripts.

use crossdock::report::DeliveryStatus;
use crossdock_tests::bed::{call, deliver};
use crossdock_tests::guests;
use crossdock_tests::wait::{until, until_async};

use crate::{Shop, problems};

const SCRIPT: &str =
    "{sku, store: $context.tables.stores[.shop].code, rate: $context.tables.rates.cny}";

const KEYS: &str = "mappings = { echo = \"map.jq\" }\n\
                    tables = { stores = \"stores.csv\", rates = \"rates.json\" }";

async fn shop() -> Shop {
    let shop = Shop::new(KEYS).await;
    shop.put("map.jq", SCRIPT);
    shop.put("stores.csv", "shop,code\n北京,0010\n上海,0021\n");
    shop.put("rates.json", "{\"cny\": 7.1000}");
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_looks_values_up_in_the_tenants_tables() {
    let shop = shop().await;
    let host = shop.host().await;
    let report = deliver(
        &host,
        call("acme", "shop", "echo", r#"{"sku":"1","shop":"北京"}"#),
    )
    .await;
    assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
    // Values of a CSV file stay text, numbers of a JSON file keep their digits.
    assert_eq!(
        shop.platform.last().text(),
        r#"[{"sku":"1","store":"0010","rate":7.1000}]"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_table_is_used_and_a_bad_one_is_not() {
    let shop = shop().await;
    let host = shop.bed.host().await;
    let item = || call("acme", "shop", "echo", r#"{"sku":"1","shop":"上海"}"#);
    let sent = async || {
        deliver(&host, item()).await;
        shop.platform.last().text()
    };
    assert!(sent().await.contains("0021"));

    shop.put("stores.csv", "shop,code\n上海,0099\n");
    until_async("the new table", async || {
        sent().await.contains("0099").then_some(())
    })
    .await;

    shop.put("stores.csv", "shop,code\n上海,1\n上海,2\n");
    let problem = until("the table to be refused", || problems(&host).pop()).await;
    assert!(
        problem.contains("stores.csv:3: ") && problem.contains("`上海` is in line 2"),
        "{problem}"
    );
    assert!(sent().await.contains("0099"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_table_keeps_no_other_change_from_serving() {
    let shop = shop().await;
    let host = shop.bed.host().await;
    let item = || call("acme", "shop", "echo", r#"{"sku":"1","shop":"上海"}"#);
    let sent = async || {
        deliver(&host, item()).await;
        shop.platform.last().text()
    };
    assert!(sent().await.contains("0021"));
    shop.put("stores.csv", "shop,code\n上海,1\n上海,2\n");
    until("the table to be told of", || problems(&host).pop()).await;
    // The script and the other table change; what is wrong with the first stays told.
    shop.put("map.jq", &SCRIPT.replace("{sku,", "{sku, new: true,"));
    shop.put("rates.json", "{\"cny\": 7.2}");
    let text = until_async("the new script", async || {
        let text = sent().await;
        (text.contains("\"new\":true") && text.contains("7.2")).then_some(text)
    })
    .await;
    assert!(text.contains("0021"), "{text}");
    let told = problems(&host).concat();
    assert!(
        told.contains("stores.csv:3: ") && told.contains("goes on serving"),
        "{told}"
    );
    shop.put("stores.csv", "shop,code\n上海,0099\n");
    until_async("the mended table", async || {
        sent().await.contains("0099").then_some(())
    })
    .await;
    assert_eq!(problems(&host), [""; 0]);
    // Where nothing served before, there is nothing to go on with.
    shop.put("stores.csv", "shop,code\n上海,1\n上海,2\n");
    let fresh = shop.bed.host().await;
    assert!(problems(&fresh).concat().contains("stores.csv:3: "));
    assert!(fresh.snapshot().tenants.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_a_file_of_the_tenants_own_folder() {
    let shop = shop().await;
    std::fs::write(shop.bed.path("tenants/outside.csv"), "a\n").unwrap();
    for (file, says) in [
        ("../outside.csv", "inside the tenant's own folder"),
        ("gone.csv", "does not exist"),
        ("stores.xlsx", ".csv or .json"),
    ] {
        shop.configure("", &format!("tables.stores = \"{file}\""));
        let problem = problems(&shop.host().await).concat();
        assert!(problem.contains("tenant.toml:6:"), "{problem}");
        assert!(problem.contains("tables.stores"), "{problem}");
        assert!(problem.contains(says), "{problem}");
    }
    shop.configure("", "tables.\"a-b\" = \"stores.csv\"");
    let problem = problems(&shop.host().await).concat();
    assert!(problem.contains("cannot name a table"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_with_a_large_table_stays_warm() {
    let javascript =
        "export default ({sku, shop}, {tables}) => ({sku, store: tables.stores[shop].code});";
    for (language, script) in [("jq", SCRIPT), ("js", javascript)] {
        let engine = format!("script-{language}");
        if !guests::plugin_file(&engine).exists() {
            eprintln!("{engine} is not built, and left out");
            continue;
        }
        let shop = shop().await;
        shop.bed.put_plugin(&engine, &guests::plugin(&engine));
        shop.configure("", &KEYS.replace("map.jq", &format!("map.{language}")));
        shop.put(&format!("map.{language}"), script);
        // Near the bounds: 20000 rows, 1 MiB.
        let rows =
            (0..20_000).map(|row| format!("s{row},{row:05},store {row:05} of the northern city\n"));
        let rows: String = rows.collect();
        shop.put("stores.csv", &format!("shop,code,name\n{rows}"));
        let host = shop.host().await;
        assert_eq!(problems(&host), [""; 0]);
        let item = r#"{"sku":"1","shop":"s19999"}"#;
        deliver(&host, call("acme", "shop", "echo", item)).await;
        assert!(shop.platform.last().text().contains("19999"));
        let mib = host.warm_script_bytes() >> 20;
        assert_eq!(host.warm_instances().1, 1, "{mib} MiB in {language}");
    }
}
