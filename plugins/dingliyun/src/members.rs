//! A JSON object's members as they were written: the platform's entities pass
//! through with every digit and without a type for each of them.

use crossdock_adapter::json::{self, RawValue, Text};
use crossdock_adapter::{Fault, Item};
use serde::{Deserialize, Deserializer};

/// Names and values in their order, each name once.
#[derive(Debug, Clone)]
pub struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The members of an item's document.
    pub fn of(item: &'a Item) -> Result<Self, Fault> {
        item.read()
    }

    /// The value of that name; `None` for `null`, too.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().find(|(known, _)| **known == *name)?;
        (value.get() != "null").then_some(*value)
    }

    /// Whether there is a member of that name, `null` included.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| **known == *name)
    }

    /// The string of that name.
    pub fn text(&self, name: &str) -> Result<Option<Text<'a>>, Fault> {
        self.read(name, "a string")
    }

    /// The strings of that name; none where there is no such member.
    pub fn texts(&self, name: &str) -> Result<Vec<Text<'a>>, Fault> {
        Ok(self.read(name, "a list of strings")?.unwrap_or_default())
    }

    /// Whether that name is `true`.
    pub fn flag(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.read(name, "true or false")?.unwrap_or(false))
    }

    /// The value of that name as a type.
    fn read<T: Deserialize<'a>>(&self, name: &str, what: &str) -> Result<Option<T>, Fault> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        serde_json::from_str(value.get()).map(Some).map_err(|_| {
            Fault::invalid_input(format!("/{name}"), format!("{name} has to be {what}"))
        })
    }

    /// Appends an object of all members but those of these names.
    pub fn write_without(&self, out: &mut String, names: &[&str]) {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&&**name));
        write(out, kept.map(|(name, value)| (&**name, value.get())));
    }

    /// An object of all members but those of these names.
    pub fn without(&self, names: &[&str]) -> String {
        let mut out = String::new();
        self.write_without(&mut out, names);
        out
    }

    /// An object of all members, the one of this name with another value.
    pub fn with(&self, name: &str, json: &str) -> String {
        let mut out = String::new();
        let members = self.0.iter().map(|(known, value)| {
            let value = if **known == *name { json } else { value.get() };
            (&**known, value)
        });
        write(&mut out, members);
        out
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::Members::deserialize(deserializer).map(|json::Members(members)| Self(members))
    }
}

fn write<'m>(out: &mut String, members: impl Iterator<Item = (&'m str, &'m str)>) {
    out.push('{');
    for (position, (name, json)) in members.enumerate() {
        if position > 0 {
            out.push(',');
        }
        json::push_string(out, name);
        out.push(':');
        out.push_str(json);
    }
    out.push('}');
}

/// Appends `"name":"text"` and a comma.
pub fn push_text_member(out: &mut String, name: &str, text: Option<&Text>) {
    if let Some(text) = text {
        json::push_string(out, name);
        out.push(':');
        json::push_string(out, text);
        out.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Members<'_> {
        serde_json::from_str(text).expect("an object")
    }

    #[test]
    fn members_pass_as_they_were_written() {
        let text = "{\"id\":\"1234567890123456789\",\"price\":12.3400,\"名\":{\"a\":[1e2,null]}}";
        assert_eq!(members(text).without(&[]), text);
        assert_eq!(members(text).without(&["id", "名"]), "{\"price\":12.3400}");
        assert_eq!(members("{}").without(&[]), "{}");
        assert_eq!(
            members("{\"page\":0,\"brands\":null}").with("brands", "[]"),
            "{\"page\":0,\"brands\":[]}"
        );
    }

    #[test]
    fn a_name_that_comes_twice_has_its_last_value() {
        assert_eq!(
            members("{\"a\":1,\"b\":2,\"\\u0061\":3}").without(&[]),
            "{\"a\":3,\"b\":2}"
        );
    }

    #[test]
    fn null_is_nothing() {
        let members = members("{\"a\":null,\"b\":\"x\",\"c\":1}");
        assert!(members.get("a").is_none());
        assert_eq!(members.text("b"), Ok(Some("x".into())));
        assert_eq!(members.text("missing"), Ok(None));
        assert!(matches!(
            members.text("c"),
            Err(Fault::InvalidInput(detail)) if detail.pointer == "/c"
        ));
    }
}
