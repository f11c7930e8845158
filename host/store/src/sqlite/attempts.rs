//! Intents before a request leaves, outcomes after it.

use super::codes::Stage;
use super::sql;
use super::unit::{Item, Payload, Unit, Work, row_id};
use crate::error::StoreError;
use crate::model::{
    AttemptEnd, AttemptId, ConnectionState, Intent, ItemId, LaneId, Next, Outcome, Settled,
    Settlement, State,
};
use crate::validate;

/// The items of an attempt, each with its attempt before.
pub(super) type Links = Vec<(u64, u64)>;

/// An attempt's items as bytes: pairs of numbers, eight bytes each.
fn pack(links: &[(u64, u64)]) -> Vec<u8> {
    let numbers = links.iter().flat_map(|(item, before)| [item, before]);
    numbers.flat_map(|number| number.to_le_bytes()).collect()
}

/// The items of an attempt again.
pub(super) fn unpack(bytes: &[u8]) -> Links {
    let numbers = bytes.as_chunks().0.iter().copied().map(u64::from_le_bytes);
    let numbers: Vec<u64> = numbers.collect();
    let pairs = numbers.as_chunks().0.iter();
    pairs.map(|[item, before]| (*item, *before)).collect()
}

/// The state of an attempt that nothing is known of yet.
const OPEN: u8 = 0;

/// The states of one that has ended, and of one of which nothing left.
const ENDED: u8 = 1;
const NOT_SENT: u8 = 2;

impl Unit<'_> {
    /// Takes down that requests are about to leave. All of them are looked at
    /// before anything is written, so that a refusal leaves nothing behind.
    pub fn intend(&mut self, intents: &[Intent]) -> Work<Vec<AttemptId>> {
        let mut planned = Vec::with_capacity(intents.len());
        for intent in intents {
            planned.push(self.may_leave(&intent.items)?);
        }
        self.only_once(planned.iter().flatten())?;
        let mut attempts = Vec::with_capacity(intents.len());
        for (intent, items) in intents.iter().zip(planned) {
            let Some(lane) = items.first().map(|item| item.lane) else {
                continue;
            };
            let attempt = self.next_attempt();
            let links = items
                .iter()
                .map(|item| (item.id, item.attempt.unwrap_or(0)));
            let links: Links = links.collect();
            self.run(
                sql::NEW_ATTEMPT,
                (
                    attempt.0,
                    lane.0,
                    OPEN,
                    intent.repeat,
                    intent.began,
                    links.len(),
                    pack(&links),
                    &intent.request,
                ),
            )?;
            for item in items {
                let to = match item.stage {
                    Stage::Calling => Stage::Calling,
                    _ => Stage::Sending,
                };
                self.run(sql::SEND_ITEM, (item.id, to, attempt.0))?;
                let counts = self.ledger.lane(lane);
                counts.moved(item.id, item.kind, Some(item.stage), Some(to));
            }
            attempts.push(attempt);
        }
        Ok(attempts)
    }

    /// The items of one request, if all of them may leave.
    fn may_leave(&self, items: &[ItemId]) -> Work<Vec<Item>> {
        let mut found: Vec<Item> = Vec::with_capacity(items.len());
        for &id in items {
            let item = self.item(id)?.ok_or(StoreError::NotOpen(id))?;
            let lane = found.first().map_or(item.lane, |first| first.lane);
            if item.lane != lane {
                return Err(StoreError::Invalid("the items of one request are of one lane").into());
            }
            let ready = match item.stage {
                Stage::Queued => true,
                Stage::Calling => !self.under_way(&item)?,
                _ => false,
            };
            if !ready {
                return Err(StoreError::NotOpen(id).into());
            }
            found.push(item);
        }
        Ok(found)
    }

    /// Whether an intent that is open names the item.
    fn under_way(&self, item: &Item) -> rusqlite::Result<bool> {
        let Some(attempt) = item.attempt else {
            return Ok(false);
        };
        let state = self.first(sql::ATTEMPT_ITEMS, [attempt], |row| row.get::<_, u8>(0))?;
        Ok(state == Some(OPEN))
    }

    fn only_once<'i>(&self, items: impl Iterator<Item = &'i Item>) -> Work<()> {
        let mut seen = std::collections::HashSet::new();
        for item in items {
            if !seen.insert(item.id) {
                return Err(StoreError::Invalid("an item is in one request at a time").into());
            }
        }
        Ok(())
    }

    /// Takes down what came of requests. Whatever can be refused is refused
    /// before anything is written.
    pub fn settle(&mut self, settlement: &Settlement, now: u64) -> Work<Settled> {
        for end in &settlement.attempts {
            self.is_whole(end)?;
        }
        let mut settled = Settled::default();
        for end in &settlement.attempts {
            let attempt = self.end_attempt(end, now, &mut settled.ignored)?;
            settled.attempts.push(attempt);
        }
        if let Some(connection) = &settlement.connection {
            self.set_connection(connection)?;
        }
        Ok(settled)
    }

    /// An attempt that closes an intent says what became of each of its items:
    /// none must stay under way without anybody knowing.
    fn is_whole(&self, end: &AttemptEnd) -> Work<()> {
        for outcome in &end.items {
            if let Next::End(state) = outcome.next
                && Stage::of_end(state).is_none()
            {
                return Err(StoreError::Invalid("an outcome's end is a final state").into());
            }
        }
        let Some(attempt) = end.attempt else {
            return Ok(());
        };
        let mut named: Vec<u64> = end.items.iter().map(|outcome| outcome.item.0).collect();
        named.sort_unstable();
        let (_, links) = self.attempt(attempt)?;
        if links
            .iter()
            .any(|(item, _)| named.binary_search(item).is_err())
        {
            let why = "an attempt that is settled says what became of each of its items";
            return Err(StoreError::Invalid(why).into());
        }
        Ok(())
    }

    /// An attempt's state and items.
    fn attempt(&self, attempt: AttemptId) -> Work<(u8, Links)> {
        let found = self.first(sql::ATTEMPT_ITEMS, [row_id(attempt.0)], |row| {
            Ok((row.get(0)?, unpack(&row.get::<_, Vec<u8>>(1)?)))
        })?;
        found.ok_or_else(|| StoreError::Invalid("there is no such attempt").into())
    }

    fn end_attempt(
        &mut self,
        end: &AttemptEnd,
        now: u64,
        ignored: &mut Vec<ItemId>,
    ) -> Work<AttemptId> {
        // Settling the same twice, after an answer that was lost, changes nothing.
        if let Some(attempt) = end.attempt
            && self.attempt(attempt)?.0 != OPEN
        {
            ignored.extend(end.items.iter().map(|outcome| outcome.item));
            return Ok(attempt);
        }
        let attempt = end.attempt.unwrap_or_else(|| self.next_attempt());
        let mut links = Links::with_capacity(end.items.len());
        let mut lane = None;
        for outcome in &end.items {
            let item = match self.item(outcome.item)? {
                Some(item) if self.is_of(&item, end.attempt)? => item,
                _ => {
                    ignored.push(outcome.item);
                    continue;
                }
            };
            lane.get_or_insert(item.lane);
            links.push((item.id, item.attempt.unwrap_or(0)));
            self.end_item(&item, outcome, attempt, now)?;
            self.settled.push((item.lane, item.id));
        }
        if end.attempt.is_none() {
            self.run(
                sql::NEW_ATTEMPT,
                (
                    attempt.0,
                    lane.unwrap_or(LaneId(0)).0,
                    OPEN,
                    end.repeat,
                    end.began,
                    links.len(),
                    pack(&links),
                    &end.request,
                ),
            )?;
        }
        self.run(
            sql::END_ATTEMPT,
            (
                attempt.0,
                end.ended,
                end.status,
                end.blame,
                end.code.as_deref().map(validate::word),
                end.message.as_deref().map(validate::message),
                validate::word(&end.generations),
                &end.request,
                &end.answer,
                if end.left { ENDED } else { NOT_SENT },
            ),
        )?;
        Ok(attempt)
    }

    /// Whether an item can be settled by this attempt.
    fn is_of(&self, item: &Item, intent: Option<AttemptId>) -> rusqlite::Result<bool> {
        Ok(match (intent, item.stage) {
            (Some(intent), Stage::Sending | Stage::Calling) => item.attempt == Some(intent.0),
            (None, Stage::Queued) => true,
            (None, Stage::Calling) => !self.under_way(item)?,
            _ => false,
        })
    }

    fn end_item(
        &mut self,
        item: &Item,
        outcome: &Outcome,
        attempt: AttemptId,
        now: u64,
    ) -> Work<()> {
        let code = outcome.code.as_deref().map(validate::word);
        let message = outcome.message.as_deref().map(validate::message);
        let (to, due, hold) = match &outcome.next {
            Next::End(state) => {
                let end = Stage::of_end(*state).unwrap_or(Stage::Failed);
                (end, item.due, None)
            }
            Next::Unknown { holds_key: false } => (Stage::Unknown, item.due, None),
            // What takes no place in the order holds nobody back.
            Next::Unknown { holds_key: true } if item.stage == Stage::Calling => {
                (Stage::Unknown, item.due, None)
            }
            Next::Unknown { holds_key: true } => (Stage::UnknownHolds, item.due, None),
            Next::Again { due } => (Stage::Queued, self.shared.clock.inward(*due), None),
            Next::Held(hold) => (Stage::Held, item.due, Some(hold)),
        };
        let blame = hold.map(|hold| hold.blame).or(outcome.blame);
        if matches!(to, Stage::Queued | Stage::Held) {
            let from = self.in_order(item, due, now)?;
            let Some(from) = from else { return Ok(()) };
            // One that came from a caller may have to wait behind others.
            let to = if from.leads() { to } else { from };
            let held_for = hold.map(|hold| validate::word(&hold.generation));
            let row = (
                item.id,
                to,
                due,
                attempt.0,
                blame,
                code,
                message,
                held_for,
                outcome.uncertain,
            );
            self.run(sql::ITEM_AGAIN, row)?;
            let counts = self.ledger.lane(item.lane);
            counts.moved(item.id, item.kind, Some(from), Some(to));
            // What it would wait for, a newer total need not.
            let waits = Item {
                stage: to,
                key: item.key.clone(),
                ..*item
            };
            let pause = hold.is_none().then_some(due);
            if to.leads() && self.give_way(&waits, pause, now)? {
                return Ok(());
            }
            // Somebody has to act, and may want to hear of it.
            if to == Stage::Held {
                self.note_change(item.id, to, now)?;
            }
            return Ok(());
        }
        let result = self.keep(Payload::Result, item.id, &outcome.result)?;
        self.run(
            sql::END_ITEM,
            (
                item.id,
                to.phase_code(),
                to,
                to.holds(),
                attempt.0,
                now,
                blame,
                code,
                message,
                result,
                outcome.uncertain || to.state() == State::Unknown,
            ),
        )?;
        let counts = self.ledger.lane(item.lane);
        counts.moved(item.id, item.kind, Some(item.stage), Some(to));
        self.note_change(item.id, to, now)?;
        if to.holds() {
            return Ok(());
        }
        self.release_after(item)
    }

    /// The stage of an item that goes on, in the order. What a caller delivered
    /// so far enters it only now; none if it was superseded on the way.
    fn in_order(&mut self, item: &Item, due: u64, now: u64) -> Work<Option<Stage>> {
        if item.stage != Stage::Calling {
            return Ok(Some(item.stage));
        }
        self.reopen(item, due, now)?;
        let entered = self.item(ItemId(item.id))?;
        Ok(entered.map(|item| item.stage).filter(|stage| stage.holds()))
    }

    /// Closes intents of which the request did not leave.
    pub fn not_sent(&mut self, attempts: &[AttemptId], now: u64) -> Work<()> {
        for &attempt in attempts {
            self.attempt(attempt)?;
        }
        for &attempt in attempts {
            let (state, links) = self.attempt(attempt)?;
            if state != OPEN {
                continue;
            }
            self.run(sql::NOT_SENT, (attempt.0, now))?;
            for (id, _) in links {
                let Some(item) = self.item(ItemId(id))? else {
                    continue;
                };
                if item.stage == Stage::Sending && item.attempt == Some(attempt.0) {
                    let (from, to, lane) = (Stage::Sending, Stage::Queued, item.lane);
                    self.restage(lane, id, item.kind, from, to)?;
                    self.give_way(&Item { stage: to, ..item }, None, now)?;
                    self.settled.push((lane, id));
                }
            }
        }
        Ok(())
    }

    /// Keeps a connection's state.
    pub fn set_connection(&self, connection: &ConnectionState) -> Work<()> {
        let name = &connection.name;
        let row = (&name.tenant, &name.connection, &connection.state);
        self.run(sql::SET_CONNECTION, row)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempts_items_survive_their_bytes() {
        let links = vec![(1, 0), (u64::MAX, 7), (3, u64::MAX)];
        assert_eq!(unpack(&pack(&links)), links);
        assert_eq!(unpack(&[1, 2, 3]), []);
    }
}
