//! Why a document of an example, or its settings, do not fit.

use serde_json::Value;

use crate::config::nearest;
use crate::schema::{self, Verdict};

/// The first reasons why a value does not fit its schema.
pub(super) fn fits(verdict: Option<Verdict>, value: &Value) -> Result<(), String> {
    /// Reasons that are told: a member is missing where another one is misspelt.
    const TOLD: usize = 3;
    match verdict {
        Some(Verdict::Fits) => Ok(()),
        Some(Verdict::Breaks(violations)) if violations.is_empty() => Ok(()),
        Some(Verdict::Breaks(violations)) => {
            let told: Vec<String> = violations
                .iter()
                .take(TOLD)
                .map(|one| format!("{} (at {})", one.message, one.pointer))
                .collect();
            let pointers = violations.iter().map(|one| &*one.pointer);
            let pointers: Vec<&str> = pointers.collect();
            Err(format!("{}{}", told.join("; "), misspelt(&pointers, value)))
        }
        Some(Verdict::TooCostly) => Err(schema::TOO_COSTLY.to_owned()),
        None => Err("it could not be checked".to_owned()),
    }
}

/// The member that was meant, where one is there that may not be and one like it
/// is missing. A pointer leads to the member itself in both cases.
fn misspelt(pointers: &[&str], value: &Value) -> String {
    let missing = |pointer: &str| value.pointer(pointer).is_none();
    for surplus in pointers.iter().filter(|pointer| !missing(pointer)) {
        let Some((parent, name)) = surplus.rsplit_once('/') else {
            continue;
        };
        let beside = pointers.iter().filter(|pointer| missing(pointer));
        let beside = beside.filter_map(|pointer| pointer.rsplit_once('/'));
        let beside = beside.filter(|(other, _)| *other == parent);
        if let Some(meant) = nearest(name, beside.map(|(_, name)| name)) {
            let plain = |part: &str| part.replace("~1", "/").replace("~0", "~");
            return format!(
                "; did you mean `{}` where `{}` is written?",
                plain(meant),
                plain(name)
            );
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_misspelt_member_is_told_with_the_one_that_is_meant() {
        let value = json!({"sku": "1", "quantty": 5, "more": {"quantity": 1}});
        assert_eq!(
            misspelt(&["/quantity", "/quantty"], &value),
            "; did you mean `quantity` where `quantty` is written?"
        );
        // Nothing that is missing is like it, or it is missing elsewhere.
        assert_eq!(misspelt(&["/colour", "/quantty"], &value), "");
        assert_eq!(misspelt(&["/more/quantty2", "/quantty"], &value), "");
        assert_eq!(misspelt(&["/quantity"], &value), "");
    }
}
