//! What the readers of a flow's parts share: words, pointers, times, names.

use std::time::Duration;

use crossdock_schedule::Every;
use toml::de::DeValue;

use crate::config::did_you_mean::nearest;
use crate::config::mistakes::Report;
use crate::config::reader::{Section, Typed, elements, listed, shown};

/// Longest pointer.
const MOST_POINTER: usize = 256;

/// One of a few words, or nothing where none was typed or another one, which is
/// reported.
pub(super) fn word<T: Copy>(
    section: &mut Section,
    name: &'static str,
    words: &[(&'static str, T)],
    report: &mut Report,
) -> Option<T> {
    let typed = section.text(report, name)?;
    let found = words.iter().find(|(word, _)| *word == typed.value);
    if found.is_none() {
        let known = words.iter().map(|(word, _)| *word);
        let detail = format!(
            "cannot be `{}`: {}",
            shown(typed.value),
            meant(typed.value, known)
        );
        typed.refuse(report, "config-bad-value", detail);
    }
    found.map(|(_, value)| *value)
}

/// What to say of a name that is not known: the one that was probably meant, or
/// all of them.
pub(super) fn meant<'n>(typed: &str, known: impl IntoIterator<Item = &'n str> + Clone) -> String {
    /// More than these nobody reads.
    const MOST: usize = 20;
    if let Some(name) = nearest(typed, known.clone()) {
        return format!("did you mean `{name}`?");
    }
    match known.clone().into_iter().count() {
        0 => "there is none yet.".to_owned(),
        1..=MOST => format!("there is {}.", listed(known)),
        more => {
            let first = listed(known.into_iter().take(MOST));
            format!("there is {first} and {} more.", more - MOST)
        }
    }
}

/// A JSON pointer (RFC 6901).
pub(super) fn pointer(
    section: &mut Section,
    name: &'static str,
    report: &mut Report,
) -> Option<String> {
    let typed = section.string(report, name)?;
    let text = typed.value;
    let escaped = text
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    if !text.starts_with('/') || text.len() > MOST_POINTER || !escaped {
        let detail = format!(
            "must be a JSON pointer of at most {MOST_POINTER} bytes, as in \"/id_list\" or \"/data/records\"."
        );
        typed.refuse(report, "config-bad-value", detail);
        return None;
    }
    Some(text.to_owned())
}

/// A time with its unit, within bounds that are typed the same way.
pub(super) fn duration(
    section: &mut Section,
    name: &'static str,
    (least, most): (&str, &str),
    report: &mut Report,
) -> Option<Duration> {
    let typed = section.text(report, name)?;
    let bound = |text| Every::parse(text).map_or(Duration::MAX, Every::interval);
    match Every::parse(typed.value).map(Every::interval) {
        Ok(time) if (bound(least)..=bound(most)).contains(&time) => Some(time),
        Ok(_) => {
            let detail = format!("must be between \"{least}\" and \"{most}\".");
            typed.refuse(report, "config-out-of-range", detail);
            None
        }
        Err(error) => {
            typed.refuse(report, "config-bad-value", format!("is no time: {error}."));
            None
        }
    }
}

/// An array of tables, without the elements that are something else.
pub(super) fn tables<'a, 'i>(
    section: &mut Section<'a, 'i>,
    name: &'static str,
    most: usize,
    report: &mut Report,
) -> Vec<Section<'a, 'i>> {
    let Some(typed) = section.any(name) else {
        return Vec::new();
    };
    match typed.value {
        DeValue::Array(array) => {
            if array.len() > most {
                let detail = format!(
                    "has {} elements, and at most {most} are taken.",
                    array.len()
                );
                typed.refuse(report, "config-out-of-range", detail);
            }
            let elements = elements(&typed.key, array).take(most);
            let tables = elements.filter_map(|element: Typed<&'a DeValue<'i>>| {
                let header = element.span.clone();
                element.table(report, header)
            });
            tables.collect()
        }
        DeValue::Table(_) => {
            let detail = format!("must be an array, also of one, as in {name} = [ {{ … }} ].");
            typed.refuse(report, "config-wrong-type", detail);
            Vec::new()
        }
        _ => {
            typed.wrong_type(report, "an array of tables");
            Vec::new()
        }
    }
}
