//! Files of a folder as a source, and a file as a target.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crossdock::flows::shown::RunShown;
use crossdock_tests::bed::{Bed, connection};
use crossdock_tests::process::Serving;
use crossdock_tests::recorder::Recorder;
use crossdock_tests::wait::until;

use crate::setting::{bed, host, items, run};

const SCRIPT: &str = "{sku: .sku, quantity: (.qty | tonumber), repeatable: true}";

/// Puts a file into a folder of the tenant as one that was written long ago.
fn put(bed: &Bed, path: &str, bytes: &[u8]) {
    let path = place(bed, path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(&path, bytes).expect("a file");
    let file = std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("it is there");
    let past = SystemTime::now() - Duration::from_secs(60);
    file.set_modified(past).expect("a time");
}

fn place(bed: &Bed, path: &str) -> PathBuf {
    Path::new(&bed.path("tenants/acme")).join(path)
}

/// A tenant whose flow `stock` has these lines, with the shop `mini`.
fn tenant(bed: &Bed, shop: &Recorder, flow: &str) {
    bed.put_tenant("acme", "row.jq", SCRIPT);
    let text = connection("mini", "test-adapter", &shop.base_url(), "");
    bed.put_tenant(
        "acme",
        "tenant.toml",
        &format!("{text}[flows.stock]\n{flow}\n"),
    );
}

const TO_SHOP: &str = r#"to = [ { connection = "mini", operation = "keyed", script = "row.jq" } ]"#;

fn counted(shown: &RunShown) -> (u64, u64, u64, u64) {
    let counts = &shown.counts;
    (counts.incoming, counts.sent, counts.accepted, counts.parked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_gbk_tables_goes_to_a_shop_and_bad_rows_are_listed_beside() {
    let shop = Recorder::start().await;
    let bed = bed();
    let gbk = |text: &str| {
        let mut bytes = Vec::new();
        for one in text.chars() {
            match one {
                '编' => bytes.extend(b"\xb1\xe0"),
                '码' => bytes.extend(b"\xc2\xeb"),
                one => bytes.push(u8::try_from(u32::from(one)).expect("ASCII")),
            }
        }
        bytes
    };
    put(
        &bed,
        "in/b.csv",
        &gbk("sku;qty;编码\r\n007;5;6912345678901234567\r\nbad\r\n008;6;x\r\n"),
    );
    put(&bed, "in/a.csv", &gbk("sku;qty;编码\r\n006;4;y\r\n"));
    put(
        &bed,
        "in/broken.csv",
        &gbk("sku;qty;编码\r\n009;9;z\r\n\"010;1;x\r\n"),
    );
    tenant(
        &bed,
        &shop,
        &format!(
            "from = {{ folder = \"in\", format = \"csv\", encoding = \"gbk\", separator = \";\" }}\npage = 2\n{TO_SHOP}"
        ),
    );
    let host = host(&bed).await;
    let shown = run(&host).await;
    assert_eq!(shown.state, "done", "{shown:?}");
    assert_eq!(counted(&shown), (4, 4, 4, 0), "{shown:?}");
    // A row of one file, and the end of another.
    assert_eq!(shown.counts.unreadable, 2, "{shown:?}");
    let skus: Vec<String> = items(&shop)
        .iter()
        .map(|item| item["sku"].to_string())
        .collect();
    assert_eq!(skus, ["\"006\"", "\"007\"", "\"008\"", "\"009\""]);
    for moved in ["in/done/a.csv", "in/done/b.csv", "in/failed/broken.csv"] {
        assert!(place(&bed, moved).is_file(), "{moved}");
    }
    let list = |name: &str| std::fs::read_to_string(place(&bed, name)).expect("a list");
    assert!(list("in/failed/b.csv.rejected.ndjson").contains("\"line\":3"));
    assert!(list("in/failed/broken.csv.rejected.ndjson").contains("line 3"));
    // Nothing is left, and the next run has nothing to do.
    let shown = run(&host).await;
    assert_eq!(counted(&shown), (0, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runs_records_are_written_to_a_file_of_their_own() {
    let shop = Recorder::start().await;
    let bed = bed();
    put(&bed, "in/a.ndjson", b"{\"sku\":\"1\",\"qty\":\"1\"}\n{\"sku\":\"2\",\"qty\":\"2.50\"}\n{\"sku\":\"3\",\"qty\":\"3\"}\n");
    tenant(
        &bed,
        &shop,
        "from = { folder = \"in\" }\npage = 2\nto = [ { file = \"out/stock.ndjson\" } ]",
    );
    let host = host(&bed).await;
    let shown = run(&host).await;
    assert_eq!(shown.state, "done", "{shown:?}");
    let made = place(&bed, &format!("out/stock-{}.ndjson", shown.run));
    assert_eq!(
        std::fs::read_to_string(made).expect("a file"),
        "{\"sku\":\"1\",\"qty\":\"1\"}\n{\"sku\":\"2\",\"qty\":\"2.50\"}\n{\"sku\":\"3\",\"qty\":\"3\"}\n"
    );
    let left = std::fs::read_dir(place(&bed, "out"))
        .expect("a folder")
        .count();
    assert_eq!(left, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_in_a_file_goes_on_behind_the_rows_that_it_had() {
    const ROWS: usize = 400;
    let shop = Recorder::start().await;
    let bed = bed();
    let rows: String = (0..ROWS).map(|row| format!("s{row},{row}\n")).collect();
    put(&bed, "in/stock.csv", format!("sku,qty\n{rows}").as_bytes());
    tenant(
        &bed,
        &shop,
        &format!("every = \"1s\"\nfrom = {{ folder = \"in\" }}\npage = 7\n{TO_SHOP}"),
    );
    for kill in 1..=4 {
        let host = Serving::start(Path::new(&bed.path("")))
            .await
            .checked()
            .await;
        until("some rows to arrive", || {
            (items(&shop).len() >= ROWS * kill / 6).then_some(())
        })
        .await;
        host.kill().await;
    }
    let host = Serving::start(Path::new(&bed.path("")))
        .await
        .checked()
        .await;
    until("every row to arrive and the file to be moved", || {
        let arrived: std::collections::BTreeSet<String> = items(&shop)
            .iter()
            .map(|item| item["sku"].to_string())
            .collect();
        (arrived.len() == ROWS && place(&bed, "in/done/stock.csv").is_file()).then_some(())
    })
    .await;
    // A request that was under way at a kill leaves again, since it may be
    // repeated; but each row was read and queued once.
    let client = host.client();
    let listed = client.get("/v1/acme/deliveries?connection=mini&limit=1000");
    let listed = listed.await.expect("the list");
    let queued = listed["items"].as_array().expect("items").len();
    assert_eq!(queued, ROWS);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_the_folder_is_told_once_in_the_log() {
    let shop = Recorder::start().await;
    let bed = bed();
    put(&bed, "elsewhere.csv", b"sku,qty\n9,9\n");
    std::fs::create_dir_all(place(&bed, "in")).expect("a folder");
    std::os::unix::fs::symlink(place(&bed, "elsewhere.csv"), place(&bed, "in/link.csv"))
        .expect("a link");
    tenant(
        &bed,
        &shop,
        &format!("every = \"1s\"\nfrom = {{ folder = \"in\" }}\n{TO_SHOP}"),
    );
    let host = Serving::start(Path::new(&bed.path("")))
        .await
        .checked()
        .await;
    // Each file is found by a look of its own.
    for name in ["a.csv", "b.csv", "c.csv"] {
        put(&bed, &format!("in/{name}"), b"sku,qty\n1,1\n");
        until("the file to be moved", || {
            place(&bed, &format!("in/done/{name}"))
                .is_file()
                .then_some(())
        })
        .await;
    }
    assert!(place(&bed, "in/link.csv").is_symlink());
    host.terminate().await;
    let log = host.ended().await.stderr;
    assert_eq!(log.matches("link.csv").count(), 1, "{log}");
    assert!(
        log.contains("it is a link; put the file itself there"),
        "{log}"
    );
}
