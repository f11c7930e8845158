//! What was sent, by the ERP's and the shops' own logs, beside what the host says of
//! each record that it queued.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use crossdock_stand_ins::StandIns;
use serde_json::Value;

use super::weather::went_wrong;
use super::{ERP, SHOPS};
use crate::client::Client;
use crate::platforms::TENANT;

/// An article and a number that it had.
pub type Total = (i64, i64);

/// A record as the host tells of it. Times are Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it is now.
    pub state: String,
    /// When it was queued.
    pub queued: u64,
    /// When the host had written down how it ended.
    pub ended: Option<u64>,
}

/// A request that carried a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When it was answered.
    pub at: u64,
    /// Whether the shop did something wrong with it.
    pub wrong: bool,
    /// Whether the shop carried it out.
    pub applied: bool,
}

/// What the host queued for, and what came to, one shop.
#[derive(Debug, Default)]
pub struct Account {
    /// Records of each total.
    pub items: BTreeMap<Total, Vec<Item>>,
    /// Requests with each total, oldest first.
    pub sent: BTreeMap<Total, Vec<Sent>>,
}

/// Unix milliseconds.
pub fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The account of each shop, by its name.
///
/// # Errors
/// If the host does not tell, or a shop has forgotten requests.
pub async fn accounts(
    client: &Client,
    stand_ins: &StandIns,
) -> anyhow::Result<BTreeMap<&'static str, Account>> {
    let mut accounts = BTreeMap::new();
    for shop in SHOPS {
        let mut account = Account::default();
        for line in exported(client, shop).await? {
            if let Some(total) = total_of(&line["input"]) {
                account.items.entry(total).or_default().push(item(&line));
            }
        }
        let requests = stand_ins.requests(shop);
        let received = stand_ins.counters(shop).received;
        ensure!(
            requests.len() as u64 >= received,
            "{shop} remembers {} of {received} requests",
            requests.len()
        );
        for request in requests {
            let sent = Sent {
                at: millis(request.at),
                wrong: went_wrong(&request.verdict),
                applied: request.verdict.applied,
            };
            for total in carried(&request.body) {
                account.sent.entry(total).or_default().push(sent);
            }
        }
        for sent in account.sent.values_mut() {
            sent.sort_by_key(|sent| sent.at);
        }
        accounts.insert(shop, account);
    }
    Ok(accounts)
}

impl Account {
    /// What the shop wrote of an article, in order, by the requests that it carried
    /// out.
    pub fn history(&self, article: i64) -> Vec<i64> {
        let totals = self.sent.range((article, i64::MIN)..=(article, i64::MAX));
        let mut applied: Vec<(u64, i64)> = totals
            .flat_map(|((_, number), sent)| sent.iter().map(move |sent| (sent, *number)))
            .filter(|(sent, _)| sent.applied)
            .map(|(sent, number)| (sent.at, number))
            .collect();
        applied.sort_unstable();
        applied.into_iter().map(|(_, number)| number).collect()
    }
}

/// How many confirmations the host queued, by article and count of changes.
///
/// # Errors
/// If the host does not tell.
pub async fn confirmations(client: &Client) -> anyhow::Result<BTreeMap<Total, usize>> {
    let mut queued: BTreeMap<Total, usize> = BTreeMap::new();
    for line in exported(client, ERP).await? {
        let input = &line["input"];
        let of = (
            input["api_goods_id"].as_i64(),
            input["stock_change_count"].as_i64(),
        );
        if let (Some(article), Some(count)) = of
            && line["operation"] == "stock.confirm"
        {
            *queued.entry((article, count)).or_default() += 1;
        }
    }
    Ok(queued)
}

async fn exported(client: &Client, connection: &str) -> anyhow::Result<Vec<Value>> {
    let path = format!("/v1/{TENANT}/deliveries/export?connection={connection}");
    let lines = client.lines(&path).await;
    lines.with_context(|| format!("what the host says of {connection}"))
}

fn item(line: &Value) -> Item {
    Item {
        state: line["status"].as_str().unwrap_or_default().to_owned(),
        queued: line["accepted_ms"].as_u64().unwrap_or_default(),
        ended: line["finished_ms"].as_u64(),
    }
}

/// The article that a shop's name for it means.
fn article(name: &str) -> Option<i64> {
    let name = name
        .strip_prefix("a-")
        .or(name.split_once("^^^").map(|it| it.0));
    name?.parse().ok()
}

/// What a record sets; nothing for one that changes by something.
fn total_of(input: &Value) -> Option<Total> {
    Some((
        article(input["sku"].as_str()?)?,
        input["quantity"].as_i64()?,
    ))
}

/// Every total in a request's body, as each of the shops has it.
fn carried(body: &[u8]) -> Vec<Total> {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(rows)) => rows
            .iter()
            .filter_map(|row| Some((article(row["key"].as_str()?)?, row["stock"].as_i64()?)))
            .collect(),
        Ok(body) => {
            let rows = body["skus"].as_array().into_iter().flatten();
            rows.filter_map(|row| {
                Some((
                    article(row["sku_id"].as_str()?)?,
                    row["available"].as_i64()?,
                ))
            })
            .collect()
        }
        Err(_) => in_form(body).into_iter().collect(),
    }
}

/// The total of a form: names and numbers are plain text in it.
fn in_form(body: &[u8]) -> Option<Total> {
    let text = std::str::from_utf8(body).ok()?;
    let value = |name: &str| {
        let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|pair| pair.0 == name).map(|pair| pair.1)
    };
    if value("incremental") == Some("true") {
        return None;
    }
    Some((article(value("code")?)?, value("stock_num")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_found_in_what_each_shop_is_sent() {
        let lingzhi = r#"[{"type":"normal","key":"12^^^红色","stock":41,"store_code":"S1"},{"key":"3^^^红色","stock":5}]"#;
        assert_eq!(carried(lingzhi.as_bytes()), [(12, 41), (3, 5)]);
        let dingliyun = br#"{"operator":"x","skus":[{"available":41,"sku_id":"a-12"}]}"#;
        assert_eq!(carried(dingliyun), [(12, 41)]);
        let fengchao = b"appid=app&code=a-12&idempotent_id=x&stock_num=41&sign=00";
        assert_eq!(carried(fengchao), [(12, 41)]);
        let change = b"appid=app&code=m-1&incremental=true&stock_num=41&sign=00";
        assert_eq!(carried(change), []);
    }
}
