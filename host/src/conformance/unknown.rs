//! An operation that the manifest does not have: nobody may call it, and an adapter
//! that takes it for one of its own hides a misspelt name.

use super::documents::{failed, item};
use super::mending::{mend, place};
use super::report::{Finding, Report};
use super::setting::Setting;
use super::trial::{Gave, Stuck, Trial, Unsigned};
use super::{PART_DOCUMENTS, answers};
use crate::plugin::contract::{Body, Detail, Fault, Request};

/// A name that no platform's call has.
const NAME: &str = "crossdock.no-such-operation";

/// What is to be done about it.
const FIX: &str = "let `map` give the fault `unsupported` for every operation but those of the manifest, with the operation's name";

/// Calls each function with it once.
pub(super) async fn run(
    trial: &mut Trial<'_>,
    setting: &Setting,
    request: Option<&Request>,
    report: &mut Report,
) -> Result<(), Stuck> {
    let context = &setting.context;
    let document = setting.documents.first();
    let document = document.map_or_else(|| "{}".to_owned(), ToString::to_string);
    let items = [item(0, &document)];
    match trial.map(context, NAME, &items).await? {
        Gave::Answer(_) => {
            let what = "`map` takes an operation that the manifest does not have";
            report.add(Finding::wrong(PART_DOCUMENTS, what, FIX));
        }
        Gave::Fault(fault) => {
            if let Some(finding) = no_refusal(&fault) {
                report.add(finding);
            }
        }
        Gave::Failed(failure) => told(report, "map", &failure),
    }
    let Some(request) = request else {
        return Ok(());
    };
    // Nobody gets so far with it, so whatever these say is right, if they say it.
    if trial.adapter.manifest.signs {
        let signed = trial.sign(context, NAME, &request.draft, &setting.secrets);
        if let Err(Unsigned::Failed(failure)) = signed.await? {
            told(report, "sign", &failure);
        }
    }
    let body = Body::Text("{}".to_owned());
    let answer = answers::answer("`{}`", 200, answers::JSON, body, answers::Success::MayBe);
    let gave = trial.parse(context, NAME, request, &answer.reply);
    if let Gave::Failed(failure) = gave.await? {
        told(report, "parse-response", &failure);
    }
    Ok(())
}

/// What is wrong with a fault as an answer to it; nothing where it says why.
fn no_refusal(fault: &Fault) -> Option<Finding> {
    match fault {
        Fault::Unsupported(_) => None,
        Fault::Other(said) => {
            // An exception or a panic is none that anybody meant.
            place(said)?;
            let what =
                format!("`map` fails on an operation that the manifest does not have: {said}");
            Some(Finding::wrong(PART_DOCUMENTS, what, &mend(said, FIX)))
        }
        Fault::InvalidInput(Detail { message, .. })
        | Fault::InvalidSettings(Detail { message, .. })
        | Fault::InvalidReply(Detail { message, .. }) => message.trim().is_empty().then(|| {
            let what = "`map` refuses an operation that the manifest does not have with a fault that says nothing";
            Finding::wrong(PART_DOCUMENTS, what, FIX)
        }),
    }
}

fn told(report: &mut Report, function: &str, failure: &crate::plugin::guest::GuestFailure) {
    let mut finding = failed(PART_DOCUMENTS, function, failure);
    // One that fails on everything was told already.
    let said = finding.what.clone();
    finding.what = format!(
        "{}, on an operation that the manifest does not have",
        finding.what
    );
    FIX.clone_into(&mut finding.fix);
    report.add_said(finding, Some(&said));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_says_why_is_an_answer_and_an_exception_is_none() {
        let detail = |message: &str| Detail {
            pointer: String::new(),
            message: message.to_owned(),
        };
        for fault in [
            Fault::Unsupported(NAME.to_owned()),
            Fault::Other("this adapter only reads".to_owned()),
            Fault::InvalidInput(detail("it is no stock")),
        ] {
            assert_eq!(no_refusal(&fault), None, "{fault:?}");
        }
        for (fault, expected) in [
            (
                Fault::Other("a.js:3:9: TypeError: not a function".to_owned()),
                "a.js:3:9",
            ),
            (Fault::InvalidInput(detail("")), "says nothing"),
            (Fault::InvalidSettings(detail(" ")), "says nothing"),
        ] {
            let finding = no_refusal(&fault).expect("a finding");
            assert!(finding.what.contains(expected), "{}", finding.what);
        }
    }
}
