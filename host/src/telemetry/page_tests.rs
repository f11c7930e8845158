use super::*;
use crate::problem::Blame;
use crate::report::ItemStatus;

fn lane(tenant: &str, oldest: u64) -> Lane {
    Lane {
        tenant: tenant.into(),
        connection: "shop".into(),
        items: vec![("queued", 2), ("unknown", 1)],
        oldest: Some(Duration::from_secs(oldest)),
    }
}

#[test]
fn what_is_counted_is_on_the_page_under_its_names() {
    let metrics = Arc::new(Metrics::new(1));
    let odd = metrics.connection(&"a\"b\\c\nd".into(), &"shop".into());
    odd.operation("stock.update")
        .item(ItemStatus::Unknown, Some(Blame::Host));
    odd.phase(Phase::Map).observe(Duration::from_micros(300));
    odd.request(1, None);
    let moment = Moment {
        version: "1.2.3",
        guest_time: Duration::from_millis(1500),
        ..Moment::default()
    };
    let page = write(&metrics, moment).unwrap();
    let names = r#"tenant="a\"b\\c\nd",connection="shop""#;
    for line in [
        "crossdock_build_info{version=\"1.2.3\"} 1",
        "# TYPE crossdock_items_total counter",
        &format!(
            "crossdock_items_total{{{names},operation=\"stock.update\",status=\"unknown\",blame=\"host\"}} 1"
        ),
        &format!("crossdock_step_duration_seconds_bucket{{{names},step=\"map\",le=\"0.00025\"}} 0"),
        &format!("crossdock_step_duration_seconds_bucket{{{names},step=\"map\",le=\"0.0005\"}} 1"),
        &format!("crossdock_step_duration_seconds_count{{{names},step=\"map\"}} 1"),
        &format!("crossdock_requests_total{{{names},attempt=\"first\",answer=\"none\"}} 1"),
        "crossdock_guest_seconds_total 1.5",
    ] {
        assert!(page.lines().any(|known| known == line), "{line}\n{page}");
    }
    // This host has no outbox, and this test no process.
    assert!(!page.contains("crossdock_outbox_items") && !page.contains("process_"));
}

#[test]
fn what_waits_for_connections_without_names_is_shown_together() {
    let metrics = Arc::new(Metrics::new(1));
    metrics.connection(&"acme".into(), &"shop".into());
    metrics.connection(&"beta".into(), &"shop".into());
    let outbox = Waiting {
        up: false,
        damaged: true,
        webhooks: vec![("working", 3), ("failing", 0), ("stopped", 1)],
        set_aside: ["acme", "beta", "gone"]
            .map(|tenant| SetAside {
                tenant: tenant.into(),
                connection: "shop".into(),
                operation: "stock.update".into(),
                items: [
                    ("superseded", 4),
                    ("discarded", u64::from(tenant == "acme")),
                ],
            })
            .into(),
        lanes: vec![
            lane("acme", 5),
            lane("acme", 7),
            lane("beta", 1),
            lane("gone", 3),
        ],
    };
    let gate = |tenant: &str, state| Gate {
        tenant: tenant.into(),
        connection: "shop".into(),
        state,
        allowed: 4,
        under_way: 1,
    };
    let moment = Moment {
        outbox: Some(outbox),
        gates: vec![
            gate("acme", "paused"),
            gate("beta", "open"),
            gate("gamma", "open"),
        ],
        ..Moment::default()
    };
    let page = write(&metrics, moment).unwrap();
    let acme = "tenant=\"acme\",connection=\"shop\"";
    let other = "tenant=\"other\",connection=\"other\"";
    for line in [
        &format!("crossdock_outbox_items{{{acme},state=\"queued\"}} 4"),
        &format!("crossdock_outbox_items{{{other},state=\"unknown\"}} 2"),
        &format!("crossdock_outbox_oldest_seconds{{{acme}}} 7.0"),
        &format!("crossdock_outbox_oldest_seconds{{{other}}} 3.0"),
        &format!("crossdock_connection_state{{{acme},state=\"paused\"}} 1"),
        &format!("crossdock_connection_state{{{other},state=\"open\"}} 2"),
        &format!("crossdock_connection_requests_allowed{{{other}}} 8"),
        &format!("crossdock_connection_requests_under_way{{{acme}}} 1"),
        "crossdock_outbox_up 0",
        "crossdock_outbox_damaged 1",
        "crossdock_webhooks{state=\"stopped\"} 1",
        "crossdock_webhooks{state=\"failing\"} 0",
        &format!(
            "crossdock_items_total{{{acme},operation=\"stock.update\",status=\"discarded\",blame=\"none\"}} 1"
        ),
        &format!(
            "crossdock_items_total{{{other},operation=\"stock.update\",status=\"superseded\",blame=\"none\"}} 8"
        ),
        "crossdock_connections_counted_as_other 1",
    ] {
        assert!(page.lines().any(|known| known == line), "{line}\n{page}");
    }
}

#[test]
fn flows_beyond_the_bound_share_their_labels() {
    let metrics = Arc::new(Metrics::new(1));
    let stock = metrics.flow(&"acme".into(), &"stock".into());
    stock.ended("done", 1_700_000_000_500, [9, 4, 1, 4, 3, 1, 0, 0, 3, 0, 0]);
    stock.ended(
        "failed",
        1_700_000_100_000,
        [2, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0],
    );
    let other = metrics.flow(&"acme".into(), &"prices".into());
    other.ended("stopped", 1_700_000_000_500, [1; 11]);
    let of = |flow: &str, parked| FlowMoment {
        tenant: "acme".into(),
        flow: flow.into(),
        oldest: Some(Duration::from_secs(parked)),
        parked,
        ..FlowMoment::default()
    };
    let moment = Moment {
        flows: vec![of("stock", 2), of("prices", 3), of("orders", 4)],
        ..Moment::default()
    };
    let page = write(&metrics, moment).unwrap();
    let names = r#"tenant="acme",flow="stock""#;
    let others = r#"tenant="other",flow="other""#;
    for line in [
        format!("crossdock_flow_runs_total{{{names},state=\"done\"}} 1"),
        format!("crossdock_flow_runs_total{{{names},state=\"failed\"}} 1"),
        format!("crossdock_flow_runs_total{{{others},state=\"stopped\"}} 1"),
        format!("crossdock_flow_records_total{{{names},result=\"in\"}} 11"),
        format!("crossdock_flow_records_total{{{names},result=\"parked\"}} 2"),
        format!("crossdock_flow_last_done_time_seconds{{{names}}} 1700000000.5"),
        format!("crossdock_flow_waiting_records{{{names},state=\"parked\"}} 2"),
        format!("crossdock_flow_waiting_records{{{others},state=\"parked\"}} 7"),
        format!("crossdock_flow_oldest_run_seconds{{{others}}} 4.0"),
    ] {
        assert!(page.lines().any(|known| known == line), "{line}\n{page}");
    }
    // None of the others has ended well.
    assert!(!page.contains(&format!("last_done_time_seconds{{{others}}}")));
}
