//! Where in an example's files something is wrong.

use super::file_name;

/// The same sentence with files in place of pointers into the whole: an example
/// that lies in files has no `/replies/0/outcomes`.
pub(super) fn in_files(why: &str) -> String {
    let mut said = why.to_owned();
    for (list, inner, stem, end) in [
        ("replies", "/outcomes", "outcomes", "json"),
        ("replies", "/next", "next", "http"),
        ("replies", "", "reply", "http"),
        ("requests", "", "request", "http"),
    ] {
        let start = format!("at `/{list}/");
        let mut from = 0;
        while let Some(at) = said[from..].find(&start).map(|at| from + at) {
            let number = at + start.len();
            from = number;
            let digits = said[number..]
                .bytes()
                .take_while(u8::is_ascii_digit)
                .count();
            let Ok(index) = said[number..number + digits].parse::<usize>() else {
                continue;
            };
            let after = number + digits + inner.len();
            let rest = said.get(number + digits..).unwrap_or_default();
            if !rest.starts_with(inner) || !said[after..].starts_with(['/', '`']) {
                continue;
            }
            let place = format!("in {} at `", file_name(stem, end, index));
            said.replace_range(at..after, &place);
            from = at + place.len();
        }
    }
    said.replace(" at ``", " at its top")
}

/// Why a document or the settings of an example in files do not fit, with the
/// file in which they stand.
pub(crate) fn in_its_file(step: &str, detail: &str) -> String {
    let file = match step {
        "document" if detail.starts_with("item ") => "items.json: ",
        "document" if detail.starts_with("settings: ") => "context.json: ",
        _ => "",
    };
    format!("{file}{detail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_does_not_fit_stands_in_a_file() {
        for (step, why, expected) in [
            ("document", "item 0: no", "items.json: item 0: no"),
            ("document", "settings: no", "context.json: settings: no"),
            ("document", "there is no operation", "there is no operation"),
            ("map", "item 0: no", "item 0: no"),
        ] {
            assert_eq!(in_its_file(step, why), expected);
        }
    }

    #[test]
    fn what_is_wrong_in_an_example_is_told_with_its_file() {
        for (why, expected) in [
            (
                "at `/replies/1/outcomes/0/status`: no; at `/replies/0/outcomes`: no",
                "in outcomes-2.json at `/0/status`: no; in outcomes.json at its top: no",
            ),
            (
                "at `/replies/0/status`: no",
                "in reply.http at `/status`: no",
            ),
            (
                "at `/requests/2/path`: no",
                "in request-3.http at `/path`: no",
            ),
            ("at `/replies`: no", "at `/replies`: no"),
            (
                "at `/replies/x/outcomes`: no",
                "at `/replies/x/outcomes`: no",
            ),
        ] {
            assert_eq!(in_files(why), expected);
        }
    }
}
