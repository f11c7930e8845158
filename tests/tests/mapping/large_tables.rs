//! Lookup tables near their bounds, alone and together.

use std::time::{Duration, Instant};

use crossdock::host::Host;
use crossdock::report::DeliveryStatus;
use crossdock_tests::bed::{call, connection, deliver};
use crossdock_tests::guests;
use crossdock_tests::live::base_config;
use crossdock_tests::wait::{until, until_async};

use crate::{Shop, problems};

pub const SCRIPT: &str =
    "{sku, store: $context.tables.stores[.shop].code, rate: $context.tables.rates.cny}";

pub const KEYS: &str = "mappings = { echo = \"map.jq\" }\n\
                    tables = { stores = \"stores.csv\", rates = \"rates.json\" }";

pub async fn shop() -> Shop {
    let shop = Shop::new(KEYS).await;
    shop.put("map.jq", SCRIPT);
    shop.put("stores.csv", "shop,code\n北京,0010\n上海,0021\n");
    shop.put("rates.json", "{\"cny\": 7.1000}");
    shop
}

/// A CSV table of so many rows: `s7,00007,…`, each of some `width` bytes.
pub fn rows(count: usize, width: usize, mark: &str) -> String {
    let mut text = String::with_capacity(count * width + 64);
    text.push_str("shop,code,name\n");
    for row in 0..count {
        let from = text.len();
        text.push_str(&format!("s{row},{row:05},{mark}"));
        let pad = width.saturating_sub(text.len() - from + 1);
        text.extend(std::iter::repeat_n('x', pad));
        text.push('\n');
    }
    text
}

/// The table `stores` of a tenant's connection `shop`.
pub fn table(
    host: &crossdock::host::Host,
    tenant: &str,
) -> std::sync::Arc<crossdock::config::Table> {
    let snapshot = host.snapshot();
    let config = &snapshot.tenants[tenant].config;
    config.connections["shop"].tables["stores"].table.clone()
}

/// So many items, each of another row.
fn items(count: usize) -> String {
    let items = (0..count).map(|row| {
        let row = row * 199 % 200_000;
        format!("{{\"sku\":\"{row}\",\"shop\":\"s{row}\"}}")
    });
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// The quickest of some calls of 1000 items.
async fn quickest(host: &Host, connection: &str) -> Duration {
    let body = items(1000);
    let mut least = Duration::MAX;
    for _ in 0..7 {
        let started = Instant::now();
        let report = deliver(host, call("acme", connection, "echo", &body)).await;
        least = least.min(started.elapsed());
        assert_eq!(report.status, DeliveryStatus::Accepted, "{report:?}");
    }
    least
}

/// Memory of this process in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or_default() >> 10
}

/// Connections with a script each, all of which look into one table.
const INSTANCES: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_200000_rows_is_looked_up_and_not_copied() {
    let text = rows(200_000, 167, "");
    let bytes = text.len();
    assert!((31 << 20..=32 << 20).contains(&bytes), "{bytes}");
    for (language, script, without) in [
        (
            "jq",
            "{sku, store: $context.tables.stores[.shop].code}",
            "{sku, store: .shop}",
        ),
        (
            "js",
            "export default ({sku, shop}, {tables}) => ({sku, store: tables.stores[shop]?.code});",
            "export default ({sku, shop}, {tables}) => ({sku, store: shop});",
        ),
    ] {
        let engine = format!("script-{language}");
        if !guests::plugin_file(&engine).exists() {
            eprintln!("{engine} is not built, and left out");
            continue;
        }
        let shop = Shop::new("").await;
        // A quarter of them stay warm.
        let config = base_config().replace("guest_instances = 64", "guest_instances = 512");
        shop.bed.configure(&config);
        shop.bed.put_plugin(&engine, &guests::plugin(&engine));
        shop.put(&format!("map.{language}"), script);
        shop.put(&format!("without.{language}"), without);
        shop.put("stores.csv", "shop,code,name\n");
        let with = |name: &str, file: &str| {
            let more = format!(
                "mappings = {{ echo = \"{file}.{language}\" }}\ntables = {{ stores = \"stores.csv\" }}"
            );
            connection(name, "test-adapter", &shop.platform.base_url(), &more)
        };
        let mut connections: Vec<String> = (0..INSTANCES)
            .map(|number| with(&format!("shop-{number}"), "map"))
            .collect();
        connections.push(with("shop", "map"));
        connections.push(with("without", "without"));
        shop.put("tenant.toml", &with("shop", "map"));
        let host = shop.bed.host().await;
        assert_eq!(problems(&host), [""; 0]);
        let empty = resident();

        let started = Instant::now();
        shop.put("stores.csv", &text);
        until("the table", || {
            (table(&host, "acme").rows() == 200_000).then_some(())
        })
        .await;
        let loaded = started.elapsed();
        let held = table(&host, "acme").held_bytes();
        assert!(held < bytes + 200_000 * 24, "{held} of {bytes}");

        let missing = call("acme", "shop", "echo", r#"[{"sku":"0","shop":"none"}]"#);
        deliver(&host, missing).await;
        let (one_kib, one) = (host.warm_script_bytes() >> 10, resident());
        let first = host.warm_instances().1;
        assert!(first < 3, "{first}");
        shop.put("tenant.toml", &connections.join("\n"));
        until("the other connections", || {
            let snapshot = host.snapshot();
            let connections = &snapshot.tenants["acme"].config.connections;
            connections.contains_key("without").then_some(())
        })
        .await;
        let took = quickest(&host, "shop").await;
        assert!(shop.platform.last().text().contains("\"store\":\"198801\""));
        let beside = quickest(&host, "without").await;
        for number in 0..INSTANCES {
            let name = format!("shop-{number}");
            let item = r#"{"sku":"1","shop":"s199999"}"#;
            deliver(&host, call("acme", &name, "echo", item)).await;
            assert!(shop.platform.last().text().contains("\"199999\""));
        }
        let instances = host.warm_instances().1;
        let (all_kib, all) = (host.warm_script_bytes() >> 10, resident());
        assert!(instances >= INSTANCES, "{instances}");
        println!(
            "{language}: saved and serving after {loaded:?}; file {} KiB, held {} KiB; \
             {first} instance(s) {one_kib} KiB, {instances} instances {all_kib} KiB; \
             the process {empty} MiB without the table, {one} MiB with it and 1 instance, {all} MiB with {instances}; \
             1000 items {took:?}, without looking up {beside:?}: {:?} a look-up",
            bytes >> 10,
            held >> 10,
            took.saturating_sub(beside) / 1000,
        );
        // Every instance looks into the same table: none is as large as a tenth of it.
        assert!(one_kib < 3 << 10, "{one_kib} KiB in {language}");
        let each = all_kib / instances;
        assert!(each < 3 << 10, "{each} KiB each in {language}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_grew_too_large_keeps_no_other_change_from_serving() {
    let shop = shop().await;
    let host = shop.bed.host().await;
    shop.put("map.jq", &SCRIPT.replace("{sku,", "{sku, new: true,"));
    shop.put("stores.csv", &rows(210_000, 167, ""));
    let item = || call("acme", "shop", "echo", r#"{"sku":"1","shop":"上海"}"#);
    let text = until_async("the new script", async || {
        deliver(&host, item()).await;
        let text = shop.platform.last().text();
        let told = problems(&host).concat();
        (text.contains("\"new\":true") && told.contains("larger than 32 MiB")).then_some(text)
    })
    .await;
    assert!(text.contains("0021"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_32_mib_is_a_table_and_one_byte_more_is_not() {
    let shop = shop().await;
    let mut text = rows(670, 50_000, "");
    let rest = (32 << 20) - text.len();
    text.push_str(&format!("last,9,{}\n", "x".repeat(rest - 8)));
    assert_eq!(text.len(), 32 << 20);
    shop.put("stores.csv", &text);
    assert_eq!(problems(&shop.host().await), [""; 0]);
    text.insert(text.len() - 1, 'x');
    shop.put("stores.csv", &text);
    let problem = problems(&shop.host().await).concat();
    assert!(problem.contains("larger than 32 MiB"), "{problem}");
}

/// A file of so many MiB, in large rows; `mark` makes it another one.
fn mib(count: usize, mark: &str) -> String {
    rows(count * 21, 49_900, mark)
}

/// So many connections of a tenant, each with these tables.
fn connections(shop: &Shop, tables: &[&[&str]]) -> String {
    let all = tables.iter().enumerate().map(|(number, tables)| {
        let tables: Vec<String> = tables
            .iter()
            .map(|table| format!("{table} = \"{table}.csv\""))
            .collect();
        let more = format!(
            "mappings = {{ echo = \"map.jq\" }}\ntables = {{ {} }}",
            tables.join(", ")
        );
        let name = format!("shop-{number}");
        connection(&name, "test-adapter", &shop.platform.base_url(), &more)
    });
    all.collect::<Vec<_>>().join("\n")
}

/// What a look-up gives, and whether the script is the new one.
async fn sees(shop: &Shop, host: &Host, connection: &str) -> String {
    deliver(host, call("acme", connection, "echo", r#"{"sku":"1"}"#)).await;
    shop.platform.last().text()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_connection_have_64_mib_together() {
    let shop = Shop::new("").await;
    let script = "{sku, c: ($context.tables.c.s7.name // \"none\")[:3]}";
    shop.put("map.jq", script);
    shop.put("a.csv", &mib(24, "a"));
    shop.put("b.csv", &mib(24, "b"));
    shop.put("c.csv", &mib(12, "old"));
    shop.put("tenant.toml", &connections(&shop, &[&["a", "b", "c"]]));
    let host = shop.bed.host().await;
    assert_eq!(problems(&host), [""; 0]);
    assert!(sees(&shop, &host, "shop-0").await.contains("\"old\""));

    // What was there goes on, and another change serves.
    shop.put("c.csv", &mib(24, "new"));
    until("the table to be told of", || problems(&host).pop()).await;
    shop.put("map.jq", &script.replace("{sku,", "{sku, new: true,"));
    let text = until_async("the new script", async || {
        let text = sees(&shop, &host, "shop-0").await;
        text.contains("\"new\":true").then_some(text)
    })
    .await;
    assert!(text.contains("\"old\""), "{text}");
    let told = problems(&host).concat();
    assert!(
        told.contains("c.csv") && told.contains("64 MiB together") && told.contains("goes on"),
        "{told}"
    );

    // What was there has no room beside others that grew: nothing is taken.
    shop.put("map.jq", &script.replace("{sku,", "{sku, newer: true,"));
    shop.put("a.csv", &mib(31, "a"));
    shop.put("b.csv", &mib(31, "b"));
    until("the whole to be refused", || {
        problems(&host)
            .into_iter()
            .find(|told| told.contains("is too much beside"))
    })
    .await;
    let text = sees(&shop, &host, "shop-0").await;
    assert!(text.contains("\"new\":true"), "{text}");
    shop.put("c.csv", &mib(1, "new"));
    until_async("all of it", async || {
        let text = sees(&shop, &host, "shop-0").await;
        (text.contains("\"newer\":true") && text.contains("\"new\"")).then_some(())
    })
    .await;
    assert_eq!(problems(&host), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_tenant_have_128_mib_together_and_one_file_counts_once() {
    let shop = Shop::new("").await;
    let script = "{sku, f: ($context.tables.f.s7.name // \"none\")[:3]}";
    shop.put("map.jq", script);
    for name in ["a", "b", "c", "d", "e"] {
        shop.put(&format!("{name}.csv"), &mib(24, name));
    }
    shop.put("f.csv", &mib(6, "old"));
    // `a` is there three times.
    let tables: [&[&str]; 4] = [&["a", "b"], &["a", "c"], &["a", "d"], &["e", "f"]];
    shop.put("tenant.toml", &connections(&shop, &tables));
    let host = shop.bed.host().await;
    assert_eq!(problems(&host), [""; 0]);
    assert!(sees(&shop, &host, "shop-3").await.contains("\"old\""));
    shop.put("f.csv", &mib(24, "new"));
    shop.put("map.jq", &script.replace("{sku,", "{sku, new: true,"));
    let text = until_async("the new script", async || {
        let text = sees(&shop, &host, "shop-3").await;
        let told = problems(&host).concat();
        (text.contains("\"new\":true") && told.contains("128 MiB together")).then_some(text)
    })
    .await;
    assert!(text.contains("\"old\""), "{text}");
    // Where nothing served before, the tenant does not.
    let problem = problems(&shop.host().await).concat();
    assert!(problem.contains("128 MiB together"), "{problem}");
}
