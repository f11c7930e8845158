//! Whether everything holds that has to.

use rusqlite::Connection;

use super::codes::Stage;
use super::unit::Unit;
use super::{SqliteStore, flows, ledger};
use crate::error::Result;

/// Sentences that are returned at most.
const MOST: usize = 100;

/// What must not be found in the rows, each with how to say it.
const NEVER: &[(&str, &str)] = &[
    (
        "more than one item of a key leads",
        "SELECT min(id) FROM item WHERE holds = 1 AND okey IS NOT NULL AND state IN (0, 2, 3, 13) \
         GROUP BY lane, okey HAVING count(*) > 1",
    ),
    (
        "items of a key wait, and none leads",
        "SELECT min(id) FROM item WHERE holds = 1 AND okey IS NOT NULL AND state <> 4 \
         GROUP BY lane, okey HAVING max(state IN (0, 2, 3, 13)) = 0",
    ),
    (
        "a barrier leads beside other items",
        "SELECT b.id FROM item b WHERE b.holds = 1 AND b.effect = 3 AND b.state <> 4 \
         AND EXISTS (SELECT 1 FROM item o WHERE o.lane = b.lane AND o.holds = 1 \
         AND o.state <> 4 AND o.id <> b.id)",
    ),
    (
        "items are blocked, and nothing is before them",
        "SELECT min(id) FROM item WHERE holds = 1 GROUP BY lane HAVING max(state <> 4) = 0",
    ),
    (
        "an item is behind without a key",
        "SELECT id FROM item WHERE state = 1 AND okey IS NULL",
    ),
    (
        "a delivery has not all of its items",
        "SELECT d.id FROM delivery d WHERE d.items <> \
         (SELECT count(*) FROM item i WHERE i.id >= d.id AND i.id < d.id + d.items)",
    ),
    (
        "an item belongs to no delivery",
        "SELECT i.id FROM item i LEFT JOIN delivery d ON d.id = i.delivery \
         WHERE d.id IS NULL OR i.id < d.id OR i.id >= d.id + d.items OR i.lane <> d.lane",
    ),
    (
        "an item's input is missing",
        "SELECT i.id FROM item i LEFT JOIN payload p ON p.id = i.id * 2 \
         WHERE i.input IS NULL AND p.id IS NULL",
    ),
    (
        "bytes belong to no item",
        "SELECT p.id / 2 FROM payload p LEFT JOIN item i ON i.id = p.id / 2 WHERE i.id IS NULL",
    ),
    (
        "an item is under way without an attempt that is open",
        "SELECT i.id FROM item i LEFT JOIN attempt a ON a.id = i.attempt \
         WHERE i.state = 2 AND (a.id IS NULL OR a.state <> 0)",
    ),
    (
        "an attempt is open without an item under way",
        "SELECT a.id FROM attempt a WHERE a.state = 0 AND NOT EXISTS \
         (SELECT 1 FROM item i WHERE i.attempt = a.id AND i.state IN (2, 5))",
    ),
    (
        "a superseded item has no successor",
        "SELECT id FROM item WHERE state = 23 AND successor IS NULL",
    ),
];

impl SqliteStore {
    /// Everything, one sentence for each thing that does not hold.
    pub(super) fn check_everything(&self) -> Result<Vec<String>> {
        let mut found = self.shared.readers.with(everything_in)?;
        if found.is_empty() {
            found = self.writer.submit(0, 0, |unit| Ok(unit.agrees()?))?;
        }
        found.truncate(MOST);
        Ok(found)
    }
}

/// What does not hold in a file, of everything that can be seen in it.
pub(super) fn everything_in(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let db = db.unchecked_transaction()?;
    let mut found = Vec::new();
    file(&db, &mut found)?;
    if found.is_empty() {
        rows(&db, &mut found)?;
    }
    found.truncate(MOST);
    Ok(found)
}

/// The file itself.
fn file(db: &Connection, found: &mut Vec<String>) -> rusqlite::Result<()> {
    let mut statement = db.prepare("PRAGMA integrity_check(100)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            found.push(format!("the file is damaged: {line}"));
        }
    }
    Ok(())
}

/// What rows say of each other.
fn rows(db: &Connection, found: &mut Vec<String>) -> rusqlite::Result<()> {
    for (what, query) in NEVER.iter().chain(flows::check::NEVER) {
        let mut statement = db.prepare(&format!("SELECT * FROM ({query}) LIMIT {MOST}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: u64 = row.get(0)?;
            found.push(format!("{what} (number {id})"));
        }
    }
    for stage in Stage::ALL {
        let wrong =
            "SELECT id FROM item WHERE state = ?1 AND (phase <> ?2 OR holds <> ?3) LIMIT 100";
        let mut statement = db.prepare_cached(wrong)?;
        let mut rows = statement.query((stage, stage.phase_code(), stage.holds()))?;
        while let Some(row) = rows.next()? {
            let id: u64 = row.get(0)?;
            found.push(format!(
                "an item's state is not as its indices say (number {id})"
            ));
        }
    }
    Ok(())
}

impl Unit<'_> {
    /// Whether the writer knows what the rows say.
    fn agrees(&self) -> rusqlite::Result<Vec<String>> {
        let mut found = Vec::new();
        let rows = ledger::counts(self.db)?;
        let mut lanes: Vec<_> = rows.keys().chain(self.ledger.counts.keys()).collect();
        lanes.sort_unstable();
        lanes.dedup();
        for lane in lanes {
            let counted = rows.get(lane).cloned().unwrap_or_default();
            let known = self.ledger.counts.get(lane).cloned().unwrap_or_default();
            if counted != known {
                found.push(format!(
                    "the counters of lane {} are not as its rows",
                    lane.0
                ));
            }
        }
        let next = self.first("SELECT max(id) FROM item", [], |row| {
            row.get::<_, Option<u64>>(0)
        })?;
        if next
            .flatten()
            .is_some_and(|last| last >= self.ledger.next_item)
        {
            found.push("the next item's number is taken".to_owned());
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_a_statement_that_runs() {
        let db = Connection::open_in_memory().unwrap();
        for step in crate::sqlite::schema::STEPS {
            db.execute_batch(step).unwrap();
        }
        let mut found = Vec::new();
        rows(&db, &mut found).unwrap();
        assert_eq!(found, [""; 0]);
        let leading = Stage::ALL.into_iter().filter(|stage| stage.leads());
        let leading: Vec<u8> = leading.map(Stage::code).collect();
        assert_eq!(leading, [0, 2, 3, 13], "as the statements above say");
    }
}
