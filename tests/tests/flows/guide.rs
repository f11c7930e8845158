//! The three examples of `docs/flows.md`, as they stand there.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crossdock::flows::shown::RunShown;
use crossdock::host::Host;
use crossdock::inbound::records::records;
use crossdock_stand_ins::{Options, StandIns};
use crossdock_tests::bed::Bed;
use crossdock_tests::wait::{until, until_async};

const PAGE: &str = include_str!("../../../docs/flows.md");

/// The page's blocks that name a file of this example.
fn files(example: &str) -> BTreeMap<&'static str, String> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    let mut open: Option<&str> = None;
    for line in PAGE.lines() {
        if let Some(file) = open {
            if line == "```" {
                open = None;
            } else if let Some(text) = files.get_mut(file) {
                text.push_str(line);
                text.push('\n');
            }
        } else if let Some((_, path)) = line.strip_prefix("```").and_then(|it| it.split_once(' '))
            && let Some((name, file)) = path.split_once('/')
            && name == example
        {
            files.insert(file, String::new());
            open = Some(file);
        }
    }
    assert!(
        files.contains_key("tenant.toml"),
        "{example} is on the page"
    );
    files
}

/// A host's folder with the example's tenant, whose platforms are the stand-ins.
fn bed(files: &BTreeMap<&str, String>, stand_ins: &StandIns) -> Bed {
    let bed = Bed::with_plugins(&["wangdian", "lingzhi", "dingliyun", "script-jq"]);
    bed.share_compiled_code();
    bed.configure("");
    for (file, text) in [
        ("erp-secret.txt", "testsecret"),
        ("erp-salt.txt", "testsalt"),
        ("dingliyun-password.txt", "demo-password"),
        ("webhook-token.txt", "a token that nobody guesses"),
    ] {
        bed.put_tenant("acme", file, text);
    }
    for (file, text) in files {
        let script = file.ends_with(".jq");
        if script {
            bed.put_tenant("acme", file, text);
        }
    }
    let mut tenant = files["tenant.toml"].clone();
    for (url, platform) in [
        ("https://wdt.wangdian.cn", "wangdian"),
        ("https://lingzhi.example", "lingzhi"),
        ("https://dingliyun.example", "dingliyun"),
    ] {
        let base = stand_ins.base_url(platform);
        tenant = tenant.replace(
            &format!("base_url = \"{url}\""),
            &format!("base_url = \"{base}\"\nallow_private = true"),
        );
    }
    bed.put_tenant("acme", "tenant.toml", &tenant);
    bed
}

async fn host(bed: &Bed) -> Host {
    let host = bed.host().await.with_outbox().await;
    let host = host.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(host.snapshot().tenants.len(), 1, "{:#?}", host.tenants());
    host
}

/// Runs a flow once, and waits until everything is known of it.
async fn run(host: &Host, flow: &str) -> RunShown {
    let flows = host.flows().expect("it has flows");
    let begun = flows.run("acme", flow, "the test").await;
    let run = begun.unwrap_or_else(|problem| panic!("{problem}")).run;
    until_async("the run to end", async || {
        let shown = flows.run_report("acme", flow, run).await.ok()?;
        (shown.ended_ms.is_some() && shown.open_pages == 0).then_some(shown)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_erp_feeds_both_shops_and_is_told() {
    let stand_ins = StandIns::start(Options::default())
        .await
        .expect("the stand-ins");
    let erp = stand_ins.wangdian();
    erp.clear_pending();
    erp.put_api_goods(1, 0);
    erp.change_stock(1, 5);
    let files = files("erp");
    let bed = bed(&files, &stand_ins);
    let host = host(&bed).await;
    // Before it is run, it can be looked at: neither its source nor its step changes
    // anything.
    let flows = host.flows().expect("it has flows");
    let dry = flows.run_dry("acme", "stock", 2).await;
    let dry = dry.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!((dry.given.len(), dry.records.len()), (1, 1), "{dry:?}");
    assert!(dry.not_asked.is_none(), "{dry:?}");
    assert_eq!(dry.targets.len(), 2, "{dry:?}");
    assert!(dry.targets[0].requests.is_some(), "{dry:?}");
    assert!(stand_ins.lingzhi().is_empty(), "nothing was sent");
    let shown = run(&host, "stock").await;
    assert_eq!(shown.counts.incoming, 1, "{shown:?}");
    assert_eq!(shown.counts.accepted, 2, "{shown:?}");
    assert!(!stand_ins.lingzhi().is_empty());
    until("the ERP to be told", || {
        erp.pending().is_empty().then_some(())
    })
    .await;
    // Nothing has changed, and nothing is sent.
    let shown = run(&host, "stock").await;
    assert_eq!(shown.counts.sent, 0, "{shown:?}");
}

/// Where the step failed, the record is the id still.
#[tokio::test(flavor = "multi_thread")]
async fn the_guides_confirmation_leaves_out_what_was_not_calculated() {
    let stand_ins = StandIns::start(Options::default())
        .await
        .expect("the stand-ins");
    let bed = bed(&files("erp"), &stand_ins);
    let told = r#"{"record": 2424, "outcomes": [{"target": "mini-shop", "operation": "stock.update",
        "status": "failed", "code": "100", "message": "no such goods", "blame": "platform"}]}"#;
    bed.put_tenant("acme", "told.json", told);
    let (script, input) = ("tenants/acme/confirm.jq", "tenants/acme/told.json");
    let arguments = ["script", "run", script, "--input", input];
    let ended = crossdock_tests::process::run(&bed.path(""), &arguments).await;
    assert_eq!((ended.code, &*ended.stdout), (Some(0), ""), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_spreadsheet_goes_to_the_shop_and_its_bad_row_is_listed() {
    let stand_ins = StandIns::start(Options::default())
        .await
        .expect("the stand-ins");
    let files = files("folder");
    let bed = bed(&files, &stand_ins);
    let at = bed.path("tenants/acme/in");
    std::fs::create_dir(&at).expect("a folder");
    let path = at.join("stock.csv");
    let gbk = encoding_rs::GBK.encode(&files["in/stock.csv"]).0;
    std::fs::write(&path, &gbk).expect("a file");
    let file = std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("it is there");
    let past = SystemTime::now() - Duration::from_secs(60);
    file.set_modified(past).expect("a time");
    let host = host(&bed).await;
    let shown = run(&host, "stock").await;
    let stock = |key: &str| {
        stand_ins
            .lingzhi()
            .stock("normal", &format!("{key}^^^红色"), "S1")
            .is_some()
    };
    assert!(stock("007") && stock("6912345678901234567"), "{shown:?}");
    assert!(!stock("008"));
    assert!(at.join("done/stock.csv").is_file());
    let listed = "in/failed/stock.csv.rejected.ndjson";
    let found = std::fs::read_to_string(bed.path("tenants/acme").join(listed));
    assert_eq!(found.expect("the list"), files[listed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_webhook_feeds_the_erp() {
    let stand_ins = StandIns::start(Options::default())
        .await
        .expect("the stand-ins");
    let files = files("webhook");
    let bed = bed(&files, &stand_ins);
    let host = host(&bed).await;
    let source = host.webhook("acme", "goods").expect("a webhook");
    let flows = host.flows().expect("it has flows");
    let flow = flows.show("acme", "goods").await;
    let flow = flow.unwrap_or_else(|problem| panic!("{problem}")).flow;
    assert_eq!(
        (&*flow.from, &*flow.runs),
        ("what is posted to it", "when something arrives")
    );
    for new in [1, 0] {
        let headers = http::HeaderMap::new();
        let posted = records(&source, &headers, files["post.json"].as_bytes());
        let kept = host.keep("acme", "goods", posted.expect("records")).await;
        assert_eq!(kept.expect("it is kept").new, new);
    }
    until("the ERP to have it", || {
        stand_ins.wangdian().goods("T-1").map(|_| ())
    })
    .await;
    assert_eq!(stand_ins.wangdian().goods_count(), 1);
}
