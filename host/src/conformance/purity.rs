//! The same call gives the same bytes: twice, and in an instance that was never
//! used.

use super::documents::item;
use super::report::{Finding, Report};
use super::setting::Setting;
use super::trial::{Gave, Stuck, Trial, Unsigned};
use crate::plugin::contract::Request;

/// The part of the check that this is.
const PART: &str = "purity";

/// What is said of an adapter that remembers, or that guesses.
const FIX: &str = "let nothing but the arguments decide: no state from call to call, no clock but `now-ms`, no chance but `nonce`, no order of a hash map";

/// Tells what was found of each function once: that another operation's calls or
/// other documents show the same is no other fault.
pub(super) fn tell(found: Vec<Finding>, report: &mut Report) {
    for finding in found {
        let said = finding.what.split(": ").next().unwrap_or_default();
        let said = said.to_owned();
        report.add_said(finding, Some(&said));
    }
}

/// `describe`.
pub(super) async fn of_describe(trial: &mut Trial<'_>) -> Result<Vec<Finding>, Stuck> {
    trial.renew().await?;
    let fresh = text(trial.describe().await?);
    let again = text(trial.describe().await?);
    trial.renew().await?;
    let other = text(trial.describe().await?);
    Ok(compared("describe", [&fresh, &again, &other], None)
        .into_iter()
        .collect())
}

fn text(gave: Gave<String>) -> String {
    match gave {
        Gave::Answer(text) => text,
        Gave::Fault(fault) => format!("{fault:?}"),
        Gave::Failed(failure) => failure.message,
    }
}

/// `map` and, of what it makes, `sign`.
pub(super) async fn of_map(
    trial: &mut Trial<'_>,
    setting: &Setting,
    document: &str,
) -> Result<Vec<Finding>, Stuck> {
    let items = [item(0, document)];
    let mut said = Vec::new();
    let mut first = None;
    for fresh in [false, false, true] {
        if fresh {
            trial.renew().await?;
        }
        let gave = trial
            .map(&setting.context, &setting.operation, &items)
            .await?;
        said.push(match gave {
            Gave::Answer(mapped) => {
                let text = format!("{mapped:?}");
                first = first.or_else(|| mapped.requests.into_iter().next());
                text
            }
            Gave::Fault(fault) => format!("{fault:?}"),
            // It is told where documents are tried.
            Gave::Failed(_) => return Ok(Vec::new()),
        });
    }
    let mut found = Vec::new();
    let three = [&said[0], &said[1], &said[2]];
    found.extend(compared("map", three, Some(document)));
    if let (Some(request), true) = (first, trial.adapter.manifest.signs) {
        found.extend(of_sign(trial, setting, &request, document).await?);
    }
    let found = found.into_iter();
    Ok(found
        .map(|finding| finding.of(&setting.operation))
        .collect())
}

async fn of_sign(
    trial: &mut Trial<'_>,
    setting: &Setting,
    request: &Request,
    document: &str,
) -> Result<Option<Finding>, Stuck> {
    let mut said = Vec::new();
    for fresh in [false, false, true] {
        if fresh {
            trial.renew().await?;
        }
        let signed = trial
            .sign(
                &setting.context,
                &setting.operation,
                &request.draft,
                &setting.secrets,
            )
            .await?;
        said.push(match signed {
            Ok(signed) => format!("{signed:?}"),
            Err(Unsigned::Fault(fault)) => format!("{fault:?}"),
            Err(Unsigned::Edits(why)) => why,
            Err(Unsigned::Failed(_)) => return Ok(None),
        });
    }
    Ok(compared(
        "sign",
        [&said[0], &said[1], &said[2]],
        Some(document),
    ))
}

/// What two calls in one instance and one in another gave.
fn compared(function: &str, said: [&String; 3], input: Option<&str>) -> Option<Finding> {
    let [once, twice, fresh] = said;
    let what = if once != twice {
        format!(
            "`{function}`, called twice with the same arguments, gives two answers: {}",
            differ(once, twice)
        )
    } else if twice != fresh {
        format!(
            "`{function}` gives another answer in a fresh instance than in a used one: {}",
            differ(twice, fresh)
        )
    } else {
        return None;
    };
    let finding = Finding::wrong(PART, what, FIX);
    Some(match input {
        Some(input) => finding.with(input),
        None => finding,
    })
}

/// Where two texts begin to differ.
fn differ(one: &str, other: &str) -> String {
    /// Characters that are shown of each.
    const SHOWN: usize = 60;
    let same = one
        .chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other)
        .count();
    let from = same.saturating_sub(SHOWN / 3);
    let part = |text: &str| text.chars().skip(from).take(SHOWN).collect::<String>();
    format!("`…{}…` and `…{}…`", part(one), part(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_changes_is_shown_where_it_does() {
        let text = |end: &str| format!("{}{end}", "same ".repeat(30));
        let (one, two) = (text("a"), text("b"));
        assert_eq!(compared("map", [&one, &one, &one], None), None);
        let twice = compared("map", [&one, &two, &two], Some("{}")).expect("a finding");
        assert!(twice.what.contains("called twice") && twice.what.contains("same b"));
        let fresh = compared("map", [&one, &one, &two], None).expect("a finding");
        assert!(fresh.what.contains("fresh instance"), "{}", fresh.what);
    }
}
