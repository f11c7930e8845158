//! What tells one item from every other: the key that a platform gets in its
//! field for repeated requests.
//!
//! Without a key of the caller's, a delivery's items are its own: its id and
//! their places tell them apart. With one, a repeated call has to give the same
//! item the same key, and another item another key, whichever are left out. So
//! the key is made of what the caller sent as this item, of what its document
//! is about (the order key), and of a number where both occur several times. It
//! is not made of the document's text: with a mended script, the same record
//! would look like a new one, and be applied twice.

use std::collections::HashMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::order::OrderKey;
use crate::script::apply::Document;
use crate::serving::route::Route;

/// Items between two looks at whether somebody else wants the thread.
const SLICE: usize = 256;

/// What tells one delivery's items from every other's.
#[derive(Debug, Clone)]
pub struct DeliveryId {
    /// 32 hex digits.
    pub id: String,
    /// Tenant, connection, operation and the caller's key, if there is one.
    caller: Option<String>,
    /// Where each item comes from, if they were not given together.
    origins: Vec<Origin>,
}

/// Where an item was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its delivery's id.
    pub delivery: String,
    /// Its position there.
    pub item: usize,
}

/// What the caller sent, as far as items' keys depend on it.
#[derive(Debug, Default)]
pub struct Contents(Vec<[u8; 32]>);

impl DeliveryId {
    /// A new id. With an idempotency key, equal items get equal keys.
    pub fn new(route: &Route, idempotency_key: Option<&str>) -> Self {
        let caller = idempotency_key.map(|key| {
            format!(
                "{}\n{}\n{}\n{key}",
                route.tenant.config.name, route.connection.config.name, route.operation
            )
        });
        Self {
            id: fresh(),
            caller,
            origins: Vec::new(),
        }
    }

    /// For items of several deliveries: each keeps the key that it has in its own.
    pub fn of_several(origins: Vec<Origin>) -> Self {
        Self {
            id: fresh(),
            caller: None,
            origins,
        }
    }

    /// The ids of the deliveries that the items are of, with commas between them.
    pub fn shown(&self) -> String {
        if self.origins.is_empty() {
            return self.id.clone();
        }
        let mut ids: Vec<&str> = Vec::new();
        for origin in &self.origins {
            if !ids.contains(&&*origin.delivery) {
                ids.push(&origin.delivery);
            }
        }
        ids.join(",")
    }

    /// Whether the caller has named a key.
    pub fn is_named(&self) -> bool {
        self.caller.is_some()
    }

    /// What will be needed of the items; nothing without a key of the caller's.
    pub async fn contents(&self, items: &[String]) -> Contents {
        if self.caller.is_none() {
            return Contents::default();
        }
        let mut seen: HashMap<[u8; 32], u64> = HashMap::with_capacity(items.len());
        let mut contents = Vec::with_capacity(items.len());
        for slice in items.chunks(SLICE) {
            for item in slice {
                let content = content(item);
                let number = seen.entry(content).or_default();
                let mut hash = Sha256::new_with_prefix(content);
                hash.update(number.to_be_bytes());
                *number += 1;
                contents.push(hash.finalize().into());
            }
            tokio::task::yield_now().await;
        }
        Contents(contents)
    }

    /// The key of each document: 32 hex digits, the same over attempts. `order`
    /// has their order keys, or nothing where the operation declares none.
    pub async fn keys(
        &self,
        contents: &Contents,
        documents: &[Document],
        order: &[OrderKey],
    ) -> Vec<String> {
        let mut keys = Vec::with_capacity(documents.len());
        // Of an item's documents about the same thing: how many came before.
        let mut seen: HashMap<(usize, &OrderKey), u64> = HashMap::new();
        for slice in documents.chunks(SLICE) {
            for document in slice {
                let order = order.get(keys.len());
                let content = contents.0.get(document.item);
                let number = match (content, order) {
                    (None, _) | (_, None) => document.part as u64,
                    (Some(_), Some(order)) => {
                        let number = seen.entry((document.item, order)).or_default();
                        std::mem::replace(number, *number + 1)
                    }
                };
                keys.push(self.key(content, document, order, number));
            }
            if documents.len() > SLICE {
                tokio::task::yield_now().await;
            }
        }
        keys
    }

    fn key(
        &self,
        content: Option<&[u8; 32]>,
        document: &Document,
        order: Option<&OrderKey>,
        number: u64,
    ) -> String {
        let seed = self.caller.as_ref().unwrap_or(&self.id);
        let (seed, item) = match self.origins.get(document.item) {
            Some(origin) => (&origin.delivery, origin.item),
            None => (seed, document.item),
        };
        let mut hash = Sha256::new_with_prefix(seed.as_bytes());
        match content {
            None => hash.update(format!("\n{item}\n{number}")),
            Some(content) => {
                hash.update(b"\ncontent\n");
                hash.update(content);
                for part in order.iter().flat_map(|order| &order.members) {
                    text(&mut hash, part.as_deref().unwrap_or_default());
                }
                hash.update(number.to_be_bytes());
            }
        }
        hex::encode(&hash.finalize()[..16])
    }
}

fn fresh() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// A hash of what an item says, whatever its white space and the order of its
/// members.
fn content(item: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    match serde_json::from_str(item) {
        Ok(value) => add(&mut hash, &value),
        Err(_) => text(&mut hash, item),
    }
    hash.finalize().into()
}

/// Adds a value so that different ones add different bytes. As deep as the
/// JSON reader lets a value be.
fn add(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hash.update(b"n"),
        Value::Bool(false) => hash.update(b"f"),
        Value::Bool(true) => hash.update(b"t"),
        Value::Number(number) => {
            hash.update(b"d");
            text(hash, &number.to_string());
        }
        Value::String(string) => {
            hash.update(b"s");
            text(hash, string);
        }
        Value::Array(list) => {
            hash.update(b"a");
            hash.update(list.len().to_be_bytes());
            list.iter().for_each(|value| add(hash, value));
        }
        Value::Object(members) => {
            hash.update(b"o");
            hash.update(members.len().to_be_bytes());
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in members {
                text(hash, name);
                add(hash, value);
            }
        }
    }
}

fn text(hash: &mut Sha256, text: &str) {
    hash.update(text.len().to_be_bytes());
    hash.update(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named() -> DeliveryId {
        DeliveryId {
            id: "0".into(),
            caller: Some("acme\nshop\nstock.update\no1".into()),
            origins: Vec::new(),
        }
    }

    fn own(id: &str) -> DeliveryId {
        DeliveryId {
            id: id.into(),
            caller: None,
            origins: Vec::new(),
        }
    }

    /// Keys of items that are their documents.
    async fn keys(id: &DeliveryId, items: &[&str]) -> Vec<String> {
        let items: Vec<String> = items.iter().map(|&item| item.to_owned()).collect();
        let contents = id.contents(&items).await;
        let documents = items.into_iter().enumerate().map(|(item, text)| Document {
            item,
            part: 0,
            text,
        });
        let documents: Vec<Document> = documents.collect();
        id.keys(&contents, &documents, &[]).await
    }

    #[tokio::test]
    async fn an_item_has_the_key_of_its_own_delivery_whatever_leaves_with_it() {
        let alone = keys(&own("d1"), &["{}", "{}"]).await;
        let origin = |delivery: &str, item| Origin {
            delivery: delivery.into(),
            item,
        };
        let batch = DeliveryId::of_several(vec![origin("d2", 0), origin("d1", 1)]);
        let together = keys(&batch, &["{}", "{}"]).await;
        assert_eq!(together[1], alone[1]);
        assert_ne!(together[0], alone[0]);
    }

    #[tokio::test]
    async fn an_item_keeps_its_key_whichever_others_are_left_out() {
        let (a, b) = (
            r#"{"sku":"A","quantity":-1}"#,
            r#"{"sku":"B","quantity":-200}"#,
        );
        let both = keys(&named(), &[a, b]).await;
        assert_ne!(both[0], both[1]);
        assert_eq!(keys(&named(), &[b]).await[0], both[1]);
        assert_eq!(
            keys(&named(), &[b, a]).await,
            [both[1].clone(), both[0].clone()]
        );
        let spelled_otherwise = "{ \"quantity\" : -1,\"sku\":\"\\u0041\" }";
        assert_eq!(keys(&named(), &[spelled_otherwise]).await[0], both[0]);
    }

    #[tokio::test]
    async fn another_item_has_another_key() {
        let refused = keys(&named(), &[r#"{"sku":"B","quantity":-200}"#]).await;
        let mended = keys(&named(), &[r#"{"sku":"B","quantity":-2}"#]).await;
        assert_ne!(refused, mended);
        // Not even by shifting text from one member to another.
        let shifted = keys(
            &named(),
            &[r#"{"a":"x","b":"yz"}"#, r#"{"a":"xy","b":"z"}"#],
        )
        .await;
        assert_ne!(shifted[0], shifted[1]);
    }

    #[tokio::test]
    async fn equal_items_of_one_call_are_counted() {
        let item = r#"{"sku":"A","quantity":-1}"#;
        let twice = keys(&named(), &[item, item]).await;
        assert_ne!(twice[0], twice[1]);
        assert_eq!(keys(&named(), &[item, item]).await, twice);
        assert_eq!(keys(&named(), &[item]).await[0], twice[0]);
    }

    #[tokio::test]
    async fn without_a_key_of_the_callers_every_delivery_has_its_own() {
        let item = r#"{"sku":"A"}"#;
        let first = keys(&own("1"), &[item, item]).await;
        assert_ne!(first[0], first[1]);
        assert_ne!(first, keys(&own("2"), &[item, item]).await);
        assert_eq!(first, keys(&own("1"), &[item, item]).await);
    }

    #[tokio::test]
    async fn a_changed_script_leaves_the_key_of_what_it_is_about() {
        let items = [r#"{"article":"A"}"#.to_owned()];
        let id = named();
        let contents = id.contents(&items).await;
        let made = async |stores: &[&str]| {
            let documents: Vec<Document> = (0..stores.len())
                .map(|part| Document {
                    item: 0,
                    part,
                    text: String::new(),
                })
                .collect();
            let order: Vec<OrderKey> = stores
                .iter()
                .map(|store| OrderKey {
                    members: vec![Some("A".into()), Some((*store).to_owned())],
                })
                .collect();
            id.keys(&contents, &documents, &order).await
        };
        let before = made(&["1", "2", "2"]).await;
        let after = made(&["0", "1", "2", "2"]).await;
        assert_eq!(before, after[1..]);
        assert_ne!(after[0], before[0]);
        assert_ne!(before[1], before[2]);
    }
}
