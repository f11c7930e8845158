//! One item with another input. What it was before is kept.

use crossdock_store::{Edit, ItemSummary, Lane, Selection, State};

use super::super::{Outbox, keys, now};
use super::Whose;
use super::act::{Act, Done};
use super::preview::{Given, Preview};
use crate::delivery::documents::prepare;
use crate::delivery::intake::items;
use crate::problem::Problem;
use crate::report::ItemStatus;
use crate::serving::route::Route;

/// What a person makes of an item.
#[derive(Debug, Clone)]
pub struct NewInput {
    /// The item anew: a JSON object.
    pub body: bytes::Bytes,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub who: String,
}

/// An edit that the script and the adapter take that serve now.
struct Checked {
    item: ItemSummary,
    lane: Lane,
    text: String,
    route: Route,
}

impl Outbox {
    /// Gives an item another input and lets it go again, in the place in the order
    /// that the new one has.
    ///
    /// # Errors
    /// If they have no such item, it is under way or done, or the script or the
    /// schema that serve now do not take the new input.
    pub async fn edit(
        &self,
        whose: &Whose,
        id: &str,
        index: u32,
        new: NewInput,
    ) -> Result<Done, Problem> {
        let checked = self.checked(whose, id, index, &new.body).await?;
        let text = vec![checked.text];
        let mut keys = keys::of(&checked.route, &text).await?;
        let key = keys.pop();
        let (order, label) = key.ok_or_else(|| {
            Problem::host("internal-error", "the new item's key could not be computed")
        })?;
        let edit = Edit {
            input: text.concat().into_bytes(),
            order,
            label,
            who: new.who,
            reason: new.reason,
        };
        let selection = Selection::Item(checked.item.item);
        let edited = self
            .shared
            .with(move |store| store.retry(selection, Some(edit), now()));
        let selected = edited.await?;
        if selected.changed == 0 {
            let number = checked.item.item;
            let view = self.shared.with(move |store| store.item(number)).await?;
            return Err(refused(&view.map_or(checked.item, |view| view.summary)));
        }
        tracing::info!(lane = %checked.lane, delivery = id, item = index, "an item was edited");
        self.wake();
        Ok(selected.into())
    }

    /// What an edited item would send.
    ///
    /// # Errors
    /// As for the edit itself.
    pub async fn preview_edit(
        &self,
        whose: &Whose,
        id: &str,
        index: u32,
        body: &[u8],
    ) -> Result<Preview, Problem> {
        let Checked { item, text, .. } = self.checked(whose, id, index, body).await?;
        let given = Given {
            item,
            input: text.into_bytes(),
        };
        Ok(Preview {
            dry_run: true,
            would: Done {
                changed: 1,
                ..Done::default()
            },
            superseded: Vec::new(),
            overwrites: Vec::new(),
            overwrites_incomplete: false,
            sends: self.shared.sends(whose, vec![given]).await?,
        })
    }

    /// The item, and its new input as text, if both are such that it can go.
    async fn checked(
        &self,
        whose: &Whose,
        id: &str,
        index: u32,
        body: &[u8],
    ) -> Result<Checked, Problem> {
        let (view, item) = self.shared.found_item(whose, id, index).await?;
        if !Act::Discard.possible().contains(&item.state) {
            return Err(refused(&item));
        }
        let text = one(body)?;
        let route = self.shared.route_with_room(&view.lane, text.len()).await?;
        let prepared = prepare(&route, vec![text.clone()]).await?;
        let failed = prepared.settled.into_iter().find_map(|report| {
            let failed = report.status != ItemStatus::Skipped;
            failed.then(|| report.problem()).flatten()
        });
        match failed {
            Some(mut problem) => {
                problem.item = None;
                Err(problem)
            }
            None => Ok(Checked {
                item,
                lane: view.lane,
                text,
                route,
            }),
        }
    }
}

/// The one item of a body.
fn one(body: &[u8]) -> Result<String, Problem> {
    let found = items(body, usize::MAX)?;
    match found.as_slice() {
        [item] => Ok(item.get().to_owned()),
        more => Err(Problem::caller(
            "too-many-items",
            format!(
                "an edit is one item, and the body has {}; send one JSON object",
                more.len()
            ),
        )),
    }
}

fn refused(item: &ItemSummary) -> Problem {
    let why = match item.state {
        State::Queued | State::Sending => "it is on its way; look at it again when that has ended",
        _ => "it is done; give a new record in its place",
    };
    Problem::caller(
        "not-open",
        format!(
            "item {} of delivery {} is `{}` and cannot be edited: {why}",
            item.index, item.delivery, item.state
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_is_one_object_and_keeps_its_bytes() {
        assert_eq!(one(b" {\"a\": 1.0} ").unwrap(), "{\"a\": 1.0}");
        assert_eq!(one(b"[{\"a\": 1}]").unwrap(), "{\"a\": 1}");
        for (body, code) in [
            (&b"[{},{}]"[..], "too-many-items"),
            (b"[]", "no-items"),
            (b"7", "invalid-json"),
            (b"", "invalid-json"),
            (b"{", "invalid-json"),
        ] {
            assert_eq!(one(body).unwrap_err().code, code);
        }
    }
}
