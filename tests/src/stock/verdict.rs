//! What the shops keep and the ERP was told, beside what the ERP has.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crossdock_stand_ins::StandIns;
use crossdock_stand_ins::decimal::Decimal;
use crossdock_stand_ins::platforms::dingliyun::State;
use serde_json::Value;

use super::setting::STORE;
use super::{Changes, ERP, Found, SHOPS};

/// By then, an answer that has come is written down, however busy the machine is.
const WRITTEN_DOWN: Duration = Duration::from_secs(2);

/// Compares everything, and takes down what does not fit.
pub fn compare(
    stand_ins: &StandIns,
    changes: &Changes,
    killed_at: &[SystemTime],
    found: &mut Found,
) {
    let last = last_of(changes);
    shops_have_what_the_erp_has(stand_ins, &last, found);
    histories_only_go_forward(stand_ins, changes, killed_at, found);
    confirmations_fit(stand_ins, changes, &last, found);
    for platform in SHOPS.into_iter().chain([ERP]) {
        let counters = stand_ins.counters(platform);
        if counters.violating > 0 {
            let wrong = counters.violating;
            found
                .faults
                .push(format!("{wrong} requests to {platform} were malformed"));
        }
        for request in stand_ins.requests(platform) {
            found.misbehaved += usize::from(request.verdict.misbehaviour.is_some());
        }
    }
}

/// Each article's newest count of changes and number.
fn last_of(changes: &Changes) -> BTreeMap<i64, (i64, i64)> {
    let each = changes.iter();
    each.map(|((article, count), number)| (*article, (*count, *number)))
        .collect()
}

type Last = BTreeMap<i64, (i64, i64)>;

/// A number that is a whole one however it is written; -1 for another.
fn whole(number: Decimal) -> i64 {
    let text = number.to_string();
    let digits = text.split_once('.').map_or(&*text, |(whole, rest)| {
        let is_whole = rest.bytes().all(|byte| byte == b'0');
        if is_whole { whole } else { "" }
    });
    digits.parse().unwrap_or(-1)
}

/// What each shop has of an article, as text.
type Has = [(&'static str, Option<String>); 3];

fn stock_of(stand_ins: &StandIns, state: &State, article: i64) -> Has {
    let sku = format!("a-{article}");
    let mini = format!("{article}^^^红色");
    let lingzhi = stand_ins.lingzhi().stock("normal", &mini, STORE);
    let fengchao = stand_ins.fengchao().stock(&format!("code:{sku}"));
    let dingliyun = state.store_inventory(STORE, &sku);
    [
        ("lingzhi", lingzhi.map(|stock| stock.stock.to_string())),
        ("fengchao", fengchao.map(|stock| stock.stock.to_string())),
        (
            "dingliyun",
            dingliyun.map(|stock| whole(stock.available).to_string()),
        ),
    ]
}

/// Of how many articles each shop has the stock that the ERP has.
pub fn equal(stand_ins: &StandIns, changes: &Changes) -> [(&'static str, usize); 3] {
    let state = stand_ins.dingliyun().snapshot();
    let mut equal = SHOPS.map(|shop| (shop, 0));
    for (article, (_, number)) in last_of(changes) {
        let shops = stock_of(stand_ins, &state, article);
        for ((_, equal), (_, has)) in equal.iter_mut().zip(shops) {
            *equal += usize::from(has == Some(number.to_string()));
        }
    }
    equal
}

fn shops_have_what_the_erp_has(stand_ins: &StandIns, last: &Last, found: &mut Found) {
    let state = stand_ins.dingliyun().snapshot();
    for (article, (_, number)) in last {
        for (shop, has) in stock_of(stand_ins, &state, *article) {
            if has.as_deref() != Some(&number.to_string()) {
                found.faults.push(format!(
                    "{shop} has {has:?} of article {article}, and the ERP has {number}"
                ));
            }
        }
    }
}

/// What each shop wrote of each article, in order.
fn histories_only_go_forward(
    stand_ins: &StandIns,
    changes: &Changes,
    killed_at: &[SystemTime],
    found: &mut Found,
) {
    let last = last_of(changes);
    let state = stand_ins.dingliyun().snapshot();
    let mut again = [0, 0];
    for article in last.keys() {
        let sku = format!("a-{article}");
        let fengchao = stand_ins.fengchao().history(&format!("code:{sku}"));
        let fengchao = fengchao.iter().map(|applied| applied.stock_num).collect();
        let dingliyun = state.store_inventory(STORE, &sku).into_iter();
        let dingliyun = dingliyun.flat_map(|stock| &stock.history);
        let dingliyun = dingliyun.map(|number| whole(*number));
        let histories: [(&str, Vec<i64>); 2] =
            [("fengchao", fengchao), ("dingliyun", dingliyun.collect())];
        for (index, (shop, history)) in histories.into_iter().enumerate() {
            for pair in history.windows(2) {
                if pair[1] < pair[0] {
                    found.faults.push(format!(
                        "{shop} wrote {} of article {article} after the newer {}",
                        pair[1], pair[0]
                    ));
                }
                again[index] += usize::from(pair[1] == pair[0]);
            }
            let known = |number: &&i64| {
                let of = changes.range((*article, i64::MIN)..=(*article, i64::MAX));
                !of.map(|(_, known)| known).any(|known| known == *number)
            };
            if let Some(number) = history.iter().find(known) {
                found.faults.push(format!(
                    "{shop} wrote {number} of article {article}, which the ERP never had"
                ));
            }
        }
    }
    found.written_again = again.iter().sum();
    // A change that came to the shop while the one before it was being asked for is
    // calculated twice, with the newer number each time.
    let calculated = calculated_again(stand_ins);
    for (shop, again) in ["fengchao", "dingliyun"].into_iter().zip(again) {
        let may = lost_answers(stand_ins, shop, killed_at) + calculated;
        if again > may {
            found.faults.push(format!(
                "{shop} wrote {again} numbers again, and {may} can be explained by an answer that was lost or a number that was calculated twice"
            ));
        }
    }
}

/// Rows of requests that were carried out and of which the host may have no answer:
/// it was lost, or the host was killed before it had written it down.
fn lost_answers(stand_ins: &StandIns, shop: &str, killed_at: &[SystemTime]) -> usize {
    let requests = stand_ins.requests(shop).into_iter();
    let before_kill = |at: SystemTime| {
        let mut kills = killed_at.iter().map(|kill| kill.duration_since(at));
        kills.any(|since| since.is_ok_and(|since| since < WRITTEN_DOWN))
    };
    let lost = requests.filter(|request| {
        let wrong = request.verdict.misbehaviour.is_some();
        request.verdict.applied && (wrong || before_kill(request.at))
    });
    lost.map(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        rows(&body)
    })
    .sum()
}

/// Rows of a request's body: its list, or the longest list in it.
fn rows(body: &Value) -> usize {
    match body {
        Value::Array(rows) => rows.len(),
        Value::Object(members) => {
            let lists = members.values().filter_map(Value::as_array);
            lists.map(Vec::len).max().unwrap_or(1)
        }
        _ => 1,
    }
}

/// How often the ERP calculated a number that it had calculated before.
fn calculated_again(stand_ins: &StandIns) -> usize {
    let mut times: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    for request in stand_ins.requests(ERP) {
        let answer: Value = serde_json::from_slice(&request.verdict.answer).unwrap_or_default();
        let data = &answer["data"];
        let of = (data["rec_id"].as_i64(), data["stock_change_count"].as_i64());
        if let (Some(article), Some(count)) = of {
            *times.entry((article, count)).or_default() += 1;
        }
    }
    times.values().map(|times| times - 1).sum()
}

/// Whatever the ERP was told of is what it had, and what every shop has taken.
fn confirmations_fit(stand_ins: &StandIns, changes: &Changes, last: &Last, found: &mut Found) {
    for (article, (count, _)) in last {
        let goods = stand_ins.wangdian().api_goods(*article);
        let told = goods.map(|goods| goods.confirmations).unwrap_or_default();
        let mut newest = 0;
        for confirmation in &told {
            let info = &confirmation.info;
            let of = info["stock_change_count"].as_i64().unwrap_or(-1);
            newest = newest.max(of);
            let number = info["syn_stock"].as_i64();
            if !confirmation.success || changes.get(&(*article, of)).copied() != number {
                found.faults.push(format!(
                    "the ERP was told of article {article}: {info}, success {}",
                    confirmation.success
                ));
            }
            let sku = format!("code:a-{article}");
            let history = stand_ins.fengchao().history(&sku);
            if !history
                .iter()
                .any(|applied| Some(applied.stock_num) == number)
            {
                found.faults.push(format!(
                    "the ERP was told that article {article} has {number:?} everywhere, and fengchao never wrote it"
                ));
            }
        }
        found.confirmations += told.len();
        if newest != *count {
            found.faults.push(format!(
                "article {article} changed {count} times, and the newest that was confirmed is {newest}"
            ));
        }
    }
}
