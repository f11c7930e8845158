//! Removal of what need not be kept.

use std::sync::{Mutex, PoisonError};

use super::unit::{Payload, Unit, Work};
use super::{SqliteStore, sql};
use crate::error::Result;
use crate::model::{Retained, Retention};

/// Items of one slice. The last delivery of it may have more.
const SLICE: u64 = 1_000;

/// Deliveries that one slice looks at.
const LOOKED_AT: usize = 10_000;

/// Where the next slice begins: after this delivery. What is left behind because
/// it is not done is looked at again in the next round.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    after: Mutex<u64>,
}

/// A delivery that may be removed.
struct Candidate {
    first: u64,
    items: u64,
    accepted: u64,
    idempotent_until: Option<u64>,
}

impl SqliteStore {
    /// Removes one slice.
    pub(super) fn sweep_slice(&self, retention: Retention, now: u64) -> Result<Retained> {
        let mut after = self
            .sweep
            .after
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let from = *after;
        let work = move |unit: &mut Unit<'_>| unit.sweep(&retention, from, now);
        let (retained, next) = self.writer.submit(SLICE as usize, now, work)?;
        *after = next;
        Ok(retained)
    }
}

impl Unit<'_> {
    /// One slice of deliveries and one of changes. Returns where the next begins.
    fn sweep(&self, retention: &Retention, after: u64, now: u64) -> Work<(Retained, u64)> {
        let mut retained = Retained::default();
        let old_changes = self.run(sql::OLD_CHANGES, (retention.changes_until, SLICE))?;
        retained.more = old_changes as u64 == SLICE;
        let mut surplus = self.bytes_in_use()? > retention.most_bytes;
        let candidates = self.candidates(after)?;
        let mut next = 0;
        for candidate in &candidates {
            if retained.items >= SLICE {
                break;
            }
            // Those after it are younger still.
            if candidate.accepted > retention.done_until && !surplus {
                next = 0;
                break;
            }
            next = candidate.first;
            if self.may_go(candidate, retention, surplus, now)? {
                self.remove(candidate)?;
                retained.deliveries += 1;
                retained.items += candidate.items;
                surplus = surplus && self.bytes_in_use()? > retention.most_bytes;
            }
        }
        // At the end, the next round begins at the beginning.
        let whole = candidates.len() < LOOKED_AT && retained.items < SLICE;
        let next = if whole { 0 } else { next };
        retained.more |= next != 0;
        self.give_pages_back()?;
        Ok((retained, next))
    }

    fn bytes_in_use(&self) -> rusqlite::Result<u64> {
        let number = |pragma| self.db.query_row(pragma, [], |row| row.get::<_, u64>(0));
        let used = number("PRAGMA page_count")? - number("PRAGMA freelist_count")?;
        Ok(used * number("PRAGMA page_size")?)
    }

    fn candidates(&self, after: u64) -> rusqlite::Result<Vec<Candidate>> {
        let mut statement = self.db.prepare_cached(sql::DELIVERIES_AFTER)?;
        let rows = statement.query_map((after, LOOKED_AT), |row| {
            Ok(Candidate {
                first: row.get(0)?,
                items: row.get(1)?,
                accepted: row.get(2)?,
                idempotent_until: row.get(3)?,
            })
        })?;
        rows.collect()
    }

    /// Whether everything of a delivery is done, for long enough or too much.
    fn may_go(
        &self,
        candidate: &Candidate,
        retention: &Retention,
        surplus: bool,
        now: u64,
    ) -> rusqlite::Result<bool> {
        if candidate.idempotent_until.is_some_and(|until| until > now) {
            return Ok(false);
        }
        let range = (candidate.first, candidate.first + candidate.items);
        if self.first(sql::NOT_DONE, range, |_| Ok(()))?.is_some() {
            return Ok(false);
        }
        let finished = self.first(sql::LAST_FINISHED, range, |row| {
            row.get::<_, Option<u64>>(0)
        })?;
        let finished = finished.flatten().unwrap_or(0);
        Ok(surplus || finished <= retention.done_until)
    }

    fn remove(&self, candidate: &Candidate) -> rusqlite::Result<()> {
        let (first, end) = (candidate.first, candidate.first + candidate.items);
        let newest: Vec<(u64, u64)> = {
            let mut statement = self.db.prepare_cached(sql::ATTEMPTS_OF)?;
            let rows = statement.query_map((first, end), |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<_>>()?
        };
        for (item, attempt) in newest {
            self.let_attempts_go(item, attempt)?;
        }
        self.run(sql::DROP_EDITS, (first, end))?;
        let payloads = (Payload::Input.row(first), Payload::Input.row(end));
        self.run(sql::DROP_PAYLOADS, payloads)?;
        self.run(sql::DROP_ITEMS, (first, end))?;
        self.run(sql::DROP_DELIVERY, [first])?;
        Ok(())
    }

    /// An item's attempts go when their last item does.
    fn let_attempts_go(&self, item: u64, newest: u64) -> rusqlite::Result<()> {
        let mut next = newest;
        while next != 0 {
            let links = self.first(sql::ATTEMPT_ITEMS, [next], |row| row.get::<_, Vec<u8>>(1))?;
            let links = links.map(|links| super::attempts::unpack(&links));
            let before = links.and_then(|links| links.into_iter().find(|(of, _)| *of == item));
            self.run(sql::LET_ATTEMPT_GO, [next])?;
            self.run(sql::DROP_ATTEMPT, [next])?;
            // An earlier attempt has a smaller number: this comes to an end.
            next = before.map_or(0, |(_, before)| if before < next { before } else { 0 });
        }
        Ok(())
    }

    /// Shrinks the file by what a slice may have freed.
    fn give_pages_back(&self) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare_cached("PRAGMA incremental_vacuum(1000)")?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }
}
