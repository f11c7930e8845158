//! Everything that needs no server.

use std::fs;

use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::guests::{plugin_file, test_adapter};
use crossdock_tests::process::{run, run_with_input};
use crossdock_tests::recorder::{Recorder, Reply};

use crate::{RECORDS, STOCK_SCRIPT, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_from_the_shell_prints_its_report() {
    let (bed, platforms) = shop("").await;
    let folder = bed.path("");
    let arguments = ["call", "acme", "shop", "stock.update"];

    let dry = [&arguments[..], &["--dry-run"]].concat();
    let dry = run_with_input(&folder, &dry, RECORDS).await;
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert_eq!(dry.json()["dry_run"], true);
    assert_eq!(platforms.counters("lingzhi").received, 0);

    fs::write(bed.path("records.json"), RECORDS).unwrap();
    let from_file = [&arguments[..], &["--input", "records.json"]].concat();
    let call = run(&folder, &from_file).await;
    assert_eq!(call.code, Some(0), "{call:?}");
    assert_eq!(call.json()["status"], "accepted");
    assert!(call.stderr.is_empty(), "{}", call.stderr);
    assert!(platforms.violations("lingzhi").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_of_a_call_says_what_became_of_it() {
    // The platform answers as the document wants.
    let platform = Recorder::answering(|request| {
        let text = request.text();
        let wanted = ["accepted", "rejected", "unknown"];
        let outcome = wanted.iter().find(|outcome| text.contains(**outcome));
        Reply::json(format!(
            r#"{{"outcome":"{}","code":"7","message":"as asked"}}"#,
            outcome.unwrap_or(&"accepted")
        ))
    })
    .await;
    let bed = Bed::new();
    bed.share_compiled_code();
    bed.configure("");
    bed.put_plugin("test-adapter", &test_adapter("normal", "a0"));
    let text = connection("shop", "test-adapter", &platform.base_url(), "");
    bed.put_tenant("acme", "tenant.toml", &text);
    let folder = bed.path("");
    let call = async |connection: &str, input: &str| {
        let arguments = ["call", "acme", connection, "echo"];
        run_with_input(&folder, &arguments, input).await
    };
    for (input, code, status) in [
        (r#"{"want":"accepted"}"#, 0, "accepted"),
        (r#"{"want":"rejected"}"#, 2, "rejected"),
        (r#"[{"want":"accepted"},{"want":"rejected"}]"#, 2, "partial"),
        (r#"{"repeatable":"not a boolean"}"#, 2, "failed"),
        (r#"{"want":"unknown"}"#, 3, "unknown"),
        (r#"[{"want":"accepted"},{"want":"unknown"}]"#, 3, "partial"),
    ] {
        let ended = call("shop", input).await;
        assert_eq!(ended.code, Some(code), "{input}: {ended:?}");
        assert_eq!(ended.json()["status"], status, "{input}");
    }
    for (connection, input) in [("shop", "no json"), ("nowhere", "{}")] {
        let ended = call(connection, input).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stdout.is_empty(), "{ended:?}");
        assert!(ended.stderr.starts_with("error: "), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_lists_everything_that_is_wrong_with_file_line_and_key() {
    let (bed, platforms) = shop("").await;
    let good = run(&bed.path(""), &["check"]).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    for part in ["lingzhi", "jq", "acme", "everything is right"] {
        assert!(good.stdout.contains(part), "{}", good.stdout);
    }

    fs::write(bed.plugin_path("broken"), "no component").unwrap();
    bed.put_tenant("beta", "stock.jq", "{\n  sku: .id,\n  quantity: }\n");
    let text = format!(
        "{}{}",
        connection(
            "one",
            "lingzhi",
            &platforms.base_url("lingzhi"),
            "retries = 3\nsecrets = { token = { env = \"CROSSDOCK_TEST_NEVER_SET\" } }",
        ),
        connection(
            "two",
            "linzhi",
            "ftp://example.com",
            "limits = { concurrency = 0 }"
        ),
    );
    bed.put_tenant("beta", "tenant.toml", &text);
    let text = connection(
        "shop",
        "lingzhy",
        "https://example.com",
        "mappings = { \"stock.update\" = \"stock.jq\" }",
    );
    bed.put_tenant("gamma", "tenant.toml", &text);
    bed.put_tenant("gamma", "stock.jq", "{\n  sku: .id,\n  quantity: }\n");

    let wrong = run(&bed.path(""), &["check"]).await;
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    for part in [
        "broken.wasm",
        "beta/tenant.toml:5",
        "retries",
        "beta/tenant.toml:6",
        "CROSSDOCK_TEST_NEVER_SET",
        "beta/tenant.toml:9",
        "http://",
        "beta/tenant.toml:11",
        "concurrency",
        "gamma/tenant.toml:2",
        "`lingzhy`",
        "gamma/stock.jq:3:13",
        "3 |   quantity: }",
    ] {
        assert!(wrong.stdout.contains(part), "{part}\n{}", wrong.stdout);
    }

    let json = run(&bed.path(""), &["check", "--json"]).await;
    assert_eq!(json.code, Some(1));
    let json = json.json();
    assert_eq!(json["ok"], false);
    let tenants = json["tenants"].as_array().unwrap();
    let beta = tenants.iter().find(|tenant| tenant["name"] == "beta");
    let problems = beta.unwrap()["problems"].as_array().unwrap();
    // The fifth is about what no file says: there is no such adapter.
    assert_eq!(problems.len(), 5, "{problems:#?}");
    assert!(beta.unwrap().to_string().contains("did you mean `lingzhi`"));
    for problem in problems {
        assert!(problem["place"]["line"].as_u64() > Some(0), "{problem}");
    }
    assert_eq!(platforms.counters("lingzhi").received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_inspected_for_people_programs_and_pages() {
    let (bed, _platforms) = shop("").await;
    let folder = bed.path("");
    let text = run(&folder, &["plugin", "inspect", "lingzhi"]).await;
    assert_eq!(text.code, Some(0), "{text:?}");
    for part in ["lingzhi", "stock.update", "sku"] {
        assert!(text.stdout.contains(part), "{}", text.stdout);
    }
    let as_json = ["plugin", "inspect", "lingzhi", "--format", "json"];
    let json = run(&folder, &as_json).await.json();
    assert_eq!(json["adapter"]["name"], "lingzhi");
    let imports = json["imports"].as_array().unwrap();
    assert!(!imports.is_empty());
    for import in imports {
        let import = import.as_str().unwrap();
        assert!(import.starts_with("crossdock:adapter/"), "{import}");
    }
    // A file needs not be in the folder.
    let file = plugin_file("lingzhi").canonicalize().unwrap();
    let file = file.display().to_string();
    let as_page = ["plugin", "inspect", &file, "--format", "markdown"];
    let page = run(&folder, &as_page).await;
    assert_eq!(page.code, Some(0), "{page:?}");
    assert!(page.stdout.starts_with("# "), "{}", page.stdout);
    assert!(page.stdout.contains("stock.update"));
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_listed_and_checked_without_a_server() {
    let (bed, _platforms) = shop("").await;
    bed.configure("server.listen = \"127.0.0.1:1\"\n");
    let folder = bed.path("");
    let list = run(&folder, &["plugin", "list"]).await;
    assert_eq!(list.code, Some(0), "{list:?}");
    assert!(list.stdout.contains("lingzhi") && list.stdout.contains("script engine"));
    assert!(list.stderr.contains("loading the plugins folder here"));
    let json = run(&folder, &["plugin", "list", "--local", "--json"]).await;
    assert_eq!(json.json()["plugins"].as_array().unwrap().len(), 2);

    let check = run(&folder, &["plugin", "check", "plugins/lingzhi.wasm"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(check.stdout.starts_with("ok "), "{}", check.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_tried_out_in_its_sandbox() {
    let (bed, platforms) = shop("").await;
    let folder = bed.path("");
    let arguments = ["script", "run", "tenants/acme/stock.jq"];
    let run_script = async |input: &str| run_with_input(&folder, &arguments, input).await;

    let good = run_script(RECORDS).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    assert_eq!(
        good.stdout,
        "{\"sku\":\"1^^^8G\",\"quantity\":20,\"location\":\"aaa\"}\n\
         {\"sku\":\"3539925204033339668^^^红\",\"quantity\":0,\"location\":\"bbb\"}\n"
    );

    // What went well is printed, what did not names its item.
    bed.put_tenant("acme", "stock.jq", "if .bad then error(\"no\") else . end");
    let partly = run_script(r#"[{"n":1},{"bad":true}]"#).await;
    assert_eq!(partly.code, Some(1), "{partly:?}");
    assert_eq!(partly.stdout, "{\"n\":1}\n");
    assert!(partly.stderr.contains("item 1: no"), "{}", partly.stderr);

    bed.put_tenant(
        "acme",
        "stock.jq",
        &STOCK_SCRIPT.replace(", location", ",\n  : "),
    );
    let bad = run_script("{}").await;
    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert!(bad.stdout.is_empty());
    let shown: Vec<&str> = bad.stderr.lines().collect();
    assert!(shown[0].contains("stock.jq:2:3: "), "{}", bad.stderr);
    assert!(shown[1].starts_with("2 |   : "), "{}", bad.stderr);
    assert_eq!(shown[2], "  |   ^", "{}", bad.stderr);

    bed.put_tenant("acme", "stock.jq", "last(repeat(1))");
    let endless = run_script("{}").await;
    assert_eq!(endless.code, Some(1), "{endless:?}");
    assert!(endless.stderr.contains("500 ms"), "{}", endless.stderr);

    let json = [&arguments[..], &["--json"]].concat();
    let json = run_with_input(&folder, &json, "{}").await.json();
    assert_eq!(json[0]["problem"]["blame"], "script");
    assert_eq!(platforms.counters("lingzhi").received, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_there_is_told_with_what_to_do() {
    let folder = std::env::temp_dir();
    // Nobody listens there any more.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
    let url = format!("http://{}", gone.unwrap());
    let list = run(&folder, &["plugin", "list", "--url", &url]).await;
    assert_eq!(list.code, Some(1), "{list:?}");
    for part in [
        "nothing answers at ",
        &url,
        "start the host with `crossdock serve`",
        "leave out --url",
    ] {
        assert!(list.stderr.contains(part), "{list:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shell_gets_completions() {
    let folder = std::env::temp_dir();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&folder, &["completions", shell]).await;
        assert_eq!(script.code, Some(0), "{script:?}");
        for command in ["serve", "call", "inspect"] {
            assert!(script.stdout.contains(command), "{shell}");
        }
    }
}
