//! The pages of one query as one result.
//!
//! Pages are kept as text and read once each: a list grows at its end, and the
//! whole is written once, after the last page.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::budget::bounds::Bounds;

/// Pages put together: lists are joined, everything else is the newest page's.
/// If a page is something else than the ones before, it alone counts.
pub enum Pages {
    /// Objects, and the positions of their members.
    Object(Vec<(String, Member)>, HashMap<String, usize>),
    /// Lists.
    List(List),
    /// Anything else: the newest.
    Other(String),
}

/// A member of the result.
pub enum Member {
    /// Elements of all pages.
    List(List),
    /// The newest page's value.
    Other(String),
}

/// Elements as text, without the brackets.
pub struct List(String);

/// The pages of a request's items, put together as they come.
#[derive(Default)]
pub struct Merged {
    /// By item, with the memory that was taken for them.
    items: HashMap<usize, (Pages, usize)>,
}

/// How often the text of a result is there while the answer is written.
const COPIES: usize = 2;

impl Merged {
    /// Takes over an item's next page; `first` is what came before if this is
    /// its second. Nothing is taken over if the call has no memory for it.
    #[must_use]
    pub fn add(&mut self, item: usize, first: &str, page: &str, bounds: &Bounds) -> bool {
        let known = self.items.contains_key(&item);
        let read = if known {
            page.len()
        } else {
            first.len() + page.len()
        };
        let bytes = read.saturating_mul(COPIES);
        if !bounds.take(bytes) {
            return false;
        }
        let first = || (Pages::new(first), 0);
        let (pages, taken) = self.items.entry(item).or_insert_with(first);
        pages.add(page);
        *taken += bytes;
        true
    }

    /// All pages of an item as one, if it had several. Its memory is given back:
    /// it counts as the item's result from now on.
    pub fn take(&mut self, item: usize, bounds: &Bounds) -> Option<Box<RawValue>> {
        let (pages, taken) = self.items.remove(&item)?;
        bounds.give_back(taken);
        // Put together from texts that were read as JSON, so it is JSON.
        RawValue::from_string(pages.into_json()).ok()
    }
}

impl Pages {
    /// The first page, a JSON text.
    pub fn new(page: &str) -> Self {
        let page = page.trim_ascii();
        if let Some(list) = List::new(page) {
            return Self::List(list);
        }
        match members(page) {
            Some(found) => {
                let mut pages = Self::Object(Vec::new(), HashMap::new());
                pages.put(found);
                pages
            }
            None => Self::Other(page.to_owned()),
        }
    }

    /// The next page.
    pub fn add(&mut self, page: &str) {
        let page = page.trim_ascii();
        match self {
            Self::Object(..) => match members(page) {
                Some(found) => self.put(found),
                None => *self = Self::new(page),
            },
            Self::List(list) => match List::new(page) {
                Some(more) => list.append(&more),
                None => *self = Self::new(page),
            },
            Self::Other(_) => *self = Self::new(page),
        }
    }

    fn put(&mut self, found: Vec<(String, &RawValue)>) {
        let Self::Object(members, positions) = self else {
            return;
        };
        // What an object says twice counts as its reader counts it: the last.
        let mut last: HashMap<&str, usize> = HashMap::new();
        for (index, (name, _)) in found.iter().enumerate() {
            last.insert(name, index);
        }
        for (index, (name, value)) in found.iter().enumerate() {
            if last.get(name.as_str()) != Some(&index) {
                continue;
            }
            let member = Member::new(value.get());
            match positions.get(name).and_then(|at| members.get_mut(*at)) {
                Some((_, before)) => before.add(member),
                None => {
                    positions.insert(name.clone(), members.len());
                    members.push((name.clone(), member));
                }
            }
        }
    }

    /// The whole, as JSON.
    pub fn into_json(self) -> String {
        match self {
            Self::Other(text) => text,
            Self::List(list) => list.into_json(),
            Self::Object(members, _) => {
                let mut out = String::from("{");
                for (index, (name, member)) in members.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    out.push_str(&serde_json::Value::String(name).to_string());
                    out.push(':');
                    match member {
                        Member::List(list) => out.push_str(&list.into_json()),
                        Member::Other(text) => out.push_str(&text),
                    }
                }
                out.push('}');
                out
            }
        }
    }
}

impl Member {
    fn new(value: &str) -> Self {
        match List::new(value) {
            Some(list) => Self::List(list),
            None => Self::Other(value.to_owned()),
        }
    }

    fn add(&mut self, next: Self) {
        match (&mut *self, next) {
            (Self::List(list), Self::List(more)) => list.append(&more),
            (_, next) => *self = next,
        }
    }
}

impl List {
    /// The elements of a JSON text that is an array.
    fn new(json: &str) -> Option<Self> {
        let inner = json.strip_prefix('[')?.strip_suffix(']')?;
        Some(Self(inner.trim_ascii().to_owned()))
    }

    fn append(&mut self, more: &Self) {
        if !self.0.is_empty() && !more.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&more.0);
    }

    fn into_json(self) -> String {
        format!("[{}]", self.0)
    }
}

/// The members of a JSON text that is an object, in their order.
fn members(json: &str) -> Option<Vec<(String, &RawValue)>> {
    serde_json::from_str(json)
        .ok()
        .map(|Members(members)| members)
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn together(pages: &[&str]) -> String {
        let mut all = Pages::new(pages[0]);
        pages[1..].iter().for_each(|page| all.add(page));
        all.into_json()
    }

    #[test]
    fn lists_are_joined_and_digits_kept() {
        let first = r#"{"total":3,"page":0,"brands":[{"id":1234567890123456789},{"id":2}]}"#;
        let second = r#"{"total":3,"page":1,"brands":[{"price":12.3400}]}"#;
        assert_eq!(
            together(&[first, second]),
            r#"{"total":3,"page":1,"brands":[{"id":1234567890123456789},{"id":2},{"price":12.3400}]}"#
        );
        for (pages, whole) in [
            (&["[1,2]", " [ ] ", "[3]"][..], "[1,2,3]"),
            (
                &["{\"a\":[]}", "{\"a\":[1]}", "{\"b\":2}"],
                "{\"a\":[1],\"b\":2}",
            ),
            (&["{\"a\":[1]}", "{\"a\":null}"], "{\"a\":null}"),
            (&["{\"a\":[1]}", "7"], "7"),
            (&["7", "[1]", "[2]"], "[1,2]"),
            (&["{\"\\u0061\":1}", "{\"a\":2,\"a\":3}"], "{\"a\":3}"),
            (&["[\"]\"]", "[[1],[2]]"], "[\"]\",[1],[2]]"),
        ] {
            assert_eq!(together(pages), whole);
        }
    }

    #[test]
    fn a_thousand_pages_take_a_thousand_times_as_long_as_one() {
        let rows = "{\"id\":1234567890,\"name\":\"库存\"},".repeat(1_000);
        let page = format!("{{\"rows\":[{}]}}", rows.trim_end_matches(','));
        let started = std::time::Instant::now();
        let whole = together(&vec![page.as_str(); 1_000]);
        assert!(whole.len() > 999 * rows.len());
        // Read again for every page, these 37 MB would take minutes.
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }
}
