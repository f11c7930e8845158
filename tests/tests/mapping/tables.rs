//! Lookup tables beside the scripts.

use crossdock::report::DeliveryStatus;
use crossdock_tests::bed::{call, deliver};
use crossdock_tests::guests;
use crossdock_tests::wait::{until, until_async};

use crate::large_tables::{KEYS, SCRIPT, rows, shop, table};
use crate::problems;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_did_not_change_is_kept() {
    let shop = shop().await;
    shop.put("stores.csv", &rows(30_000, 60, ""));
    let host = shop.bed.host().await;
    let first = table(&host, "acme");
    shop.put("map.jq", &SCRIPT.replace("{sku,", "{sku, new: true,"));
    let item = || call("acme", "shop", "echo", r#"{"sku":"1","shop":"s29999"}"#);
    let text = until_async("the new script", async || {
        deliver(&host, item()).await;
        let text = shop.platform.last().text();
        text.contains("\"new\":true").then_some(text)
    })
    .await;
    assert!(text.contains("29999"), "{text}");
    assert!(std::sync::Arc::ptr_eq(&first, &table(&host, "acme")));
    // Another file is another table.
    shop.put("stores.csv", &rows(30_001, 60, ""));
    until("the new table", || {
        (table(&host, "acme").rows() == 30_001).then_some(())
    })
    .await;
    assert!(!std::sync::Arc::ptr_eq(&first, &table(&host, "acme")));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_looks_into_anothers_table() {
    let shop = shop().await;
    shop.put(
        "map.jq",
        "{sku, name: $context.tables.stores[.shop].name[:4], has: ($context.tables | keys)}",
    );
    shop.put("stores.csv", &rows(30_000, 60, "acme"));
    let other = crossdock_tests::bed::connection(
        "shop",
        "test-adapter",
        &shop.platform.base_url(),
        "mappings = { echo = \"map.jq\" }\ntables = { stores = \"stores.csv\" }",
    );
    shop.bed.put_tenant("other", "tenant.toml", &other);
    shop.bed.put_tenant(
        "other",
        "map.jq",
        "{sku, name: ($context.tables.stores[.shop].name // \"none\")[:5], has: ($context.tables | keys)}",
    );
    shop.bed
        .put_tenant("other", "stores.csv", &rows(20_500, 60, "other"));
    let host = shop.host().await;
    assert_eq!(problems(&host), [""; 0]);
    for (tenant, row, expected) in [
        (
            "acme",
            "s25000",
            r#"{"sku":"1","name":"acme","has":["rates","stores"]}"#,
        ),
        (
            "other",
            "s20000",
            r#"{"sku":"1","name":"other","has":["stores"]}"#,
        ),
        // A row that only the other one has.
        (
            "other",
            "s25000",
            r#"{"sku":"1","name":"none","has":["stores"]}"#,
        ),
    ] {
        let item = format!("{{\"sku\":\"1\",\"shop\":\"{row}\"}}");
        let report = deliver(&host, call(tenant, "shop", "echo", &item)).await;
        assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
        assert_eq!(shop.platform.last().text(), format!("[{expected}]"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_looks_nothing_up_has_tables_in_its_context() {
    let shop = shop().await;
    shop.bed
        .put_plugin("script-tpl", &guests::fixture("script-tpl"));
    shop.configure("", &KEYS.replace("map.jq", "map.tpl"));
    shop.put("map.tpl", "sku = {sku}\nshop = {$connection}\n");
    // Of middle size: as a whole, as before there were larger ones.
    shop.put("stores.csv", &rows(5_000, 60, ""));
    let host = shop.host().await;
    assert_eq!(problems(&host), [""; 0]);
    deliver(&host, call("acme", "shop", "echo", r#"{"sku":"1"}"#)).await;
    assert_eq!(
        shop.platform.last().text(),
        r#"[{"sku":"1","shop":"shop"}]"#
    );
    shop.put("stores.csv", &rows(30_000, 60, ""));
    let problem = problems(&shop.host().await).concat();
    assert!(
        problem.contains("the table `stores` has 30000 rows") && problem.contains("`.tpl`"),
        "{problem}"
    );
}
