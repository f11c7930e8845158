//! Answers of every kind through `parse-response`.

use serde_json::Value;

use super::answers::{self, Answer, Success};
use super::chance::Chance;
use super::documents::failed;
use super::envelope::Envelopes;
use super::mending::{mend, placed};
use super::mutate::mutated;
use super::report::{Finding, Report, Tried};
use super::setting::Setting;
use super::trial::{Gave, Stuck, Trial};
use crate::plugin::contract::{Body, Fault, Outcome, Request};
use crate::plugin::granted;
use crate::plugin::manifest::GRANT;
use crate::plugin::promise::check_parsed;

/// The part of the check that this is.
const PART: &str = "answers";

/// Examples' answers that are torn and changed.
const MOST_GOOD: usize = 8;

/// Changed answers, of each operation.
const CHANGED: usize = 200;

/// Answers of an operation.
pub(super) struct Replies<'t, 'a, 'r> {
    pub trial: &'t mut Trial<'a>,
    pub setting: &'t Setting,
    pub envelopes: &'t Envelopes,
    pub report: &'r mut Report,
}

impl Replies<'_, '_, '_> {
    pub async fn run(mut self, requests: &[Request], tried: &mut Tried) -> Result<(), Stuck> {
        for (index, request) in requests.iter().enumerate() {
            for answer in answers::wrong_for_everybody() {
                self.one(request, &answer, tried).await?;
            }
            if index > 0 {
                continue;
            }
            self.failures(request, tried).await?;
            let good: Vec<(u16, String)> = self.setting.answers.clone();
            for (status, text) in good.iter().take(MOST_GOOD) {
                for answer in answers::torn(text, *status) {
                    self.one(request, &answer, tried).await?;
                }
            }
            let documents: Vec<(u16, Value)> = good
                .iter()
                .filter_map(|(status, text)| Some((*status, serde_json::from_str(text).ok()?)))
                .collect();
            let mut chance = Chance::of(&self.setting.operation);
            for _ in 0..CHANGED {
                let Some((status, document)) = chance.one(&documents).cloned() else {
                    break;
                };
                let answer = answers::changed(&mutated(&document, &mut chance), status);
                self.one(request, &answer, tried).await?;
            }
        }
        Ok(())
    }

    /// What the platform is known to say of failures: as it is, and in answers that
    /// are accepted without it.
    async fn failures(&mut self, request: &Request, tried: &mut Tried) -> Result<(), Stuck> {
        let envelopes = self.envelopes;
        let Setting {
            context, operation, ..
        } = self.setting;
        for answer in envelopes.failures(operation) {
            self.one(request, &answer, tried).await?;
        }
        for success in envelopes.successes(operation).take(MOST_GOOD) {
            let plain = answers::changed(success, 200);
            let gave = self
                .trial
                .parse(context, operation, request, &plain.reply)
                .await?;
            // One that belongs to another request says nothing about this one.
            if !matches!(gave, Gave::Answer(parsed) if all_accepted(&parsed.outcomes)) {
                continue;
            }
            for answer in envelopes.contradictions(success) {
                self.one(request, &answer, tried).await?;
            }
        }
        Ok(())
    }

    async fn one(
        &mut self,
        request: &Request,
        answer: &Answer,
        tried: &mut Tried,
    ) -> Result<(), Stuck> {
        let Setting {
            context, operation, ..
        } = self.setting;
        tried.answers += 1;
        let grant = self.trial.adapter.manifest.grant.as_ref();
        let reply = match grant.filter(|_| operation == GRANT) {
            // As the host gives it to the adapter.
            Some(grant) => granted::take(&grant.answer, answer.reply.clone(), context.now_ms).0,
            None => answer.reply.clone(),
        };
        let gave = self
            .trial
            .parse(context, operation, request, &reply)
            .await?;
        let parsed = match gave {
            Gave::Answer(parsed) => parsed,
            // An exception or a value of another shape is no way to say that an
            // answer cannot be read: the items stay unknown for nothing.
            Gave::Fault(Fault::Other(said)) => {
                let advice = "an answer that cannot be read is the fault `invalid-reply`, and any other has an outcome for each item";
                let what = format!(
                    "`parse-response` fails by its own fault on {}: {said}",
                    answer.what
                );
                let finding = Finding::wrong(PART, what, &mend(&said, advice));
                let finding = self.given(finding, answer);
                self.report.add_said(finding, placed(&said));
                return Ok(());
            }
            // Every other one says that the answer could not be read.
            Gave::Fault(_) => return Ok(()),
            Gave::Failed(failure) => {
                let mut finding = failed(PART, "parse-response", &failure);
                finding.what = format!("{} on {}", finding.what, answer.what);
                self.add(finding, answer);
                return Ok(());
            }
        };
        let accepted = parsed
            .outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Accepted(_) | Outcome::Duplicate(_)));
        if let Err(broken) = check_parsed(parsed, request.items.len()) {
            let fix = "give one outcome for each item of the request, each result JSON";
            let what = format!("{broken}, on {}", answer.what);
            self.add(Finding::wrong(PART, what, fix), answer);
            return Ok(());
        }
        let what = format!("{} is read as accepted", capital(&answer.what));
        match (accepted, answer.success) {
            (false, _) | (true, Success::MayBe) => {}
            (true, Success::Unlikely) => {
                let fix = "read the platform's own sign of success, unless its document says that this is one";
                self.add(Finding::look(PART, what, fix), answer);
            }
            (true, Success::Never) => {
                let fix = "read the platform's own sign of success in the body; HTTP's status is none by itself";
                self.add(Finding::wrong(PART, what, fix), answer);
            }
        }
        Ok(())
    }

    fn add(&mut self, finding: Finding, answer: &Answer) {
        let finding = self.given(finding, answer);
        self.report.add(finding);
    }

    /// The finding with the answer that was given.
    fn given(&self, finding: Finding, answer: &Answer) -> Finding {
        let input = match &answer.reply.body {
            Body::Empty => String::new(),
            Body::Text(text) => text.clone(),
            Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        let finding = match input.is_empty() {
            true => finding,
            false => finding.with(input),
        };
        finding.of(&self.setting.operation)
    }
}

fn all_accepted(outcomes: &[Outcome]) -> bool {
    let mut outcomes = outcomes.iter();
    outcomes.all(|outcome| matches!(outcome, Outcome::Accepted(_) | Outcome::Duplicate(_)))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
