//! A flow that cannot work is refused when it is loaded, with file, line and key,
//! and what ran before goes on. So is an adapter under which it would not work.

use crossdock::host::Host;
use crossdock::problem::Problem;
use crossdock_tests::bed::Bed;
use crossdock_tests::guests;
use crossdock_tests::wait::until;

/// The tenant's connections, in 12 lines.
const CONNECTIONS: &str = r#"[connections.erp]
adapter = "wangdian"
base_url = "https://erp.example"
settings = { sid = "s", key = "k" }
secrets = { secret = { file = "secret.txt" }, salt = { file = "secret.txt" } }
[connections.mini-shop]
adapter = "lingzhi"
base_url = "https://shop.example"
[connections.mapped]
adapter = "lingzhi"
base_url = "https://shop.example"
mappings = { "stock.update" = "plain.jq" }
"#;

/// A flow that works.
const GOOD: &str = r#"[flows.stock]
every = "1d"
from = { connection = "erp", operation = "stock.pending", input = { count = 1000 }, records = "/id_list", cursor = { from = "/position", to = "/position", start = 0 } }
steps = [ { connection = "erp", operation = "stock.calc", script = "calc.jq", as = "stock" } ]
to = [ { connection = "mini-shop", operation = "stock.update", script = "good.jq", when = ".shop_id == 69" } ]
"#;

fn bed() -> Bed {
    let bed = Bed::with_plugins(&["script-jq", "wangdian", "lingzhi"]);
    bed.share_compiled_code();
    for (file, text) in [
        ("secret.txt", "a-secret-of-the-erp"),
        ("plain.jq", "."),
        ("calc.jq", "{api_goods_id: .}"),
        ("good.jq", "{sku: .sku, quantity: .quantity}"),
        (
            "good.test.json",
            r#"{"cases": [{"name": "plain", "item": {"sku": "1", "quantity": 2}, "documents": [{"sku": "1", "quantity": 2}]}]}"#,
        ),
        ("bad.jq", "{sku, quantity: (.quantity | tostring)}"),
        (
            "bad.test.json",
            r#"{"cases": [{"name": "text", "item": {"sku": "1", "quantity": 2}, "documents": [{"sku": "1", "quantity": "2"}]}]}"#,
        ),
        ("broken.jq", "{sku: .sku\nquantity: ]}"),
    ] {
        bed.put_tenant("acme", file, text);
    }
    std::fs::create_dir(bed.path("tenants/acme/in")).expect("a folder");
    bed
}

fn tenant(bed: &Bed, flows: &str) {
    bed.put_tenant("acme", "tenant.toml", &format!("{CONNECTIONS}{flows}"));
}

fn generation(host: &Host) -> Option<u32> {
    host.tenants().first()?.generation
}

/// Every problem of the tenant, as a person sees it, without the folder.
fn problems(bed: &Bed, host: &Host) -> Vec<String> {
    let folder = format!("{}/", bed.path("tenants").display());
    let tenants = host.tenants();
    let problems = tenants.iter().flat_map(|tenant| &tenant.problems);
    let shown = |problem: &Problem| format!("{} {problem}", problem.code).replace(&folder, "");
    problems.map(shown).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_flow_is_refused_with_file_line_and_key_and_what_ran_before_goes_on() {
    let bed = bed();
    tenant(&bed, GOOD);
    let host = bed.host().await;
    until("the first generation", || generation(&host)).await;
    assert_eq!(problems(&bed, &host), [""; 0]);
    let serving = host.snapshot().tenants["acme"].clone();
    assert!(serving.flows.contains_key("stock"));

    for (flow, expected) in [
        (
            GOOD.replace("stock.calc", "stock.clac"),
            "config-unknown-operation acme/tenant.toml:16:33: flow `stock`: connection `erp`: adapter `wangdian` has no operation `stock.clac`; did you mean `stock.calc`?",
        ),
        (
            GOOD.replace("stock.pending", "goods.push"),
            "config-source-writes acme/tenant.toml:15:30: flow `stock`: records come from `goods.push` of adapter `wangdian`, which changes something: a source is asked again and again and may only read; what reads is `stock.calc`, `stock.pending`",
        ),
        (
            GOOD.replace("count = 1000", "count = \"many\""),
            "config-bad-input acme/tenant.toml:15:69: flow `stock`: `input` does not fit `stock.pending` of adapter `wangdian`: /count: ",
        ),
        (
            GOOD.replace("records = \"/id_list\"", "records = \"/id_lsit\""),
            "config-no-such-result acme/tenant.toml:15:85: flow `stock`: `records` leads nowhere: the result of `stock.pending` of adapter `wangdian` has nothing at `/id_lsit`; did you mean `id_list`?",
        ),
        (
            GOOD.replace("records = \"/id_list\"", "records = \"/position\""),
            "config-no-such-result acme/tenant.toml:15:85: flow `stock`: `records` leads nowhere: the result of `stock.pending` of adapter `wangdian` has no array at `/position`",
        ),
        (
            GOOD.replace("from = \"/position\"", "from = \"/next\""),
            "config-no-such-result acme/tenant.toml:15:118: flow `stock`: `cursor.from` leads nowhere: ",
        ),
        // A pointer that cannot be read says nothing of where the records are.
        (
            GOOD.replace("records = \"/id_list\"", "records = \"id_list\""),
            "config-bad-value acme/tenant.toml:15:95: `flows.stock.from.records` must be a JSON pointer",
        ),
        (
            GOOD.replace("to = \"/position\"", "to = \"position\""),
            "config-bad-value acme/tenant.toml:15:143: `flows.stock.from.cursor.to` must be a JSON pointer",
        ),
        (
            GOOD.replace("to = \"/position\"", "to = \"/pos\""),
            "config-bad-input acme/tenant.toml:15:138: flow `stock`: `cursor.to` leads nowhere: the input of `stock.pending` of adapter `wangdian` has nothing at `/pos`; did you mean `position`?",
        ),
        (
            GOOD.replace("start = 0", "start = \"first\""),
            "config-bad-input acme/tenant.toml:15:156: flow `stock`: `cursor.start` does not fit `stock.pending` of adapter `wangdian`: /position: ",
        ),
        (
            GOOD.replace("[flows.stock]", "[flows.events]"),
            "config-bad-name acme/tenant.toml:13:",
        ),
        (
            GOOD.replace("good.jq", "bad.jq"),
            "config-does-not-fit acme/tenant.toml:17:64: flow `stock`: what ",
        ),
        (
            GOOD.replace("good.jq", "broken.jq"),
            "script-compile acme/broken.jq:1:1: this `{` is never closed",
        ),
        (
            GOOD.replace(".shop_id == 69", ".shop_id = = 69"),
            "script-compile acme/tenant.toml:17:84: flow `stock`: `when` is no jq expression: ",
        ),
        (
            GOOD.replace("good.jq", "calc.lua"),
            "config-file-missing acme/tenant.toml:17:73: `flows.stock.to[0].script` names the script acme/calc.lua, which does not exist.",
        ),
        (
            GOOD.replace("every = \"1d\"", "cron = \"61 * * * *\""),
            "config-bad-schedule acme/tenant.toml:14:8: `flows.stock.cron` is wrong: ",
        ),
        (
            GOOD.replace("every = \"1d\"", "cron = \"* * * * *\"\ntimezone = \"Asia/Shanghia\""),
            "config-bad-schedule acme/tenant.toml:15:12: `flows.stock.timezone` is wrong: there is no time zone `Asia/Shanghia`; did you mean `Asia/Shanghai`?",
        ),
        (
            "[flows.stock]\nfrom = { connection = \"mini-shop\", inbound = true }\nto = [ { file = \"out.csv\" } ]\n".to_owned(),
            "config-no-inbound acme/tenant.toml:14:",
        ),
        (
            "[flows.stock]\nfrom = { folder = \"nowhere\" }\nto = [ { file = \"out.csv\" } ]\n".to_owned(),
            "config-file-missing acme/tenant.toml:14:19: `flows.stock.from.folder` names the folder acme/nowhere, which does not exist; make it.",
        ),
        (
            "[flows.stock]\nfrom = { folder = \"plain.jq\" }\nto = [ { file = \"out.csv\" } ]\n".to_owned(),
            "config-unreadable acme/tenant.toml:14:19: `flows.stock.from.folder` names the folder acme/plain.jq, which is a file.",
        ),
        (
            "[flows.stock]\nfrom = { folder = \"in\" }\nto = [ { file = \"in/out.csv\" } ]\n".to_owned(),
            "config-flow-circle acme/tenant.toml:15:10: flow `stock` is a circle: ",
        ),
    ] {
        tenant(&bed, &flow);
        let said = until("the refusal", || {
            let said = problems(&bed, &host);
            said.iter().any(|said| said.starts_with(expected)).then_some(said)
        });
        let said = said.await;
        assert_eq!(said.len(), 1, "{said:#?}");
        let now = host.snapshot().tenants["acme"].clone();
        assert!(std::sync::Arc::ptr_eq(&now, &serving), "{expected}");
    }

    // What a script makes leads to the place in it that does not fit.
    tenant(&bed, &GOOD.replace("good.jq", "bad.jq"));
    let pointer = until("the refusal", || {
        let tenants = host.tenants();
        let problem = tenants.first()?.problems.first()?.clone();
        (problem.code == "config-does-not-fit").then_some(problem.pointer)
    });
    assert_eq!(pointer.await.as_deref(), Some("/quantity"));

    // A connection with a mapping takes what its mapping takes.
    let mapped = GOOD
        .replace("good.jq", "bad.jq")
        .replace("\"mini-shop\"", "\"mapped\"");
    tenant(&bed, &mapped);
    until("the mapped flow", || {
        (generation(&host)? == 2).then_some(())
    })
    .await;
    assert_eq!(problems(&bed, &host), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_flow_and_its_tenant_is_said_at_once() {
    let bed = bed();
    let flow = GOOD
        .replace("stock.calc", "stock.clac")
        .replace("good.jq", "bad.jq")
        .replace("1d", "1x");
    // What the adapters can tell stands between what the file alone tells.
    tenant(&bed, &format!("{flow}evry = \"1d\"\n"));
    let host = bed.host().await;
    let said = until("the refusal", || {
        let said = problems(&bed, &host);
        (!said.is_empty()).then_some(said)
    });
    let said = said.await;
    let codes: Vec<&str> = said
        .iter()
        .filter_map(|said| said.split(' ').next())
        .collect();
    assert_eq!(
        codes,
        [
            "config-bad-schedule",
            "config-unknown-operation",
            "config-does-not-fit",
            "config-unknown-key"
        ],
        "{said:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_under_which_a_flow_would_not_work_is_refused() {
    let bed = Bed::with_plugins(&["script-jq"]);
    bed.share_compiled_code();
    bed.put_plugin("test-adapter", &guests::test_adapter("normal", "a"));
    // No connection's mapping names the operation: only the flow does.
    let tenant = r#"[connections.shop]
adapter = "test-adapter"
base_url = "https://shop.example"
[flows.read]
from = { connection = "shop", operation = "read", records = "/reply" }
to = [ { connection = "shop", operation = "keyed" } ]
"#;
    bed.put_tenant("acme", "tenant.toml", tenant);
    let host = bed.host().await;
    until("the first generation", || generation(&host)).await;
    let serving = host.snapshot().adapters["test-adapter"].identity.id;

    let other = guests::patched(
        &guests::test_adapter("normal", "b"),
        br#""name": "keyed""#,
        br#""name": "kayed""#,
    );
    bed.put_plugin("test-adapter", &other);
    let refused = until("the refusal", || {
        let plugins = host.plugins();
        let plugin = plugins
            .iter()
            .find(|it| it.file.ends_with("test-adapter.wasm"))?;
        plugin.refused.clone()
    });
    let refused = refused.await;
    assert_eq!(refused.step, "tenants", "{}", refused.reason);
    assert!(
        refused.reason.contains("flow `read`") && refused.reason.contains("no operation `keyed`"),
        "{}",
        refused.reason
    );
    assert_eq!(
        host.snapshot().adapters["test-adapter"].identity.id,
        serving
    );
}
