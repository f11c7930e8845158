//! Regular expressions that know all of Unicode.
//!
//! jaq's own know ASCII only: `\s` is no ideographic space, `\w` no 红. The
//! functions that jaq's `test`, `match`, `sub`, … are made of are replaced.

use super::text::utf8;
use crate::value::{Value, lift};
use jaq_core::native::{Filter, bome};
use jaq_core::{Bind, Cv, DataT, RunPtr};
use jaq_json::{Error, Map, Val};
use regex::{Captures, Regex, RegexBuilder};
use std::cell::RefCell;

/// Memory that one compiled pattern may take, and its cache while it matches.
const MOST_BYTES: usize = 2 << 20;

/// Patterns that are kept compiled: compiling takes far longer than matching,
/// and a script has few.
const MOST_KEPT: usize = 16;

/// Longest pattern.
const MOST_PATTERN: usize = 16 << 10;

/// A pattern with its flags.
struct Pattern {
    text: String,
    flags: String,
    regex: Regex,
    global: bool,
    skip_empty: bool,
}

thread_local! {
    /// The latest last.
    static KEPT: RefCell<Vec<Pattern>> = const { RefCell::new(Vec::new()) };
}

/// The functions of this module.
pub fn functions<D: for<'a> DataT<V<'a> = Value>>() -> Box<[Filter<RunPtr<D>>]> {
    let two = || [Bind::Var(()), Bind::Var(())].into();
    Box::new([
        ("matches", two(), |cv| bome(lift(parts(cv, false, true)))),
        ("split_matches", two(), |cv| {
            bome(lift(parts(cv, true, true)))
        }),
        ("split_", two(), |cv| bome(lift(parts(cv, true, false)))),
    ])
}

/// What lies between matches, and the matches: each a list of its groups.
fn parts<D: for<'a> DataT<V<'a> = Value>>(
    mut cv: Cv<'_, D>,
    between: bool,
    matches: bool,
) -> Result<Val, Error> {
    let Value(flags) = cv.0.pop_var();
    let Value(pattern) = cv.0.pop_var();
    let flags = match &flags {
        Val::Null => "",
        flags => utf8(flags, "a regular expression's flags")?,
    };
    let pattern = utf8(&pattern, "a regular expression")?;
    let text = utf8(&cv.1.0, "matching a regular expression")?;
    with(pattern, flags, |pattern| {
        pattern.parts(text, between, matches)
    })
}

fn with<T>(text: &str, flags: &str, run: impl FnOnce(&Pattern) -> T) -> Result<T, Error> {
    KEPT.with_borrow_mut(|kept| {
        let known = |pattern: &Pattern| pattern.text == text && pattern.flags == flags;
        let pattern = match kept.iter().rposition(known) {
            Some(place) => kept.remove(place),
            None => Pattern::new(text, flags)?,
        };
        if kept.len() == MOST_KEPT {
            kept.remove(0);
        }
        let done = run(&pattern);
        kept.push(pattern);
        Ok(done)
    })
}

impl Pattern {
    fn new(text: &str, flags: &str) -> Result<Self, Error> {
        if text.len() > MOST_PATTERN {
            let most = MOST_PATTERN >> 10;
            return Err(Error::str(format!(
                "a regular expression may have {most} KiB, this one has {} bytes",
                text.len()
            )));
        }
        let mut builder = RegexBuilder::new(text);
        builder.size_limit(MOST_BYTES).dfa_size_limit(MOST_BYTES);
        let (mut global, mut skip_empty) = (false, false);
        for flag in flags.chars() {
            match flag {
                'g' => global = true,
                'n' => skip_empty = true,
                'i' => _ = builder.case_insensitive(true),
                'm' => _ = builder.multi_line(true),
                's' => _ = builder.dot_matches_new_line(true),
                'l' => _ = builder.swap_greed(true),
                'x' => _ = builder.ignore_whitespace(true),
                'p' => _ = builder.multi_line(true).dot_matches_new_line(true),
                other => {
                    return Err(Error::str(format!(
                        "`{other}` is no flag of a regular expression"
                    )));
                }
            }
        }
        let regex = builder
            .build()
            .map_err(|error| Error::str(format!("the regular expression is not valid: {error}")))?;
        Ok(Self {
            text: text.into(),
            flags: flags.into(),
            regex,
            global,
            skip_empty,
        })
    }

    fn parts(&self, text: &str, between: bool, matches: bool) -> Val {
        let mut parts: Vec<Val> = Vec::new();
        let mut last = 0;
        let mut characters = Characters {
            text,
            byte: 0,
            characters: 0,
        };
        for found in self.regex.captures_iter(text) {
            let Some(whole) = found.get(0) else { continue };
            if self.skip_empty && whole.is_empty() {
                continue;
            }
            if between {
                parts.push(Val::utf8_str(text[last..whole.start()].to_owned()));
                last = whole.end();
            }
            if matches {
                characters.go(whole.start());
                parts.push(self.groups(text, &found, &characters));
            }
            if !self.global {
                break;
            }
        }
        if between {
            parts.push(Val::utf8_str(text[last..].to_owned()));
        }
        Val::Arr(parts.into())
    }

    /// The whole match and its groups. One that took no part is there as null,
    /// or those after it would change places.
    fn groups(&self, text: &str, found: &Captures<'_>, at: &Characters<'_>) -> Val {
        let names = self.regex.capture_names();
        let groups = found.iter().zip(names).enumerate();
        let groups = groups.map(|(place, (group, name))| {
            let mut map = Map::default();
            let mut put = |key: &'static str, value| map.insert(Val::utf8_str(key), value);
            if let Some(group) = group {
                // Inside the match, so not far to count.
                let offset = at.characters + text[at.byte..group.start()].chars().count();
                put("offset", Val::from(offset));
                put("length", Val::from(group.as_str().chars().count()));
                put("string", Val::utf8_str(group.as_str().to_owned()));
            } else {
                put("offset", Val::from(-1_isize));
                put("length", Val::from(0_usize));
                put("string", Val::Null);
            }
            if place > 0 {
                let name = name.map(|name| Val::utf8_str(name.to_owned()));
                put("name", name.unwrap_or_default());
            }
            Val::obj(map)
        });
        Val::Arr(groups.collect::<Vec<_>>().into())
    }
}

/// Counts characters up to a byte, going forward only.
struct Characters<'t> {
    text: &'t str,
    byte: usize,
    characters: usize,
}

impl Characters<'_> {
    fn go(&mut self, byte: usize) {
        self.characters += self.text[self.byte..byte].chars().count();
        self.byte = byte;
    }
}
