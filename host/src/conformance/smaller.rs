//! Documents with a part left out.

use serde_json::Value;

/// The document without the member or element that has this number; nothing
/// beyond the last.
pub(super) fn without(value: &Value, place: usize) -> Option<Value> {
    let mut value = value.clone();
    let mut place = place;
    remove(&mut value, &mut place).then_some(value)
}

fn remove(value: &mut Value, place: &mut usize) -> bool {
    match value {
        Value::Object(members) => {
            let names: Vec<String> = members.keys().cloned().collect();
            for name in names {
                if *place == 0 {
                    members.shift_remove(&name);
                    return true;
                }
                *place -= 1;
                if members
                    .get_mut(&name)
                    .is_some_and(|inner| remove(inner, place))
                {
                    return true;
                }
            }
            false
        }
        Value::Array(list) => {
            for index in 0..list.len() {
                if *place == 0 {
                    list.remove(index);
                    return true;
                }
                *place -= 1;
                if list
                    .get_mut(index)
                    .is_some_and(|inner| remove(inner, place))
                {
                    return true;
                }
            }
            false
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_part_of_a_document_can_be_left_out() {
        let document = json!({"a": 1, "b": [2, {"c": 3}]});
        let all: Vec<Value> = (0..).map_while(|place| without(&document, place)).collect();
        assert_eq!(
            all,
            [
                json!({"b": [2, {"c": 3}]}),
                json!({"a": 1}),
                json!({"a": 1, "b": [{"c": 3}]}),
                json!({"a": 1, "b": [2]}),
                json!({"a": 1, "b": [2, {}]}),
            ]
        );
    }
}
