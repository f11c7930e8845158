//! How the numbers of a call were written.
//!
//! A number forgets that it was written `12.3400`. Scripts have one item at a
//! time, whose text is asked; adapters have many texts, and make one of their
//! own of them: what they were is remembered here for as long as a call takes.

use crate::read::Literals;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Numbers remembered of one call; further ones are written in their shortest
/// form.
const MOST: usize = 100_000;

/// The numbers of a call, by their bits. Nothing is known of one that was
/// written in two ways.
#[derive(Debug, Clone, Default)]
pub struct Spelled(Rc<RefCell<HashMap<u64, Option<Box<str>>>>>);

impl Spelled {
    /// Another call begins.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Remembers the numbers of a text.
    pub fn note(&self, text: &str, literals: &Literals) {
        let mut known = self.0.borrow_mut();
        for (bits, written) in literals.all(text) {
            let full = known.len() >= MOST;
            match known.get_mut(&bits) {
                Some(Some(other)) if **other == *written => {}
                Some(other) => *other = None,
                None if full => {}
                None => {
                    known.insert(bits, Some(written.into()));
                }
            }
        }
    }

    /// Appends a number as it was written, if that is known.
    pub fn append(&self, out: &mut String, number: f64) -> bool {
        let known = self.0.borrow();
        match known.get(&number.to_bits()) {
            Some(Some(text)) => {
                out.push_str(text);
                true
            }
            _ => false,
        }
    }
}
