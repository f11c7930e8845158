//! Items that a filter matches, newest first.
//!
//! Dead items have an index by lane and state, of which the parts are merged.
//! Everything else is found by going back through the items, a bounded number
//! at a time.

use std::cmp::Reverse;

use rusqlite::{Connection, OptionalExtension};

use super::codes::Stage;
use super::{Shared, sql};
use crate::error::Result;
use crate::model::{
    Cursor, DeliveryId, Filter, ItemId, ItemSummary, LaneId, Page, Phase, State, limits,
};

/// A number that no item has.
const NEWEST: u64 = i64::MAX as u64;

impl Shared {
    /// A page of what a filter matches.
    pub fn list(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Page> {
        let limit = limit.clamp(1, limits::PAGE);
        let lanes = Lanes::of(self, filter);
        self.readers.with(|db| {
            let db = db.unchecked_transaction()?;
            let mut before = cursor.map_or(NEWEST, |Cursor(item)| item.0.min(NEWEST));
            if let Some(until) = filter.until {
                before = before.min(first_since(&db, until)?);
            }
            let from = match filter.from {
                Some(from) => first_since(&db, from)?,
                None => 0,
            };
            let look = Look {
                shared: self,
                filter,
                lanes: &lanes,
                from,
                limit,
            };
            let dead = |state: &State| state.phase() == Phase::Dead;
            if !filter.states.is_empty() && filter.states.iter().all(dead) {
                look.through_dead(&db, before)
            } else {
                look.back_from(&db, before)
            }
        })
    }
}

/// The first item that was accepted at a time or later, or one after all.
fn first_since(db: &Connection, ms: u64) -> rusqlite::Result<u64> {
    let uid = DeliveryId::first_of(ms).to_bytes();
    let mut statement = db.prepare_cached(sql::FIRST_SINCE)?;
    let first = statement.query_row([uid], |row| row.get(0)).optional()?;
    Ok(first.unwrap_or(NEWEST))
}

/// The lanes that a filter names.
enum Lanes {
    All,
    These(Vec<LaneId>),
}

impl Lanes {
    fn of(shared: &Shared, filter: &Filter) -> Self {
        let parts = [&filter.tenant, &filter.connection, &filter.operation];
        if parts.iter().all(|part| part.is_none()) {
            return Self::All;
        }
        Self::These(shared.lanes_that(|lane| {
            let names = [&lane.tenant, &lane.connection, &lane.operation];
            let mut pairs = parts.iter().zip(names);
            pairs.all(|(part, name)| part.as_ref().is_none_or(|part| part == name))
        }))
    }

    fn has(&self, lane: LaneId) -> bool {
        match self {
            Self::All => true,
            Self::These(lanes) => lanes.binary_search(&lane).is_ok(),
        }
    }
}

struct Look<'l> {
    shared: &'l Shared,
    filter: &'l Filter,
    lanes: &'l Lanes,
    /// The oldest item that is meant.
    from: u64,
    limit: usize,
}

impl Look<'_> {
    /// Goes back through all items.
    fn back_from(&self, db: &Connection, before: u64) -> rusqlite::Result<Page> {
        let mut statement = db.prepare_cached(sql::BEFORE)?;
        let mut rows = statement.query([before])?;
        let mut page = Page::default();
        let mut looked_at = 0;
        while let Some(row) = rows.next()? {
            let item = row.get(0)?;
            if item < self.from {
                break;
            }
            if self.lanes.has(LaneId(row.get(3)?)) {
                let summary = self.shared.summary(row)?;
                if self.matches(&summary) {
                    page.items.push(summary);
                }
            }
            looked_at += 1;
            if page.items.len() == self.limit || looked_at == limits::LOOKED_AT {
                page.next = Some(Cursor(ItemId(item)));
                break;
            }
        }
        Ok(page)
    }

    /// Goes back through the dead items of each lane and state that has some,
    /// and puts together what comes first. Where one part stops early, nothing
    /// older than its end is shown yet.
    fn through_dead(&self, db: &Connection, before: u64) -> rusqlite::Result<Page> {
        let stages: Vec<Stage> = {
            let states = self.filter.states.iter();
            states.flat_map(|state| Stage::of_state(*state)).collect()
        };
        let mut parts = Vec::new();
        for (lane, counts) in self.shared.all_counts() {
            if self.lanes.has(lane) {
                let some = stages.iter().filter(|stage| counts.of(**stage) > 0);
                parts.extend(some.map(|stage| (lane, *stage)));
            }
        }
        let share = (limits::LOOKED_AT / parts.len().max(1)).max(1);
        let mut statement = db.prepare_cached(sql::DEAD_BEFORE)?;
        let mut found: Vec<ItemSummary> = Vec::new();
        // Below it, not everything was looked at.
        let mut end = None;
        for (lane, stage) in parts {
            let mut rows = statement.query((lane.0, stage, before))?;
            let (mut looked_at, mut matching) = (0, 0);
            while let Some(row) = rows.next()? {
                let item = row.get(0)?;
                if item < self.from {
                    break;
                }
                let summary = self.shared.summary(row)?;
                if self.matches(&summary) {
                    found.push(summary);
                    matching += 1;
                }
                looked_at += 1;
                if matching == self.limit || looked_at == share {
                    end = end.max(Some(ItemId(item)));
                    break;
                }
            }
        }
        found.sort_unstable_by_key(|summary| Reverse(summary.item));
        found.retain(|summary| end.is_none_or(|end| summary.item >= end));
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let next = if more {
            found.last().map(|summary| summary.item)
        } else {
            end
        };
        Ok(Page {
            items: found,
            next: next.map(Cursor),
        })
    }

    fn matches(&self, item: &ItemSummary) -> bool {
        let filter = self.filter;
        let states = &filter.states;
        (states.is_empty() || states.contains(&item.state))
            && filter
                .code
                .as_ref()
                .is_none_or(|code| item.code.as_ref() == Some(code))
            && filter.blame.is_none_or(|blame| item.blame == Some(blame))
            && filter
                .label
                .as_ref()
                .is_none_or(|text| contains(&item.label, text))
    }
}

/// Whether a text is in another one, in either case of ASCII.
fn contains(label: &str, text: &str) -> bool {
    let (label, text) = (label.as_bytes(), text.as_bytes());
    let mut windows = label.windows(text.len().max(1));
    text.is_empty() || windows.any(|window| window.eq_ignore_ascii_case(text))
}
