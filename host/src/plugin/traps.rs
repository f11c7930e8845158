//! How a guest's end is told to whoever wrote it: what happened, in words that
//! need no knowledge of WebAssembly, and what to look at.

/// One sentence of the engine's text, which only picks the words.
pub(super) fn told(text: &str) -> String {
    let text = text.strip_prefix("wasm trap: ").unwrap_or(text);
    if let Some(kind) = text.strip_prefix("unexpected discriminant: ") {
        return format!(
            "what it returned cannot be read: a value of kind {kind} is in it, and the contract has no such kind there; look at the kind (in C, the `tag`) of each outcome, edit and fault"
        );
    }
    if is_misplaced(text) {
        return "what it returned cannot be read: a text or a list in it has an address or a length that cannot be; look for a value that is not set, and for one of another kind than its `tag` says".to_owned();
    }
    if text.starts_with("invalid utf-8 sequence") || text.starts_with("incomplete utf-8 byte") {
        return format!(
            "what it returned cannot be read: a text in it is no UTF-8 ({text}); pass on as text only what is"
        );
    }
    let plain = match text {
        "wasm `unreachable` instruction executed" => {
            "it ended itself, as a panic, a failed assertion and `abort` do"
        }
        "out of bounds memory access" => {
            "it read or wrote outside of its memory; look for a pointer that is not set, and for an index or a length that is too large"
        }
        "call stack exhausted" => {
            "its functions called one another too deep; look for a recursion that does not end"
        }
        "integer divide by zero" => "it divided by zero",
        other => other,
    };
    format!("it trapped: {plain}")
}

/// Whether an address or a length of what was returned is wrong.
fn is_misplaced(text: &str) -> bool {
    let of_a_value = ["list ", "string ", "map ", "return ", "pointer "]
        .iter()
        .any(|start| text.starts_with(start));
    of_a_value
        && ["pointer", "length"].iter().any(|word| text.contains(word))
        && ["not aligned", "out of bounds"]
            .iter()
            .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use wasmtime::Trap;

    use super::*;

    #[test]
    fn a_trap_is_told_without_words_of_the_engine() {
        for (trap, part) in [
            (
                Trap::UnreachableCodeReached,
                "it trapped: it ended itself, as a panic",
            ),
            (
                Trap::MemoryOutOfBounds,
                "it trapped: it read or wrote outside of its memory; look for",
            ),
            (
                Trap::StackOverflow,
                "it trapped: its functions called one another too deep; look for",
            ),
            (
                Trap::IntegerDivisionByZero,
                "it trapped: it divided by zero",
            ),
        ] {
            let said = told(&trap.to_string());
            assert!(said.starts_with(part), "{said}");
        }
        assert_eq!(told("something else"), "it trapped: something else");
    }

    #[test]
    fn a_value_that_cannot_be_read_is_told_with_what_to_look_at() {
        let said = told("unexpected discriminant: 9");
        assert!(
            said.contains("a value of kind 9 is in it") && said.contains("`tag`"),
            "{said}"
        );
        for text in [
            "list pointer is not aligned",
            "list pointer/length out of bounds of memory",
            "string pointer/length out of bounds of memory",
            "pointer out of bounds of memory",
            "return pointer not aligned",
        ] {
            let said = told(text);
            assert!(
                said.starts_with("what it returned cannot be read: a text or a list"),
                "{said}"
            );
        }
        let said = told("invalid utf-8 sequence of 1 bytes from index 1");
        assert!(said.contains("a text in it is no UTF-8"), "{said}");
    }
}
