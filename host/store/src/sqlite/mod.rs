//! One file, one thread that writes, any number that read.
//!
//! | file | what is in it |
//! |---|---|
//! | `open` | the folder, its lock, connections |
//! | `schema` | the file's format and how older ones become it |
//! | `codes` | the numbers that stand for states in the rows |
//! | `sql` | the statements |
//! | `failure` | what the database says, in our words |
//! | `clock` | a time that never goes back |
//! | `claims` | which items are claimed, in memory |
//! | `ledger` | what the writer knows without asking the rows |
//! | `shared` | what the writer shows to those who read |
//! | `writer` | the way to the thread that writes |
//! | `desk` | its commits, and what it does when one fails |
//! | `unit` | one commit's worth of work |
//! | `accept`, `attempts`, `order`, `people` | work within a commit |
//! | `claim`, `list`, `views`, `recover` | what is read |
//! | `newer` | what is newer than what a person lets go again |
//! | `retention`, `upkeep`, `check` | removal, depths, copies; whether everything holds |
//! | `beside` | copies and checks of a file that another process has open |
//! | `changes`, `notes` | what ended, in sequence; what the host keeps by name |
//! | `flows` | flows, their runs and pages, and what they hold for later |
//! | `grants` | what platforms granted |
//! | `plans`, `faults` | tests of the statements' plans, and of a disk that fails |

mod accept;
mod attempts;
mod beside;
mod changes;
mod check;
mod claim;
mod claims;
mod clock;
mod codes;
mod desk;
mod failure;
#[cfg(test)]
mod faults;
mod flows;
mod grants;
mod ledger;
mod list;
mod newer;
mod notes;
mod open;
mod order;
mod people;
#[cfg(test)]
mod plans;
mod recover;
mod retention;
mod schema;
mod shared;
mod sql;
mod unit;
mod upkeep;
mod views;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use self::clock::Clock;
use self::ledger::Ledger;
use self::open::Readers;
use self::retention::Sweep;
use self::shared::Shared;
use self::writer::Writer;
use crate::error::Result;
use crate::model::{
    Accepted, AttemptId, Blame, Changes, Claimed, ConnectionState, Cursor, DeliveryId,
    DeliveryView, Depth, DueLane, Edit, Filter, Health, Held, Intent, ItemBytes, ItemId, ItemView,
    Lane, LaneId, NewDelivery, Overwrites, Page, Place, Recovery, Retained, Retention, Selected,
    Selection, SetAside, Settled, Settlement, Waiting,
};
use crate::store::Store;
use crate::validate;

/// The outbox in one SQLite file, `outbox.db` in a folder of its own.
#[derive(Debug)]
pub struct SqliteStore {
    // Dropped in this order: the writer ends before the lock is given back.
    writer: Writer,
    shared: Arc<Shared>,
    sweep: Sweep,
    _lock: File,
}

impl SqliteStore {
    /// Opens the outbox of a folder, and makes what is not there. The folder is
    /// the store's alone until it is dropped. What is damaged, foreign or too new
    /// is refused and left as it is.
    pub fn open(folder: &Path) -> Result<Self> {
        let lock = open::lock(folder)?;
        let path = open::file(folder);
        let db = open::writer(&path)?;
        let told = |error| failure::explain(&path, &error);
        let ledger = Ledger::read(&db).map_err(told)?;
        let high = ledger::newest_uid(&db).map_err(told)?;
        open::moves_log_at_close(&db, true).map_err(told)?;
        let clock = Clock::after(high.map_or(0, DeliveryId::ms));
        let readers = Readers::new(path.clone());
        let shared = Arc::new(Shared::new(path, clock, readers, &ledger));
        let writer = Writer::start(db, ledger, Arc::clone(&shared))?;
        Ok(Self {
            writer,
            shared,
            sweep: Sweep::default(),
            _lock: lock,
        })
    }
}

impl Store for SqliteStore {
    fn accept(&self, delivery: NewDelivery, now: u64) -> Result<Accepted> {
        validate::delivery(&delivery)?;
        validate::time(now)?;
        let at = self.shared.clock.at(now);
        let rows = delivery.items.len() + 1;
        let work = move |unit: &mut unit::Unit<'_>| unit.accept(&delivery, now, at);
        self.writer.submit(rows, now, work)
    }

    fn due_lanes(&self, now: u64, after: Option<LaneId>, limit: usize) -> Result<Vec<DueLane>> {
        self.shared.due_lanes(validate::bound(now), after, limit)
    }

    fn claim(&self, lane: LaneId, now: u64, limit: usize) -> Result<Vec<Claimed>> {
        self.shared.claim(lane, validate::bound(now), limit)
    }

    fn waiting(&self, lane: LaneId, now: u64, most: usize) -> Result<Waiting> {
        self.shared.waiting(lane, validate::bound(now), most)
    }

    fn unclaim(&self, lane: LaneId, items: &[ItemId], now: u64) {
        self.give_back(lane, items, validate::bound(now));
    }

    fn intend(&self, intents: Vec<Intent>, now: u64) -> Result<Vec<AttemptId>> {
        validate::intents(&intents)?;
        let rows = intents.iter().map(|intent| intent.items.len() + 1).sum();
        self.writer
            .submit(rows, now, move |unit| unit.intend(&intents))
    }

    fn settle(&self, settlement: Settlement, now: u64) -> Result<Settled> {
        validate::settlement(&settlement)?;
        validate::time(now)?;
        self.shared.clock.at(now);
        let attempts = settlement.attempts.iter();
        let rows = 1 + attempts.map(|end| end.items.len() * 2 + 1).sum::<usize>();
        self.writer
            .submit(rows, now, move |unit| unit.settle(&settlement, now))
    }

    fn not_sent(&self, attempts: Vec<AttemptId>, now: u64) -> Result<()> {
        validate::attempts(attempts.len())?;
        validate::time(now)?;
        let rows = attempts.len() * 2;
        self.writer
            .submit(rows, now, move |unit| unit.not_sent(&attempts, now))
    }

    fn recover(&self) -> Result<Recovery> {
        self.shared.recover()
    }

    fn set_connection_state(&self, connection: ConnectionState, now: u64) -> Result<()> {
        validate::connection_state(&connection.state)?;
        self.writer
            .submit(1, now, move |unit| unit.set_connection(&connection))
    }

    fn connection_states(&self) -> Result<Vec<ConnectionState>> {
        self.shared.connection_states()
    }

    fn lane(&self, lane: LaneId) -> Option<Lane> {
        self.shared.lane(lane)
    }

    fn depths(&self) -> Result<Vec<Depth>> {
        self.shared.depths()
    }

    fn set_aside(&self) -> Vec<SetAside> {
        self.shared.set_aside()
    }

    fn oldest(&self) -> Result<Vec<(LaneId, u64)>> {
        self.shared.oldest()
    }

    fn kept_bytes(&self, tenant: &str) -> Result<u64> {
        self.shared.kept_bytes(tenant)
    }

    fn list(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Page> {
        self.shared.list(filter, cursor, limit)
    }

    fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryView>> {
        self.shared.delivery(id)
    }

    fn item(&self, id: ItemId) -> Result<Option<ItemView>> {
        self.shared.item(id)
    }

    fn bytes(&self, id: ItemId) -> Result<Option<ItemBytes>> {
        self.shared.bytes(id)
    }

    fn overtaken(&self, id: ItemId) -> Result<Option<Place>> {
        self.shared.overtaken(id)
    }

    fn overwrites(&self, items: &[ItemId]) -> Result<Overwrites> {
        self.shared.overwrites(items)
    }

    fn retry(&self, selection: Selection, edit: Option<Edit>, now: u64) -> Result<Selected> {
        validate::time(now)?;
        self.retry_selected(selection, edit, now)
    }

    fn discard(&self, selection: Selection, reason: &str, now: u64) -> Result<Selected> {
        validate::time(now)?;
        self.discard_selected(selection, reason, now)
    }

    fn release_held(&self, held: Held, blame: Blame, generation: &str, now: u64) -> Result<u64> {
        self.release(held, blame, generation, now)
    }

    fn changes(&self, after: u64, limit: usize) -> Result<Changes> {
        self.shared.changes(after, limit)
    }

    fn changes_of(&self, tenant: &str, after: u64, limit: usize) -> Result<Changes> {
        self.shared.changes_of(tenant, after, limit)
    }

    fn set_note(&self, name: &str, value: Option<Vec<u8>>, now: u64) -> Result<()> {
        validate::note(name, value.as_deref())?;
        let name = name.to_owned();
        let work = move |unit: &mut unit::Unit<'_>| unit.set_note(&name, value.as_deref());
        self.writer.submit(1, now, work)
    }

    fn notes(&self) -> Result<Vec<(String, Vec<u8>)>> {
        self.shared.notes()
    }

    fn retain(&self, retention: Retention, now: u64) -> Result<Retained> {
        let retention = Retention {
            done_until: validate::bound(retention.done_until),
            changes_until: validate::bound(retention.changes_until),
            ..retention
        };
        self.sweep_slice(retention, now)
    }

    fn tick(&self, now: u64) {
        // An error is what `health` tells.
        let _ = self.writer.submit(0, now, |_| Ok(()));
    }

    fn health(&self) -> Health {
        self.shared.health()
    }

    fn backup(&self, to: &Path) -> Result<()> {
        self.shared.backup(to)
    }

    fn check(&self) -> Result<Vec<String>> {
        self.check_everything()
    }
}
