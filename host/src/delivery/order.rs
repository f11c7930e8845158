//! What must not overtake what, as the operation's manifest declares it.

use std::collections::HashMap;

use serde_json::Value;

use crate::plugin::manifest::{Effect, Order};
use crate::script::apply::Document;

/// Documents between two looks at whether somebody else wants the thread.
const SLICE: usize = 256;

/// In which order the documents of one delivery may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// In any order, at the same time: nothing depends on it.
    Free,
    /// Those of one chain one after the other; each document's chain.
    Chains(Vec<usize>),
    /// One request after the other, as nothing is known of what they touch.
    Full,
}

/// What a document is about: the values at the pointers of the order key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderKey {
    /// A member the document lacks, or has as null, may be any value: a
    /// connection's settings may say which.
    pub members: Vec<Option<String>>,
}

impl OrderKey {
    /// The key of a document. Numbers and text are told apart by nothing but
    /// their characters.
    pub fn of(order: &Order, document: &Value) -> Self {
        let member = |pointer: &String| match document.pointer(pointer)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        Self {
            members: order.key.iter().map(member).collect(),
        }
    }
}

/// What a document is about, and what it does to that.
#[derive(Debug, Clone)]
pub struct About {
    /// The thing.
    pub key: OrderKey,
    /// What it does.
    pub effect: Effect,
}

impl About {
    /// What a document says, as its operation declares it.
    pub fn of(order: &Order, document: &Value) -> Self {
        Self {
            key: OrderKey::of(order, document),
            effect: order.effect.of(document),
        }
    }
}

/// Whether the operation says that it changes nothing.
pub fn reads(order: Option<&Order>) -> bool {
    order.is_some_and(|order| order.effect.of(&Value::Null) == Effect::Read)
}

/// The key of each document; none where the operation declares no key.
pub async fn keys(order: Option<&Order>, documents: &[Document]) -> Vec<OrderKey> {
    let Some(order) = order.filter(|order| !order.key.is_empty()) else {
        return Vec::new();
    };
    let mut keys = Vec::with_capacity(documents.len());
    for slice in documents.chunks(SLICE) {
        keys.extend(slice.iter().map(|document| {
            // It was checked against the schema, and so is JSON.
            let value = serde_json::from_str(&document.text).unwrap_or_default();
            OrderKey::of(order, &value)
        }));
        tokio::task::yield_now().await;
    }
    keys
}

/// How documents with these keys may leave.
pub fn flow(order: Option<&Order>, documents: usize, keys: &[OrderKey]) -> Flow {
    if documents <= 1 || reads(order) {
        return Flow::Free;
    }
    if order.is_none() || keys.len() != documents {
        return Flow::Full;
    }
    let members = keys.first().map_or(0, |key| key.members.len());
    // What one document leaves open may be what another one names. Then all
    // are told apart by the other members alone.
    let named = |member: &usize| {
        let mut all = keys.iter();
        all.all(|key| key.members.get(*member).is_some_and(Option::is_some))
    };
    let named: Vec<usize> = (0..members).filter(named).collect();
    let mut chains: HashMap<Vec<&str>, usize> = HashMap::new();
    let chain = keys.iter().map(|key| {
        let text = |member: &usize| key.members.get(*member)?.as_deref();
        let next = chains.len();
        *chains
            .entry(named.iter().filter_map(text).collect())
            .or_insert(next)
    });
    Flow::Chains(chain.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn order(declared: Value) -> Order {
        serde_json::from_value(declared).unwrap()
    }

    async fn flow_of(declared: Value, documents: &[Value]) -> Flow {
        let order = order(declared);
        let documents: Vec<Document> = documents
            .iter()
            .enumerate()
            .map(|(item, value)| Document {
                item,
                part: 0,
                text: value.to_string(),
            })
            .collect();
        let keys = keys(Some(&order), &documents).await;
        flow(Some(&order), documents.len(), &keys)
    }

    #[tokio::test]
    async fn documents_that_share_a_key_share_a_chain() {
        let declared = json!({"key": ["/sku", "/location"], "effect": "absolute"});
        let documents = [
            json!({"sku": "1", "location": "a"}),
            json!({"sku": "2", "location": "a"}),
            json!({"sku": 1, "location": "a"}),
            json!({"sku": "1", "location": "b"}),
        ];
        let found = flow_of(declared.clone(), &documents).await;
        assert_eq!(found, Flow::Chains(vec![0, 1, 0, 2]));
        // A location left open may be that of any other.
        let mut open = documents.to_vec();
        open.push(json!({"sku": "1"}));
        let found = flow_of(declared, &open).await;
        assert_eq!(found, Flow::Chains(vec![0, 1, 0, 0, 0]));
    }

    #[tokio::test]
    async fn without_any_part_of_a_key_everything_stays_in_order() {
        let declared = json!({"key": ["/a", "/b"], "effect": "relative"});
        let documents = [json!({"a": 1}), json!({"b": 1})];
        let found = flow_of(declared, &documents).await;
        assert_eq!(found, Flow::Chains(vec![0, 0]));
    }

    #[tokio::test]
    async fn reads_and_single_documents_need_no_order() {
        let documents = [json!({}), json!({})];
        let found = flow_of(json!({"effect": "read"}), &documents).await;
        assert_eq!(found, Flow::Free);
        assert_eq!(flow(None, 1, &[]), Flow::Free);
        assert_eq!(flow(None, 2, &[]), Flow::Full);
    }
}
