//! Texts that a schema's `pattern` takes.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::chance::Chance;

/// Times that something is repeated which may be repeated without end.
const MOST_MORE: u32 = 4;

/// A text that matches, as far as that can be said without trying; nothing where
/// the pattern cannot be read.
pub(super) fn text(pattern: &str, chance: &mut Chance) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let mut text = Vec::new();
    write(&hir, chance, &mut text);
    String::from_utf8(text).ok()
}

fn write(hir: &Hir, chance: &mut Chance, text: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.extend_from_slice(&literal.0),
        HirKind::Class(class) => character(class, chance, text),
        HirKind::Repetition(repeated) => {
            let least = repeated.min;
            let more = least.saturating_add(MOST_MORE);
            let most = repeated.max.map_or(more, |most| most.min(more));
            let times = chance.between(least as usize, most.max(least) as usize);
            for _ in 0..times.min(10_000) {
                write(&repeated.sub, chance, text);
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, chance, text),
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, chance, text);
            }
        }
        HirKind::Alternation(branches) => {
            if let Some(branch) = chance.one(branches) {
                write(branch, chance, text);
            }
        }
    }
}

fn character(class: &Class, chance: &mut Chance, text: &mut Vec<u8>) {
    match class {
        Class::Unicode(class) => {
            // A schema's classes are those of ECMAScript, which have ASCII only.
            let ranges = class.ranges().iter();
            let plain: Vec<(u32, u32)> = ranges
                .map(|range| (range.start() as u32, range.end() as u32))
                .map(|(start, end)| (start.max(0x20), end.min(0x7e)))
                .filter(|(start, end)| start <= end)
                .collect();
            let first = class.ranges().first();
            let first = first.map(|range| (range.start() as u32, range.end() as u32));
            let Some((start, end)) = chance.one(&plain).copied().or(first) else {
                return;
            };
            let code = start + chance.below((end - start + 1).min(256) as usize) as u32;
            let c = char::from_u32(code).unwrap_or('x');
            text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Class::Bytes(class) => {
            if let Some(range) = chance.one(class.ranges()) {
                let span = usize::from(range.end() - range.start()) + 1;
                text.push(range.start() + chance.below(span) as u8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_match_the_pattern_they_are_made_of() {
        let mut chance = Chance::of("patterns");
        for pattern in [
            "^[0-9]{6,8}$",
            r"^\d+(\.\d{1,2})?$",
            "^[a-z][a-z0-9-]*(\\.[a-z]+)*$",
            "^(normal|group|integral)$",
            "^/",
            r"^\S+$",
        ] {
            let schema = serde_json::json!({"type": "string", "pattern": pattern});
            let schema = crate::schema::Schema::compile(&schema).expect("a schema");
            for _ in 0..50 {
                let text = text(pattern, &mut chance).expect("a text");
                let verdict = schema.check_whole(&text.clone().into());
                assert_eq!(verdict, crate::schema::Verdict::Fits, "{pattern}: {text:?}");
            }
        }
        assert_eq!(text("(", &mut chance), None);
    }
}
