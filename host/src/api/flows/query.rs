//! What the query of a request about flows asks for.

use std::collections::HashSet;

use super::super::deliveries::query::{pairs, unknown};
use super::super::problem::Refused;
use crate::flows::{MOST_DRY, MOST_RUNS};

/// What a query asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub dry_run: bool,
    pub limit: Option<usize>,
    pub before: Option<u64>,
    pub target: Option<String>,
    pub id: Option<u64>,
}

impl Query {
    /// Reads a query of which these parameters are known. One that is not, and one
    /// that is there twice, is refused: whoever mistypes `dry_run` must not run for
    /// real.
    pub fn read(query: &str, known: &[&str]) -> Result<Self, Refused> {
        let mut read = Self::default();
        let mut seen = HashSet::new();
        // What `limit` counts: records of a dry run, or runs.
        let most = match known.contains(&"dry_run") {
            true => MOST_DRY,
            false => MOST_RUNS,
        };
        for (name, value) in pairs(query)? {
            if !known.contains(&&*name) {
                return Err(unknown(&[known]));
            }
            if !seen.insert(name.clone()) {
                return Err(wrong(format!(
                    "`{name}` is in the query twice; write it once"
                )));
            }
            read.set(&name, value, most)?;
        }
        Ok(read)
    }

    fn set(&mut self, name: &str, value: String, most: usize) -> Result<(), Refused> {
        match name {
            "dry_run" => {
                self.dry_run = match &*value {
                    "" | "true" => true,
                    "false" => false,
                    _ => return Err(wrong("`dry_run` must be `true` or `false`")),
                };
            }
            "limit" => {
                let number = value.parse().ok();
                let number = number.filter(|number| (1..=most).contains(number));
                self.limit =
                    Some(number.ok_or_else(|| {
                        wrong(format!("`limit` must be a number from 1 to {most}"))
                    })?);
            }
            "before" => {
                let number = value.parse().ok();
                self.before = Some(number.ok_or_else(|| {
                    wrong("`before` must be a number: give the `before` of the answer before")
                })?);
            }
            "id" => {
                // An empty one would be taken for all of them.
                let number = value.parse().ok();
                self.id = Some(number.ok_or_else(|| {
                    wrong(
                        "`id` must be the number of a parked record; leave it out for all of them",
                    )
                })?);
            }
            "target" if value.trim().is_empty() => {
                // It would be taken for all of them.
                return Err(wrong(
                    "`target` is empty; give it a value, or leave it out for every target",
                ));
            }
            "target" => self.target = Some(value),
            _ => {}
        }
        Ok(())
    }
}

pub(super) fn wrong(detail: impl Into<String>) -> Refused {
    Refused::bad_request("invalid-query", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[&str] = &["dry_run", "limit", "before", "target", "id"];

    #[test]
    fn what_is_not_known_or_there_twice_is_refused() {
        let read = Query::read("dry_run&limit=7&before=3&target=mini-shop&id=9", ALL).unwrap();
        let expected = Query {
            dry_run: true,
            limit: Some(7),
            before: Some(3),
            target: Some("mini-shop".into()),
            id: Some(9),
        };
        assert_eq!(read, expected);
        for query in [
            "dryrun=true",
            "dry_run=yes",
            "dry_run=true&dry_run=true",
            "limit=0",
            "limit=101",
            "before=x",
            "target=",
            "target=+",
            "id=",
            "id=-1",
            "id=all",
        ] {
            let refused = Query::read(query, ALL).unwrap_err();
            assert_eq!(refused.problem.code, "invalid-query", "{query}");
        }
        let runs = |query| Query::read(query, &["before", "limit"]);
        assert_eq!(runs("limit=1000").unwrap().limit, Some(1000));
        assert!(runs("limit=1001").is_err());
    }
}
