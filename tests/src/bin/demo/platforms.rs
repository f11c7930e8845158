//! Five platforms with one tenant.

use anyhow::ensure;
use crossdock_stand_ins::{Misbehaviour, Plan, Recorded};
use serde_json::Value;

use crate::show::{self, heading, list, table, text, word};
use crate::stage::Stage;

/// The connections that take stock records.
const STOCK: [&str; 4] = ["lingzhi", "fengchao", "doudian", "dingliyun"];

/// Public parameters and what authenticates: not shown.
const PUBLIC: [&str; 9] = [
    "appid",
    "seller_nick",
    "timestamp",
    "sign",
    "app_key",
    "access_token",
    "v",
    "sign_method",
    "salt",
];

/// Sends the tenant's records to all of them.
pub async fn show(stage: &Stage) -> anyhow::Result<()> {
    stock(stage).await?;
    change(stage).await?;
    goods(stage).await?;
    query(stage).await?;
    lock(stage).await
}

/// One list of stock records, four platforms, no script.
async fn stock(stage: &Stage) -> anyhow::Result<()> {
    let records = stage.read("core-stock.json")?;
    heading("One list of stock records …");
    println!("{}", records.trim_end());

    heading("… to four platforms, without a script: what became of each item");
    let records_read: Value = serde_json::from_str(&records)?;
    let mut columns = Vec::new();
    let mut requests = vec!["requests".to_owned(), String::new(), String::new()];
    for platform in STOCK {
        let report = stage.accepted(platform, "stock.update", &records).await?;
        requests.push(list(&report["requests"]).count().to_string());
        columns.push(report);
    }
    let mut rows: Vec<Vec<String>> = list(&records_read)
        .enumerate()
        .map(|(index, record)| {
            let mut row = ["sku", "location", "quantity"]
                .map(|field| word(&record[field]))
                .to_vec();
            row.extend(
                columns
                    .iter()
                    .map(|report| word(&report["items"][index]["status"])),
            );
            row
        })
        .collect();
    rows.push(requests);
    let mut header = vec!["sku", "location", "quantity"];
    header.extend(STOCK);
    table(&header, &rows);

    heading("What each platform was sent for the first of them, in its own words");
    for platform in STOCK {
        // Records about different articles go out at the same time.
        let requests = stage.platforms.requests(platform);
        let of_first = requests
            .iter()
            .find(|request| content(request).contains("1001"));
        if let Some(request) = of_first {
            println!(
                "  {platform}: {} {}{}",
                request.method,
                request.path,
                query_of(request)
            );
            println!("    {}", content(request));
        }
    }
    Ok(())
}

/// The query without what is the account's.
fn query_of(request: &Recorded) -> String {
    let own: Vec<String> = request
        .query
        .iter()
        .filter(|(name, _)| !PUBLIC.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    match own.is_empty() {
        true => String::new(),
        false => format!("?{}", own.join("&")),
    }
}

/// The body; of a form, the fields without what is the account's.
fn content(request: &Recorded) -> String {
    let is_form = request
        .header("content-type")
        .is_some_and(|kind| kind.contains("form-urlencoded"));
    if !is_form {
        return String::from_utf8_lossy(&request.body).into_owned();
    }
    let fields: Vec<String> = url::form_urlencoded::parse(&request.body)
        .filter(|(name, _)| !PUBLIC.contains(&&**name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{} (and the account's fields)", fields.join(" "))
}

/// A change instead of a total, sent twice.
async fn change(stage: &Stage) -> anyhow::Result<()> {
    let record = stage.read("stock-change.json")?;
    heading("A change instead of a total, with its id, sent twice");
    println!("{}", record.trim_end());
    let mut rows = Vec::new();
    for platform in STOCK {
        for time in ["first", "second"] {
            let report = stage.deliver(platform, "stock.update", &record).await?;
            let item = &report["items"][0];
            let mut row = vec![platform.to_owned(), time.to_owned(), word(&item["status"])];
            row.push(word(&item["blame"]));
            row.push(word(&item["message"]));
            rows.push(row);
            if text(&item["status"]) == "failed" {
                // Nothing was sent, and a second time would be the same.
                break;
            }
        }
    }
    table(&["platform", "time", "status", "blame", "message"], &rows);
    let key = "code:1001^^^红色/store:2001";
    for (platform, stock) in [
        ("fengchao", stage.platforms.fengchao().stock(key)),
        ("doudian", stage.platforms.doudian().stock(key)),
    ] {
        let stock = stock.map(|stock| stock.stock);
        ensure!(stock == Some(100), "{platform} has {stock:?}, not 100");
    }
    println!("\nthe shop's stock at fengchao and doudian: 120 - 20 = 100, once");
    Ok(())
}

/// Goods, of which the platform and the host refuse some.
async fn goods(stage: &Stage) -> anyhow::Result<()> {
    let records = stage.read("goods.json")?;
    heading("Goods to wangdian (goods.push): the platform refuses one, the host another");
    println!("{}", records.trim_end());
    println!();
    let report = stage.deliver("wangdian", "goods.push", &records).await?;
    show::items(&report);
    let statuses: Vec<&str> = list(&report["items"])
        .map(|item| text(&item["status"]))
        .collect();
    ensure!(
        statuses == ["accepted", "accepted", "rejected", "failed"],
        "{report}"
    );
    println!(
        "\ngoods at the platform: {}",
        stage.platforms.wangdian().goods_count()
    );
    Ok(())
}

/// All pages of a query as one result.
async fn query(stage: &Stage) -> anyhow::Result<()> {
    heading("Brands to dingliyun, and all pages of a query as one result");
    let report = stage
        .accepted("dingliyun", "brand.update", &stage.read("brands.json")?)
        .await?;
    println!("brand.update of brands.json: {}", word(&report["status"]));
    let asked = r#"{"all": true, "page_size": 2, "sort_key": "id"}"#;
    println!("brand.query of {asked}:");
    let report = stage.accepted("dingliyun", "brand.query", asked).await?;
    let rows: Vec<Vec<String>> = list(&report["items"][0]["data"]["brands"])
        .map(|brand| vec![word(&brand["id"]), word(&brand["name"])])
        .collect();
    table(&["id", "name"], &rows);
    show::requests(&report);
    ensure!(rows.len() == 5, "not all brands came: {report}");
    Ok(())
}

/// A lock whose answer is lost: not sent again, and not called accepted for what
/// the order looks like.
async fn lock(stage: &Stage) -> anyhow::Result<()> {
    let record = stage.read("order.json")?;
    heading("Stock held for an order (order.lock), and the platform's answer is lost");
    println!("{}", record.trim_end());
    println!();
    let lost = Plan::new(Misbehaviour::ResetAfterApplying).only("/orderstockservice/lock");
    stage.platforms.misbehave_as("dingliyun", lost);
    let report = stage.deliver("dingliyun", "order.lock", &record).await?;
    show::items(&report);
    let item = &report["items"][0];
    println!(
        "\nfor whoever looks into it: {}",
        word(&item["details"][0]["message"])
    );
    ensure!(item["status"] == "unknown", "{report}");
    let state = stage.platforms.dingliyun().snapshot();
    let locks = state
        .orders
        .values()
        .map(|order| order.lock_requests)
        .sum::<u64>();
    println!(
        "\nlocks at the platform: {locks}. The lock was not sent again, since the document does not"
    );
    println!(
        "promise that its request_id counts once; and it is not called accepted, since what the"
    );
    println!("platform can be asked is about the order: an older lock of it would look the same");
    ensure!(locks == 1, "the order was locked {locks} times");
    Ok(())
}
