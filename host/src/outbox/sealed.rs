//! A store of which the payloads are encrypted on their way in and decrypted on
//! their way out, where the configuration wants that. Who uses it knows nothing
//! of that, but for what cannot be read.

mod flows;

use std::path::Path;
use std::sync::Arc;

use crossdock_store::{
    Accepted, AttemptEnd, AttemptId, Blame, Changes, Claimed, ConnectionState, Cursor, DeliveryId,
    DeliveryView, Depth, DueLane, Edit, Filter, FlowStore, Health, Held, Hold, Intent, ItemBytes,
    ItemId, ItemSummary, ItemView, Lane, LaneId, NewDelivery, Next, Outcome, Overwrites, Page,
    Place, Recovery, Repeat, Result, Retained, Retention, Selected, Selection, SetAside, Settled,
    Settlement, State, Store, StoreError, Waiting,
};

use super::keyring::{Keyring, Kind, Unreadable};

/// Claims that find nothing but what cannot be read, one after the other.
const CLAIMS: usize = 50;

/// The code of an item whose input cannot be read.
const UNREADABLE: &str = "record-unreadable";

/// The store that it is made from, with its keys.
pub(super) struct Sealed {
    store: Arc<dyn Store>,
    /// The same one.
    flows: Arc<dyn FlowStore>,
    keys: Keyring,
}

impl Sealed {
    pub fn new<S: Store + FlowStore + 'static>(store: Arc<S>, keys: Keyring) -> Self {
        Self {
            store: store.clone(),
            flows: store,
            keys,
        }
    }

    /// Lets items go that waited for other keys than those of before.
    pub fn release(&self, now: u64) -> Result<u64> {
        let mut released = 0;
        for depth in self.store.depths()? {
            let held = |(state, count): &(State, u64)| *state == State::Held && *count > 0;
            if depth.items.iter().any(held) {
                let lane = Held::Lane(depth.lane);
                let names = self.keys.names();
                released += self.store.release_held(lane, Blame::Host, &names, now)?;
            }
        }
        Ok(released)
    }

    fn close(&self, kind: Kind, value: Vec<u8>) -> Result<Vec<u8>> {
        let closed = self.keys.close(kind, value);
        closed.ok_or(StoreError::Invalid("this is too long to be encrypted"))
    }

    fn close_text(&self, text: &str) -> Result<String> {
        let closed = self.keys.close_text(text);
        closed.ok_or(StoreError::Invalid("this is too long to be encrypted"))
    }

    fn open_text(&self, text: &mut Option<String>) {
        if let Some(text) = text {
            *text = self.keys.open_text(text).into_owned();
        }
    }

    fn open_summary(&self, summary: &mut ItemSummary) {
        self.open_text(&mut summary.message);
    }

    fn open_changes(&self, mut changes: Changes) -> Changes {
        for end in changes
            .changes
            .iter_mut()
            .flat_map(|change| &mut change.end)
        {
            self.open_text(&mut end.message);
        }
        changes
    }

    /// Has what cannot be read wait, and says why.
    fn hold(&self, lost: Vec<(ItemId, Unreadable)>, now: u64) -> Result<()> {
        let outcomes = lost.into_iter().map(|(item, Unreadable(why))| {
            let hold = Hold {
                blame: Blame::Host,
                generation: self.keys.names(),
            };
            Outcome {
                code: Some(UNREADABLE.into()),
                message: Some(format!("its record cannot be read now: {why}")),
                blame: Some(Blame::Host),
                ..Outcome::new(item, Next::Held(hold))
            }
        });
        let outcomes: Vec<Outcome> = outcomes.collect();
        tracing::error!(
            items = outcomes.len(),
            why = outcomes
                .first()
                .and_then(|outcome| outcome.message.as_deref()),
            "records of the outbox cannot be read; they are held, and nothing of them is lost"
        );
        let end = AttemptEnd {
            blame: Some(Blame::Host),
            code: Some(UNREADABLE.into()),
            left: false,
            ..AttemptEnd::new(None, Repeat::Safe, now, now, outcomes)
        };
        let settlement = Settlement {
            attempts: vec![end],
            connection: None,
        };
        self.settle(settlement, now).map(drop)
    }
}

impl Store for Sealed {
    fn accept(&self, mut delivery: NewDelivery, now: u64) -> Result<Accepted> {
        for item in &mut delivery.items {
            item.input = self.close(Kind::Input, std::mem::take(&mut item.input))?;
        }
        self.store.accept(delivery, now)
    }

    fn due_lanes(&self, now: u64, after: Option<LaneId>, limit: usize) -> Result<Vec<DueLane>> {
        self.store.due_lanes(now, after, limit)
    }

    fn claim(&self, lane: LaneId, now: u64, limit: usize) -> Result<Vec<Claimed>> {
        for _ in 0..CLAIMS {
            let (mut readable, mut lost) = (Vec::new(), Vec::new());
            let claimed = self.store.claim(lane, now, limit)?;
            for mut item in claimed {
                match self.keys.open(Kind::Input, std::mem::take(&mut item.input)) {
                    Ok(input) => readable.push(Claimed { input, ..item }),
                    Err(why) => lost.push((item.item, why)),
                }
            }
            let nothing_else = readable.is_empty() && !lost.is_empty();
            if !lost.is_empty() {
                let items: Vec<ItemId> = lost.iter().map(|(item, _)| *item).collect();
                if let Err(error) = self.hold(lost, now) {
                    self.store.unclaim(lane, &items, now);
                    let readable: Vec<ItemId> = readable.iter().map(|item| item.item).collect();
                    self.store.unclaim(lane, &readable, now);
                    return Err(error);
                }
            }
            if !nothing_else {
                return Ok(readable);
            }
        }
        Ok(Vec::new())
    }

    fn set_aside(&self) -> Vec<SetAside> {
        self.store.set_aside()
    }

    fn waiting(&self, lane: LaneId, now: u64, most: usize) -> Result<Waiting> {
        self.store.waiting(lane, now, most)
    }

    fn kept_bytes(&self, tenant: &str) -> Result<u64> {
        self.store.kept_bytes(tenant)
    }

    fn unclaim(&self, lane: LaneId, items: &[ItemId], now: u64) {
        self.store.unclaim(lane, items, now);
    }

    fn intend(&self, mut intents: Vec<Intent>, now: u64) -> Result<Vec<AttemptId>> {
        for intent in &mut intents {
            intent.request = self.close(Kind::Request, std::mem::take(&mut intent.request))?;
        }
        self.store.intend(intents, now)
    }

    fn settle(&self, mut settlement: Settlement, now: u64) -> Result<Settled> {
        for end in &mut settlement.attempts {
            end.request = self.close(Kind::Request, std::mem::take(&mut end.request))?;
            end.answer = self.close(Kind::Answer, std::mem::take(&mut end.answer))?;
            if let Some(message) = &mut end.message {
                *message = self.close_text(message)?;
            }
            for outcome in &mut end.items {
                outcome.result = self.close(Kind::Result, std::mem::take(&mut outcome.result))?;
                if let Some(message) = &mut outcome.message {
                    *message = self.close_text(message)?;
                }
            }
        }
        self.store.settle(settlement, now)
    }

    fn not_sent(&self, attempts: Vec<AttemptId>, now: u64) -> Result<()> {
        self.store.not_sent(attempts, now)
    }

    fn recover(&self) -> Result<Recovery> {
        let mut recovery = self.store.recover()?;
        for attempt in &mut recovery.attempts {
            let request = std::mem::take(&mut attempt.request);
            // Without it, nothing is known of what was under way.
            attempt.request = self.keys.open(Kind::Request, request).unwrap_or_default();
        }
        Ok(recovery)
    }

    fn set_connection_state(&self, connection: ConnectionState, now: u64) -> Result<()> {
        self.store.set_connection_state(connection, now)
    }

    fn connection_states(&self) -> Result<Vec<ConnectionState>> {
        self.store.connection_states()
    }

    fn lane(&self, lane: LaneId) -> Option<Lane> {
        self.store.lane(lane)
    }

    fn depths(&self) -> Result<Vec<Depth>> {
        self.store.depths()
    }

    fn oldest(&self) -> Result<Vec<(LaneId, u64)>> {
        self.store.oldest()
    }

    fn list(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Page> {
        let mut page = self.store.list(filter, cursor, limit)?;
        for summary in &mut page.items {
            self.open_summary(summary);
        }
        Ok(page)
    }

    fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryView>> {
        let mut view = self.store.delivery(id)?;
        for summary in view.iter_mut().flat_map(|view| &mut view.items) {
            self.open_summary(summary);
        }
        Ok(view)
    }

    fn item(&self, id: ItemId) -> Result<Option<ItemView>> {
        let Some(mut view) = self.store.item(id)? else {
            return Ok(None);
        };
        self.open_summary(&mut view.summary);
        let mut unreadable = None;
        let mut open = |kind, value: &mut Vec<u8>| {
            let opened = self.keys.open(kind, std::mem::take(value));
            *value = opened.unwrap_or_else(|Unreadable(why)| {
                unreadable.get_or_insert(why);
                Vec::new()
            });
        };
        open(Kind::Input, &mut view.input);
        open(Kind::Result, &mut view.result);
        for attempt in &mut view.attempts {
            open(Kind::Request, &mut attempt.request);
            open(Kind::Answer, &mut attempt.answer);
            self.open_text(&mut attempt.message);
        }
        for edit in &mut view.edits {
            if let Some(before) = &mut edit.input_before {
                open(Kind::Input, before);
            }
        }
        view.unreadable = unreadable;
        Ok(Some(view))
    }

    fn bytes(&self, id: ItemId) -> Result<Option<ItemBytes>> {
        let Some(mut bytes) = self.store.bytes(id)? else {
            return Ok(None);
        };
        let values = [
            (Kind::Input, &mut bytes.input),
            (Kind::Result, &mut bytes.result),
        ];
        for (kind, value) in values {
            match self.keys.open(kind, std::mem::take(value)) {
                Ok(opened) => *value = opened,
                Err(Unreadable(why)) => bytes.unreadable = Some(why),
            }
        }
        Ok(Some(bytes))
    }

    fn overtaken(&self, id: ItemId) -> Result<Option<Place>> {
        self.store.overtaken(id)
    }

    fn overwrites(&self, items: &[ItemId]) -> Result<Overwrites> {
        self.store.overwrites(items)
    }

    fn retry(&self, selection: Selection, edit: Option<Edit>, now: u64) -> Result<Selected> {
        let edit = match edit {
            None => None,
            Some(mut edit) => {
                edit.input = self.close(Kind::Input, edit.input)?;
                Some(edit)
            }
        };
        self.store.retry(selection, edit, now)
    }

    fn discard(&self, selection: Selection, reason: &str, now: u64) -> Result<Selected> {
        let reason = self.close_text(reason)?;
        self.store.discard(selection, &reason, now)
    }

    fn release_held(&self, held: Held, blame: Blame, generation: &str, now: u64) -> Result<u64> {
        self.store.release_held(held, blame, generation, now)
    }

    fn changes(&self, after: u64, limit: usize) -> Result<Changes> {
        let changes = self.store.changes(after, limit)?;
        Ok(self.open_changes(changes))
    }

    fn changes_of(&self, tenant: &str, after: u64, limit: usize) -> Result<Changes> {
        let changes = self.store.changes_of(tenant, after, limit)?;
        Ok(self.open_changes(changes))
    }

    fn set_note(&self, name: &str, value: Option<Vec<u8>>, now: u64) -> Result<()> {
        self.store.set_note(name, value, now)
    }

    fn notes(&self) -> Result<Vec<(String, Vec<u8>)>> {
        self.store.notes()
    }

    fn retain(&self, retention: Retention, now: u64) -> Result<Retained> {
        self.store.retain(retention, now)
    }

    fn tick(&self, now: u64) {
        self.store.tick(now);
    }

    fn health(&self) -> Health {
        self.store.health()
    }

    fn backup(&self, to: &Path) -> Result<()> {
        self.store.backup(to)
    }

    fn check(&self) -> Result<Vec<String>> {
        self.store.check()
    }
}
