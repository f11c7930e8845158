//! Records to items: conditions, scripts, and only what changed.

use std::collections::HashSet;
use std::sync::Arc;

use crossdock_store::{NewParked, RunCounts, limits};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::call::route;
use super::page::{ForTarget, Record, Work, written as as_bytes};
use super::part::Part;
use super::scripts::{Made, through};
use super::trouble::Trouble;
use super::{Serves, Shared, written};
use crate::config::FlowTarget;
use crate::delivery::fit::fit as check;
use crate::problem::{Place, Problem};
use crate::script::Script;
use crate::script::apply::Document;
use crate::serving::route::Route;
use crate::serving::tenant_flow::TargetScripts;

/// Records whose items are checked at once: each part may take as long as a call.
const AT_ONCE: usize = 1_000;

/// What a page became.
pub(super) struct Prepared {
    pub work: Work,
    pub parked: Vec<NewParked>,
    pub counts: RunCounts,
}

/// Items for every target. Nothing is queued yet.
pub(super) async fn prepare(
    shared: &Arc<Shared>,
    part: &Part,
    serves: &Serves,
    records: Vec<Record>,
) -> Result<Prepared, Trouble> {
    let mut prepared = Prepared {
        work: Work::default(),
        parked: Vec::new(),
        counts: RunCounts::default(),
    };
    let flow = &serves.flow;
    let none = TargetScripts::default();
    for (index, target) in flow.config.targets.iter().enumerate() {
        let FlowTarget::Operation {
            name,
            connection,
            operation,
            ..
        } = target
        else {
            prepared
                .work
                .targets
                .push(written::items(&records, target.name()));
            continue;
        };
        let scripts = flow.targets.get(index).unwrap_or(&none);
        let making = Making {
            shared,
            serves,
            route: route(&serves.snapshot, &part.tenant, connection, operation)?,
        };
        let mut made = making.items(&records, name, scripts).await?;
        (made.connection, made.operation) = (connection.clone(), operation.clone());
        if flow.config.changes_only {
            making.only_changes(part, &mut made).await?;
        }
        let failed = made
            .left
            .failed
            .iter()
            .zip(std::mem::take(&mut made.problems));
        for ((record, _), problem) in failed {
            let Some(record) = records.get(*record as usize) else {
                continue;
            };
            prepared.parked.push(NewParked {
                target: Some(name.clone()),
                record: record.json.get().as_bytes().to_vec(),
                problem: as_bytes(&problem),
                generation: serves.generation(shared.process),
            });
        }
        prepared.counts.skipped += made.left.skipped.len() as u64;
        prepared.counts.unchanged += made.left.unchanged.len() as u64;
        prepared.work.targets.push(made);
    }
    prepared.work.records = records;
    Ok(prepared)
}

/// How items are made for one target.
pub(super) struct Making<'a> {
    pub shared: &'a Shared,
    pub serves: &'a Serves,
    pub route: Route,
}

impl Making<'_> {
    /// The items of one target.
    pub async fn items(
        &self,
        records: &[Record],
        name: &str,
        scripts: &TargetScripts,
    ) -> Result<ForTarget, Trouble> {
        let mut made = ForTarget {
            name: name.to_owned(),
            ..ForTarget::default()
        };
        let wanted = records.iter().enumerate();
        let wanted = wanted.filter(|(_, record)| record.is_for(name));
        let mut wanted: Vec<u32> = wanted
            .filter_map(|(index, _)| u32::try_from(index).ok())
            .collect();
        let skipped = records
            .iter()
            .enumerate()
            .filter(|(_, record)| record.skipped);
        let skipped = skipped.filter_map(|(index, _)| u32::try_from(index).ok());
        made.left.skipped.extend(skipped);
        if let Some(when) = &scripts.when {
            let answers = self.through(records, &wanted, when).await?;
            let mut go = Vec::with_capacity(wanted.len());
            for (record, answer) in wanted.into_iter().zip(answers) {
                match answer {
                    Ok(answer) if holds(&answer) => go.push(record),
                    Ok(_) => made.left.skipped.push(record),
                    Err(problem) => made.fails(record, problem),
                }
            }
            wanted = go;
        }
        let items: Vec<Made> = match &scripts.script {
            Some(script) => self.through(records, &wanted, script).await?,
            None => {
                let records = wanted.iter().map(|index| &records[*index as usize]);
                records
                    .map(|record| Ok(vec![record.json.clone()]))
                    .collect()
            }
        };
        let place = scripts.script.as_ref();
        let items = items.into_iter();
        let items = items.map(|items| items.and_then(|items| fit(items, place)));
        let items = self.documents(items.collect(), place).await?;
        for (record, items) in wanted.into_iter().zip(items) {
            match items {
                Ok(items) if items.is_empty() => made.left.skipped.push(record),
                Ok(items) => {
                    made.of.extend(items.iter().map(|_| record));
                    made.items.extend(items);
                }
                Err(problem) => made.fails(record, problem),
            }
        }
        Ok(made)
    }

    /// Leaves out what no platform could take, so that it is parked like everything
    /// else that a script does not manage, and goes again once that was mended. Where
    /// the connection has a script of its own for the operation, that has the last
    /// word, and the delivery looks at what it makes.
    async fn documents(
        &self,
        mut items: Vec<Made>,
        script: Option<&Script>,
    ) -> Result<Vec<Made>, Trouble> {
        let (route, connection) = (&self.route, &self.route.connection);
        if connection.scripts.contains_key(&route.operation) {
            return Ok(items);
        }
        let schema = &route.compiled().map_err(Trouble::Later)?.document;
        let armed = connection.armed();
        for items in items.chunks_mut(AT_ONCE) {
            let documents = items.iter().enumerate().flat_map(|(item, made)| {
                let texts = made.iter().flatten().enumerate();
                texts.map(move |(part, text)| Document {
                    item,
                    part,
                    text: text.get().to_owned(),
                })
            });
            let documents = documents.collect();
            let fitted = check(schema, documents, script, &armed.redactor, None).await;
            for unfit in fitted.failed {
                let index = unfit.report.index;
                if let (Some(made), Some(problem)) = (items.get_mut(index), unfit.report.problem())
                {
                    *made = Err(Problem {
                        item: None,
                        ..problem
                    });
                }
            }
        }
        Ok(items)
    }

    async fn through(
        &self,
        records: &[Record],
        wanted: &[u32],
        script: &Script,
    ) -> Result<Vec<Made>, Trouble> {
        let texts = wanted.iter().map(|index| &records[*index as usize]);
        let texts = texts.map(|record| record.json.get().to_owned()).collect();
        let (snapshot, host) = (&self.serves.snapshot, &self.shared.config.limits);
        let armed = self.route.connection.armed();
        let redactor = &armed.redactor;
        through(snapshot, host, script, redactor, texts).await
    }

    /// Leaves items out that their target took last, and nothing about the thing
    /// was sent since.
    pub async fn only_changes(&self, part: &Part, made: &mut ForTarget) -> Result<(), Trouble> {
        let items: Vec<String> = made
            .items
            .iter()
            .map(|item| item.get().to_owned())
            .collect();
        let keys = self.shared.outbox.keys(&self.route, &items).await;
        let keys = keys.map_err(Trouble::of)?;
        let things: Vec<(usize, Vec<u8>)> = (0..items.len())
            .filter_map(|item| Some((item, keys.thing(item)?.to_vec())))
            .collect();
        let mut known = vec![None; items.len()];
        for part_of in things.chunks(limits::FLOW_BATCH) {
            let (id, target) = (part.id, made.name.clone());
            let asked: Vec<Vec<u8>> = part_of.iter().map(|(_, key)| key.clone()).collect();
            let seen = self
                .shared
                .store(move |store| store.seen(id, &target, &asked));
            let seen = seen.await.map_err(Trouble::Later)?;
            for ((item, _), hash) in part_of.iter().zip(seen) {
                known[*item] = hash;
            }
        }
        // What comes after a change of the same thing is a change, too.
        let mut sent: HashSet<&[u8]> = HashSet::new();
        let mut go = Vec::with_capacity(items.len());
        for (item, text) in items.iter().enumerate() {
            let thing = keys.thing(item);
            let fresh = thing.is_none_or(|thing| !sent.contains(thing));
            if fresh && known[item] == Some(hash(text)) {
                continue;
            }
            sent.extend(thing);
            go.push(item);
        }
        let of_sent: HashSet<u32> = go.iter().map(|item| made.of[*item]).collect();
        let mut unchanged: Vec<u32> = made.of.clone();
        unchanged.dedup();
        unchanged.retain(|record| !of_sent.contains(record));
        made.left.unchanged = unchanged;
        let kept = keys.of(go.iter().copied());
        made.items = go.iter().map(|item| made.items[*item].clone()).collect();
        made.of = go.iter().map(|item| made.of[*item]).collect();
        made.keys = Some(kept);
        made.changes_only = true;
        Ok(())
    }
}

/// What tells whether an item is the same as another one.
pub(super) fn hash(item: &str) -> [u8; 32] {
    Sha256::digest(item).into()
}

/// Whether a condition holds, by what its script gave.
fn holds(answer: &[Box<RawValue>]) -> bool {
    let first = answer.first().map(|answer| answer.get());
    !matches!(first, None | Some("false" | "null"))
}

/// Items that the outbox takes.
fn fit(items: Vec<Box<RawValue>>, script: Option<&Script>) -> Made {
    let place = |problem: Problem| match script {
        Some(script) => problem.place(Place::whole(&script.path)),
        None => problem,
    };
    if items.iter().any(|item| !item.get().starts_with('{')) {
        let detail = "an item has to be a JSON object; have the script make one, or `empty` to leave the record out";
        return Err(place(Problem::script("flow-item-no-object", detail)));
    }
    // What encryption adds is less than this.
    if items
        .iter()
        .any(|item| item.get().len() > limits::INPUT - 1024)
    {
        let detail = format!("an item is larger than {} MiB", limits::INPUT >> 20);
        return Err(place(Problem::script("flow-item-too-large", detail)));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::super::page::raw;
    use super::*;

    fn json(text: &str) -> Box<RawValue> {
        raw(text.to_owned()).unwrap()
    }

    #[test]
    fn a_condition_holds_unless_it_gives_false_null_or_nothing() {
        assert!(!holds(&[]));
        for (text, held) in [
            ("false", false),
            ("null", false),
            ("true", true),
            ("0", true),
            ("\"\"", true),
        ] {
            assert_eq!(holds(&[json(text)]), held, "{text}");
        }
    }

    #[test]
    fn only_objects_become_items() {
        assert_eq!(fit(vec![json("{}"), json("{}")], None).unwrap().len(), 2);
        let refused = fit(vec![json("{}"), json("[{}]")], None).unwrap_err();
        assert_eq!(refused.code, "flow-item-no-object");
    }
}
