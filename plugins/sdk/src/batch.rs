//! From items to batches: read each, refuse those that cannot be sent, keep
//! the others with their indices.
//!
//! ```
//! # use crossdock_adapter::{Draft, Item, Mapped, batch};
//! # let items: Vec<Item> = vec![];
//! let mut mapped = Mapped::default();
//! let rows = batch::read(&mut mapped, &items, |item| Ok(&item.document));
//! for rows in rows.chunks(100) {
//!     let body = batch::array(rows, |out, document| out.push_str(document));
//!     mapped.send(Draft::post("/update").json_body(body), rows, true);
//! }
//! ```

use crate::types::{Draft, Fault, Item, Mapped};

/// What was read from the item with this index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<T> {
    /// Index of the item.
    pub index: u32,
    /// What was read from it.
    pub value: T,
}

/// Reads every item; those that cannot be read become failures of `mapped`.
pub fn read<'a, T>(
    mapped: &mut Mapped,
    items: &'a [Item],
    mut read: impl FnMut(&'a Item) -> Result<T, Fault>,
) -> Vec<Row<T>> {
    let mut rows = Vec::with_capacity(items.len());
    for (index, item) in (0..).zip(items) {
        match read(item) {
            Ok(value) => rows.push(Row { index, value }),
            Err(fault) => mapped.fail(index, fault),
        }
    }
    rows
}

/// A request for each item, where the platform takes one at a time; items of
/// which `draft` makes no request become failures.
pub fn each(
    items: &[Item],
    repeatable: bool,
    draft: impl FnMut(&Item) -> Result<Draft, Fault>,
) -> Mapped {
    let mut mapped = Mapped::default();
    for row in read(&mut mapped, items, draft) {
        let Row { index, value } = row;
        mapped.send(value, &[Row { index, value: () }], repeatable);
    }
    mapped
}

/// Rows with equal keys together, for platforms whose request names one store
/// or one warehouse. Groups and rows keep the order of the items.
pub fn group<T, K: PartialEq>(rows: Vec<Row<T>>, key: impl Fn(&T) -> K) -> Vec<(K, Vec<Row<T>>)> {
    let mut groups: Vec<(K, Vec<Row<T>>)> = Vec::new();
    for row in rows {
        let wanted = key(&row.value);
        match groups.iter_mut().find(|(key, _)| *key == wanted) {
            Some((_, group)) => group.push(row),
            None => groups.push((wanted, vec![row])),
        }
    }
    groups
}

/// The items' indices, for [`crate::Request::of`].
pub fn indices<T>(rows: &[Row<T>]) -> Vec<u32> {
    rows.iter().map(|row| row.index).collect()
}

/// A JSON array of what `write` appends for each row.
pub fn array<T>(rows: &[Row<T>], mut write: impl FnMut(&mut String, &T)) -> String {
    let mut out = String::from("[");
    for (position, row) in rows.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(&mut out, &row.value);
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(documents: &[&str]) -> Vec<Item> {
        let item = |document: &&str| Item {
            key: String::new(),
            document: (*document).to_owned(),
        };
        documents.iter().map(item).collect()
    }

    #[test]
    fn every_item_is_a_row_or_a_failure() {
        let items = items(&["1", "x", "3"]);
        let mut mapped = Mapped::default();
        let rows = read(&mut mapped, &items, |item| item.read::<u32>());
        assert_eq!(indices(&rows), [0, 2]);
        assert_eq!(mapped.failures.len(), 1);
        assert_eq!(mapped.failures[0].item, 1);
    }

    #[test]
    fn each_item_is_a_request_or_a_failure() {
        let items = items(&["1", "x", "3"]);
        let mapped = each(&items, true, |item| {
            let number: u32 = item.read()?;
            Ok(Draft::get(format!("/{number}")))
        });
        let sent: Vec<_> = mapped
            .requests
            .iter()
            .map(|request| (request.draft.path.as_str(), request.items.as_slice()))
            .collect();
        assert_eq!(sent, [("/1", [0].as_slice()), ("/3", [2].as_slice())]);
        assert!(mapped.requests.iter().all(|request| request.repeatable));
        assert_eq!(mapped.failures[0].item, 1);
    }

    #[test]
    fn groups_keep_the_order_of_the_items() {
        let rows = vec![
            Row {
                index: 0,
                value: "b",
            },
            Row {
                index: 1,
                value: "a",
            },
            Row {
                index: 2,
                value: "b",
            },
        ];
        let groups = group(rows, |value| *value);
        let shape: Vec<_> = groups
            .iter()
            .map(|(key, rows)| (*key, indices(rows)))
            .collect();
        assert_eq!(shape, [("b", vec![0, 2]), ("a", vec![1])]);
    }
}
