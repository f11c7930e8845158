//! A store in memory, as simple as can be: a list of items, gone through whole
//! for every question.

use crate::{Effect, ItemId, LaneId, Order, State};

/// One item.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub id: ItemId,
    pub lane: LaneId,
    pub order: Order,
    pub state: State,
    /// `behind` because of a barrier.
    blocked: bool,
    /// Unknown, and what is behind it waits.
    holds_unknown: bool,
    /// A caller has it: it has no place in the order.
    pub call: bool,
    pub due: u64,
    pub claimed: bool,
    /// What superseded it.
    pub by: Option<ItemId>,
}

impl Row {
    fn holds(&self) -> bool {
        match self.state {
            State::Queued | State::Behind | State::Held => true,
            State::Sending => !self.call,
            State::Unknown => self.holds_unknown,
            _ => false,
        }
    }

    fn leads(&self) -> bool {
        self.holds() && self.state != State::Behind
    }

    fn key(&self) -> Option<&[u8]> {
        match &self.order {
            Order::Key { bytes, .. } => Some(bytes),
            _ => None,
        }
    }

    fn is_total(&self) -> bool {
        let effect = Effect::Absolute;
        matches!(&self.order, Order::Key { effect: e, .. } if *e == effect)
    }

    fn is_barrier(&self) -> bool {
        self.order == Order::Barrier
    }

    /// Whether a person may do something with it.
    pub fn changeable(&self) -> bool {
        let waits = matches!(
            self.state,
            State::Queued
                | State::Behind
                | State::Held
                | State::Failed
                | State::Rejected
                | State::Unknown
        );
        waits && !self.claimed
    }
}

/// Where an item goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    End(State),
    UnknownHolds,
    Again(u64),
    Held,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub rows: Vec<Row>,
}

impl Model {
    pub fn row(&mut self, id: ItemId) -> &mut Row {
        self.rows.iter_mut().find(|row| row.id == id).unwrap()
    }

    fn index(&self, id: ItemId) -> usize {
        self.rows.iter().position(|row| row.id == id).unwrap()
    }

    pub fn accept(&mut self, id: ItemId, lane: LaneId, order: Order, call: bool, now: u64) {
        let at = self.rows.len();
        self.rows.push(Row {
            id,
            lane,
            order,
            state: if call {
                State::Sending
            } else {
                State::Discarded
            },
            blocked: false,
            holds_unknown: false,
            call,
            due: now,
            claimed: false,
            by: None,
        });
        if call {
            return;
        }
        if let Some(old) = self.newest_of_key(at)
            && self.may_take_over(old, at)
        {
            let before = self.rows[old].clone();
            self.rows[old].state = State::Superseded;
            self.rows[old].by = Some(id);
            let new = &mut self.rows[at];
            new.due = before.due;
            new.blocked = before.blocked;
            new.state = match before.state {
                State::Held => State::Queued,
                state => state,
            };
        } else {
            self.enter(at);
        }
    }

    fn newest_of_key(&self, at: usize) -> Option<usize> {
        let row = &self.rows[at];
        row.key()?;
        self.rows.iter().rposition(|other| {
            other.id != row.id
                && other.holds()
                && other.lane == row.lane
                && other.key() == row.key()
        })
    }

    fn may_take_over(&self, old: usize, new: usize) -> bool {
        let (old, new) = (&self.rows[old], &self.rows[new]);
        let waits = matches!(old.state, State::Queued | State::Behind | State::Held);
        let mut between = self.rows.iter();
        let barrier = between
            .any(|row| row.lane == old.lane && row.is_barrier() && row.holds() && row.id > old.id);
        old.is_total() && new.is_total() && waits && !old.claimed && !barrier
    }

    /// Puts an item that holds no place into the order.
    fn enter(&mut self, at: usize) {
        let (id, lane) = (self.rows[at].id, self.rows[at].lane);
        let others = || {
            self.rows
                .iter()
                .filter(|row| row.lane == lane && row.id != id)
        };
        let blocked = if self.rows[at].is_barrier() {
            others().any(Row::holds)
        } else {
            others().any(|row| row.is_barrier() && row.leads())
                || others().any(|row| row.state == State::Behind && row.blocked && row.id < id)
        };
        self.rows[at].state = State::Behind;
        self.rows[at].blocked = blocked;
        self.settle_order(lane);
    }

    /// Lets everything go that may, until nothing more can.
    fn settle_order(&mut self, lane: LaneId) {
        let ids: Vec<usize> = (0..self.rows.len())
            .filter(|at| self.rows[*at].lane == lane)
            .collect();
        for &at in &ids {
            let row = &self.rows[at];
            let led = |key: Option<&[u8]>| {
                key.is_some()
                    && ids
                        .iter()
                        .any(|o| self.rows[*o].leads() && self.rows[*o].key() == key)
            };
            if row.state == State::Behind && !row.blocked && !led(row.key()) {
                self.rows[at].state = State::Queued;
            }
        }
        let first = ids
            .iter()
            .copied()
            .find(|at| self.rows[*at].state == State::Behind && self.rows[*at].blocked);
        let Some(first) = first else { return };
        if ids
            .iter()
            .any(|at| self.rows[*at].is_barrier() && self.rows[*at].leads())
        {
            return;
        }
        if self.rows[first].is_barrier() {
            let mut all = ids.iter().map(|at| &self.rows[*at]);
            if all.all(|row| !row.holds() || row.state == State::Behind && row.blocked) {
                self.rows[first].state = State::Queued;
                self.rows[first].blocked = false;
            }
        } else {
            self.rows[first].blocked = false;
            self.settle_order(lane);
        }
    }

    /// What a claim of a lane has to return, and claims it.
    pub fn claim(&mut self, lane: LaneId, now: u64, limit: usize) -> Vec<ItemId> {
        let due = |row: &&Row| row.lane == lane && row.state == State::Queued && row.due <= now;
        let mut found: Vec<_> = self
            .rows
            .iter()
            .filter(due)
            .filter(|row| !row.claimed)
            .collect();
        found.sort_by_key(|row| (row.due, row.id));
        let found: Vec<ItemId> = found.into_iter().take(limit).map(|row| row.id).collect();
        for id in &found {
            self.row(*id).claimed = true;
        }
        found
    }

    pub fn settle(&mut self, id: ItemId, step: Step) {
        let at = self.index(id);
        let row = &mut self.rows[at];
        row.claimed = false;
        let call = std::mem::take(&mut row.call);
        match step {
            Step::Again(due) => {
                row.due = due;
                row.state = State::Queued;
            }
            Step::Held => row.state = State::Held,
            Step::End(state) => {
                row.holds_unknown = false;
                row.state = state;
            }
            Step::UnknownHolds => {
                row.holds_unknown = !call;
                row.state = State::Unknown;
            }
        }
        if call && matches!(step, Step::Again(_) | Step::Held) {
            // It enters the order only now, and is held only if it leads.
            self.reenter(at);
            let row = &mut self.rows[at];
            if row.state == State::Queued && matches!(step, Step::Held) {
                row.state = State::Held;
            }
        }
        match step {
            Step::Again(due) if !call => self.give_way(at, Some(due)),
            Step::Held if !call => self.give_way(at, None),
            _ => {}
        }
        let lane = self.rows[at].lane;
        self.settle_order(lane);
    }

    /// A request did not leave: its item waits again.
    pub fn not_sent(&mut self, id: ItemId) {
        let at = self.index(id);
        if self.rows[at].call {
            return;
        }
        self.rows[at].state = State::Queued;
        self.rows[at].claimed = false;
        self.give_way(at, None);
        let lane = self.rows[at].lane;
        self.settle_order(lane);
    }

    /// A claim ends without an attempt.
    pub fn unclaim(&mut self, id: ItemId) {
        let at = self.index(id);
        self.rows[at].claimed = false;
        self.give_way(at, Some(self.rows[at].due));
        let lane = self.rows[at].lane;
        self.settle_order(lane);
    }

    /// Ends a total that waits if a newer one is right behind it.
    fn give_way(&mut self, at: usize, due: Option<u64>) {
        let row = self.rows[at].clone();
        let mut later = self.rows.iter_mut().skip(at + 1);
        let next = later.find(|other| {
            other.holds()
                && other.lane == row.lane
                && row.key().is_some_and(|key| other.key() == Some(key))
        });
        let Some(next) = next else { return };
        let behind = next.state == State::Behind && !next.blocked;
        if row.is_total() && next.is_total() && behind {
            next.due = next.due.max(due.unwrap_or(0));
            let by = next.id;
            self.rows[at].state = State::Superseded;
            self.rows[at].by = Some(by);
        }
    }

    /// Puts an item back, unless a newer total is open.
    fn reenter(&mut self, at: usize) {
        self.rows[at].state = State::Discarded;
        let this = &self.rows[at];
        let newer = self.rows.iter().rfind(|other| {
            let same =
                other.lane == this.lane && other.key().is_some_and(|_| other.key() == this.key());
            same && other.id > this.id
                && other.holds()
                && other.is_total()
                && other.state != State::Unknown
        });
        match newer.map(|newer| newer.id).filter(|_| this.is_total()) {
            Some(by) => {
                self.rows[at].state = State::Superseded;
                self.rows[at].by = Some(by);
            }
            None => self.enter(at),
        }
    }

    /// A person lets an item go again. False if it is left.
    pub fn retry(&mut self, id: ItemId, now: u64) -> bool {
        let at = self.index(id);
        let row = &mut self.rows[at];
        if !row.changeable() || row.state == State::Behind {
            return false;
        }
        let queued = row.state == State::Queued;
        row.due = if queued { row.due.min(now) } else { now };
        if row.leads() {
            row.state = State::Queued;
        } else {
            self.reenter(at);
        }
        true
    }

    /// A person changes an item. False if it is left.
    pub fn edit(&mut self, id: ItemId, order: Order, now: u64) -> bool {
        let at = self.index(id);
        if !self.rows[at].changeable() {
            return false;
        }
        let lane = self.rows[at].lane;
        self.rows[at].state = State::Failed;
        self.settle_order(lane);
        self.rows[at].order = order;
        self.rows[at].due = now;
        self.reenter(at);
        true
    }

    /// A person gives an item up. False if it is left.
    pub fn discard(&mut self, id: ItemId) -> bool {
        let at = self.index(id);
        if !self.rows[at].changeable() {
            return false;
        }
        let lane = self.rows[at].lane;
        self.rows[at].state = State::Discarded;
        self.settle_order(lane);
        true
    }

    /// Held items go again.
    pub fn release(&mut self, lane: LaneId) -> u64 {
        let held = |row: &&mut Row| row.lane == lane && row.state == State::Held;
        let mut count = 0;
        for row in self.rows.iter_mut().filter(held) {
            row.state = State::Queued;
            count += 1;
        }
        count
    }
}
