//! Documents of an operation's schema, many of them, through `map` and `sign`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::chance::Chance;
use super::generate::Generator;
use super::mending::{mend, place, placed};
use super::mutate::mutated;
use super::purity;
use super::report::{Finding, Report, Tried};
use super::setting::Setting;
use super::smaller::without;
use super::trial::{Gave, Stuck, Trial, Unsigned};
use super::{Extent, PART_DOCUMENTS};
use crate::delivery::outgoing::outgoing;
use crate::http::{Target, TargetError};
use crate::plugin::contract::{Fault, Item, Mapped, Request};
use crate::plugin::fault::fault_text;
use crate::plugin::generation::CompiledOperation;
use crate::plugin::guest::GuestFailure;
use crate::plugin::promise::check_mapped;
use crate::schema::Verdict;

/// Tries to make one more document, for each that is wanted.
const TRIES: usize = 20;

/// Documents that are mapped together, at most.
const MOST_TOGETHER: usize = 60;

/// Documents at once by which an operation's `max_items` is tried, at most: so many
/// take no long time, and a limit that is higher is not tried.
const MOST_MANY: usize = 2000;

/// Bytes of these together.
const MANY_BYTES: usize = 256 << 10;

/// Different documents among them.
const MANY_DIFFERENT: usize = 50;

/// Once in so many documents, the last ones are mapped together, too.
const TOGETHER_EVERY: usize = 25;

/// Once in so many documents, the same call is made again.
const AGAIN_EVERY: usize = 50;

/// Requests of one `map` that are signed.
const SIGNED: usize = 3;

/// Steps of making a document smaller that still makes the adapter fail.
const SHRINKING: usize = 200;

/// Bytes from which on a document is long.
const LONG_DOCUMENT: usize = 4 << 10;

/// Documents of one operation that are made smaller, and time for each: one that
/// runs into the deadline does so at every step.
const MOST_SHRUNK: usize = 3;
const SHRINKING_TIME: Duration = Duration::from_secs(1);

/// Requests that are kept for answers.
const KEPT_REQUESTS: usize = 3;

/// What documents of an operation are tried with.
pub(super) struct Documents<'t, 'a, 'r> {
    pub trial: &'t mut Trial<'a>,
    pub setting: &'t Setting,
    pub schema: &'t Value,
    pub report: &'r mut Report,
    pub extent: Extent,
    /// Documents that were made smaller.
    pub shrunk: usize,
}

impl Documents<'_, '_, '_> {
    /// Gives what was tried, and some requests that were made.
    pub async fn run(mut self) -> Result<(Tried, Vec<Request>), Stuck> {
        let mut tried = Tried::default();
        let mut requests = Vec::new();
        let name = self.setting.operation.clone();
        let adapter = self.trial.adapter.clone();
        let Some(operation) = adapter.compiled(&name) else {
            return Ok((tried, requests));
        };
        let ends = Instant::now() + self.extent.time;
        let mut generator = Generator::new(self.schema, Chance::of(&name));
        let mut seen: HashSet<String> = HashSet::new();
        let mut last: Vec<String> = Vec::new();
        // Those that are sent, alone at least.
        let mut sent: Vec<String> = Vec::new();
        // The examples' own documents come first: they are what answers are for.
        let mut given = self.setting.documents.clone();
        given.reverse();
        for _ in 0..self.extent.documents * TRIES {
            if seen.len() >= self.extent.documents {
                break;
            }
            if Instant::now() >= ends {
                tried.cut_short = true;
                break;
            }
            let (document, changed) = match given.pop() {
                Some(document) => (document, false),
                None => self.made(&mut generator),
            };
            let text = document.to_string();
            if operation.document.check_whole(&document) != Verdict::Fits
                || !seen.insert(text.clone())
            {
                continue;
            }
            tried.documents += 1;
            tried.changed += u32::from(changed);
            let again = seen.len() % AGAIN_EVERY == 1;
            if again {
                let found = purity::of_map(self.trial, self.setting, &text).await?;
                purity::tell(found, self.report);
            }
            let mapped = self.one(operation, &text, &mut tried).await?;
            let whole = mapped
                .as_ref()
                .is_some_and(|mapped| !mapped.requests.is_empty() && mapped.failures.is_empty());
            if whole && sent.len() < MANY_DIFFERENT && text.len() < LONG_DOCUMENT {
                sent.push(text.clone());
            }
            if let Some(request) = mapped.and_then(|mapped| mapped.requests.into_iter().next())
                && requests.len() < KEPT_REQUESTS
            {
                requests.push(request);
            }
            last.push(text);
            if last.len() == TOGETHER_EVERY {
                let more = generator.chance.between(2, MOST_TOGETHER);
                let together: Vec<String> = last.iter().cycle().take(more).cloned().collect();
                self.together(operation, &together).await?;
                last.clear();
            }
        }
        self.many(operation, &sent).await?;
        Ok((tried, requests))
    }

    /// More documents at once than a request may have items: one of them again and
    /// again, which nothing keeps apart, and different ones.
    async fn many(&mut self, operation: &CompiledOperation, sent: &[String]) -> Result<(), Stuck> {
        let Some(most) = operation.max_items else {
            return Ok(());
        };
        let most = most as usize;
        let wanted = most.saturating_mul(2).saturating_add(1).min(MOST_MANY);
        let (one, all) = (sent.get(..1), sent.get(..).filter(|all| all.len() > 1));
        for of in [one, all].into_iter().flatten() {
            let mut bytes = 0;
            let texts = of.iter().cycle().take(wanted).take_while(|text| {
                bytes += text.len();
                bytes <= MANY_BYTES
            });
            let texts: Vec<String> = texts.cloned().collect();
            // What fits into one request shows nothing.
            if texts.len() > most {
                self.together(operation, &texts).await?;
            }
        }
        Ok(())
    }

    /// A document, and whether it was made of an example's.
    fn made(&self, generator: &mut Generator<'_>) -> (Value, bool) {
        let examples = &self.setting.documents;
        match generator.chance.once_in(2) {
            true => match generator.chance.one(examples) {
                Some(example) => (mutated(example, &mut generator.chance), true),
                None => (generator.document(), false),
            },
            false => (generator.document(), false),
        }
    }

    /// One document, alone: what goes wrong is its doing.
    async fn one(
        &mut self,
        operation: &CompiledOperation,
        text: &str,
        tried: &mut Tried,
    ) -> Result<Option<Mapped>, Stuck> {
        let Setting {
            context,
            operation: name,
            ..
        } = self.setting;
        let items = [item(0, text)];
        let mapped = match self.trial.map(context, name, &items).await? {
            Gave::Answer(mapped) => mapped,
            Gave::Fault(fault) => {
                self.fault(fault, text, tried);
                return Ok(None);
            }
            Gave::Failed(failure) => {
                let text = self.smaller(text).await?;
                self.failed("map", &failure, &text);
                return Ok(None);
            }
        };
        if let Err(broken) = check_mapped(&mapped, 1, operation.max_items, operation.repeatable) {
            let fix =
                "see to it that `map` names every index exactly once and keeps to the manifest";
            self.add(Finding::wrong(PART_DOCUMENTS, broken.to_string(), fix).with(text));
            return Ok(None);
        }
        for failure in &mapped.failures {
            self.fault(failure.fault.clone(), text, tried);
        }
        for request in mapped.requests.iter().take(SIGNED) {
            self.sign(request, text, tried).await?;
        }
        Ok(Some(mapped))
    }

    /// Several documents at once: every index has its place.
    async fn together(
        &mut self,
        operation: &CompiledOperation,
        texts: &[String],
    ) -> Result<(), Stuck> {
        let Setting {
            context,
            operation: name,
            ..
        } = self.setting;
        let texts = texts.iter().enumerate();
        let items: Vec<Item> = texts.map(|(index, text)| item(index, text)).collect();
        let input = || {
            let documents: Vec<&str> = items.iter().map(|item| &*item.document).collect();
            format!("[{}]", documents.join(","))
        };
        match self.trial.map(context, name, &items).await? {
            Gave::Answer(mapped) => {
                let (most, repeatable) = (operation.max_items, operation.repeatable);
                if let Err(broken) = check_mapped(&mapped, items.len(), most, repeatable) {
                    let fix = "see to it that `map` names every index exactly once and keeps to the manifest";
                    let what = format!("{broken}, with {} documents", items.len());
                    self.add(Finding::wrong(PART_DOCUMENTS, what, fix).with(input()));
                }
            }
            // One document that cannot be sent must not keep the others.
            Gave::Fault(fault @ Fault::InvalidInput(_)) => {
                let what = format!(
                    "`map` refuses {} documents together: {}",
                    items.len(),
                    fault_text(&fault)
                );
                let fix = "return what cannot be sent as `failures`, each with its index, so that the others are sent";
                self.add(Finding::look(PART_DOCUMENTS, what, fix).with(input()));
            }
            Gave::Fault(_) => {}
            Gave::Failed(failure) => self.failed("map", &failure, &input()),
        }
        Ok(())
    }

    async fn sign(
        &mut self,
        request: &Request,
        text: &str,
        tried: &mut Tried,
    ) -> Result<(), Stuck> {
        let Setting {
            context,
            operation,
            secrets,
            ..
        } = self.setting;
        let signs = self.trial.adapter.manifest.signs;
        let draft = &request.draft;
        let signed = match signs {
            true => self.trial.sign(context, operation, draft, secrets).await?,
            false => crate::plugin::edits::apply_edits(
                draft.clone(),
                Vec::new(),
                secrets,
                &self.trial.adapter.declared,
            )
            .map_err(|error| Unsigned::Edits(error.to_string())),
        };
        let signed = match signed {
            Ok(signed) => {
                tried.requests += 1;
                signed
            }
            Err(Unsigned::Failed(failure)) => {
                self.failed("sign", &failure, text);
                return Ok(());
            }
            Err(Unsigned::Edits(why)) => {
                let fix =
                    "declare the secret in the manifest's `secrets`, or name the one that is there";
                self.add(Finding::wrong(PART_DOCUMENTS, why, fix).with(text));
                return Ok(());
            }
            Err(Unsigned::Fault(Fault::Other(said))) => {
                let advice = "let `sign` give its edits, or the fault that says which setting it cannot sign with";
                let what = format!("`sign` fails by its own fault: {said}");
                let fix = mend(&said, advice);
                let finding = Finding::wrong(PART_DOCUMENTS, what, &fix).with(text);
                self.own(finding, &said);
                return Ok(());
            }
            Err(Unsigned::Fault(fault)) => {
                let fix = "let `map` refuse what cannot be signed, or let the document's schema rule it out";
                let what = format!("`sign` fails: {}", fault_text(&fault));
                self.add(Finding::look(PART_DOCUMENTS, what, fix).with(text));
                return Ok(());
            }
        };
        let Some(target) = target() else {
            return Ok(());
        };
        if let Err(TargetError::TooLong { length }) = target.join(&signed.path, &signed.query) {
            // What is long itself is no surprise.
            if text.len() < LONG_DOCUMENT {
                let fix = "send what may be long in the body, or bound it in the document's schema";
                let what = format!("path and query take {length} bytes, and cannot be sent");
                self.add(Finding::look(PART_DOCUMENTS, what, fix).with(text));
            }
            return Ok(());
        }
        if let Err(why) = outgoing(&target, signed) {
            let fix = "encode what stands in a path, leave line breaks out of headers, or refuse the document in `map`";
            let what = format!("a request cannot be sent: {why}");
            self.add(Finding::wrong(PART_DOCUMENTS, what, fix).with(text));
        }
        Ok(())
    }

    /// What `map` says of a document that the schema takes.
    fn fault(&mut self, fault: Fault, text: &str, tried: &mut Tried) {
        match &fault {
            Fault::InvalidInput(detail) => {
                tried.refused += 1;
                if detail.message.trim().is_empty() {
                    let fix = "say in the fault's message what is wrong with the document; where a function gives a fault, it has to be set";
                    let what = "`map` refuses a document with a fault that says nothing";
                    self.add(Finding::wrong(PART_DOCUMENTS, what, fix).with(text));
                }
                let pointer = &detail.pointer;
                if !pointer.is_empty() && !pointer.starts_with('/') {
                    let fix =
                        "give an RFC 6901 pointer, as in `/sku`, or none for the whole document";
                    let what =
                        format!("`map` refuses a document at `{pointer}`, which is no pointer");
                    self.add(Finding::wrong(PART_DOCUMENTS, what, fix).with(text));
                }
            }
            Fault::InvalidSettings(_) => tried.refused += 1,
            Fault::Unsupported(_) => {
                let fix = "let `map` take the operation, or take it out of the manifest";
                let what =
                    "`map` says that it does not have this operation, which is in the manifest";
                self.add(Finding::wrong(PART_DOCUMENTS, what, fix));
            }
            Fault::InvalidReply(_) | Fault::Other(_) => {
                let said = fault_text(&fault);
                let what = format!("`map` fails by its own fault: {said}");
                let advice = "refuse a document that cannot be sent as invalid input with a pointer, or let its schema rule it out";
                let fix = mend(&said, advice);
                let finding = Finding::wrong(PART_DOCUMENTS, what, &fix).with(text);
                self.own(finding, &said);
            }
        }
    }

    fn failed(&mut self, function: &str, failure: &GuestFailure, input: &str) {
        let finding = failed(PART_DOCUMENTS, function, failure).with(input);
        self.add(finding);
    }

    fn add(&mut self, finding: Finding) {
        self.report.add(finding.of(&self.setting.operation));
    }

    /// What the adapter itself says, once.
    fn own(&mut self, finding: Finding, said: &str) {
        let finding = finding.of(&self.setting.operation);
        self.report.add_said(finding, placed(said));
    }

    /// The document with as much left out as `map` still fails without.
    async fn smaller(&mut self, text: &str) -> Result<String, Stuck> {
        let Ok(mut least) = serde_json::from_str::<Value>(text) else {
            return Ok(text.to_owned());
        };
        let Setting {
            context,
            operation: name,
            ..
        } = self.setting;
        if self.shrunk == MOST_SHRUNK {
            return Ok(text.to_owned());
        }
        self.shrunk += 1;
        let ends = Instant::now() + SHRINKING_TIME;
        let mut left = SHRINKING;
        let mut place = 0;
        while let Some(candidate) = without(&least, place) {
            if left == 0 || Instant::now() >= ends {
                break;
            }
            left -= 1;
            let items = [item(0, &candidate.to_string())];
            match self.trial.map(context, name, &items).await? {
                Gave::Failed(_) => least = candidate,
                Gave::Answer(_) | Gave::Fault(_) => place += 1,
            }
        }
        Ok(least.to_string())
    }
}

/// A guest call that gave no answer.
pub(super) fn failed(part: &str, function: &str, failure: &GuestFailure) -> Finding {
    use crate::plugin::guest::GuestFailureKind::{
        Contract, Deadline, Memory, Output, Trap, Unavailable,
    };
    let fix = match failure.kind {
        Trap => {
            "return a fault where it traps now: `invalid-input` for a document, `invalid-reply` for an answer"
        }
        Deadline => {
            "bound the work: split large documents, and do nothing that grows faster than its input"
        }
        Memory => "bound the memory: keep no copies of what is large",
        Output => "give less: split the request, or refuse the document",
        Contract | Unavailable => "see the contract in `wit/`",
    };
    let said = failure.told(str::to_owned);
    let what = format!("`{function}`: {said}");
    match place(&said) {
        Some(_) => Finding::wrong(part, what, &mend(&said, fix)),
        None => Finding::wrong(part, what, fix),
    }
}

pub(super) fn item(index: usize, text: &str) -> Item {
    Item {
        key: format!("item-{index}"),
        document: text.to_owned(),
    }
}

/// Where requests would go.
fn target() -> Option<Target> {
    let url = "https://platform.example".parse().ok()?;
    Target::new(&url).ok()
}
