//! What left more than once, and whether it had to.
//!
//! A total may be repeated, and the host repeats it only where it cannot know that
//! it was taken. The rule, for two requests with the same total one after the other:
//!
//! 1. the shop did something wrong with the first: its answer was lost, or says
//!    nothing; or
//! 2. the host was killed between them, and had not written down by then how the
//!    record had ended; or
//! 3. they are two records, since the ERP calculated the number twice: a change came
//!    while the one before it was being asked for.
//!
//! No request with a total leaves once every record of it has ended.

use std::collections::BTreeMap;

use super::account::{Account, Item, Sent, Total};

/// Takes down every request of a shop that the rule does not allow. `killed_at` has
/// the moments at which nothing of a killed host was under way any more, before the
/// next one began.
pub fn judge(
    shop: &str,
    account: &Account,
    killed_at: &[u64],
    calculated: &BTreeMap<Total, usize>,
    faults: &mut Vec<String>,
) {
    for (total, sent) in &account.sent {
        let (article, number) = total;
        let of = format!("{number} of article {article}");
        let Some(items) = account.items.get(total) else {
            faults.push(format!("{shop} was sent {of}, which was never queued"));
            continue;
        };
        let times = calculated.get(total).copied().unwrap_or_default();
        if items.len() > times {
            let queued = items.len();
            faults.push(format!(
                "{of} was queued {queued} times for {shop}, and calculated {times} times"
            ));
        }
        for pair in sent.windows(2) {
            if !may_follow(pair[0], pair[1], items, killed_at) {
                faults.push(format!(
                    "{shop} was sent {of} again, though its answer had come and was written down: {pair:?}, {items:?}"
                ));
            }
        }
    }
}

/// How often a total left more than once.
pub fn count(account: &Account) -> usize {
    account.sent.values().map(|sent| sent.len() - 1).sum()
}

fn may_follow(first: Sent, second: Sent, items: &[Item], killed_at: &[u64]) -> bool {
    let answer_was_lost = first.wrong;
    let was_killed = || {
        let kills = killed_at.iter().copied();
        let mut between = kills.filter(|kill| (first.at..=second.at).contains(kill));
        between.any(|kill| items.iter().any(|item| was_open(item, kill)))
    };
    // One record has ended, and another one is open.
    let is_another = || {
        let open = items.iter().any(|item| was_open(item, second.at));
        let mut ends = items.iter().filter_map(|item| item.ended);
        open && items.len() > 1 && ends.any(|end| end >= first.at)
    };
    answer_was_lost || was_killed() || is_another()
}

/// Whether a record was queued by then, and the host had not written down its end.
fn was_open(item: &Item, at: u64) -> bool {
    item.queued <= at && item.ended.is_none_or(|ended| ended >= at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(queued: u64, ended: u64) -> Item {
        Item {
            state: "accepted".into(),
            queued,
            ended: Some(ended),
        }
    }

    fn sent(at: u64) -> Sent {
        Sent {
            at,
            wrong: false,
            applied: true,
        }
    }

    fn faults(sent: Vec<Sent>, items: Vec<Item>, killed_at: &[u64], times: usize) -> usize {
        let mut account = Account::default();
        account.sent.insert((1, 41), sent);
        account.items.insert((1, 41), items);
        let calculated = BTreeMap::from([((1, 41), times)]);
        let mut faults = Vec::new();
        judge("shop", &account, killed_at, &calculated, &mut faults);
        faults.len()
    }

    #[test]
    fn a_total_leaves_again_only_where_its_end_was_not_written_down() {
        let lost = Sent {
            wrong: true,
            ..sent(20)
        };
        assert_eq!(faults(vec![sent(20)], vec![item(10, 25)], &[], 1), 0);
        assert_eq!(
            faults(vec![lost, sent(30)], vec![item(10, 35)], &[], 1),
            0,
            "its answer was lost"
        );
        let twice = || vec![sent(20), sent(30)];
        assert_eq!(
            faults(twice(), vec![item(10, 35)], &[], 1),
            1,
            "for no reason"
        );
        assert_eq!(
            faults(twice(), vec![item(10, 35)], &[25], 1),
            0,
            "the host was killed before it had written it down"
        );
        assert_eq!(
            faults(twice(), vec![item(10, 22)], &[25], 1),
            1,
            "it had been written down"
        );
        assert_eq!(
            faults(twice(), vec![item(10, 35)], &[40], 1),
            1,
            "the host was killed later"
        );
    }

    #[test]
    fn a_total_is_two_records_only_where_it_was_calculated_twice() {
        let twice = || vec![sent(20), sent(30)];
        let two = || vec![item(10, 22), item(12, 33)];
        assert_eq!(faults(twice(), two(), &[], 2), 0);
        assert_eq!(faults(twice(), two(), &[], 1), 1, "it was calculated once");
        let over = vec![item(10, 22), item(12, 23)];
        assert_eq!(faults(twice(), over, &[], 2), 1, "both had ended");
        assert_eq!(
            faults(vec![sent(20), sent(30), sent(40)], two(), &[], 2),
            1,
            "one too many"
        );
        let mut none = Vec::new();
        let mut account = Account::default();
        account.sent.insert((1, 41), vec![sent(1)]);
        judge("shop", &account, &[], &BTreeMap::new(), &mut none);
        assert_eq!(none.len(), 1, "nobody queued it");
    }
}
