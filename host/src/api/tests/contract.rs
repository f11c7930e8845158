//! `openapi.json` is kept by hand, and is what the host does.

use std::collections::BTreeSet;

use super::super::ROUTES;
use super::super::health::OPENAPI;
use super::super::problem::status_of;
use super::*;

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// Checks an answer against the schema of that name.
pub fn conforms(name: &str, answer: &Value) {
    let schema = serde_json::json!({
        "$ref": format!("#/components/schemas/{name}"),
        "components": document()["components"],
    });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(answer)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:?}\n{answer}");
}

#[test]
fn it_has_every_route_and_no_other() {
    let document = document();
    let written: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| (method.clone(), path.clone()))
        })
        .collect();
    let routed = ROUTES.map(|(method, path)| (method.to_owned(), path.to_owned()));
    assert_eq!(written, BTreeSet::from(routed));
}

/// Every member of an answer is described by the schema of that name.
pub fn describes(name: &str, answer: &Value) {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let mut known: BTreeSet<&String> = BTreeSet::new();
    let more = schemas[name]["allOf"][0]["$ref"].as_str();
    let more = more.and_then(|more| more.rsplit('/').next());
    for name in [Some(name), more].into_iter().flatten() {
        known.extend(schemas[name]["properties"].as_object().unwrap().keys());
    }
    for member in answer.as_object().unwrap().keys() {
        assert!(known.contains(member), "{name}: {member}");
    }
}

#[test]
fn flows_are_shown_as_it_says() {
    use crate::flows::shown::*;

    let problem = || Some(Problem::platform("timeout", "no answer"));
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.to_owned()).unwrap();
    let run = || RunShown {
        run: 17,
        state: "waiting",
        cause: "somebody with a token of the tenant".into(),
        tick_ms: Some(1),
        began_ms: 2,
        ended_ms: Some(3),
        pages: 4,
        open_pages: 1,
        counts: CountsShown {
            incoming: 9,
            unchanged: 1,
            skipped: 1,
            sent: 7,
            accepted: 3,
            refused: 1,
            waiting: 1,
            parked: 0,
            confirmed: 3,
            unconfirmed: 1,
            unreadable: 2,
        },
        stages: StagesShown {
            source_ms: 1,
            steps_ms: 2,
            targets_ms: 3,
            confirm_ms: 4,
        },
        problem: problem(),
    };
    let flow = || FlowShown {
        flow: "stock".into(),
        source: "operation",
        from: "stock.pending of erp".into(),
        runs: "every 5m".into(),
        state: "retrying",
        paused: false,
        run: Some(17),
        problem: problem(),
        next_ms: Some(5),
        ticks_skipped: 0,
        parked: 1,
        received: 0,
        last: Some(run()),
    };
    let dry = TargetDryRun {
        target: "mini-shop".into(),
        skipped: 0,
        unchanged: 1,
        problems: problem().into_iter().collect(),
        items: vec![raw("{}")],
        requests: None,
    };
    let answers = [
        (
            "Flows",
            serde_json::to_value(FlowsShown {
                flows: vec![flow()],
            }),
        ),
        ("Flow", serde_json::to_value(flow())),
        (
            "FlowWhole",
            serde_json::to_value(FlowWhole {
                flow: flow(),
                cursor: Some(raw("7")),
                newest: vec![run()],
                parked_records: Vec::new(),
            }),
        ),
        (
            "ParkedRecord",
            serde_json::to_value(ParkedShown {
                id: 9,
                at_ms: 1,
                run: Some(17),
                target: Some("mini-shop".into()),
                problem: problem(),
                record: Some(raw("{}")),
                unreadable: Some("no key".into()),
            }),
        ),
        (
            "FlowEvent",
            serde_json::to_value(crate::flows::events::FlowEvent::example(run())),
        ),
        (
            "CredentialsEvent",
            serde_json::to_value(crate::grants::events::CredentialsEvent {
                tenant: "acme".into(),
                at_ms: 1,
                shown: crate::grants::CredentialsShown::none("shop"),
            }),
        ),
        ("FlowRun", serde_json::to_value(run())),
        ("FlowCounts", serde_json::to_value(run().counts)),
        (
            "FlowRuns",
            serde_json::to_value(RunsShown {
                runs: vec![run()],
                before: Some(17),
            }),
        ),
        (
            "FlowDryRun",
            serde_json::to_value(FlowDryRun {
                dry_run: true,
                given: vec![raw("1")],
                records: vec![raw("2")],
                problems: Vec::new(),
                not_asked: problem(),
                targets: vec![dry],
            }),
        ),
        ("Resynced", serde_json::to_value(Resynced { forgotten: 3 })),
        (
            "ParkedRetried",
            serde_json::to_value(Retried {
                retried: 3,
                run: Some(17),
            }),
        ),
        (
            "ParkedDiscarded",
            serde_json::to_value(Discarded { discarded: 3 }),
        ),
    ];
    for (name, answer) in answers {
        let answer = answer.unwrap();
        conforms(name, &answer);
        describes(name, &answer);
    }
}

#[test]
fn retiring_lists_the_statuses_that_it_answers_with() {
    let document = document();
    let listed = document["paths"]["/v1/plugins/{name}/retire"]["post"]["responses"]
        .as_object()
        .unwrap();
    let listed: BTreeSet<&str> = listed.keys().map(String::as_str).collect();
    let problems = [
        Problem::caller("unknown-plugin", ""),
        Problem::caller("plugin-present", ""),
        Problem::host("shutting-down", ""),
    ];
    let mut answered: BTreeSet<String> = problems
        .iter()
        .map(|problem| status_of(problem).as_u16().to_string())
        .collect();
    // Done; a name that is no UTF-8; no token; a token that is none of an administrator.
    answered.extend(["200", "400", "401", "403"].map(str::to_owned));
    assert_eq!(listed, answered.iter().map(String::as_str).collect());
}

#[tokio::test]
async fn every_route_answers_in_the_shape_it_has_there() {
    let host = start_open().await;
    let stock = "/v1/acme/shop/stock.update";
    conforms("Report", &host.post(stock, &[], "{}").await.json());
    let dry = format!("{stock}?dry_run=true");
    conforms("DryRun", &host.post(&dry, &[], "{}").await.json());
    conforms("Plugins", &host.get("/v1/plugins", &[]).await.json());
    conforms("Tenants", &host.get("/v1/tenants", &[]).await.json());
    conforms("Readiness", &host.get("/readyz", &[]).await.json());
    for path in ["/v1/acme/script/x", "/v1/acme/nowhere/x", "/nothing"] {
        conforms("Problem", &host.post(path, &[], "{}").await.json());
    }
    let served = host.get("/openapi.json", &[]).await;
    assert_eq!(served.json(), document());
    for (method, path) in ROUTES {
        let path = path.replace(['{', '}'], "");
        let request = host.request(&method.to_uppercase(), &path, &[]);
        let answer = host.send(request.body(Full::default()).unwrap()).await;
        if path == "/metrics" {
            assert_eq!(answer.status, StatusCode::OK);
            let kind = &answer.headers["content-type"];
            assert_eq!(kind, crate::telemetry::page::CONTENT_TYPE);
            continue;
        }
        if path.ends_with("/oauth/callback") {
            assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
            continue;
        }
        let code = answer.json()["code"].clone();
        assert_ne!(code, "unknown-path", "{method} {path}");
        assert_ne!(code, "method-not-allowed", "{method} {path}");
    }
}
