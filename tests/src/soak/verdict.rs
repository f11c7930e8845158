//! What the host says of each record, beside what the platforms keep.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use crossdock_stand_ins::StandIns;
use crossdock_stand_ins::decimal::Decimal;
use serde_json::Value;
use tokio::task::JoinSet;

use super::load::Given;
use super::records::{Effect, Kind, Record, TOO_MUCH};
use super::{LOCKED, STORE, path};
use crate::client::Client;

/// What is there to be locked.
pub const ENOUGH: &str = "1000000000";

/// Questions to the host at the same time.
const QUESTIONS: usize = 8;

/// How often it is asked whether something is open.
const LOOK: Duration = Duration::from_millis(200);

/// Words of a log line that no misbehaviour of a platform explains.
const ALARMS: [&str; 4] = [
    "panic",
    "damaged",
    "outbox cannot be read",
    "internal-error",
];

/// Reads a number that is written in this file.
///
/// # Panics
/// When it is none.
pub fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

/// A record and what the host says of it.
struct Told {
    record: Record,
    state: String,
    id: u64,
    superseded_by: Option<u64>,
}

/// What was found so far.
pub struct Verdict {
    client: Client,
    given: Vec<Given>,
    told: Vec<Told>,
    /// What should not be.
    pub faults: Vec<String>,
}

impl Verdict {
    /// Of what was taken in by a host that serves at `base`.
    pub fn new(base: &str, given: Vec<Given>) -> Self {
        Self {
            client: Client::new(base),
            given,
            told: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Something should not be.
    pub fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// How many deliveries there are.
    pub fn deliveries(&self) -> usize {
        self.given.len()
    }

    /// How many records are in each state.
    pub fn states(&self) -> BTreeMap<String, usize> {
        let mut states = BTreeMap::new();
        for told in &self.told {
            *states.entry(told.state.clone()).or_default() += 1;
        }
        states
    }

    /// Waits until nothing is open.
    pub async fn wait(&self, tell: impl Fn(&str)) -> anyhow::Result<()> {
        let open = path("deliveries?status=queued&status=behind&status=sending&status=held");
        let mut looks = 0;
        while self.first(&open).await? {
            looks += 1;
            if looks % 50 == 0 {
                tell("records are open still");
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Whether a list has anything.
    async fn first(&self, list: &str) -> anyhow::Result<bool> {
        let mut before = String::new();
        loop {
            let page = self.client.get(&format!("{list}{before}")).await?;
            if items(&page).next().is_some() {
                return Ok(true);
            }
            match page["next"].as_u64() {
                None => return Ok(false),
                Some(next) => before = format!("&before={next}"),
            }
        }
    }

    /// Asks for every delivery, and whether there is anything that nobody gave.
    pub async fn hear(&mut self) -> anyhow::Result<()> {
        let mut asked = JoinSet::new();
        let mut given = std::mem::take(&mut self.given).into_iter();
        let mut heard = Vec::new();
        loop {
            while asked.len() < QUESTIONS
                && let Some(given) = given.next()
            {
                let client = self.client.clone();
                asked.spawn(async move {
                    let path = path(format_args!("deliveries/{}", given.delivery));
                    (client.get(&path).await, given)
                });
            }
            let Some(answer) = asked.join_next().await else {
                break;
            };
            let (shown, given) = answer?;
            match shown {
                Ok(shown) => self.told_of(&given, &shown),
                Err(error) => self.fault(format!("lost: delivery {}: {error:#}", given.delivery)),
            }
            heard.push(given);
        }
        self.given = heard;
        let listed = self.listed().await?;
        if listed != self.told.len() {
            self.fault(format!(
                "{} records were taken in, and the outbox has {listed}",
                self.told.len()
            ));
        }
        Ok(())
    }

    fn told_of(&mut self, given: &Given, shown: &Value) {
        let items: Vec<&Value> = items(shown).collect();
        if items.len() != given.records.len() {
            let (had, has) = (given.records.len(), items.len());
            let id = &given.delivery;
            self.fault(format!(
                "lost: delivery {id} had {had} records, and has {has}"
            ));
            return;
        }
        for (record, item) in given.records.iter().zip(items) {
            self.told.push(Told {
                record: record.clone(),
                state: item["status"].as_str().unwrap_or_default().to_owned(),
                id: item["id"].as_u64().unwrap_or_default(),
                superseded_by: item["superseded_by"].as_u64(),
            });
        }
    }

    /// How many records the outbox has in all.
    async fn listed(&self) -> anyhow::Result<usize> {
        let (mut count, mut before) = (0, String::new());
        loop {
            let path = path(format_args!("deliveries{before}"));
            let page = self.client.get(&path).await?;
            count += items(&page).count();
            match page["next"].as_u64() {
                None => return Ok(count),
                Some(next) => before = format!("?before={next}"),
            }
        }
    }

    /// Compares it with what the platforms keep.
    pub fn compare(&mut self, stand_ins: &StandIns) {
        self.told.sort_by_key(|told| told.record.number);
        let mut faults = Vec::new();
        let mut things: BTreeMap<(Kind, &str), Vec<&Told>> = BTreeMap::new();
        for told in &self.told {
            let thing = (told.record.kind, told.record.key.as_str());
            things.entry(thing).or_default().push(told);
        }
        let state = stand_ins.dingliyun().snapshot();
        let mut held = 0;
        for ((kind, key), told) in things {
            let mut thing = Thing {
                key,
                told: &told,
                faults: &mut faults,
            };
            match kind {
                Kind::Total => {
                    let stock = state.store_inventory(STORE, key).cloned();
                    let history = stock.unwrap_or_default().history;
                    thing.totals(history.into_iter().map(whole).collect());
                }
                Kind::Change => {
                    let shop = stand_ins.fengchao();
                    let known = format!("code:{key}");
                    let history = shop.history(&known).into_iter().map(|applied| {
                        let number = applied.stock_num;
                        match number < 0 {
                            true => (-number - TOO_MUCH) as u64,
                            false => number as u64,
                        }
                    });
                    let stock = shop.stock(&known).unwrap_or_default().stock;
                    thing.changes(history.collect(), stock);
                }
                Kind::Lock => {
                    let locks = state.orders.get(key).map(|order| &order.locks);
                    let locks = locks.into_iter().flatten();
                    let numbers: Vec<u64> = locks
                        .map(|lock| lock.request_id.parse().unwrap_or_default())
                        .collect();
                    held += numbers.len();
                    thing.locks(numbers);
                }
            }
        }
        let left = state.store_inventory(STORE, LOCKED).cloned();
        let left = left.unwrap_or_default();
        let expected = decimal(ENOUGH).minus(decimal(&held.to_string()));
        if left.available != expected {
            faults.push(format!(
                "{held} locks hold one each, and {} of {ENOUGH} are left",
                left.available
            ));
        }
        self.faults.append(&mut faults);
    }

    /// Looks for what the host should never have to say.
    pub fn read_log(&mut self, log: &Path) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(log).context("the host's log")?;
        ensure!(!text.is_empty(), "the host has said nothing");
        let alarming = |line: &&str| ALARMS.iter().any(|alarm| line.contains(alarm));
        for line in text.lines().filter(alarming) {
            self.fault(format!("the host said: {line}"));
        }
        Ok(())
    }
}

/// Everything about one thing, in the order in which it was queued.
struct Thing<'a> {
    key: &'a str,
    told: &'a [&'a Told],
    faults: &'a mut Vec<String>,
}

impl Thing<'_> {
    fn fault(&mut self, what: String) {
        self.faults.push(format!("{}: {what}", self.key));
    }

    /// Totals: the newest is there, none came after a newer one, and each that is
    /// told to be accepted came.
    fn totals(&mut self, history: Vec<u64>) {
        self.states(|_| &["accepted", "superseded"]);
        self.rising(&history);
        self.succeeded();
        let came: BTreeSet<u64> = history.iter().copied().collect();
        for told in self.told {
            let number = told.record.number;
            if told.state == "accepted" && !came.contains(&number) {
                self.fault(format!("lost: total {number} is accepted and never came"));
            }
        }
        let newest = self.told.last().map(|told| told.record.number);
        if newest != history.last().copied() {
            self.fault(format!(
                "the newest total is {newest:?}, the platform has {:?}",
                history.last()
            ));
        }
    }

    /// Totals and changes: each change came once, and the sum is right.
    fn changes(&mut self, history: Vec<u64>, stock: i64) {
        self.states(|effect| match effect {
            Effect::Set => &["accepted", "superseded"],
            Effect::TakeTooMuch => &["rejected"],
            _ => &["accepted", "duplicate"],
        });
        self.rising(&history);
        self.succeeded();
        let came = counted(&history);
        let mut expected = 0;
        for told in self.told {
            let number = told.record.number;
            let times = came.get(&number).copied().unwrap_or(0);
            let applied = matches!(&*told.state, "accepted" | "duplicate");
            match told.record.effect {
                Effect::Set if applied => {
                    expected = number as i64;
                    if times == 0 {
                        self.fault(format!("lost: total {number} is accepted and never came"));
                    }
                }
                Effect::Set => {}
                _ => {
                    if applied {
                        expected += number as i64;
                    }
                    if times != usize::from(applied) {
                        let state = &told.state;
                        self.fault(format!("change {number} is {state} and came {times} times"));
                    }
                }
            }
        }
        if expected != stock {
            self.fault(format!(
                "{expected} by the outcomes, {stock} at the platform"
            ));
        }
    }

    /// Locks: none twice, each accepted one once, in their order.
    fn locks(&mut self, history: Vec<u64>) {
        self.states(|_| &["accepted", "unknown"]);
        let came = counted(&history);
        for told in self.told {
            let number = told.record.number;
            let times = came.get(&number).copied().unwrap_or(0);
            if times > 1 || (times == 0 && told.state == "accepted") {
                let state = &told.state;
                self.fault(format!(
                    "lock {number} is {state} and was made {times} times"
                ));
            }
        }
        // One of which nothing is known may have come late.
        let known = |number: &u64| {
            let told = self.told.iter().find(|told| told.record.number == *number);
            told.is_some_and(|told| told.state == "accepted")
        };
        let known: Vec<u64> = history.into_iter().filter(known).collect();
        self.rising(&known);
    }

    /// Whether each record is in a state in which its effect may be.
    fn states(&mut self, may_be: impl Fn(Effect) -> &'static [&'static str]) {
        for told in self.told {
            let Record { effect, number, .. } = told.record;
            if !may_be(effect).contains(&&*told.state) {
                self.fault(format!("{effect:?} {number} is {}", told.state));
            }
        }
    }

    /// Whether what came is ours, and nothing came after what is newer.
    fn rising(&mut self, history: &[u64]) {
        let ours: BTreeSet<u64> = self.told.iter().map(|told| told.record.number).collect();
        if let Some(foreign) = history.iter().find(|number| !ours.contains(number)) {
            self.fault(format!("{foreign} came, and nobody queued it"));
        }
        for pair in history.windows(2) {
            if pair[0] > pair[1] {
                self.fault(format!("order: {} came after {}", pair[1], pair[0]));
            }
        }
    }

    /// Whether each superseded total has a newer one in its place.
    fn succeeded(&mut self) {
        let by_id: HashMap<u64, &Told> = self.told.iter().map(|told| (told.id, *told)).collect();
        for told in self.told {
            let number = told.record.number;
            if told.state != "superseded" {
                continue;
            }
            let by = told.superseded_by.and_then(|by| by_id.get(&by));
            if by.is_none_or(|by| by.record.number <= number || by.record.effect != Effect::Set) {
                self.fault(format!("{number} is superseded, and not by a newer total"));
            }
        }
        if let Some(newest) = self.told.last()
            && newest.state == "superseded"
        {
            self.fault("the newest total is superseded".into());
        }
    }
}

fn counted(history: &[u64]) -> BTreeMap<u64, usize> {
    let mut counted = BTreeMap::new();
    for number in history {
        *counted.entry(*number).or_default() += 1;
    }
    counted
}

/// A number of pieces.
fn whole(decimal: Decimal) -> u64 {
    let text = decimal.to_string();
    let whole = text.split('.').next().unwrap_or_default();
    whole.parse().unwrap_or_default()
}

fn items(of: &Value) -> impl Iterator<Item = &Value> {
    of["items"].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: Kind, effect: Effect, number: u64, state: &str) -> Told {
        Told {
            record: Record {
                kind,
                key: "x".into(),
                effect,
                number,
            },
            state: state.into(),
            id: number,
            superseded_by: (state == "superseded").then_some(number + 1),
        }
    }

    /// What is found of some records of one thing.
    fn found(told: &[Told], look: impl FnOnce(&mut Thing<'_>)) -> Vec<String> {
        let told: Vec<&Told> = told.iter().collect();
        let mut faults = Vec::new();
        look(&mut Thing {
            key: "x",
            told: &told,
            faults: &mut faults,
        });
        faults
    }

    #[test]
    fn totals_that_are_lost_or_come_late_are_found() {
        let set = |number, state| told(Kind::Total, Effect::Set, number, state);
        let all = [set(1, "accepted"), set(2, "superseded"), set(3, "accepted")];
        assert_eq!(found(&all, |x| x.totals(vec![1, 1, 3])), [""; 0]);
        assert_eq!(found(&all, |x| x.totals(vec![1, 2, 3])), [""; 0]);
        assert_eq!(found(&all, |x| x.totals(vec![3])).len(), 1, "1 is lost");
        assert_eq!(
            found(&all, |x| x.totals(vec![1, 3, 2])).len(),
            2,
            "2 is late"
        );
        assert_eq!(
            found(&all, |x| x.totals(vec![1, 9, 3])).len(),
            2,
            "9 is foreign"
        );
        let open = [set(1, "queued")];
        assert_eq!(found(&open, |x| x.totals(vec![1])).len(), 1);
        let last = [set(1, "accepted"), set(2, "superseded")];
        assert_eq!(found(&last, |x| x.totals(vec![1])).len(), 3);
    }

    #[test]
    fn changes_that_are_lost_or_come_twice_are_found() {
        let set = |number, state| told(Kind::Change, Effect::Set, number, state);
        let add = |number, state| told(Kind::Change, Effect::Add, number, state);
        let all = [set(1, "accepted"), add(2, "duplicate"), add(3, "accepted")];
        assert_eq!(found(&all, |x| x.changes(vec![1, 2, 3], 6)), [""; 0]);
        assert_eq!(found(&all, |x| x.changes(vec![1, 2, 2, 3], 8)).len(), 2);
        assert_eq!(found(&all, |x| x.changes(vec![1, 3], 4)).len(), 2);
        assert_eq!(found(&all, |x| x.changes(vec![1, 3, 2], 6)).len(), 1);
        let refused = [told(Kind::Change, Effect::TakeTooMuch, 1, "rejected")];
        assert_eq!(found(&refused, |x| x.changes(vec![], 0)), [""; 0]);
        assert_eq!(found(&refused, |x| x.changes(vec![1], 0)).len(), 1);
    }

    #[test]
    fn locks_that_are_lost_or_made_twice_are_found() {
        let lock = |number, state| told(Kind::Lock, Effect::Lock, number, state);
        let all = [lock(1, "unknown"), lock(2, "accepted"), lock(3, "accepted")];
        assert_eq!(found(&all, |x| x.locks(vec![2, 3])), [""; 0]);
        assert_eq!(found(&all, |x| x.locks(vec![2, 1, 3])), [""; 0]);
        assert_eq!(found(&all, |x| x.locks(vec![1, 1, 2, 3])).len(), 1);
        assert_eq!(found(&all, |x| x.locks(vec![1, 3])).len(), 1);
        assert_eq!(found(&all, |x| x.locks(vec![3, 2])).len(), 1);
        let failed = [lock(1, "failed")];
        assert_eq!(found(&failed, |x| x.locks(vec![])).len(), 1);
    }
}
