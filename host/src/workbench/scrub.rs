//! What belongs to somebody, taken out of what was recorded: the same value gets
//! the same placeholder wherever it stands, so that a request and its answer go
//! on fitting together.

use std::collections::BTreeMap;

use serde_json::Value;

/// Parts of a member's name that say its value is about a person, and what the
/// placeholder is.
const PERSONAL: [(&str, Sort); 32] = [
    ("phone", Sort::Phone),
    ("mobile", Sort::Phone),
    ("telephone", Sort::Phone),
    ("tel", Sort::Phone),
    ("手机", Sort::Phone),
    ("电话", Sort::Phone),
    ("email", Sort::Mail),
    ("mail", Sort::Mail),
    ("邮箱", Sort::Mail),
    ("address", Sort::Text),
    ("addr", Sort::Text),
    ("street", Sort::Text),
    ("地址", Sort::Text),
    ("receiver", Sort::Text),
    ("consignee", Sort::Text),
    ("recipient", Sort::Text),
    ("buyer", Sort::Text),
    ("buyernick", Sort::Text),
    ("buyername", Sort::Text),
    ("receivername", Sort::Text),
    ("customername", Sort::Text),
    ("contactname", Sort::Text),
    ("contact", Sort::Text),
    ("realname", Sort::Text),
    ("username", Sort::Text),
    ("firstname", Sort::Text),
    ("lastname", Sort::Text),
    ("姓名", Sort::Text),
    ("收货人", Sort::Text),
    ("idcard", Sort::Text),
    ("idnumber", Sort::Text),
    ("身份证", Sort::Text),
];

/// Shorter values are in too many other words to be replaced there.
const LEAST_ELSEWHERE: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Phone,
    Mail,
    Text,
}

/// Values and what stands in their place.
#[derive(Debug, Default)]
pub struct Placeholders {
    known: BTreeMap<String, String>,
}

impl Placeholders {
    /// Finds what is about persons in a document.
    pub fn learn(&mut self, document: &Value) {
        self.below(None, document);
    }

    /// The same of a text, if it is JSON.
    pub fn learn_text(&mut self, text: &str) {
        if let Ok(value) = serde_json::from_str(text) {
            self.learn(&value);
        }
    }

    /// How many values were found.
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// A document without them.
    pub fn replace(&self, document: &Value) -> Value {
        match document {
            Value::String(text) => Value::String(self.text(text)),
            Value::Number(number) => self.number(number),
            Value::Array(list) => list.iter().map(|value| self.replace(value)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), self.replace(value)))
                .collect(),
            other => other.clone(),
        }
    }

    /// A text without them. Where it is JSON, its values are replaced and the
    /// rest stays byte for byte.
    pub fn text(&self, text: &str) -> String {
        if let Some(placeholder) = self.known.get(text) {
            return placeholder.clone();
        }
        let mut text = text.to_owned();
        // The longest first: one may be part of another.
        let mut known: Vec<(&String, &String)> = self.known.iter().collect();
        known.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        for (value, placeholder) in known {
            if value.chars().count() >= LEAST_ELSEWHERE {
                text = text.replace(value.as_str(), placeholder);
            }
        }
        text
    }

    fn number(&self, number: &serde_json::Number) -> Value {
        let placeholder = self.known.get(&number.to_string());
        placeholder
            .and_then(|placeholder| serde_json::from_str(placeholder).ok())
            .unwrap_or_else(|| Value::Number(number.clone()))
    }

    fn below(&mut self, sort: Option<Sort>, value: &Value) {
        match value {
            Value::Array(list) => list.iter().for_each(|value| self.below(sort, value)),
            Value::Object(members) => {
                for (name, value) in members {
                    self.below(sort_of(name).or(sort), value);
                }
            }
            Value::String(text) => self.one(sort.or_else(|| by_shape(text)), text),
            Value::Number(number) if sort == Some(Sort::Phone) => {
                self.one(sort, &number.to_string());
            }
            _ => {}
        }
    }

    fn one(&mut self, sort: Option<Sort>, text: &str) {
        let Some(sort) = sort.filter(|_| !text.trim().is_empty()) else {
            return;
        };
        let number = self.known.len() + 1;
        self.known
            .entry(text.to_owned())
            .or_insert_with(|| match sort {
                Sort::Phone => format!("1380000{number:04}"),
                Sort::Mail => format!("person{number}@example.com"),
                Sort::Text => format!("person-{number}"),
            });
    }
}

/// What a member's name says of its value.
fn sort_of(name: &str) -> Option<Sort> {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' ' | '.'))
        .flat_map(char::to_lowercase)
        .collect();
    let exactly = |(part, _): &&(&str, Sort)| plain == *part;
    let ends = |(part, _): &&(&str, Sort)| {
        part.len() > 3 && (plain.ends_with(part) || plain.starts_with("receiver"))
    };
    PERSONAL
        .iter()
        .find(exactly)
        .or_else(|| PERSONAL.iter().find(ends))
        .map(|(_, sort)| *sort)
}

/// What a value shows by itself: a mobile phone's number or an address of mail.
fn by_shape(text: &str) -> Option<Sort> {
    let digits = text.len() == 11 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && text.starts_with('1') && !text.starts_with("10") && !text.starts_with("12") {
        return Some(Sort::Phone);
    }
    let (user, domain) = text.split_once('@')?;
    let mail = !user.is_empty() && domain.contains('.') && !text.contains(char::is_whitespace);
    mail.then_some(Sort::Mail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_person_has_the_same_placeholder_everywhere() {
        let mut placeholders = Placeholders::default();
        let order = json!({
            "order_id": "4545454545454542", "sku": "1001^^^红色", "quantity": 20,
            "receiver_name": "王小明", "receiver": {"mobile": "13912345678", "address": "中山路 1 号"},
            "buyerNick": "ming", "email": "", "note": "call 13912345678",
        });
        placeholders.learn(&order);
        assert_eq!(
            placeholders.replace(&order),
            json!({
                "order_id": "4545454545454542", "sku": "1001^^^红色", "quantity": 20,
                "receiver_name": "person-1", "receiver": {"mobile": "13800000002", "address": "person-3"},
                "buyerNick": "person-4", "email": "", "note": "call 13800000002",
            })
        );
        placeholders.learn_text(r#"{"contact":{"phone":13912345678},"mail":"a@b.example"}"#);
        assert_eq!(
            placeholders.text(r#"{"msg":"unknown: 13912345678, 王小明", "to": "a@b.example"}"#),
            r#"{"msg":"unknown: 13800000002, 王小明", "to": "person5@example.com"}"#,
            "a name of three characters is replaced only where it stands alone"
        );
        assert_eq!(placeholders.text("王小明"), "person-1");
    }
}
