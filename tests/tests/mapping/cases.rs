//! Tests beside scripts, from the command line and before a reload.

use crossdock_tests::bed::{call, deliver};
use crossdock_tests::process::run;
use crossdock_tests::wait::{until, until_async};
use serde_json::json;

use crate::{Shop, problems};

const SCRIPT: &str = r#"if .sku == null then error("no sku")
elif .gone then empty
else {sku, price, store: $context.tables.stores[.shop].code, by: $context.settings.per_request} end
"#;

const TESTS: &str = r#"{"cases": [
  {"name": "looks the store up", "item": {"sku": "1", "price": 12.3400, "shop": "a"},
   "documents": [{"sku": "1", "price": 12.3400, "store": "007", "by": 10}]},
  {"name": "skips what is gone", "item": {"sku": "1", "gone": true}, "documents": []},
  {"name": "wants a sku", "item": {}, "error": "no sku"},
  {"name": "in another context", "item": {"sku": "1"}, "context": {"settings": {"per_request": 2}},
   "documents": [{"store": null, "price": null, "sku": "1", "by": 2}]}
]}"#;

const KEYS: &str = "settings = { per_request = 10 }\n\
                    mappings.echo = \"map.jq\"\ntables.stores = \"stores.csv\"";

async fn shop(top: &str) -> Shop {
    let shop = Shop::new("").await;
    shop.configure(top, KEYS);
    shop.put("map.jq", SCRIPT);
    shop.put("map.test.json", TESTS);
    shop.put("stores.csv", "shop,code\na,007\n");
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_beside_a_script_run_in_the_context_of_its_connection() {
    let shop = shop("").await;
    let folder = shop.bed.path("");
    for arguments in [
        &["script", "test"][..],
        &["script", "test", "tenants/acme/map.jq"],
        &["script", "test", "tenants/acme/map.test.json"],
        &["script", "test", "tenants/acme"],
    ] {
        let ended = run(&folder, arguments).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains("acme/shop/echo"), "{ended:?}");
        assert!(ended.stdout.ends_with("4 cases passed\n"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_fails_shows_what_differs() {
    let shop = shop("").await;
    let folder = shop.bed.path("");
    let wrong = TESTS
        .replacen("12.3400, \"store\": \"007\"", "12.34, \"store\": \"7\"", 1)
        .replacen("\"error\": \"no sku\"", "\"error\": \"another\"", 1);
    shop.put("map.test.json", &wrong);
    let ended = run(&folder, &["script", "test"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in [
        "failed tenants/acme/map.jq (acme/shop/echo): 4 cases\n",
        "  looks the store up\n    /0/price\n      - 12.34\n      + 12.3400\n    /0/store\n      - \"7\"\n      + \"007\"\n",
        "  wants a sku\n    the error is \"no sku\", without \"another\"\n    the item: {}\n",
        "2 of 4 cases failed\n",
    ] {
        assert!(
            ended
                .stdout
                .replace(&format!("{}/", folder.display()), "")
                .contains(part),
            "{part}\n{}",
            ended.stdout
        );
    }
    let ended = run(&folder, &["script", "test", "--json"]).await;
    let suites = ended.json();
    assert_eq!(suites[0]["for"], "acme/shop/echo");
    let case = &suites[0]["cases"][0];
    assert_eq!(case["passed"], false);
    assert_eq!(
        case["differences"][1],
        json!({"pointer": "/0/store", "old": "7", "new": "007"})
    );

    shop.put("map.test.json", "{\"cases\": [\n}");
    let ended = run(&folder, &["script", "test"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("map.test.json:2:1: "), "{ended:?}");
    let ended = run(&folder, &["script", "test", "nowhere.jq"]).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("nowhere.jq does not exist"),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_whose_tests_fail_is_refused_where_they_are_required() {
    let shop = shop("require_tests = true").await;
    let host = shop.bed.host().await;
    assert_eq!(problems(&host), [""; 0]);
    let sent = async || {
        let item = call("acme", "shop", "echo", r#"{"sku":"1"}"#);
        deliver(&host, item).await;
        shop.platform.last().text()
    };
    assert!(sent().await.contains(r#""by":10"#));

    // The script, without its tests.
    shop.put("map.jq", &SCRIPT.replace("by:", "per:"));
    let problem = until("the script to be refused", || problems(&host).pop()).await;
    for part in [
        "map.test.json: 2 of 4 tests of",
        "`looks the store up`",
        "/0/by is nothing, not 10",
    ] {
        assert!(problem.contains(part), "{problem}");
    }
    assert!(sent().await.contains(r#""by":10"#));

    // And now they, too.
    shop.put("map.test.json", &TESTS.replace("\"by\"", "\"per\""));
    until_async("the script to serve", async || {
        sent().await.contains(r#""per":10"#).then_some(())
    })
    .await;
    assert_eq!(problems(&host), [""; 0]);

    std::fs::remove_file(shop.bed.path("tenants/acme/map.test.json")).unwrap();
    let problem = until("the missing tests to be told", || problems(&host).pop()).await;
    assert!(problem.contains("tenant.toml:"), "{problem}");
    assert!(
        problem.contains("map.test.json does not exist"),
        "{problem}"
    );
    assert!(sent().await.contains(r#""per":10"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_scripts_pass_their_tests() {
    let shop = Shop::new("").await;
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/demo/tenants");
    let ended = run(&shop.bed.path(""), &["script", "test", demo]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("3 cases passed\n"), "{ended:?}");
}
