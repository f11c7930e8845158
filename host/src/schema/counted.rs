//! Documents that count how often a schema looks at them.
//!
//! The validator cannot be interrupted. But whatever it does, it looks at the
//! document, and when a document has been looked at too often it shows nothing
//! but `null`, without members and elements: the validator then has nothing left
//! to go down into and comes back at once. What it says is thrown away.

use std::borrow::Cow;
use std::cell::Cell;

use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object, cmp, unique};
use jsonschema::types::JsonType;
use serde_json::{Map, Value};

/// Bytes of a text that are looked at in one step.
const BYTES_PER_STEP: usize = 16;

/// Digits of a number that processors count with.
const ORDINARY_DIGITS: u64 = 40;

/// Digits from which on numbers are compared without writing them out.
const WRITTEN_OUT: u64 = 10_000;

/// Everything an exhausted document shows.
static NOTHING: Value = Value::Null;

thread_local! {
    /// Steps that are left. A thread runs one validation at a time, and from
    /// its beginning to its end.
    static STEPS: Cell<u64> = const { Cell::new(u64::MAX) };
    /// Violations that may still be collected.
    static VIOLATIONS: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// Takes some of what is left. Once it is not enough, nothing is left.
fn spend(steps: u64) -> bool {
    STEPS.with(|left| match left.get().checked_sub(steps) {
        Some(rest) => {
            left.set(rest);
            true
        }
        None => {
            left.set(0);
            false
        }
    })
}

/// Runs a validation: its result, unless it took more than was allowed, and the
/// steps it took.
pub(super) fn within<T>(steps: u64, violations: u64, run: impl FnOnce() -> T) -> (Option<T>, u64) {
    let ((result, whole), took) = within_partly(steps, violations, run);
    (whole.then_some(result), took)
}

/// The same, with what was found until then, and whether that is all.
pub(super) fn within_partly<T>(
    steps: u64,
    violations: u64,
    run: impl FnOnce() -> T,
) -> ((T, bool), u64) {
    // One more, so that nothing left means too much.
    STEPS.set(steps.saturating_add(1));
    VIOLATIONS.set(violations);
    let result = run();
    let left = STEPS.replace(u64::MAX);
    VIOLATIONS.set(u64::MAX);
    let took = steps.saturating_add(1) - left;
    ((result, left > 0), took)
}

/// Whether a violation is about a document that showed nothing any more.
pub(super) fn is_exhausted(instance: &Value) -> bool {
    std::ptr::eq(instance, &raw const NOTHING)
}

/// JSON whose every look is counted.
pub(super) struct Counted;

/// A value of a document.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a>(&'a Value);

impl<'a> Seen<'a> {
    pub fn new(value: &'a Value) -> Self {
        Self(value)
    }

    /// The value, or nothing when it has been looked at too often.
    fn look(&self) -> &'a Value {
        if spend(1) { self.0 } else { &NOTHING }
    }
}

impl Json for Counted {
    type Node<'a> = Seen<'a>;
    type PreparedKey = String;
    type StringBuffer = Value;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(buffer: &mut Value, string: &str, f: impl FnOnce(Seen<'_>) -> T) -> T {
        *buffer = Value::String(string.to_owned());
        f(Seen(buffer))
    }
}

impl<'a> Node<'a, Counted> for Seen<'a> {
    type Object = Members<'a>;
    type Array = Elements<'a>;
    type Number = &'a serde_json::Number;

    fn as_object(&self) -> Option<Members<'a>> {
        self.look().as_object().map(Members)
    }

    fn as_array(&self) -> Option<Elements<'a>> {
        self.look().as_array().map(|elements| Elements(elements))
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        let text = self.look().as_str()?;
        spend((text.len() / BYTES_PER_STEP) as u64).then_some(Cow::Borrowed(text))
    }

    fn as_number(&self) -> Option<&'a serde_json::Number> {
        let Value::Number(number) = self.look() else {
            return None;
        };
        spend(weight(number)).then_some(number)
    }

    fn as_boolean(&self) -> Option<bool> {
        self.look().as_bool()
    }

    fn is_null(&self) -> bool {
        self.look().is_null()
    }

    fn is_number(&self) -> bool {
        self.look().is_number()
    }

    fn json_type(&self) -> JsonType {
        match self.look() {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::String(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    fn string_length(&self) -> Option<u64> {
        self.as_string().map(|text| text.chars().count() as u64)
    }

    fn equals_value(&self, expected: &Value) -> bool {
        equal(self.look(), expected)
    }

    /// What a violation is about: everything else is answered without it.
    fn to_value(&self) -> Cow<'a, Value> {
        // Each violation takes memory, whether it is told or not.
        let enough = VIOLATIONS.with(|left| match left.get().checked_sub(1) {
            Some(rest) => {
                left.set(rest);
                false
            }
            None => true,
        });
        if enough {
            STEPS.set(0);
        }
        Cow::Borrowed(self.look())
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.0) as usize))
    }
}

pub(super) struct Members<'a>(&'a Map<String, Value>);

pub(super) struct MembersIter<'a>(serde_json::map::Iter<'a>);

impl<'a> Iterator for MembersIter<'a> {
    type Item = (&'a str, Seen<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.0.next()?;
        let steps = 1 + name.len() / BYTES_PER_STEP;
        spend(steps as u64).then_some((name.as_str(), Seen(value)))
    }
}

impl<'a> Object<'a, Counted> for Members<'a> {
    type Node = Seen<'a>;
    type MemberName = &'a str;
    type MembersIter = MembersIter<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, key: &String) -> Option<Seen<'a>> {
        let value = self.0.get(key)?;
        spend(1).then_some(Seen(value))
    }

    fn members(&self) -> MembersIter<'a> {
        MembersIter(self.0.iter())
    }
}

pub(super) struct Elements<'a>(&'a [Value]);

pub(super) struct ElementsIter<'a>(std::slice::Iter<'a, Value>);

impl<'a> Iterator for ElementsIter<'a> {
    type Item = Seen<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let value = self.0.next()?;
        spend(1).then_some(Seen(value))
    }
}

impl<'a> Array<'a, Counted> for Elements<'a> {
    type Node = Seen<'a>;
    type ElementsIter = ElementsIter<'a>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn elements(&self) -> ElementsIter<'a> {
        ElementsIter(self.0.iter())
    }

    fn is_unique(&self) -> bool {
        let mut huge: u64 = 0;
        if !self.0.iter().all(|value| count(value, &mut huge)) {
            return true;
        }
        // They have no hash of their own: each is compared with all others.
        spend(huge.saturating_mul(huge)) && unique::is_unique(self.0)
    }
}

/// Counts everything in a value, and the numbers that no float can hold.
fn count(value: &Value, huge: &mut u64) -> bool {
    match value {
        Value::Array(elements) => spend(1) && elements.iter().all(|value| count(value, huge)),
        Value::Object(members) => spend(1) && members.values().all(|value| count(value, huge)),
        Value::String(text) => spend(1 + (text.len() / BYTES_PER_STEP) as u64),
        Value::Number(number) => {
            *huge += u64::from(number.as_f64().is_none());
            spend(1 + weight(number))
        }
        Value::Bool(_) | Value::Null => spend(1),
    }
}

/// Equal as JSON Schema means it, counted.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| spend(1) && equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| {
                    spend(1) && right.get(name).is_some_and(|right| equal(left, right))
                })
        }
        (Value::String(left), Value::String(right)) => {
            left.len() == right.len()
                && spend((left.len() / BYTES_PER_STEP) as u64)
                && left == right
        }
        (Value::Number(left), Value::Number(right)) => {
            spend(weight(left).saturating_add(weight(right))) && cmp::equal_numbers(left, right)
        }
        (left, right) => left == right,
    }
}

/// Steps for a number: long ones are written out and divided.
fn weight(number: &serde_json::Number) -> u64 {
    let text = JsonNumber::as_str(number);
    let shifted = text
        .split_once(['e', 'E'])
        .map_or(0, |(_, exponent)| {
            exponent
                .trim_start_matches(['+', '-'])
                .parse()
                .unwrap_or(WRITTEN_OUT)
        })
        .min(WRITTEN_OUT);
    let digits = text.len() as u64 + shifted;
    if digits <= ORDINARY_DIGITS {
        0
    } else {
        digits.saturating_mul(digits.min(WRITTEN_OUT)) / 8
    }
}
