//! What is wrong with JSON, in words for whoever wrote it. What the reader says
//! about the shapes that the host itself expects goes to the debug log.

use serde_json::error::Category;

/// To be read after "… is not JSON: ", without a full stop.
pub(crate) fn sentence(error: &serde_json::Error) -> String {
    let at = position(error);
    match error.classify() {
        Category::Eof => format!("it ends too early{at}"),
        Category::Syntax => format!("{}{at}", without_position(error)),
        Category::Io => "it cannot be read to its end".to_owned(),
        Category::Data => {
            tracing::debug!(%error, "JSON of another form");
            format!("it does not have the form that is expected here{at}")
        }
    }
}

/// The same of one line whose number is told beside: the reader's own, which is
/// always 1, is left out.
pub(crate) fn within_a_line(error: &serde_json::Error) -> String {
    sentence(error).replacen(
        " at line 1",
        if error.column() == 0 { "" } else { " at" },
        1,
    )
}

/// Where, as far as it is known.
fn position(error: &serde_json::Error) -> String {
    match (error.line(), error.column()) {
        (0, _) => String::new(),
        (line, 0) => format!(" at line {line}"),
        (line, column) => format!(" at line {line} column {column}"),
    }
}

fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&end).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, Debug)]
    #[allow(dead_code)] // Only read into.
    struct Envelope {
        code: u32,
        message: String,
    }

    #[test]
    fn nobody_is_told_how_the_host_reads() {
        let wrong = |text: &str| sentence(&serde_json::from_str::<Envelope>(text).unwrap_err());
        assert_eq!(wrong(""), "it ends too early at line 1");
        assert_eq!(wrong("{\"code\":"), "it ends too early at line 1 column 8");
        assert_eq!(wrong("{\"code\" 1}"), "expected `:` at line 1 column 9");
        for text in ["[]", "{}", "7", "{\"code\":\"x\"}"] {
            let said = wrong(text);
            assert!(said.starts_with("it does not have the form"), "{said}");
            for inner in [
                "struct",
                "Envelope",
                "invalid type",
                "missing field",
                "column 0",
            ] {
                assert!(!said.contains(inner), "{said}");
            }
        }
    }
}
