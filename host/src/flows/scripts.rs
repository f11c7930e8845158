//! Records through a flow's own scripts.

use crossdock_store::limits;
use serde_json::value::RawValue;

use super::page::raw;
use super::trouble::Trouble;
use crate::budget::bounds::Bounds;
use crate::config::HostLimits;
use crate::problem::{Place, Problem};
use crate::redact::Redactor;
use crate::report::ItemStatus;
use crate::script::Script;
use crate::script::apply::apply;
use crate::serving::snapshot::Snapshot;

/// Bytes of records that are given to a script at once.
pub(super) const CHUNK_BYTES: usize = 8 << 20;

/// What became of one record: nothing, or one or several documents.
pub(super) type Made = Result<Vec<Box<RawValue>>, Problem>;

/// Each record through a script.
///
/// # Errors
/// If the script cannot be run at all.
pub(super) async fn through(
    snapshot: &Snapshot,
    host: &HostLimits,
    script: &Script,
    redactor: &Redactor,
    records: Vec<String>,
) -> Result<Vec<Made>, Trouble> {
    let engine = snapshot.engines.get(&script.extension).ok_or_else(|| {
        Trouble::Later(Problem::host(
            "script-engine-retired",
            format!("the engine for `.{}` scripts was retired", script.extension),
        ))
    })?;
    let mut made = Vec::with_capacity(records.len());
    let most = host.items_per_call.clamp(1, limits::ITEMS);
    for chunk in chunks(&records, most, String::len) {
        // Each of them is bounded as a call is.
        let bounds = Bounds::of(host, None);
        let prepared = apply(engine, script, chunk, redactor, &bounds).await;
        let prepared = prepared.map_err(Trouble::of)?;
        let mut of_chunk: Vec<Made> = chunk.iter().map(|_| Ok(Vec::new())).collect();
        for document in prepared.documents {
            let Some(Ok(texts)) = of_chunk.get_mut(document.item) else {
                continue;
            };
            match raw(document.text) {
                Some(text) => texts.push(text),
                None => {
                    let problem = Problem::script("invalid-json", "the script gave no JSON");
                    of_chunk[document.item] = Err(problem.place(Place::whole(&script.path)));
                }
            }
        }
        for report in prepared.settled {
            let index = report.index;
            if report.status == ItemStatus::Skipped {
                continue;
            }
            if let Some(place) = of_chunk.get_mut(index) {
                let unknown = || Problem::script("script-failed", "the script failed");
                *place = Err(report.problem().unwrap_or_else(unknown));
            }
        }
        made.append(&mut of_chunk);
    }
    Ok(made)
}

/// Parts of at most so many, and of about [`CHUNK_BYTES`].
pub(super) fn chunks<T>(all: &[T], most: usize, bytes: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut parts = Vec::new();
    let (mut from, mut size) = (0, 0);
    for (index, one) in all.iter().enumerate() {
        let own = bytes(one);
        if index > from && (index - from >= most || size + own > CHUNK_BYTES) {
            parts.push(&all[from..index]);
            (from, size) = (index, 0);
        }
        size += own;
    }
    if from < all.len() {
        parts.push(&all[from..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_bounded_and_leave_nothing_out() {
        let all = [1, 2, CHUNK_BYTES, CHUNK_BYTES + 1, 3, 4, 5];
        let parts = chunks(&all, 2, |bytes| *bytes);
        let shapes: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        assert_eq!(shapes, [2, 1, 1, 2, 1]);
        assert_eq!(parts.concat(), all);
        assert!(chunks(&[] as &[usize], 2, |bytes| *bytes).is_empty());
    }
}
