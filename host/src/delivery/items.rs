//! Documents' reports as items': a script may make several documents of one.

use crate::problem::Problem;
use crate::report::{ItemReport, ItemStatus};
use crate::script::apply::Document;

/// Items between two looks at whether somebody else wants the thread.
const SLICE: usize = 256;

/// Document reports back to the caller's items, in the caller's order.
pub async fn by_item(
    count: usize,
    settled: Vec<ItemReport>,
    documents: &[Document],
    reports: Vec<Option<ItemReport>>,
) -> Vec<ItemReport> {
    let mut items: Vec<Vec<ItemReport>> = vec![Vec::new(); count];
    for report in settled {
        items[report.index].push(report);
    }
    for (document, report) in documents.iter().zip(reports) {
        let report = report.unwrap_or_else(|| {
            let problem = Problem::host(
                "not-settled",
                "the delivery ended before this item was tried",
            );
            ItemReport::failed(0, problem)
        });
        items[document.item].push(report);
    }
    let mut whole = Vec::with_capacity(count);
    for (index, mut reports) in items.into_iter().enumerate() {
        if index % SLICE == SLICE - 1 {
            tokio::task::yield_now().await;
        }
        let mut report = match reports.len() {
            1 => reports.remove(0),
            _ => together(reports),
        };
        report.index = index;
        whole.push(report);
    }
    whole
}

/// The reports of one item's several documents as one: the worst speaks, and
/// `data` lists them all. Where some arrived and some did not, nobody may send
/// the item again as a whole.
fn together(parts: Vec<ItemReport>) -> ItemReport {
    const WORST_FIRST: [ItemStatus; 8] = [
        ItemStatus::Unknown,
        ItemStatus::Partial,
        ItemStatus::Failed,
        ItemStatus::Rejected,
        ItemStatus::Queued,
        ItemStatus::Accepted,
        ItemStatus::Duplicate,
        ItemStatus::Skipped,
    ];
    let rank = |report: &ItemReport| {
        WORST_FIRST
            .iter()
            .position(|status| *status == report.status)
    };
    let mut parts = parts;
    for (part, report) in parts.iter_mut().enumerate() {
        report.index = part;
    }
    let data = serde_json::value::to_raw_value(&parts).ok();
    let arrived =
        |report: &ItemReport| matches!(report.status, ItemStatus::Accepted | ItemStatus::Duplicate);
    let some_arrived = parts.iter().any(arrived);
    let all_go_again = parts.iter().all(|report| report.goes_again);
    let untried = parts.iter().all(|report| report.untried);
    let worst = parts.into_iter().min_by_key(rank);
    let mut report = worst.unwrap_or_else(|| ItemReport::new(0, ItemStatus::Skipped));
    if some_arrived && matches!(report.status, ItemStatus::Failed | ItemStatus::Rejected) {
        report.status = ItemStatus::Partial;
    }
    // What arrived would arrive twice.
    report.goes_again &= !some_arrived && all_go_again;
    report.untried = untried;
    report.data = data;
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_item_of_which_a_part_arrived_is_not_called_failed() {
        use ItemStatus::*;
        for (parts, expected) in [
            (&[Accepted, Failed][..], Partial),
            (&[Rejected, Accepted], Partial),
            (&[Failed, Duplicate, Rejected], Partial),
            (&[Accepted, Unknown, Failed], Unknown),
            (&[Failed, Rejected], Failed),
            (&[Rejected, Rejected], Rejected),
            (&[Accepted, Duplicate], Accepted),
            (&[Duplicate, Duplicate], Duplicate),
        ] {
            let documents: Vec<Document> = (0..parts.len())
                .map(|part| Document {
                    item: 0,
                    part,
                    text: "{}".into(),
                })
                .collect();
            let reports = parts.iter().map(|&status| {
                let mut report = ItemReport::new(0, status);
                report.code = Some(format!("{status:?}").into());
                Some(report)
            });
            let items = by_item(1, Vec::new(), &documents, reports.collect()).await;
            assert_eq!(items[0].status, expected, "{parts:?}");
            let data = items[0].data.as_ref().expect("the parts").get();
            let listed: Vec<serde_json::Value> = serde_json::from_str(data).unwrap();
            assert_eq!(listed.len(), parts.len());
            if expected == Partial {
                assert_ne!(items[0].code.as_deref(), Some("Accepted"), "{parts:?}");
            }
        }
    }
}
