//! What the language is confined for, and what is said of it.

/// What runs in it: the words of messages, and the few things that differ.
#[derive(Debug, Clone, Copy)]
pub struct Flavour {
    /// Who is confined: `a script`.
    pub who: &'static str,
    /// What it is written in: `the script`.
    pub file: &'static str,
    /// What it takes instead of a clock.
    pub clock: &'static str,
    /// What it is told that asks for random numbers.
    pub chance: &'static str,
    /// Whether the context document is a global, `context`.
    pub context: bool,
    /// Whether `JSON.stringify` writes numbers as a text of the same call had them.
    pub spelled: bool,
    /// Where `console` writes: the level's name and a line. Nowhere without.
    pub log: Option<fn(level: &str, line: &str)>,
    /// Names that exist elsewhere, and what to do here.
    pub advice: &'static [(&'static [&'static str], &'static str)],
}
