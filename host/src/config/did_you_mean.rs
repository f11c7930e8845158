//! "Did you mean …": the known name closest to what was typed.

use std::path::Path;

use super::reader::shown;
use crate::text::first_of;

/// The name among `known` that `typed` most probably stands for, or nothing
/// when none is close.
pub(crate) fn nearest<'k>(
    typed: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let typed = folded(typed);
    // A third of the letters: `adaptor` finds `adapter`, `foo` finds nothing.
    let allowed = (typed.len() / 3).max(1);
    known
        .into_iter()
        .filter_map(|name| {
            let candidate = folded(name);
            let distance = distance(&typed, &candidate);
            // `timeout` for `timeout_ms`: units are what people leave out.
            let cut_short = typed.len() >= 3 && candidate.starts_with(&typed);
            (distance <= allowed || cut_short).then_some((distance, name))
        })
        .min()
        .map(|(_, name)| name)
}

/// What to say after "there is no `typed`; ": the name that was probably meant,
/// or all of them after `else_there_are`.
pub(crate) fn did_you_mean<'k>(
    typed: &str,
    known: impl IntoIterator<Item = &'k str> + Clone,
    else_there_are: &str,
) -> String {
    /// More than these nobody reads.
    const MOST: usize = 20;
    if let Some(name) = nearest(typed, known.clone()) {
        return format!("did you mean `{name}`?");
    }
    let mut names: Vec<&str> = known.into_iter().collect();
    names.sort_unstable();
    if names.is_empty() {
        return format!("{else_there_are} none");
    }
    let quoted = names.iter().map(|name| format!("`{}`", shown(name)));
    match first_of(quoted, MOST) {
        (names, 0) => format!("{else_there_are} {names}"),
        (names, more) => format!("{else_there_are} {names} and {more} more"),
    }
}

/// Entries of a folder that are looked at for a name.
const MOST_ENTRIES: usize = 10_000;

/// What lies beside a path that leads to nothing, and was probably meant: a folder
/// or a file. As it was typed, but for its name.
pub(super) fn nearest_beside(typed: &str, path: &Path, folder: bool) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let there: Vec<String> = std::fs::read_dir(path.parent()?)
        .ok()?
        .take(MOST_ENTRIES)
        .filter_map(|entry| {
            let entry = entry.ok()?;
            // Of what a link leads to.
            let is_folder = entry.path().is_dir();
            (is_folder == folder).then_some(entry.file_name().into_string().ok()?)
        })
        .filter(|there| !there.starts_with('.'))
        .collect();
    let meant = nearest(name, there.iter().map(String::as_str))?;
    let meant = Path::new(typed).with_file_name(meant);
    Some(shown(&meant.to_string_lossy()))
}

/// Case and the kind of dash are not what distinguishes names. Longer text than
/// any key has is cut, which bounds the work.
fn folded(name: &str) -> Vec<char> {
    name.chars()
        .take(64)
        .map(|c| match c {
            '-' => '_',
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

/// Edits (insertion, deletion, substitution, swap of neighbours) from one to
/// the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substitution = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KEYS: [&str; 5] = [
        "adapter",
        "base_url",
        "timeout_ms",
        "connect_timeout_ms",
        "tokens",
    ];

    #[test]
    fn a_slip_of_the_finger_finds_its_key() {
        assert_eq!(nearest("adaptor", KEYS), Some("adapter"));
        assert_eq!(nearest("base-url", KEYS), Some("base_url"));
        assert_eq!(nearest("Timeout_MS", KEYS), Some("timeout_ms"));
        assert_eq!(nearest("tokesn", KEYS), Some("tokens"));
    }

    #[test]
    fn a_left_out_unit_finds_its_key() {
        assert_eq!(nearest("timeout", KEYS), Some("timeout_ms"));
        assert_eq!(nearest("pos", ["count", "position"]), Some("position"));
    }

    #[test]
    fn who_means_nothing_known_is_told_what_there_is() {
        let said = |typed| super::did_you_mean(typed, ["b", "a"], "it has");
        assert_eq!(said("colour"), "it has `a`, `b`");
        assert_eq!(
            super::did_you_mean("stok.update", ["stock.update"], "it has"),
            "did you mean `stock.update`?"
        );
        assert_eq!(super::did_you_mean("x", [], "it has"), "it has none");
    }

    #[test]
    fn a_file_or_a_folder_is_found_beside_a_path_that_leads_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("in")).unwrap();
        std::fs::write(dir.path().join("in/row-to-shop.jq"), "").unwrap();
        std::fs::write(dir.path().join(".hidden.jq"), "").unwrap();
        let meant =
            |typed: &str, folder| super::nearest_beside(typed, &dir.path().join(typed), folder);
        assert_eq!(meant("inn", true).as_deref(), Some("in"));
        assert_eq!(meant("inn", false), None);
        assert_eq!(
            meant("in/rowtoshop.jq", false).as_deref(),
            Some("in/row-to-shop.jq")
        );
        assert_eq!(meant("inn/rowtoshop.jq", false), None);
        assert_eq!(meant("hidden.jq", false), None);
    }

    #[test]
    fn something_else_finds_nothing() {
        assert_eq!(nearest("colour", KEYS), None);
        assert_eq!(nearest("", KEYS), None);
    }
}
