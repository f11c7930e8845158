//! Many random operations on a store and the model, which have to agree.

use super::model::{Model, Row, Step};
use super::{T, clean, delivery, item, settlement};
use crate::{
    AttemptId, Blame, Edit, Effect, Filter, Held, Hold, Intent, ItemId, Lane, LaneId, NewDelivery,
    Next, Order, Origin, Outcome, Repeat, Selection, State, Store,
};

/// How many rounds there are, each with its own store.
pub(super) const SEEDS: u64 = 12;

/// Operations of one round.
const STEPS: u64 = 300;

const LANES: u64 = 2;

/// A generator whose numbers are the same each time (SplitMix64).
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn order(&mut self) -> Order {
        let effect = match self.roll(3) {
            0 => Effect::Relative,
            _ => Effect::Absolute,
        };
        match self.roll(12) {
            0 => Order::Barrier,
            1 | 2 => Order::None,
            _ => Order::Key {
                bytes: vec![b'a' + self.roll(3) as u8],
                effect,
            },
        }
    }

    fn one(&mut self, rows: &[Row], meant: impl Fn(&Row) -> bool) -> Option<ItemId> {
        let found: Vec<ItemId> = rows.iter().filter(|r| meant(r)).map(|r| r.id).collect();
        let at = self.roll(found.len().max(1) as u64) as usize;
        found.get(at).copied()
    }
}

struct Round<'s> {
    store: &'s dyn Store,
    model: Model,
    dice: Dice,
    now: u64,
    /// Intents that are open.
    open: Vec<(AttemptId, Vec<ItemId>)>,
}

/// One round of operations.
pub(super) fn run(store: &dyn Store, seed: u64) {
    let mut round = Round {
        store,
        model: Model::default(),
        dice: Dice(seed),
        now: T,
        open: Vec::new(),
    };
    // So that the numbers of the lanes are known.
    for lane in 1..=LANES {
        round.accept(lane);
    }
    for step in 0..STEPS {
        round.step();
        round.agree(seed, step);
        if step % 50 == 0 {
            clean(store);
        }
    }
}

fn lane(number: u64) -> Lane {
    Lane::new("acme", format!("shop-{number}"), "stock.update")
}

impl Round<'_> {
    fn step(&mut self) {
        self.now += self.dice.roll(3);
        let lane = self.dice.roll(LANES) + 1;
        match self.dice.roll(20) {
            0..=6 => self.accept(lane),
            7..=9 => self.claim(LaneId(lane)),
            10 => self.unclaim(),
            11..=12 => self.intend(LaneId(lane)),
            13..=14 => self.settle(),
            15 => self.settle_intent(),
            16 => self.retry(),
            17 => self.discard(),
            18 => self.edit(),
            _ => self.release(LaneId(lane)),
        }
    }

    fn accept(&mut self, number: u64) {
        let count = self.dice.roll(3) + 1;
        let orders: Vec<Order> = (0..count).map(|_| self.dice.order()).collect();
        let call = self.dice.roll(10) == 0;
        let items = orders
            .iter()
            .map(|order| item(order.clone(), "x"))
            .collect();
        let given = NewDelivery {
            lane: lane(number),
            origin: if call { Origin::Call } else { Origin::Queued },
            ..delivery(items)
        };
        let accepted = self.store.accept(given, self.now).unwrap();
        for (id, order) in accepted.items().zip(orders) {
            self.model.accept(id, LaneId(number), order, call, self.now);
        }
    }

    fn claim(&mut self, lane: LaneId) {
        let limit = self.dice.roll(4) as usize + 1;
        let claimed = self.store.claim(lane, self.now, limit).unwrap();
        let claimed: Vec<ItemId> = claimed.into_iter().map(|claimed| claimed.item).collect();
        assert_eq!(claimed, self.model.claim(lane, self.now, limit));
    }

    fn unclaim(&mut self) {
        let claimed = |row: &Row| row.claimed && row.state == State::Queued;
        if let Some(id) = self.dice.one(&self.model.rows, claimed) {
            let lane = self.model.row(id).lane;
            self.store.unclaim(lane, &[id], self.now);
            self.model.unclaim(id);
        }
    }

    fn intend(&mut self, lane: LaneId) {
        let under_way = |id| self.open.iter().any(|(_, items)| items.contains(&id));
        let ready = |row: &&Row| {
            let claimed = row.claimed && row.state == State::Queued;
            row.lane == lane && (claimed || row.call && !under_way(row.id))
        };
        let rows = self.model.rows.iter().filter(ready);
        let items: Vec<ItemId> = rows.map(|row| row.id).take(3).collect();
        if items.is_empty() {
            return;
        }
        let intent = Intent {
            items: items.clone(),
            repeat: Repeat::Never,
            began: self.now,
            request: Vec::new(),
        };
        let attempts = self.store.intend(vec![intent], self.now).unwrap();
        for id in &items {
            self.model.row(*id).state = State::Sending;
        }
        self.open.push((attempts[0], items));
    }

    /// A random outcome for an item, for both.
    fn outcome(&mut self, id: ItemId) -> (Outcome, Step) {
        let due = self.now + self.dice.roll(5);
        let hold = Hold {
            blame: Blame::Script,
            generation: "a".into(),
        };
        let (next, step) = match self.dice.roll(9) {
            0..=3 => (Next::End(State::Accepted), Step::End(State::Accepted)),
            4 => (Next::End(State::Failed), Step::End(State::Failed)),
            5 => {
                let unknown = Next::Unknown { holds_key: false };
                (unknown, Step::End(State::Unknown))
            }
            6 => (Next::Unknown { holds_key: true }, Step::UnknownHolds),
            7 => (Next::Again { due }, Step::Again(due)),
            _ => (Next::Held(hold), Step::Held),
        };
        (Outcome::new(id, next), step)
    }

    fn settle(&mut self) {
        let claimed = |row: &Row| row.claimed && row.state == State::Queued;
        let Some(id) = self.dice.one(&self.model.rows, claimed) else {
            return;
        };
        let (outcome, step) = self.outcome(id);
        let settled = self
            .store
            .settle(settlement(None, vec![outcome], self.now), self.now);
        assert_eq!(settled.unwrap().ignored, []);
        self.model.settle(id, step);
    }

    fn settle_intent(&mut self) {
        let at = self.dice.roll(self.open.len().max(1) as u64) as usize;
        if at >= self.open.len() {
            return;
        }
        let (attempt, items) = self.open.remove(at);
        if self.dice.roll(4) == 0 {
            self.store.not_sent(vec![attempt], self.now).unwrap();
            for id in items {
                self.model.not_sent(id);
            }
            return;
        }
        let mut outcomes = Vec::new();
        let mut steps = Vec::new();
        for id in items {
            let (outcome, step) = self.outcome(id);
            outcomes.push(outcome);
            steps.push((id, step));
        }
        let settlement = settlement(Some(attempt), outcomes, self.now);
        let settled = self.store.settle(settlement, self.now).unwrap();
        assert_eq!(settled.ignored, []);
        for (id, step) in steps {
            self.model.settle(id, step);
        }
    }

    fn retry(&mut self) {
        if let Some(id) = self.dice.one(&self.model.rows, |_| true) {
            let done = self
                .store
                .retry(Selection::Item(id), None, self.now)
                .unwrap();
            assert_eq!(done.changed == 1, self.model.retry(id, self.now), "{id:?}");
        }
    }

    fn discard(&mut self) {
        if let Some(id) = self.dice.one(&self.model.rows, Row::changeable) {
            let done = self
                .store
                .discard(Selection::Item(id), "old", self.now)
                .unwrap();
            assert_eq!(done.changed == 1, self.model.discard(id), "{id:?}");
        }
    }

    fn edit(&mut self) {
        let Some(id) = self.dice.one(&self.model.rows, |_| true) else {
            return;
        };
        let order = self.dice.order();
        let edit = Edit {
            input: b"edited".into(),
            order: order.clone(),
            label: "edited".into(),
            who: "ann".into(),
            reason: "typing error".into(),
        };
        let done = self
            .store
            .retry(Selection::Item(id), Some(edit), self.now)
            .unwrap();
        let changed = self.model.edit(id, order, self.now);
        assert_eq!(done.changed == 1, changed, "{id:?}");
    }

    fn release(&mut self, lane: LaneId) {
        let held = Held::Lane(lane);
        let released = self
            .store
            .release_held(held, Blame::Script, "b", self.now)
            .unwrap();
        assert_eq!(released, self.model.release(lane));
    }

    /// Every item is where the model has it.
    fn agree(&self, seed: u64, step: u64) {
        let mut cursor = None;
        let mut found = Vec::new();
        loop {
            let page = self.store.list(&Filter::default(), cursor, 100).unwrap();
            let items = page.items.into_iter();
            found.extend(items.map(|item| (item.item, item.state, item.superseded_by)));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        found.reverse();
        let rows = self.model.rows.iter();
        let expected: Vec<_> = rows.map(|row| (row.id, row.state, row.by)).collect();
        assert_eq!(found, expected, "seed {seed}, step {step}");
    }
}
