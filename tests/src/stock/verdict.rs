//! What the shops keep and the ERP was told, beside what the ERP has.

use std::collections::BTreeMap;

use crossdock_stand_ins::StandIns;
use crossdock_stand_ins::decimal::Decimal;
use crossdock_stand_ins::platforms::dingliyun::State;
use serde_json::Value;

use super::account::{Account, Total};
use super::setting::{STORE, movement_sku};
use super::weather::went_wrong;
use super::{Changes, ERP, Found, SHOPS, repeats};

/// What everything is compared with.
pub struct Known<'a> {
    /// Every number that the ERP had.
    pub changes: &'a Changes,
    /// What each article was moved by, in order.
    pub movements: &'a BTreeMap<i64, Vec<i64>>,
    /// When nothing of a killed host was under way any more.
    pub killed_at: &'a [u64],
    /// What was queued for, and came to, each shop.
    pub accounts: &'a BTreeMap<&'static str, Account>,
    /// Confirmations that were queued, by article and count of changes.
    pub confirmations: &'a BTreeMap<Total, usize>,
}

/// Compares everything, and takes down what does not fit.
pub fn compare(stand_ins: &StandIns, known: &Known<'_>, found: &mut Found) {
    let last = last_of(known.changes);
    shops_have_what_the_erp_has(stand_ins, &last, found);
    histories_only_go_forward(stand_ins, known, found);
    confirmations_fit(stand_ins, known, &last, found);
    every_movement_came_once(stand_ins, known.movements, found);
    let calculated = calculated(stand_ins);
    for (shop, account) in known.accounts {
        let faults = &mut found.faults;
        repeats::judge(shop, account, known.killed_at, &calculated, faults);
        found.sent_again += repeats::count(account);
    }
    for platform in SHOPS.into_iter().chain([ERP]) {
        let counters = stand_ins.counters(platform);
        if counters.violating > 0 {
            let wrong = counters.violating;
            found
                .faults
                .push(format!("{wrong} requests to {platform} were malformed"));
        }
        for request in stand_ins.requests(platform) {
            found.misbehaved += usize::from(went_wrong(&request.verdict));
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
fn histories_only_go_forward(stand_ins: &StandIns, known: &Known<'_>, found: &mut Found) {
    let state = stand_ins.dingliyun().snapshot();
    for article in last_of(known.changes).keys() {
        let sku = format!("a-{article}");
        let fengchao = stand_ins.fengchao().history(&format!("code:{sku}"));
        let fengchao = fengchao.iter().map(|applied| applied.stock_num).collect();
        let dingliyun = state.store_inventory(STORE, &sku).into_iter();
        let dingliyun = dingliyun.flat_map(|stock| &stock.history);
        let dingliyun = dingliyun.map(|number| whole(*number));
        // It keeps no history of its own.
        let lingzhi = known.accounts.get("lingzhi");
        let lingzhi = lingzhi.map(|account| account.history(*article));
        let histories: [(&str, Vec<i64>); 3] = [
            ("lingzhi", lingzhi.unwrap_or_default()),
            ("fengchao", fengchao),
            ("dingliyun", dingliyun.collect()),
        ];
        for (shop, history) in histories {
            for pair in history.windows(2).filter(|pair| pair[1] < pair[0]) {
                found.faults.push(format!(
                    "{shop} wrote {} of article {article} after the newer {}",
                    pair[1], pair[0]
                ));
            }
            let foreign = |number: &&i64| {
                let changes = known.changes;
                let of = changes.range((*article, i64::MIN)..=(*article, i64::MAX));
                !of.map(|(_, known)| known).any(|known| known == *number)
            };
            if let Some(number) = history.iter().find(foreign) {
                found.faults.push(format!(
                    "{shop} wrote {number} of article {article}, which the ERP never had"
                ));
            }
        }
    }
}

/// How often the ERP calculated each number and its answer came.
fn calculated(stand_ins: &StandIns) -> BTreeMap<Total, usize> {
    let mut times: BTreeMap<Total, usize> = BTreeMap::new();
    for request in stand_ins.requests(ERP) {
        let answer: Value = serde_json::from_slice(&request.verdict.answer).unwrap_or_default();
        let data = &answer["data"];
        let of = (data["rec_id"].as_i64(), data["syn_stock"].as_i64());
        if let (Some(article), Some(number), false) = (of.0, of.1, went_wrong(&request.verdict)) {
            *times.entry((article, number)).or_default() += 1;
        }
    }
    times
}

/// Changes by something came to their shop once each, in their order: a repeat would
/// change it twice.
fn every_movement_came_once(
    stand_ins: &StandIns,
    movements: &BTreeMap<i64, Vec<i64>>,
    found: &mut Found,
) {
    for (article, given) in movements {
        let sku = movement_sku(*article);
        let applied = stand_ins.fengchao().history(&format!("code:{sku}"));
        let applied: Vec<i64> = applied.iter().map(|applied| applied.stock_num).collect();
        if applied != *given {
            found.faults.push(format!(
                "{sku} was to be changed by {given:?}, and was changed by {applied:?}"
            ));
        }
        found.movements += given.len();
    }
}

/// Whatever the ERP was told of is what it had, and what every shop has taken.
fn confirmations_fit(stand_ins: &StandIns, known: &Known<'_>, last: &Last, found: &mut Found) {
    let changes = known.changes;
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
        // A confirmation must not be repeated, so each of them came once at most.
        let mut times: BTreeMap<i64, usize> = BTreeMap::new();
        for confirmation in &told {
            let of = confirmation.info["stock_change_count"].as_i64();
            *times.entry(of.unwrap_or(-1)).or_default() += 1;
        }
        for (of, times) in times {
            let queued = known.confirmations.get(&(*article, of)).copied();
            if times > queued.unwrap_or_default() {
                found.faults.push(format!(
                    "change {of} of article {article} was confirmed {times} times, and queued {queued:?} times"
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
