//! Everything that matches, as lines: read page by page as they are taken, and
//! never held together.

use std::collections::VecDeque;

use bytes::Bytes;
use crossdock_store::{Cursor, Filter, ItemSummary, Store, StoreError};

use super::super::Outbox;
use super::look::listed;
use super::shown::{ExportedItem, Input};
use super::{PAGE, Wanted, Whose};
use crate::problem::Problem;

/// Bytes after which a part of an export is given, one line at least.
const PART: usize = 256 << 10;

/// An export that is under way.
pub struct Export {
    outbox: Outbox,
    whose: Whose,
    filter: Filter,
    /// What was listed and is not written yet.
    listed: VecDeque<ItemSummary>,
    /// Where the list goes on.
    next: Next,
}

#[derive(Clone, Copy)]
enum Next {
    Page(Option<Cursor>),
    End,
}

impl Outbox {
    /// Begins an export.
    ///
    /// # Errors
    /// If a word of what is wanted is none.
    pub fn export(&self, whose: Whose, wanted: &Wanted) -> Result<Export, Problem> {
        Ok(Export {
            filter: wanted.filter(&whose)?,
            outbox: self.clone(),
            whose,
            listed: VecDeque::new(),
            next: Next::Page(None),
        })
    }
}

impl Export {
    /// The next lines; none at the end.
    ///
    /// # Errors
    /// If the outbox cannot be read.
    pub async fn part(self) -> Result<Option<(Bytes, Self)>, Problem> {
        let shared = self.outbox.shared.clone();
        let mut export = self;
        let read = shared.with(move |store| {
            let lines = export.lines(store)?;
            Ok((lines, export))
        });
        let (lines, export) = read.await?;
        Ok((!lines.is_empty()).then(|| (Bytes::from(lines), export)))
    }

    fn lines(&mut self, store: &dyn Store) -> Result<Vec<u8>, StoreError> {
        let mut lines = Vec::new();
        while lines.len() < PART {
            let Some(item) = self.listed.pop_front() else {
                let Next::Page(cursor) = self.next else { break };
                let page = store.list(&self.filter, cursor, PAGE)?;
                self.listed = page.items.into();
                self.next = match page.next {
                    Some(cursor) => Next::Page(Some(cursor)),
                    None => Next::End,
                };
                continue;
            };
            self.line(store, &item, &mut lines)?;
        }
        Ok(lines)
    }

    fn line(
        &self,
        store: &dyn Store,
        item: &ItemSummary,
        lines: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        // It may have been removed since it was listed.
        let (Some(mut shown), Some(bytes)) =
            (listed(store, &self.whose, item), store.bytes(item.item)?)
        else {
            return Ok(());
        };
        shown.item = shown.item.with_result(&bytes.result, bytes.unreadable);
        let whole = ExportedItem {
            item: shown,
            input: Input::of(bytes.input),
        };
        let began = lines.len();
        match serde_json::to_writer(&mut *lines, &whole) {
            Ok(()) => lines.push(b'\n'),
            // Nothing of it can fail to be JSON; half a line is worse than none.
            Err(_) => lines.truncate(began),
        }
        Ok(())
    }
}
