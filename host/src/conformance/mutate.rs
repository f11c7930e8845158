//! Documents like those of the examples, each with something changed.

use serde_json::Value;

use super::chance::Chance;
use super::generate::{odd_number, odd_text};

/// Items that an array is made to have at most.
const MOST_ITEMS: usize = 300;

/// A document with one to three changes.
pub(super) fn mutated(document: &Value, chance: &mut Chance) -> Value {
    let mut changed = document.clone();
    for _ in 0..chance.between(1, 3) {
        let places = count(&changed);
        let mut place = chance.below(places);
        change(&mut changed, &mut place, chance);
    }
    changed
}

/// Values in a document, itself one of them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the value that has this number.
fn change(value: &mut Value, place: &mut usize, chance: &mut Chance) -> bool {
    if *place == 0 {
        changed(value, chance);
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|value| change(value, place, chance)),
        Value::Object(members) => members
            .values_mut()
            .any(|value| change(value, place, chance)),
        _ => false,
    }
}

fn changed(value: &mut Value, chance: &mut Chance) {
    match value {
        Value::String(text) => match chance.below(5) {
            0 => *text = odd_text(chance),
            1 => text.push_str(&odd_text(chance)),
            2 => *text = text.chars().skip(1).collect(),
            3 => *text = text.repeat(chance.between(2, 50)),
            _ => *text = format!("{text}{}", chance.below(1000)),
        },
        Value::Number(_) => *value = odd_number(chance),
        Value::Bool(whether) => *whether = !*whether,
        Value::Null => *value = Value::String(odd_text(chance)),
        Value::Array(list) => match (list.last().cloned(), chance.below(4)) {
            (Some(last), 0 | 1) => {
                let more = chance
                    .between(1, 60)
                    .min(MOST_ITEMS.saturating_sub(list.len()));
                list.extend(std::iter::repeat_n(last, more));
            }
            (Some(_), 2) => {
                list.pop();
            }
            _ => list.clear(),
        },
        Value::Object(members) => {
            let index = chance.below(members.len());
            let name = members.keys().nth(index).cloned();
            let Some(name) = name else { return };
            match chance.below(3) {
                0 => {
                    members.shift_remove(&name);
                }
                1 => {
                    members.insert(name, Value::Null);
                }
                _ => {
                    // The same members in another order.
                    if let Some(value) = members.shift_remove(&name) {
                        members.insert(name, value);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn changed_documents_differ_from_each_other_and_stay_small() {
        let document = json!({"sku": "1001", "rows": [{"n": 1}], "flag": true, "none": null});
        let mut chance = Chance::of("mutate");
        let all: BTreeSet<String> = (0..300)
            .map(|_| mutated(&document, &mut chance).to_string())
            .collect();
        assert!(all.len() > 150, "{}", all.len());
        assert!(all.iter().all(|text| text.len() < 1_000_000));
    }
}
