//! What an item is about, so that the store keeps its order and may fold it.
//!
//! The operation's manifest says where a document has its key. Where a tenant's
//! script makes the documents, it is run once when the item is accepted, for its
//! key alone: what is sent is made at the attempt, by the script of that moment.

use crossdock_store::{Effect, Order, limits};
use sha2::{Digest, Sha256};

use crate::delivery::documents::prepare_about;
use crate::delivery::order::OrderKey;
use crate::plugin::manifest;
use crate::problem::Problem;
use crate::serving::route::Route;

/// An item's order, and the text by which people find it.
pub(super) type Key = (Order, String);

/// The key of each item.
pub(super) async fn of(route: &Route, items: &[String]) -> Result<Vec<Key>, Problem> {
    let Some(declared) = route.compiled()?.order.as_ref() else {
        // Nothing is known of what they touch, so they go one after the other.
        return Ok(vec![(Order::Barrier, String::new()); items.len()]);
    };
    if declared.key.is_empty() {
        return Ok(vec![(Order::None, String::new()); items.len()]);
    }
    let prepared = prepare_about(route, items.into(), Some(declared));
    let (prepared, about) = prepared.await?;
    let documents = prepared.documents.iter().map(|document| document.item);
    let mut abouts = documents.zip(about).peekable();
    // Documents are in the order of their items.
    let of = |item: usize| {
        let mut keys = Vec::new();
        while let Some((_, about)) = abouts.next_if(|(of, _)| *of == item) {
            let effect = match about.effect {
                manifest::Effect::Relative => Effect::Relative,
                _ => Effect::Absolute,
            };
            keys.push((about.key, effect));
        }
        key(&keys)
    };
    Ok((0..items.len()).map(of).collect())
}

/// An item that its script fails on, skips or makes no document of: it is about
/// nothing that is known.
fn unknown() -> Key {
    (Order::None, String::new())
}

/// The key of an item with these documents. One with documents about several
/// things keeps its place among everything.
fn key(keys: &[(OrderKey, Effect)]) -> Key {
    let Some((first, _)) = keys.first() else {
        return unknown();
    };
    let label = first.members.iter().flatten().cloned();
    let label = label.collect::<Vec<_>>().join(" ");
    if keys.iter().any(|(key, _)| key != first) {
        return (Order::Barrier, label);
    }
    let changes = keys.iter().any(|(_, effect)| *effect == Effect::Relative);
    let effect = match changes {
        true => Effect::Relative,
        false => Effect::Absolute,
    };
    (
        Order::Key {
            bytes: bytes(first),
            effect,
        },
        label,
    )
}

/// Parts with their lengths, so that no two keys have the same bytes.
fn bytes(key: &OrderKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in &key.members {
        match part {
            None => bytes.push(0),
            Some(text) => {
                bytes.push(1);
                bytes.extend((text.len() as u64).to_be_bytes());
                bytes.extend(text.as_bytes());
            }
        }
    }
    match bytes.len() > limits::KEY {
        true => Sha256::digest(&bytes).to_vec(),
        false => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(parts: &[Option<&str>]) -> OrderKey {
        let members = parts.iter().map(|part| part.map(str::to_owned));
        OrderKey {
            members: members.collect(),
        }
    }

    #[test]
    fn no_two_keys_have_the_same_bytes() {
        let keys = [
            about(&[Some("a"), Some("b")]),
            about(&[Some("ab"), None]),
            about(&[None, Some("ab")]),
            about(&[Some("ab"), Some("")]),
            about(&[Some(&"x".repeat(600)), None]),
            about(&[Some(&"x".repeat(601)), None]),
        ];
        let mut all: Vec<Vec<u8>> = keys.iter().map(bytes).collect();
        assert!(all.iter().all(|bytes| bytes.len() <= limits::KEY));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), keys.len());
    }

    #[test]
    fn an_item_about_several_things_keeps_its_place_among_everything() {
        let (a, b) = (about(&[Some("a")]), about(&[Some("b")]));
        let total = Effect::Absolute;
        let (order, label) = key(&[(a.clone(), total), (b, total)]);
        assert_eq!((order, label.as_str()), (Order::Barrier, "a"));
        let (order, _) = key(&[(a.clone(), total), (a, Effect::Relative)]);
        assert!(matches!(
            order,
            Order::Key {
                effect: Effect::Relative,
                ..
            }
        ));
        assert_eq!(key(&[]), unknown());
    }
}
