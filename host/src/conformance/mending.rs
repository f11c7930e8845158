//! What to do about a fault that is nobody's but the adapter's: an exception, a
//! panic, a value of another shape.

/// Words of a sentence in which its place is looked for.
const MOST_WORDS: usize = 40;

/// `advice`, and before it the file and line to mend where the sentence names one.
pub(super) fn mend(said: &str, advice: &str) -> String {
    match place(said) {
        Some(place) => format!("mend {place}; {advice}"),
        None => format!("mend the adapter; {advice}"),
    }
}

/// `FILE:LINE` of the first `FILE:LINE:COLUMN`, as runtimes and panics write it.
/// It is for people alone: nothing is decided by it.
pub(super) fn place(said: &str) -> Option<&str> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    said.split_whitespace().take(MOST_WORDS).find_map(|word| {
        let (place, column) = word
            .trim_end_matches([':', ',', ';', ')'])
            .rsplit_once(':')?;
        let (file, line) = place.rsplit_once(':')?;
        (file.contains('.') && number(line) && number(column)).then_some(place)
    })
}

/// The sentence from the place on that it names: what is said of one fault
/// wherever it is met. Nothing where it names none, since then it may be about
/// another one.
pub(super) fn placed(said: &str) -> Option<&str> {
    let place = place(said)?;
    said.find(place).and_then(|begin| said.get(begin..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_to_mend_is_the_one_that_the_sentence_names() {
        for (said, expected) in [
            (
                "goods.js:12:5: TypeError: not a function",
                Some("goods.js:12"),
            ),
            (
                "it trapped; its last words: panicked at src/lib.rs:41:30: no",
                Some("src/lib.rs:41"),
            ),
            ("at 10:20:30 it was late", None),
            ("no place", None),
            ("", None),
        ] {
            assert_eq!(place(said), expected, "{said}");
        }
        assert_eq!(mend("a.js:1:2: x", "and look"), "mend a.js:1; and look");
        assert_eq!(mend("x", "and look"), "mend the adapter; and look");
        assert_eq!(placed("request 0: a.js:1:2: x"), Some("a.js:1:2: x"));
        assert_eq!(placed("request 0: x"), None);
    }
}
