//! What an operation answers, as a source: one call is one page.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::call::{Answer, answer, call, reads, route};
use super::page::raw;
use super::source::{Fetched, Source};
use super::trouble::Trouble;
use super::{Serves, Shared, json};
use crate::config::CursorRule;
use crate::problem::{Blame, Problem};

/// An operation that gives records.
pub(super) struct Operation {
    pub shared: Arc<Shared>,
    pub serves: Serves,
    pub name: String,
    pub connection: String,
    pub operation: String,
    /// JSON text.
    pub input: String,
    pub records: Option<String>,
    pub cursor: Option<CursorRule>,
}

impl Source for Operation {
    fn next<'a>(
        &'a mut self,
        cursor: Option<&'a [u8]>,
        number: u32,
        _most: usize,
    ) -> BoxFuture<'a, Result<Fetched, Trouble>> {
        Box::pin(self.page(cursor, number))
    }
}

impl Operation {
    async fn page(&self, cursor: Option<&[u8]>, number: u32) -> Result<Fetched, Trouble> {
        let (input, used) = self.input(cursor)?;
        let tenant = &self.serves.tenant.config.name;
        let (connection, operation) = (&self.connection, &self.operation);
        let route = route(&self.serves.snapshot, tenant, connection, operation)?;
        let reads = reads(&route);
        let (outbox, config) = (&self.shared.outbox, &self.shared.config);
        let name = format!("{}:{number}:from", self.name);
        let mut report = call(outbox, config, route, vec![input], &name).await?;
        let Some(item) = report.items.pop() else {
            return Err(Trouble::Final(self.no_records("it answered nothing")));
        };
        if item.shortened {
            return Err(Trouble::Final(self.no_records(
                "its answer takes more memory than `[limits] call_memory_mb` allows a call; ask for fewer records at once",
            )));
        }
        let data = match answer(item, reads) {
            Answer::Data(Some(data)) => data,
            Answer::Data(None) => {
                return Err(Trouble::Final(self.no_records("its result has no data")));
            }
            Answer::Skipped => {
                return Err(Trouble::Final(
                    self.no_records("the connection's mapping made nothing of `input`"),
                ));
            }
            Answer::Later(problem) => return Err(Trouble::Later(problem)),
            Answer::Never(problem) => return Err(Trouble::Final(problem)),
        };
        let fetched = taken_apart(&data, self.records.as_deref(), self.cursor.as_ref(), &used);
        fetched.map_err(|why| Trouble::Final(self.no_records(&why)))
    }

    /// The item of the next call, and the cursor that is in it.
    fn input(&self, cursor: Option<&[u8]>) -> Result<(String, Value), Trouble> {
        let Some(rule) = &self.cursor else {
            return Ok((self.input.clone(), Value::Null));
        };
        let unreadable = |what: &str| {
            let detail = format!("{what} of the flow is no JSON");
            Trouble::Final(Problem::host("flow-cursor-unreadable", detail))
        };
        let mut input: Value =
            serde_json::from_str(&self.input).map_err(|_| unreadable("`input`"))?;
        let kept = match (cursor, &rule.start) {
            (Some(kept), _) => Some(
                serde_json::from_slice(kept).map_err(|_| unreadable("the cursor that is kept"))?,
            ),
            (None, Some(start)) => {
                Some(serde_json::from_str(start).map_err(|_| unreadable("`start`"))?)
            }
            (None, None) => None,
        };
        let used = match kept {
            Some(kept) => {
                if !json::put(&mut input, &rule.to, Value::clone(&kept)) {
                    return Err(Trouble::Final(Problem::caller(
                        "flow-cursor-place",
                        format!(
                            "`cursor.to` of the flow, `{}`, is no place in its `input`",
                            rule.to
                        ),
                    )));
                }
                kept
            }
            None => input.pointer(&rule.to).cloned().unwrap_or(Value::Null),
        };
        Ok((input.to_string(), used))
    }

    fn no_records(&self, why: &str) -> Problem {
        Problem::new(
            Blame::Caller,
            "flow-no-records",
            format!(
                "no records come of operation `{}` of connection `{}`: {why}",
                self.operation, self.connection
            ),
        )
    }
}

/// A result to its records, and the cursor behind them.
fn taken_apart(
    data: &serde_json::value::RawValue,
    records: Option<&str>,
    rule: Option<&CursorRule>,
    used: &Value,
) -> Result<Fetched, String> {
    let data: Value = serde_json::from_str(data.get()).map_err(|_| "its result is no JSON")?;
    let found = data.pointer(records.unwrap_or_default());
    let list = match found {
        Some(Value::Array(list)) => list,
        // An answer without records may leave the list out.
        None | Some(Value::Null) if rule.is_some() => &Vec::new(),
        Some(_) => {
            return Err(match records {
                Some(pointer) => format!("what is at `{pointer}` in its result is no array"),
                None => "its result is no array; `records` says where in it they are".to_owned(),
            });
        }
        None => {
            let pointer = records.unwrap_or_default();
            return Err(format!("there is no `{pointer}` in its result"));
        }
    };
    let next = rule.and_then(|rule| data.pointer(&rule.from));
    let next = next.filter(|next| !next.is_null());
    let moved = next.is_some_and(|next| next != used);
    Ok(Fetched {
        last: list.is_empty() || !moved,
        records: list
            .iter()
            .filter_map(|record| raw(record.to_string()))
            .collect(),
        cursor: next
            .filter(|_| moved)
            .map(|next| next.to_string().into_bytes()),
        ..Fetched::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule() -> CursorRule {
        CursorRule {
            from: "/position".into(),
            to: "/position".into(),
            start: Some("0".into()),
        }
    }

    fn of(data: &str, records: Option<&str>, rule: Option<&CursorRule>) -> Result<Fetched, String> {
        let data = raw(data.to_owned()).unwrap();
        taken_apart(&data, records, rule, &json!(7))
    }

    #[test]
    fn records_keep_every_digit_and_the_cursor_moves_behind_them() {
        let data = r#"{"ids": [{"id": 1234567890123456789012}, 2.10], "position": 9}"#;
        let fetched = of(data, Some("/ids"), Some(&rule())).unwrap();
        let texts: Vec<&str> = fetched.records.iter().map(|record| record.get()).collect();
        assert_eq!(texts, [r#"{"id":1234567890123456789012}"#, "2.10"]);
        assert_eq!(
            (fetched.cursor.as_deref(), fetched.last),
            (Some(&b"9"[..]), false)
        );
    }

    #[test]
    fn a_run_ends_with_a_page_without_records_or_whose_cursor_did_not_move() {
        let end = |data| of(data, Some("/ids"), Some(&rule())).unwrap();
        assert!(end(r#"{"ids": [], "position": 9}"#).last);
        let still = end(r#"{"ids": [1], "position": 7}"#);
        assert!(still.last && still.cursor.is_none() && still.records.len() == 1);
        assert!(end(r#"{"position": 7}"#).last);
        assert!(of("[1]", None, None).unwrap().last);
    }

    #[test]
    fn a_result_without_an_array_is_told_with_its_place() {
        for (data, records) in [
            ("{}", Some("/ids")),
            ("{\"ids\": 3}", Some("/ids")),
            ("3", None),
        ] {
            let why = of(data, records, None).unwrap_err();
            assert!(why.contains(records.unwrap_or("records")), "{why}");
        }
    }
}
