//! Whether what was given is within the limits. Every store asks here.

pub(crate) mod flow;
pub(crate) mod grant;

use crate::error::{Result, StoreError};
use crate::model::limits::{self, LABEL, MESSAGE, WORD};
use crate::model::{Edit, Intent, Lane, NewDelivery, NewItem, Next, Order, Settlement};

fn at_most(what: &'static str, found: usize, most: usize) -> Result<()> {
    if found > most {
        return Err(StoreError::TooLarge { what, found, most });
    }
    Ok(())
}

/// The end of the year 9999, in milliseconds since 1970.
const LATEST: u64 = 253_402_300_799_999;

/// A time that is written down.
pub(crate) fn time(ms: u64) -> Result<()> {
    if ms > LATEST {
        return Err(StoreError::Invalid(
            "a time is in milliseconds since 1970 and before the year 10000",
        ));
    }
    Ok(())
}

/// A time that others are compared with: one beyond all is as good as the latest.
pub(crate) fn bound(ms: u64) -> u64 {
    ms.min(LATEST)
}

/// A delivery that is to be accepted.
pub(crate) fn delivery(delivery: &NewDelivery) -> Result<()> {
    lane(&delivery.lane)?;
    if let Some(idempotency) = &delivery.idempotency {
        time(idempotency.until)?;
    }
    if delivery.items.is_empty() {
        return Err(StoreError::Invalid("a delivery has at least one item"));
    }
    at_most("a delivery (items)", delivery.items.len(), limits::ITEMS)?;
    let mut bytes = 0;
    for NewItem { order, input, .. } in &delivery.items {
        self::order(order)?;
        self::input(input)?;
        bytes += input.len();
    }
    at_most("a delivery (bytes)", bytes, limits::DELIVERY)
}

fn lane(lane: &Lane) -> Result<()> {
    for name in [&lane.tenant, &lane.connection, &lane.operation] {
        if name.is_empty() {
            return Err(StoreError::Invalid(
                "a lane's names are not empty: name tenant, connection and operation",
            ));
        }
        at_most("a name (bytes)", name.len(), limits::NAME)?;
    }
    Ok(())
}

fn order(order: &Order) -> Result<()> {
    match order {
        Order::Key { bytes, .. } => at_most("an order key (bytes)", bytes.len(), limits::KEY),
        Order::None | Order::Barrier => Ok(()),
    }
}

fn input(input: &[u8]) -> Result<()> {
    at_most("an item's input (bytes)", input.len(), limits::INPUT)
}

/// What a person makes of an item.
pub(crate) fn edit(edit: &Edit) -> Result<()> {
    order(&edit.order)?;
    input(&edit.input)
}

/// Requests that are about to leave.
pub(crate) fn intents(intents: &[Intent]) -> Result<()> {
    attempts(intents.len())?;
    for intent in intents {
        if intent.items.is_empty() {
            return Err(StoreError::Invalid("an intent has at least one item"));
        }
        at_most("an intent (items)", intent.items.len(), limits::ITEMS)?;
        time(intent.began)?;
        request(&intent.request)?;
    }
    Ok(())
}

fn request(request: &[u8]) -> Result<()> {
    at_most(
        "a request's summary (bytes)",
        request.len(),
        limits::REQUEST,
    )
}

/// A note with its name.
pub(crate) fn note(name: &str, value: Option<&[u8]>) -> Result<()> {
    if name.is_empty() {
        return Err(StoreError::Invalid("a note has a name"));
    }
    at_most("a note's name (bytes)", name.len(), limits::NAME)?;
    let value = value.map_or(0, <[u8]>::len);
    at_most("a note (bytes)", value, limits::NOTE)
}

/// How many attempts are given at once.
pub(crate) fn attempts(count: usize) -> Result<()> {
    at_most("a list of attempts", count, limits::ATTEMPTS)
}

/// What came of requests.
pub(crate) fn settlement(settlement: &Settlement) -> Result<()> {
    attempts(settlement.attempts.len())?;
    if let Some(connection) = &settlement.connection {
        connection_state(&connection.state)?;
    }
    for attempt in &settlement.attempts {
        at_most("an attempt (items)", attempt.items.len(), limits::ITEMS)?;
        request(&attempt.request)?;
        time(attempt.began)?;
        time(attempt.ended)?;
        let answer = attempt.answer.len();
        at_most("the kept part of an answer (bytes)", answer, limits::ANSWER)?;
        for outcome in &attempt.items {
            if let Next::Again { due } = outcome.next {
                time(due)?;
            }
            let result = outcome.result.len();
            at_most("an item's result (bytes)", result, limits::RESULT)?;
        }
    }
    Ok(())
}

/// A connection's limits, breaker and pause.
pub(crate) fn connection_state(state: &[u8]) -> Result<()> {
    at_most(
        "a connection's state (bytes)",
        state.len(),
        limits::CONNECTION_STATE,
    )
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// The beginning of a label.
pub(crate) fn label(text: &str) -> &str {
    cut(text, LABEL)
}

/// The beginning of a code or a name.
pub(crate) fn word(text: &str) -> &str {
    cut(text, WORD)
}

/// The beginning of a message or a reason.
pub(crate) fn message(text: &str) -> &str {
    cut(text, MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Origin;

    fn given(items: Vec<NewItem>) -> NewDelivery {
        NewDelivery {
            lane: Lane::new("acme", "shop", "stock.update"),
            origin: Origin::Queued,
            idempotency: None,
            items,
        }
    }

    fn item(input: usize) -> NewItem {
        NewItem {
            order: Order::None,
            label: String::new(),
            input: vec![0; input],
        }
    }

    #[test]
    fn what_is_too_large_is_refused_and_says_by_how_much() {
        assert_eq!(delivery(&given(vec![item(limits::INPUT)])), Ok(()));
        let error = delivery(&given(vec![item(limits::INPUT + 1)])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "an item's input (bytes) has 16777217, at most 16777216 are taken; make it smaller"
        );
        assert!(delivery(&given(vec![])).is_err());
        assert!(delivery(&given(vec![item(0); limits::ITEMS + 1])).is_err());
        assert!(delivery(&given(vec![item(limits::INPUT); 5])).is_err());
        let mut nameless = given(vec![item(1)]);
        nameless.lane.operation.clear();
        assert!(delivery(&nameless).is_err());
        nameless.lane.operation = "x".repeat(limits::NAME + 1);
        assert!(delivery(&nameless).is_err());
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(label(&"红".repeat(100)).chars().count(), LABEL / 3);
        assert_eq!(label("short"), "short");
    }
}
