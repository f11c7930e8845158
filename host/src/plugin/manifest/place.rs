//! Where in its author's file a manifest is wrong.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

/// Line and column, from 1, of what a pointer leads to; nothing where it leads
/// nowhere, or the text is no JSON.
pub fn place(text: &str, pointer: &str) -> Option<(usize, usize)> {
    let mut here: &RawValue = serde_json::from_str(text).ok()?;
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        here = below(here, &part)?;
    }
    // The parts of a text lie in it.
    let offset = (here.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let before = text.get(..offset)?;
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    Some((line, before.get(start..)?.chars().count() + 1))
}

fn below<'t>(value: &'t RawValue, part: &str) -> Option<&'t RawValue> {
    match value.get().as_bytes().first()? {
        b'{' => {
            let members: HashMap<Cow<'t, str>, &'t RawValue> =
                serde_json::from_str(value.get()).ok()?;
            members.get(part).copied()
        }
        b'[' => {
            let list: Vec<&'t RawValue> = serde_json::from_str(value.get()).ok()?;
            list.get(part.parse::<usize>().ok()?).copied()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_pointer_leads_to_a_line_and_a_column() {
        let text = "{\n  \"a\": [1, {\"库/b\": true}],\n  \"c\\u0064\": {}\n}";
        for (pointer, expected) in [
            ("", Some((1, 1))),
            ("/a", Some((2, 8))),
            ("/a/1", Some((2, 12))),
            ("/a/1/库~1b", Some((2, 20))),
            ("/cd", Some((3, 14))),
            ("/a/2", None),
            ("/x", None),
            ("/a/1/库~1b/c", None),
        ] {
            assert_eq!(place(text, pointer), expected, "{pointer}");
        }
        assert_eq!(place("{", ""), None);
    }
}
