//! Records through calls whose results they go on with.

use std::sync::Arc;

use crossdock_store::NewParked;
use serde_json::Value;
use serde_json::value::RawValue;

use super::call::{Answer, answer, call, reads, route};
use super::page::{Failed, Record, raw, written};
use super::part::Part;
use super::scripts::{chunks, through as through_script};
use super::trouble::Trouble;
use super::{Serves, Shared, json};
use crate::problem::{Place, Problem};
use crate::serving::route::Route;

/// What became of records.
pub(super) struct Stepped {
    /// All of them: as they are now, or with what they failed on.
    pub records: Vec<Record>,
    pub parked: Vec<NewParked>,
}

/// What one step is.
struct Step<'a> {
    shared: &'a Shared,
    serves: &'a Serves,
    index: usize,
    route: Route,
    name: String,
}

/// What a step made of a record.
enum Became {
    Record(Box<RawValue>),
    Skipped,
    Failed(Problem),
}

/// Records through every step. One that was parked behind them is left as it is.
pub(super) async fn through(
    shared: &Arc<Shared>,
    part: &Part,
    serves: &Serves,
    records: Vec<Record>,
    name: &str,
) -> Result<Stepped, Trouble> {
    let all = serves.flow.config.steps.len();
    through_first(shared, part, serves, records, (name, all)).await
}

/// Records through the first so many steps, which are called by this name.
pub(super) async fn through_first(
    shared: &Arc<Shared>,
    part: &Part,
    serves: &Serves,
    mut records: Vec<Record>,
    (name, count): (&str, usize),
) -> Result<Stepped, Trouble> {
    let mut parked = Vec::new();
    if count == 0 || serves.flow.config.steps.is_empty() {
        return Ok(Stepped { records, parked });
    }
    // A record that is parked goes through every step again.
    let given: Vec<Box<RawValue>> = records.iter().map(|record| record.json.clone()).collect();
    for (index, config) in serves.flow.config.steps.iter().take(count).enumerate() {
        let (connection, operation) = (&config.connection, &config.operation);
        let step = Step {
            shared,
            serves,
            index,
            route: route(&serves.snapshot, &part.tenant, connection, operation)?,
            name: format!("{name}:step:{index}"),
        };
        let wanted =
            |record: &Record| record.only.is_none() && record.failed.is_none() && !record.skipped;
        let wanted: Vec<usize> = (0..records.len())
            .filter(|index| wanted(&records[*index]))
            .collect();
        let texts = wanted
            .iter()
            .map(|index| records[*index].json.get().to_owned());
        let became = step.through(texts.collect()).await?;
        for (index, became) in wanted.into_iter().zip(became) {
            match became {
                Became::Record(json) => records[index].json = json,
                Became::Skipped => records[index].skipped = true,
                Became::Failed(problem) => {
                    parked.push(NewParked {
                        target: None,
                        record: given[index].get().as_bytes().to_vec(),
                        problem: written(&problem),
                        generation: serves.generation(shared.process),
                    });
                    records[index].failed = Some(Failed::from(&problem));
                }
            }
        }
    }
    Ok(Stepped { records, parked })
}

impl Step<'_> {
    async fn through(&self, records: Vec<String>) -> Result<Vec<Became>, Trouble> {
        let mut became: Vec<Option<Became>> = records.iter().map(|_| None).collect();
        // Which record each item is of.
        let (mut items, mut of) = (Vec::new(), Vec::new());
        match &self.serves.flow.steps[self.index] {
            None => {
                of.extend(0..records.len());
                items.extend(records.iter().cloned());
            }
            Some(script) => {
                let host = &self.shared.config.limits;
                let armed = self.route.connection.armed();
                let redactor = &armed.redactor;
                let snapshot = &self.serves.snapshot;
                let made = through_script(snapshot, host, script, redactor, records.clone());
                for (index, made) in made.await?.into_iter().enumerate() {
                    match made {
                        Ok(mut made) if made.len() == 1 => {
                            of.push(index);
                            items.extend(made.pop().map(|item| item.get().to_owned()));
                        }
                        Ok(made) if made.is_empty() => became[index] = Some(Became::Skipped),
                        Ok(made) => {
                            let detail = format!(
                                "the script of a step makes one item of a record, and made {}; a script of `to` may make several",
                                made.len()
                            );
                            let problem = Problem::script("flow-step-items", detail)
                                .place(Place::whole(&script.path));
                            became[index] = Some(Became::Failed(problem));
                        }
                        Err(problem) => became[index] = Some(Became::Failed(problem)),
                    }
                }
            }
        }
        let numbered: Vec<(usize, String)> = of.into_iter().zip(items).collect();
        let most = self.shared.config.limits.items_per_call.max(1);
        let reads = reads(&self.route);
        for (number, chunk) in chunks(&numbered, most, |(_, item)| item.len())
            .into_iter()
            .enumerate()
        {
            let items = chunk.iter().map(|(_, item)| item.clone()).collect();
            let name = format!("{}:{number}", self.name);
            let (outbox, config) = (&self.shared.outbox, &self.shared.config);
            let report = call(outbox, config, self.route.clone(), items, &name).await?;
            for report in report.items {
                let Some((index, _)) = chunk.get(report.index) else {
                    continue;
                };
                let shortened = report.shortened;
                became[*index] = Some(match answer(report, reads) {
                    Answer::Later(problem) => return Err(Trouble::Later(problem)),
                    Answer::Never(problem) => Became::Failed(problem),
                    Answer::Skipped => Became::Skipped,
                    Answer::Data(data) => self.with(&records[*index], data, shortened),
                });
            }
        }
        let missing = || {
            Became::Failed(Problem::adapter(
                "flow-step-unanswered",
                "the step's operation gave no outcome for the record",
            ))
        };
        let became = became.into_iter();
        Ok(became
            .map(|became| became.unwrap_or_else(missing))
            .collect())
    }

    /// A record with a step's result.
    fn with(&self, record: &str, data: Option<Box<RawValue>>, shortened: bool) -> Became {
        let config = &self.serves.flow.config.steps[self.index];
        if shortened {
            return Became::Failed(Problem::caller(
                "call-too-large",
                "the results of a step take more memory than `[limits] call_memory_mb` allows a call; set a smaller `page`",
            ));
        }
        let Some(name) = &config.keep_as else {
            return match data {
                Some(data) => Became::Record(data),
                None => Became::Failed(Problem::platform(
                    "flow-step-no-data",
                    format!(
                        "operation `{}` gave no data to go on with",
                        config.operation
                    ),
                )),
            };
        };
        let data = data.map_or(Ok(Value::Null), |data| serde_json::from_str(data.get()));
        let record = serde_json::from_str::<Value>(record);
        let (Ok(data), Ok(mut record)) = (data, record) else {
            return Became::Failed(Problem::host("invalid-json", "a record is no JSON"));
        };
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        if !record.is_object() || !json::put(&mut record, &pointer, data) {
            let detail =
                format!("the record is no object, so that it cannot have a member `{name}`");
            return Became::Failed(Problem::caller("flow-record-no-object", detail));
        }
        match raw(record.to_string()) {
            Some(record) => Became::Record(record),
            None => Became::Failed(Problem::host("invalid-json", "a record is no JSON")),
        }
    }
}
