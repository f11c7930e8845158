//! Where a flow looks for records and for its cursor, against what the operation
//! says of its result, and where the cursor goes, against what it says of its input.

use super::Fitting;
use crate::config::{CursorRule, FlowSource, did_you_mean};
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
        // A pointer that cannot be read was told of: nothing is known of the place.
        let unread = records.is_none() && self.is_typed(&format!("{key}.records"));
        let records = records.as_deref().unwrap_or_default();
        let places = [
            (!unread).then_some(("records", records, true)),
            cursor
                .as_ref()
                .map(|cursor| ("cursor.from", cursor.from.as_str(), false)),
        ];
        for (what, pointer, wants_array) in places.into_iter().flatten() {
            let why = match reach(&operation.result, pointer, wants_array) {
                Reach::May => continue,
                Reach::Never { at, known } => nothing(&at, &known),
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

    /// Whether a cursor has a place in the operation's input, where no mapping makes
    /// another of it.
    pub(super) fn takes_cursor(
        &self,
        key: &str,
        name: &str,
        cursor: &CursorRule,
        problems: &mut Vec<Problem>,
    ) -> bool {
        let mut operations = self.adapter.manifest.operations.iter();
        let Some(operation) = operations.find(|operation| operation.name == name) else {
            return true;
        };
        let Reach::Never { at, known } = reach(&operation.document, &cursor.to, false) else {
            return true;
        };
        let detail = format!(
            "`cursor.to` leads nowhere: the input of `{name}` of adapter `{}` {}",
            self.connection.adapter,
            nothing(&at, &known)
        );
        problems.push(self.problem(&format!("{key}.cursor.to"), "config-bad-input", &detail));
        false
    }

    /// Whether a key below the flow is in the file, readable or not.
    pub(super) fn is_typed(&self, key: &str) -> bool {
        self.flow.places.contains_key(key)
    }
}

/// What to say of a place that cannot be there.
fn nothing(at: &str, known: &[String]) -> String {
    let last = at.rsplit('/').next().unwrap_or_default();
    let there = match known.is_empty() {
        true => "nothing is behind it".to_owned(),
        false => did_you_mean(last, known.iter().map(String::as_str), "there are"),
    };
    format!("has nothing at `{at}`; {there}")
}
