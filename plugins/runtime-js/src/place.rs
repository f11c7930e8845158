//! Where in what a function returned something is, and sentences about what is
//! not as expected there.

use rquickjs::Value;
use std::fmt;

/// A place in a value. It costs nothing until it is shown.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    /// What this function returned.
    Returned(&'a str),
    /// What this function was given.
    Given(&'a str),
    /// What was thrown.
    Thrown,
    /// What the file exports.
    Exported,
    /// A member.
    Member(&'a Place<'a>, &'a str),
    /// An element.
    Element(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    /// A member of what is here.
    pub fn member(&'a self, name: &'a str) -> Place<'a> {
        Place::Member(self, name)
    }

    /// An element of what is here.
    pub fn element(&'a self, index: usize) -> Place<'a> {
        Place::Element(self, index)
    }

    fn path(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(of, name) => {
                of.path(f)?;
                let dot = if of.is_root() { "" } else { "." };
                write!(f, "{dot}{name}")
            }
            Self::Element(of, index) => {
                of.path(f)?;
                write!(f, "[{index}]")
            }
            _ => Ok(()),
        }
    }

    fn is_root(&self) -> bool {
        !matches!(self, Self::Member(..) | Self::Element(..))
    }

    fn root(&self) -> &Self {
        match self {
            Self::Member(of, _) | Self::Element(of, _) => of.root(),
            root => root,
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_root() {
            write!(f, "`")?;
            self.path(f)?;
            write!(f, "` of ")?;
        }
        match self.root() {
            Self::Returned(name) => write!(f, "what `{name}` returned"),
            Self::Given(name) => write!(f, "what `{name}` was given"),
            Self::Exported => write!(f, "what the file exports"),
            _ => write!(f, "the fault that was thrown"),
        }
    }
}

/// Why a value could not be taken.
pub enum Wrong {
    /// It is not as it must be, in one sentence without its full stop.
    Said(String),
    /// Looking at it threw.
    Js(rquickjs::Error),
}

impl From<rquickjs::Error> for Wrong {
    fn from(error: rquickjs::Error) -> Self {
        Self::Js(error)
    }
}

/// What is here is not what is expected.
pub fn unlike(place: &Place<'_>, value: &Value<'_>, expected: &str) -> Wrong {
    let said = match place {
        Place::Returned(name) if value.is_promise() => {
            format!("`{name}` returned a promise; an adapter answers at once: leave out `async`")
        }
        Place::Returned(name) if value.is_undefined() => {
            format!("`{name}` returned nothing; {expected} is expected")
        }
        _ if value.is_undefined() => format!("{place} is missing; {expected} is expected"),
        _ => format!("{place} is {}; {expected} is expected", kind(value)),
    };
    Wrong::Said(said)
}

/// The same of what has to be a number in certain bounds: which one it is says more
/// than that it is one.
pub fn unlike_number(place: &Place<'_>, value: &Value<'_>, expected: &str) -> Wrong {
    match value.as_number() {
        Some(number) => Wrong::Said(format!("{place} is {number}; {expected} is expected")),
        None => unlike(place, value, expected),
    }
}

/// A member that nothing is known of, and which it may be meant to be.
pub fn unknown(place: &Place<'_>, name: &str, known: &[&str]) -> Wrong {
    let meant = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", listed(known)),
    };
    let of = match place {
        Place::Returned(function) => format!("what `{function}` returned"),
        place => place.to_string(),
    };
    Wrong::Said(format!(
        "{of} has a member `{name}`, which nobody reads; {meant}"
    ))
}

/// ``` `a`, `b` or `c` ```.
pub fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "none".into(),
    }
}

/// The known name that a misspelt one is most like, if it is alike at all.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let distances = known.iter().map(|known| (distance(name, known), *known));
    let (distance, near) = distances.min()?;
    (distance <= 1 + near.len() / 4).then_some(near)
}

/// Levenshtein's, without regard to case.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.to_lowercase().chars().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (place, wanted) in other.iter().enumerate() {
            let changed = before + usize::from(letter != *wanted);
            before = row[place + 1];
            row[place + 1] = changed.min(before + 1).min(row[place] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// What a value is, for people.
fn kind(value: &Value<'_>) -> &'static str {
    if value.is_null() {
        "null"
    } else if value.is_string() {
        "a string"
    } else if value.is_number() {
        "a number"
    } else if value.is_bool() {
        "a boolean"
    } else if value.is_big_int() {
        "a BigInt"
    } else if value.is_array() {
        "an array"
    } else if value.is_promise() {
        "a promise"
    } else if value.is_function() {
        "a function"
    } else if value.is_symbol() {
        "a symbol"
    } else {
        "an object"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_as_it_is_written_in_javascript() {
        let root = Place::Returned("map");
        let requests = root.member("requests");
        let first = requests.element(0);
        let draft = first.member("draft");
        let shown = draft.member("path").to_string();
        assert_eq!(shown, "`requests[0].draft.path` of what `map` returned");
        let sign = Place::Returned("sign");
        let second = sign.element(1);
        let said = second.member("setQuery").to_string();
        assert_eq!(said, "`[1].setQuery` of what `sign` returned");
        assert_eq!(root.to_string(), "what `map` returned");
    }

    #[test]
    fn a_misspelt_name_is_recognised() {
        let known = ["draft", "items", "repeatable"];
        assert_eq!(nearest("repeatble", &known), Some("repeatable"));
        assert_eq!(nearest("Items", &known), Some("items"));
        assert_eq!(nearest("body", &known), None);
        assert_eq!(listed(&known), "`draft`, `items` or `repeatable`");
    }
}
