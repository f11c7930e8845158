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
fn conforms(name: &str, answer: &Value) {
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
        let code = answer.json()["code"].clone();
        assert_ne!(code, "unknown-path", "{method} {path}");
        assert_ne!(code, "method-not-allowed", "{method} {path}");
    }
}
