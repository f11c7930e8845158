//! Bad input of every operation of every adapter: the item fails with its
//! index, a pointer and whose fault it is; nothing is sent for it; the others
//! go as if it had not been there.
//!
//! What is bad comes from each operation's schema, field by field (`schema`),
//! and from the rules that no schema says (`rules`).

mod rules;
mod schema;

use std::collections::BTreeMap;

use crossdock::problem::Blame;
use crossdock::report::{ItemReport, ItemStatus};
use crossdock_stand_ins::{Options, Recorded};
use crossdock_tests::platforms::{Connection, PLATFORMS, Platforms, message};
use schema::Bad;
use serde_json::Value;

/// Bad documents of one call.
const CHUNK: usize = 100;

/// Query parameters and form fields that differ from one call to the next.
const PUBLIC: [&str; 4] = ["timestamp", "sign", "nonce", "request_id"];

/// A connection of each platform without scripts, and one whose scripts give
/// every item as it is.
fn connections(operations: &BTreeMap<&'static str, Vec<Operation>>) -> Vec<Connection> {
    let mut connections = Vec::new();
    for (platform, operations) in operations {
        let scripted = Connection::to(platform).named(format!("{platform}-scripted"));
        let scripted = operations.iter().fold(scripted, |connection, operation| {
            connection.script(&operation.name, ".")
        });
        connections.extend([Connection::to(platform), scripted]);
    }
    connections
}

/// An operation with documents that are good and documents that are not.
struct Operation {
    name: String,
    good: [Value; 2],
    bad: Vec<Bad>,
}

/// All operations, from the manifests of the components.
async fn operations() -> BTreeMap<&'static str, Vec<Operation>> {
    let plain = PLATFORMS.map(Connection::to);
    let platforms = Platforms::start(Options::default(), &plain).await;
    let snapshot = platforms.host.snapshot();
    PLATFORMS
        .into_iter()
        .map(|platform| {
            let manifest = &snapshot.adapters[platform].manifest;
            let operations = manifest.operations.iter().map(|operation| {
                let mut good = schema::sample(&operation.document);
                let mut small = schema::smallest(&operation.document);
                rules::adjust(platform, &operation.name, &mut good, &mut small);
                let mut bad = schema::bad(&operation.document, &good);
                bad.extend(rules::bad(platform, &operation.name, &good));
                Operation {
                    name: operation.name.clone(),
                    good: [good, small],
                    bad,
                }
            });
            (platform, operations.collect())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_document_fails_alone_and_says_where_and_whose_fault_it_is() {
    let operations = operations().await;
    let platforms = Platforms::start(Options::default(), &connections(&operations)).await;
    let mut wrong = Vec::new();
    let (mut documents, mut names) = (0, 0);
    for (platform, operations) in &operations {
        for operation in operations {
            for (connection, blame) in [
                ((*platform).to_owned(), Blame::Caller),
                (format!("{platform}-scripted"), Blame::Script),
            ] {
                let found = run(&platforms, platform, &connection, operation, blame).await;
                wrong.extend(
                    found
                        .into_iter()
                        .map(|what| format!("{connection} {}: {what}", operation.name)),
                );
            }
            println!(
                "{platform:<9} {:<17} {:>3} bad documents",
                operation.name,
                operation.bad.len()
            );
            documents += operation.bad.len();
            names += 1;
        }
    }
    println!("{names} operations, {documents} bad documents, each with and without a script");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Sends the bad documents between two good ones; everything that is not as it
/// should be.
async fn run(
    platforms: &Platforms,
    platform: &str,
    connection: &str,
    operation: &Operation,
    blame: Blame,
) -> Vec<String> {
    let [first, last] = &operation.good;
    let mut wrong = Vec::new();
    let undisturbed = requests(platforms, platform, connection, operation, &[first, last])
        .await
        .0;
    let violations = platforms.stand_ins.violations(platform);
    if !violations.is_empty() || undisturbed.is_empty() {
        wrong.push(format!("the good documents are not good: {violations:?}"));
    }
    for bad in operation.bad.chunks(CHUNK) {
        let mut items = vec![first];
        items.extend(bad.iter().map(|bad| &bad.document));
        items.push(last);
        let (sent, reports) = requests(platforms, platform, connection, operation, &items).await;
        if sent != undisturbed {
            let (found, wanted) = (sent.len(), undisturbed.len());
            wrong.push(format!("{found} other requests than {wanted}"));
        }
        let mut reports = reports.into_iter();
        for (bad, report) in [None]
            .into_iter()
            .chain(bad.iter().map(Some))
            .chain([None])
            .zip(reports.by_ref())
        {
            let Some(bad) = bad else {
                // It went; what the platform makes of it is not the question.
                if report.blame == Some(blame) {
                    wrong.push(format!("a good document failed: {report:?}"));
                }
                continue;
            };
            if let Some(what) = misreported(bad, &report, blame) {
                wrong.push(format!("{}: {what}", bad.what));
            }
        }
    }
    wrong
}

fn misreported(bad: &Bad, report: &ItemReport, blame: Blame) -> Option<String> {
    let pointers = report
        .pointer
        .iter()
        .chain(report.details.iter().map(|detail| &detail.pointer));
    let fits = report.status == ItemStatus::Failed
        && report.blame == Some(blame)
        && (report.place.is_some() || blame != Blame::Script || !bad.by_schema)
        && pointers.into_iter().any(|pointer| *pointer == bad.pointer)
        && !message(report).is_empty();
    (!fits).then(|| format!("{report:?} is not at {}", bad.pointer))
}

/// What arrives of a call, without what differs every time, and its reports.
async fn requests(
    platforms: &Platforms,
    platform: &str,
    connection: &str,
    operation: &Operation,
    items: &[&Value],
) -> (Vec<String>, Vec<ItemReport>) {
    platforms.stand_ins.reset(platform);
    let items: Vec<Value> = items.iter().map(|item| (*item).clone()).collect();
    let report = platforms
        .deliver(connection, &operation.name, &Value::Array(items.clone()))
        .await;
    assert_eq!(report.items.len(), items.len());
    for (index, item) in report.items.iter().enumerate() {
        assert_eq!(item.index, index);
    }
    let sent = platforms.stand_ins.requests(platform);
    let mut sent: Vec<String> = sent.iter().map(comparable).collect();
    // What shares no order key goes out at the same time.
    sent.sort();
    (sent, report.items)
}

fn comparable(request: &Recorded) -> String {
    let own = |pairs: Vec<(String, String)>| {
        let own = pairs
            .into_iter()
            .filter(|(name, _)| !PUBLIC.contains(&name.as_str()));
        format!("{:?}", own.collect::<Vec<_>>())
    };
    let query = own(request.query.clone());
    let is_form = request
        .header("content-type")
        .is_some_and(|kind| kind.contains("form"));
    let body = match is_form {
        true => own(url::form_urlencoded::parse(&request.body)
            .into_owned()
            .collect()),
        false => {
            let mut body = request.json();
            if let Some(members) = body.as_object_mut() {
                // The item's key, where the document has none.
                members.shift_remove("request_id");
            }
            body.to_string()
        }
    };
    format!("{} {}?{query} {body}", request.method, request.path)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_the_script_cannot_map_fails_alone() {
    let connection = Connection::to("lingzhi").script(
        "stock.update",
        "{sku: .key, quantity: (.stock | tonumber), location: .store_code}",
    );
    let platforms = Platforms::start(Options::default(), &[connection]).await;
    let report = platforms
        .deliver_text(
            "lingzhi",
            "stock.update",
            r#"[{"key":"1^^^a","stock":"5","store_code":"s"},
                {"key":"2^^^b","stock":"five","store_code":"s"},
                {"key":"3^^^c","stock":"7","store_code":"s"}]"#,
        )
        .await;
    let statuses: Vec<ItemStatus> = report.items.iter().map(|item| item.status).collect();
    assert_eq!(
        statuses,
        [
            ItemStatus::Accepted,
            ItemStatus::Failed,
            ItemStatus::Accepted
        ]
    );
    let failed = &report.items[1];
    assert_eq!((failed.index, failed.blame), (1, Some(Blame::Script)));
    assert!(
        failed.place.is_some() && message(failed).contains("five"),
        "{failed:?}"
    );
    let rows = platforms.stand_ins.requests("lingzhi")[0].json();
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sku_of_a_product_that_is_too_large_for_one_request_is_refused() {
    let platforms = Platforms::start_plain(&[]).await;
    let mut items: Vec<Value> = (0..101)
        .map(|index| {
            serde_json::json!({"id": format!("s{index}"), "product_id": "P", "group_by_product": true})
        })
        .collect();
    items.push(serde_json::json!({"id": "other", "product_id": "Q", "group_by_product": true}));
    let report = platforms
        .deliver("dingliyun", "sku.update", &Value::Array(items))
        .await;
    for (index, item) in report.items.iter().enumerate() {
        let expected = match index {
            101 => (ItemStatus::Accepted, None, None),
            _ => (ItemStatus::Failed, Some(Blame::Caller), Some("/product_id")),
        };
        assert_eq!(
            (item.status, item.blame, item.pointer.as_deref()),
            expected,
            "{index}"
        );
    }
    assert_eq!(platforms.stand_ins.counters("dingliyun").received, 1);
}
