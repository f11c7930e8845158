//! The host killed in the middle of a burst of queued records.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use crossdock_stand_ins::{Misbehaviour, Plan, Times};
use http::{Method, StatusCode};
use serde_json::Value;

use crate::show::{heading, list, table, text};
use crate::stage::{BOUND, Stage};

const QUEUE: &str = "/v1/acme/lingzhi/stock.update?queue=true";

/// Deliveries of the burst, and records in each.
const DELIVERIES: usize = 40;
const EACH: usize = 25;

/// Deliveries after which the host is killed.
const KILLED_AFTER: usize = 24;

/// How long the platform takes for a request of the burst.
const TAKES: Duration = Duration::from_millis(150);

/// What must not be repeated, for an order of its own.
const LOCK: &str =
    r#"{"order_id":"burst-1","store_id":"2001","items":[{"sku_id":"1001","qty":1}]}"#;

/// Queues a burst, kills the host in its middle, starts it, and counts.
pub async fn show(stage: &mut Stage) -> anyhow::Result<()> {
    let records = DELIVERIES * EACH;
    heading(&format!(
        "{records} records are queued in a burst, and the host is killed in the middle"
    ));
    println!(
        "Each of {DELIVERIES} requests has {EACH} records and `?queue=true`. The host answers 202 as soon as\n\
         they are on disk, and delivers them in its own time; the platform takes {} ms for\n\
         each of its requests. One more record locks stock for an order: sent twice, it would\n\
         hold the stock twice.\n",
        TAKES.as_millis()
    );
    let slow = Plan::new(Misbehaviour::Slow(TAKES)).times(Times::Always);
    stage.platforms.misbehave_as("lingzhi", slow);
    // The platform makes the lock, and has not answered when the host dies.
    let hangs = Plan::new(Misbehaviour::Slow(BOUND)).only("/orderstockservice/lock");
    stage.platforms.misbehave_as("dingliyun", hangs);

    let lock = queue_lock(stage).await?;
    let mut taken = Vec::new();
    for number in 0..KILLED_AFTER {
        taken.push(give(stage, number).await?);
    }
    // Until the platform has some of them, and not all.
    let began = Instant::now();
    let arrived = loop {
        match arrived(stage) {
            0 => tokio::time::sleep(Duration::from_millis(5)).await,
            arrived => break arrived,
        }
        ensure!(began.elapsed() < BOUND, "nothing reaches the platform");
    };
    stage.kill().await?;
    println!(
        "killed (SIGKILL) after {} records were answered with 202;",
        taken.len() * EACH
    );
    println!("{arrived} of them had reached the platform, and the lock was on its way");

    let began = Instant::now();
    stage.start_again().await?;
    println!(
        "started again in {} ms; the client goes on with the rest\n",
        began.elapsed().as_millis()
    );
    for number in KILLED_AFTER..DELIVERIES {
        taken.push(give(stage, number).await?);
    }
    stage.platforms.behave("lingzhi");
    stage.platforms.behave("dingliyun");
    let mut delivered = 0;
    for id in &taken {
        let shown = ended(stage, id).await?;
        ensure!(shown["status"] == "accepted", "not all arrived: {shown}");
        delivered += list(&shown["items"]).count();
    }
    let lock = ended(stage, &lock).await?;
    tell(stage, delivered, &lock)
}

fn tell(stage: &Stage, delivered: usize, lock: &Value) -> anyhow::Result<()> {
    let right = arrived(stage);
    let state = stage.platforms.dingliyun().snapshot();
    let locks = state.orders.get("burst-1");
    let locks = locks.map_or(0, |order| order.lock_requests);
    let records = DELIVERIES * EACH;
    let rows = [
        ["records answered with 202".to_owned(), records.to_string()],
        ["of these `accepted` now".to_owned(), delivered.to_string()],
        [
            "articles with the right stock at the platform".to_owned(),
            right.to_string(),
        ],
        ["records lost".to_owned(), (records - right).to_string()],
        [
            "what the host says of the lock".to_owned(),
            text(&lock["status"]).to_owned(),
        ],
        ["locks at the platform".to_owned(), locks.to_string()],
    ];
    table(&["counted afterwards", ""], &rows.map(Vec::from));
    println!(
        "\nA total that was on its way is simply sent again. The lock is not: the host wrote down\n\
         that it was about to leave, does not know whether it arrived, and says `unknown`, so\n\
         that a person looks at the platform and retries or discards it."
    );
    ensure!(right == records, "{right} of {records} records arrived");
    ensure!(lock["status"] == "unknown", "the lock is {lock}");
    ensure!(locks == 1, "the order was locked {locks} times");
    Ok(())
}

async fn queue_lock(stage: &Stage) -> anyhow::Result<String> {
    let received = || stage.platforms.counters("dingliyun").received;
    let before = received();
    let path = "/v1/acme/dingliyun/order.lock?queue=true";
    let answer = stage.client.post(path, LOCK).await?;
    let began = Instant::now();
    while received() == before {
        ensure!(began.elapsed() < BOUND, "the lock does not leave");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    id(&answer)
}

/// Queues one delivery of the burst.
async fn give(stage: &Stage, number: usize) -> anyhow::Result<String> {
    let record = |index: usize| {
        let article = number * EACH + index;
        format!(
            r#"{{"sku":"{}","quantity":{},"location":"aaa"}}"#,
            key(article),
            article + 1
        )
    };
    let records: Vec<String> = (0..EACH).map(record).collect();
    let body = format!("[{}]", records.join(","));
    let (status, answer) = stage.client.send(Method::POST, QUEUE, Some(&body)).await?;
    ensure!(status == StatusCode::ACCEPTED, "{status}: {answer}");
    id(&answer)
}

fn id(answer: &Value) -> anyhow::Result<String> {
    let id = answer["delivery"].as_str();
    id.map(str::to_owned).context("202 without an id")
}

/// An article of the burst, as the platform names articles.
fn key(article: usize) -> String {
    format!("{}^^^burst", 7_000_000 + article)
}

/// Articles of the burst of which the platform has the right stock.
fn arrived(stage: &Stage) -> usize {
    let lingzhi = stage.platforms.lingzhi();
    let right = |article: &usize| {
        let stock = lingzhi.stock("normal", &key(*article), "aaa");
        stock.is_some_and(|stock| usize::try_from(stock.stock) == Ok(article + 1))
    };
    (0..DELIVERIES * EACH).filter(right).count()
}

/// A delivery when nothing of it is open.
async fn ended(stage: &Stage, id: &str) -> anyhow::Result<Value> {
    let began = Instant::now();
    loop {
        let path = format!("/v1/acme/deliveries/{id}");
        let shown = stage.client.get(&path).await?;
        if shown["status"] != "queued" {
            return Ok(shown);
        }
        ensure!(began.elapsed() < BOUND, "still open: {shown}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
