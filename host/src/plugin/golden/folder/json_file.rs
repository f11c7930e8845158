//! A JSON file that an author wrote.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::config::did_you_mean;
use crate::text::{one_line, without_mark};

/// What a file says, or what is wrong in it, with its line.
pub(crate) fn parsed<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(without_mark(bytes)).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let end = format!(" at line {line} column {column}");
        let why = error.to_string();
        let why = why.strip_suffix(&end).unwrap_or(&why);
        let why = meant(why).unwrap_or_else(|| why.to_owned());
        format!("{}:{line}:{column}: {why}", path.display())
    })
}

/// The parser's words about a name that is not known, which lists all others, as
/// a sentence with the one that was probably meant.
fn meant(why: &str) -> Option<String> {
    let (what, rest) = match why.strip_prefix("unknown field `") {
        Some(rest) => ("member", rest),
        None => ("word", why.strip_prefix("unknown variant `")?),
    };
    let (typed, expected) = rest.split_once("`, ")?;
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    Some(format!(
        "`{}` is no {what} that is known here; {}",
        one_line(typed),
        did_you_mean(typed, known.iter().copied(), "there are")
    ))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "lowercase")]
    #[allow(dead_code)] // They are read, and compared with nothing.
    struct About {
        provenance: Option<Word>,
        source: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Official,
        Computed,
    }

    #[test]
    fn who_misspells_a_name_is_told_which_is_meant() {
        for (text, expected) in [
            (
                r#"{"provenence": 1}"#,
                "a.json:1:13: `provenence` is no member that is known here; did you mean `provenance`?",
            ),
            (
                r#"{"colour": 1}"#,
                "a.json:1:9: `colour` is no member that is known here; there are `provenance`, `source`",
            ),
            (r#"{"source" 1}"#, "a.json:1:11: expected `:`"),
        ] {
            let said = parsed::<About>(Path::new("a.json"), text.as_bytes()).unwrap_err();
            assert_eq!(said, expected);
        }
        let text = br#"{"provenance": "oficial"}"#;
        let said = parsed::<About>(Path::new("a.json"), text).unwrap_err();
        assert!(
            said.contains("`oficial` is no word that is known here; did you mean `official`?"),
            "{said}"
        );
        let text = b"\xef\xbb\xbf{\"provenance\": \"computed\"}";
        assert!(parsed::<About>(Path::new("a.json"), text).is_ok());
    }
}
