//! What people do with items: retry, edit, discard, release.

use super::codes::{Kind, Stage, key_of};
use super::order::Went;
use super::unit::{Item, Payload, Unit, Work, row_id};
use super::{SqliteStore, sql};
use crate::error::{Result, StoreError};
use crate::model::{Blame, Cursor, Edit, Held, ItemId, LaneId, Phase, Selected, Selection, limits};
use crate::validate;

/// Items of one commit.
const SLICE: usize = 1_000;

impl SqliteStore {
    /// Lets items go again.
    pub(super) fn retry_selected(
        &self,
        selection: Selection,
        edit: Option<Edit>,
        now: u64,
    ) -> Result<Selected> {
        let at = self.shared.clock.at(now);
        if let Some(edit) = edit {
            let Selection::Item(item) = selection else {
                return Err(StoreError::Invalid("an edit is for one item"));
            };
            validate::edit(&edit)?;
            return self
                .writer
                .submit(4, now, move |unit| unit.edit(item, &edit, now, at));
        }
        self.each(selection, now, move |unit, items| {
            let mut selected = Selected::default();
            for item in items {
                let went = unit.retry(item, now, at)?;
                selected.count(went.is_some());
                selected.superseded += u64::from(went == Some(Went::Superseded));
            }
            Ok(selected)
        })
    }

    /// Gives items up.
    pub(super) fn discard_selected(
        &self,
        selection: Selection,
        reason: &str,
        now: u64,
    ) -> Result<Selected> {
        let reason = validate::message(reason).to_owned();
        self.each(selection, now, move |unit, items| {
            let mut selected = Selected::default();
            for item in items {
                let changed = unit.discard(item, &reason, now)?;
                selected.count(changed);
            }
            Ok(selected)
        })
    }

    /// Does something with every item of a selection, in slices.
    fn each<W>(&self, selection: Selection, now: u64, work: W) -> Result<Selected>
    where
        W: Fn(&mut Unit<'_>, Vec<ItemId>) -> Work<Selected> + Clone + Send + 'static,
    {
        let mut total = Selected::default();
        let mut slice = |items: Vec<ItemId>| -> Result<()> {
            let (rows, work) = (items.len() * 2, work.clone());
            let done = self
                .writer
                .submit(rows, now, move |unit| work(unit, items))?;
            total.changed += done.changed;
            total.superseded += done.superseded;
            total.left += done.left;
            Ok(())
        };
        match selection {
            Selection::Item(item) => slice(vec![item])?,
            Selection::Delivery(id) => {
                let view = self.shared.delivery(id)?;
                let items = view.into_iter().flat_map(|view| view.items);
                let items: Vec<ItemId> = items.map(|item| item.item).collect();
                for items in items.chunks(SLICE) {
                    slice(items.to_vec())?;
                }
            }
            Selection::Items(items) => {
                for items in items.chunks(SLICE) {
                    slice(items.to_vec())?;
                }
            }
            Selection::Matching(filter) => {
                let mut cursor: Option<Cursor> = None;
                loop {
                    let page = self.shared.list(&filter, cursor, SLICE)?;
                    if !page.items.is_empty() {
                        slice(page.items.iter().map(|item| item.item).collect())?;
                    }
                    if page.next.is_none() {
                        break;
                    }
                    cursor = page.next;
                }
            }
        }
        Ok(total)
    }

    /// Lets held items go.
    pub(super) fn release(
        &self,
        held: Held,
        blame: Blame,
        generation: &str,
        now: u64,
    ) -> Result<u64> {
        let lanes = match held {
            Held::Lane(lane) => vec![lane],
            Held::Connection(name) => self
                .shared
                .lanes_that(|lane| lane.connection_name() == name),
        };
        let generation = validate::word(generation);
        let mut released = 0;
        for lane in lanes {
            let mut after = Some(0);
            while let Some(from) = after {
                let generation = generation.to_owned();
                let work = move |unit: &mut Unit<'_>| unit.release(lane, from, blame, &generation);
                let (count, next) = self.writer.submit(SLICE, now, work)?;
                released += count;
                after = next;
            }
        }
        Ok(released)
    }
}

impl Selected {
    fn count(&mut self, changed: bool) {
        if changed {
            self.changed += 1;
        } else {
            self.left += 1;
        }
    }
}

impl Unit<'_> {
    /// An item that a person may change: dead or waiting, and nobody has it.
    fn changeable(&mut self, id: ItemId) -> Work<Option<Item>> {
        let Some(item) = self.item(id)? else {
            return Ok(None);
        };
        let busy = matches!(item.stage, Stage::Sending | Stage::Calling);
        if busy
            || item.stage.state().phase() == Phase::Done
            || !self.take_away(item.lane, id.0, item.stage)
        {
            return Ok(None);
        }
        Ok(Some(item))
    }

    fn retry(&mut self, id: ItemId, now: u64, at: u64) -> Work<Option<Went>> {
        let Some(item) = self.changeable(id)? else {
            return Ok(None);
        };
        if matches!(item.stage, Stage::Behind | Stage::Blocked) {
            // It goes as soon as what is before it has gone.
            return Ok(None);
        }
        // One that waits for a time may go now, and never later than before.
        let due = match item.stage {
            Stage::Queued => at.min(item.due),
            _ => at,
        };
        self.reopen(&item, due, now).map(Some)
    }

    /// Changes an item and lets it go again. With its key it changes its place in
    /// the order: it leaves the old one first.
    fn edit(&mut self, id: ItemId, edit: &Edit, now: u64, at: u64) -> Work<Selected> {
        let mut selected = Selected::default();
        let edits = self.first(sql::EDIT_COUNT, [row_id(id.0)], |row| {
            row.get::<_, usize>(0)
        })?;
        if edits.is_some_and(|edits| edits >= limits::EDITS) {
            return Err(StoreError::Invalid(
                "an item is edited at most 100 times; discard it and give a new one",
            )
            .into());
        }
        let Some(mut item) = self.changeable(id)? else {
            selected.left += 1;
            return Ok(selected);
        };
        let before = self.input(id)?;
        let (who, reason) = (validate::word(&edit.who), validate::message(&edit.reason));
        self.run(sql::NEW_EDIT, (id.0, now, who, reason, before))?;
        if item.stage.holds() {
            self.take_out(&item)?;
            item.stage = Stage::Failed;
        }
        self.run(sql::DROP_PAYLOAD, [Payload::Input.row(id.0)])?;
        let input = self.keep(Payload::Input, id.0, &edit.input)?;
        let kind = Kind::of(&edit.order);
        let label = validate::label(&edit.label);
        self.run(
            sql::EDIT_ITEM,
            (id.0, kind, key_of(&edit.order), label, input),
        )?;
        item.kind = kind;
        item.key = key_of(&edit.order).map(<[u8]>::to_vec);
        let went = self.reopen(&item, at, now)?;
        selected.changed += 1;
        selected.superseded += u64::from(went == Went::Superseded);
        Ok(selected)
    }

    /// Makes an item one that has failed, so that what it held back goes on.
    fn take_out(&mut self, item: &Item) -> Work<()> {
        let to = Stage::Failed;
        self.run(sql::TAKE_OUT, [item.id])?;
        let counts = self.ledger.lane(item.lane);
        counts.moved(item.id, item.kind, Some(item.stage), Some(to));
        self.release_after(item)
    }

    fn input(&self, id: ItemId) -> Work<Vec<u8>> {
        let inline = self.first(sql::ITEM_BYTES, [id.0], |row| row.get(0))?;
        Ok(super::claim::whole(
            self.db,
            Payload::Input,
            id.0,
            inline.flatten(),
        )?)
    }

    fn discard(&mut self, id: ItemId, reason: &str, now: u64) -> Work<bool> {
        let Some(item) = self.changeable(id)? else {
            return Ok(false);
        };
        let to = Stage::Discarded;
        self.run(sql::DISCARD, (id.0, now, reason))?;
        let counts = self.ledger.lane(item.lane);
        counts.moved(id.0, item.kind, Some(item.stage), Some(to));
        self.note_change(id.0, to, now)?;
        self.release_after(&item)?;
        Ok(true)
    }

    /// One slice of a lane's held items. Returns how many go, and after which
    /// item there may be more.
    fn release(
        &mut self,
        lane: LaneId,
        after: u64,
        blame: Blame,
        generation: &str,
    ) -> Work<(u64, Option<u64>)> {
        let held: Vec<(u64, Kind, Option<Blame>, Option<String>)> = {
            let mut statement = self.db.prepare_cached(sql::HELD_AFTER)?;
            let rows = statement.query_map((row_id(lane.0), after, SLICE), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        let next = held.last().map(|(item, ..)| *item);
        let next = next.filter(|_| held.len() == SLICE);
        let mut released = 0;
        for (item, kind, whose, held_for) in held {
            if whose == Some(blame) && held_for.as_deref() != Some(generation) {
                self.restage(lane, item, kind, Stage::Held, Stage::Queued)?;
                released += 1;
            }
        }
        Ok((released, next))
    }
}
