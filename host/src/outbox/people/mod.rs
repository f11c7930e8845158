//! What a person sees and does: deliveries and their items, retry, edit, discard.
//!
//! | part | what it does |
//! |---|---|
//! | `filter` | which items are meant |
//! | `shown` | deliveries, items, attempts and edits, as they are shown |
//! | `look` | a list, a delivery, one item with its history |
//! | `export` | everything that matches, line by line |
//! | `act` | retry and discard: of one item, a delivery, or what matches |
//! | `edit` | one item with another input |
//! | `preview` | what a retry would send now |

mod act;
mod edit;
mod export;
mod filter;
mod look;
mod preview;
mod shown;

use std::str::FromStr;

use crossdock_store::{DeliveryId, DeliveryView, ItemSummary, Store, StoreError};

use super::Shared;
use crate::problem::Problem;

pub use act::Done;
pub use edit::NewInput;
pub use export::Export;
pub use filter::Wanted;
pub use preview::Preview;
pub use shown::{DeliveryShown, ItemWhole, ListShown};

/// Items of one page of a list, and at most.
pub const PAGE: usize = 100;
/// The most that may be asked for.
pub const MOST_PAGE: usize = 1_000;

/// Whose deliveries somebody may see and touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Those of one tenant.
    Tenant(String),
    /// Everybody's.
    All,
}

impl Whose {
    /// The tenant's name where it has to be told.
    fn told(&self, tenant: &str) -> Option<String> {
        (*self == Self::All).then(|| tenant.to_owned())
    }

    fn has(&self, tenant: &str) -> bool {
        match self {
            Self::Tenant(name) => name == tenant,
            Self::All => true,
        }
    }
}

/// What somebody does something with.
#[derive(Debug, Clone)]
pub enum What {
    /// Every item of a delivery.
    Delivery(String),
    /// One item, by its position in the delivery.
    Item(String, u32),
    /// Items that match, before one of a list before.
    Matching(Wanted, Option<u64>),
}

impl Shared {
    /// A delivery, if it is theirs.
    async fn found(&self, whose: &Whose, id: &str) -> Result<DeliveryView, Problem> {
        let known = id_of(id)?;
        let found = self.with(move |store| store.delivery(known)).await?;
        found
            .filter(|view| whose.has(&view.lane.tenant))
            .ok_or_else(|| unknown(id))
    }

    /// One item of a delivery, if it is theirs.
    async fn found_item(
        &self,
        whose: &Whose,
        id: &str,
        index: u32,
    ) -> Result<(DeliveryView, ItemSummary), Problem> {
        let mut view = self.found(whose, id).await?;
        let place = view.items.iter().position(|item| item.index == index);
        let Some(place) = place else {
            return Err(Problem::caller(
                "unknown-item",
                format!(
                    "delivery `{}` has no item {index}; it has {}, counted from 0",
                    view.id,
                    view.items.len()
                ),
            ));
        };
        let item = view.items.swap_remove(place);
        Ok((view, item))
    }
}

/// An item's input, which is kept as it was given.
fn input_of(store: &dyn Store, item: &ItemSummary) -> Result<Vec<u8>, StoreError> {
    let Some(bytes) = store.bytes(item.item)? else {
        return Ok(Vec::new());
    };
    match bytes.unreadable {
        None => Ok(bytes.input),
        Some(why) => Err(StoreError::Unreadable(why)),
    }
}

fn id_of(id: &str) -> Result<DeliveryId, Problem> {
    DeliveryId::from_str(id).map_err(|_| unknown(id))
}

fn unknown(id: &str) -> Problem {
    let shown: String = id.chars().take(40).collect();
    Problem::caller(
        "unknown-delivery",
        format!("there is no delivery `{shown}`, or it is no longer kept"),
    )
}
