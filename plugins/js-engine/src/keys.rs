//! Names of fields, remembered from one document to the next: the documents of
//! a call mostly have the same fields in the same order.

use rquickjs::{Atom, Ctx, Result};

/// Names that are remembered; further ones are made anew each time.
const MOST: usize = 256;

/// Names, each at the place where it was met.
pub struct Keys<'js, T> {
    known: Vec<(T, Atom<'js>)>,
    next: usize,
}

impl<T> Default for Keys<'_, T> {
    fn default() -> Self {
        Self {
            known: Vec::new(),
            next: 0,
        }
    }
}

impl<'js, T> Keys<'js, T> {
    /// The next document begins.
    pub fn rewind(&mut self) {
        self.next = 0;
    }

    /// What is remembered at this place, if it is the one looked for.
    fn expected(&mut self, is: impl FnOnce(&(T, Atom<'js>)) -> bool) -> Option<usize> {
        let place = self.next;
        self.next += 1;
        self.known.get(place).is_some_and(is).then_some(place)
    }

    /// Remembers one at the place that was last looked at.
    fn remember(&mut self, text: T, atom: Atom<'js>) {
        let place = self.next.saturating_sub(1);
        match self.known.get_mut(place) {
            Some(known) => *known = (text, atom),
            None if place < MOST => self.known.push((text, atom)),
            None => {}
        }
    }
}

impl<'js> Keys<'js, Box<str>> {
    /// QuickJS's name for a text.
    pub fn atom(&mut self, ctx: &Ctx<'js>, text: &str) -> Result<Atom<'js>> {
        if let Some(place) = self.expected(|(known, _)| **known == *text) {
            return Ok(self.known[place].1.clone());
        }
        let atom = Atom::from_str(ctx.clone(), text)?;
        self.remember(text.into(), atom.clone());
        Ok(atom)
    }
}

impl<'js> Keys<'js, String> {
    /// Appends what stands for a name in JSON; `make` makes it.
    pub fn append<E>(
        &mut self,
        out: &mut String,
        atom: &Atom<'js>,
        make: impl FnOnce(&Atom<'js>) -> std::result::Result<String, E>,
    ) -> std::result::Result<(), E> {
        if let Some(place) = self.expected(|(_, known)| known == atom) {
            out.push_str(&self.known[place].0);
            return Ok(());
        }
        let text = make(atom)?;
        out.push_str(&text);
        self.remember(text, atom.clone());
        Ok(())
    }
}
