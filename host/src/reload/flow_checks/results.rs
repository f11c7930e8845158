//! Where a flow looks for records and for its cursor, against what the operation
//! says of its result.

use super::Fitting;
use crate::config::{FlowSource, did_you_mean};
use crate::problem::Problem;
use crate::schema::{Reach, reach};

impl Fitting<'_> {
    /// The pointers into an operation's result, where no script of the connection
    /// makes another of it.
    pub(super) fn pointers(
        &self,
        key: &str,
        name: &str,
        source: &FlowSource,
        problems: &mut Vec<Problem>,
    ) {
        let FlowSource::Operation {
            records, cursor, ..
        } = source
        else {
            return;
        };
        let mut operations = self.adapter.manifest.operations.iter();
        let operation = operations.find(|operation| operation.name == name);
        let (Some(operation), false) = (operation, self.connection.replies.contains_key(name))
        else {
            return;
        };
        let records = records.as_deref();
        let places = [
            Some(("records", records.unwrap_or_default(), true)),
            cursor
                .as_ref()
                .map(|cursor| ("cursor.from", cursor.from.as_str(), false)),
        ];
        for (what, pointer, wants_array) in places.into_iter().flatten() {
            let why = match reach(&operation.result, pointer, wants_array) {
                Reach::May => continue,
                Reach::Never { at, known } => {
                    let last = at.rsplit('/').next().unwrap_or_default();
                    let there = match known.is_empty() {
                        true => "nothing is behind it".to_owned(),
                        false => {
                            let known = known.iter().map(String::as_str);
                            did_you_mean(last, known, "there are")
                        }
                    };
                    format!("has nothing at `{at}`; {there}")
                }
                Reach::NoArray if pointer.is_empty() => {
                    "is no array; say in `records` where in it the records are".to_owned()
                }
                Reach::NoArray => format!("has no array at `{pointer}`"),
            };
            let detail = format!(
                "`{what}` leads nowhere: the result of `{name}` of adapter `{}` {why}",
                self.connection.adapter
            );
            problems.push(self.problem(&format!("{key}.{what}"), "config-no-such-result", &detail));
        }
    }
}
