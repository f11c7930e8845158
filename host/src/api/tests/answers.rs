//! What the pretended host answers.

use super::Problem;
use crate::report::{DeliveryStatus, Generations, ItemReport, ItemStatus, Report, RequestReport};

pub fn generations() -> Generations {
    Generations {
        adapter: "1 3f2a9c".into(),
        script: None,
        reply: None,
        tenant: 1,
    }
}

pub fn report(statuses: &[ItemStatus]) -> Report {
    let items: Vec<ItemReport> = statuses
        .iter()
        .enumerate()
        .map(|(index, &status)| ItemReport::new(index, status))
        .collect();
    Report {
        delivery: "00112233445566778899aabbccddeeff".into(),
        status: DeliveryStatus::over(&items),
        items,
        requests: vec![RequestReport {
            method: "POST".into(),
            url: "https://platform.example/stock".into(),
            status: Some(200),
            ms: 3,
            attempt: 1,
            error: None,
            items: Vec::new(),
            answer: None,
        }],
        generations: generations(),
        log: Vec::new(),
    }
}

pub fn without_outbox() -> Problem {
    Problem::host("queue-not-available", "this host has no outbox")
}
