//! Every example of the documents that started the project, through a host
//! with the real components to a stand-in that checks it.
//!
//! The examples are in `tests/fixtures/seeds`, as the documents have them. A
//! case says which operation one belongs to, the script with which a tenant
//! whose records look like the example would send it, and what the document's
//! answers mean. Where a document contradicts itself, the case says which side
//! was followed.

mod case;
mod dingliyun;
mod doudian;
mod fengchao;
mod lingzhi;
mod wangdian;

use case::{Case, Payload};
use crossdock_stand_ins::{Options, Recorded};
use crossdock_tests::platforms::{Connection, Platforms, code, data, message};
use serde_json::Value;

fn cases() -> Vec<Case> {
    let mut cases = lingzhi::cases();
    cases.extend(fengchao::cases());
    cases.extend(doudian::cases());
    cases.extend(wangdian::cases());
    cases.extend(dingliyun::cases());
    cases
}

fn connection(index: usize, case: &Case) -> Connection {
    let mut connection = Connection::to(case.platform)
        .named(format!("case-{index}"))
        .limit("attempts", 1);
    for (name, value) in &case.settings {
        connection = connection.setting(name, *value);
    }
    if let Some(script) = &case.script {
        connection = connection.script(case.operation, script);
    }
    connection
}

fn options() -> Options {
    let mut options = Options::default();
    // The path's placeholder in the examples of document 004.
    options.dingliyun.tenant_id = "string".into();
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_arrives_as_in_its_document_and_every_answer_becomes_its_outcomes() {
    let cases = cases();
    let connections: Vec<Connection> = cases
        .iter()
        .enumerate()
        .map(|(index, case)| connection(index, case))
        .collect();
    let platforms = Platforms::start(options(), &connections).await;
    let mut wrong = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let found = run(&platforms, &format!("case-{index}"), case).await;
        let verdict = if found.is_empty() { "holds" } else { "WRONG" };
        println!(
            "{verdict}  {:<9} {:<17} {}, {}",
            case.platform, case.operation, case.document, case.section
        );
        if let Some(followed) = case.followed {
            println!("{:>29}followed: {followed}", "");
        }
        let at = format!("{}, {}", case.document, case.section);
        wrong.extend(found.into_iter().map(|what| format!("{at}: {what}")));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Sends the case's record, once to the stand-in as it is and once for each of
/// the document's answers; everything that is not as the case says.
async fn run(platforms: &Platforms, connection: &str, case: &Case) -> Vec<String> {
    let stand_ins = &platforms.stand_ins;
    let mut wrong = Vec::new();
    for (title, answer, expected) in case.rounds() {
        stand_ins.reset(case.platform);
        case::prepare(stand_ins);
        if let Some(answer) = answer {
            stand_ins.misbehave_as(case.platform, case::scripted(answer));
        }
        let record = case.record.to_string();
        let report = platforms
            .deliver_text(connection, case.operation, record)
            .await;

        let requests = stand_ins.requests(case.platform);
        match requests.as_slice() {
            [request] => wrong.extend(differences(case, request)),
            _ => wrong.push(format!("{title}: {} requests, not one", requests.len())),
        }
        let found: Vec<_> = report
            .items
            .iter()
            .map(|item| case::Becomes {
                status: item.status,
                code: code(item).to_owned(),
                message: message(item).to_owned(),
                data: data(item),
            })
            .collect();
        if found != *expected {
            wrong.push(format!("{title}:\n    {found:?}\n    not {expected:?}"));
        }
    }
    wrong
}

/// Where a request is not the document's.
fn differences(case: &Case, request: &Recorded) -> Vec<String> {
    let mut wrong: Vec<String> = request
        .verdict
        .violations
        .iter()
        .map(|violation| format!("the stand-in: {violation:?}"))
        .collect();
    let mut compare = |what: &str, found: String, wanted: String| {
        if found != wanted {
            wrong.push(format!("{what}:\n    {found}\n    not {wanted}"));
        }
    };
    compare("method", request.method.clone(), case.method.clone());
    compare("path", request.path.clone(), case.path.clone());
    let own = |pairs: &[(String, String)]| {
        let mut own: Vec<_> = pairs
            .iter()
            .filter(|(name, _)| !case.public.contains(&name.as_str()))
            .cloned()
            .collect();
        own.sort();
        format!("{own:?}")
    };
    compare("query", own(&request.query), own(&case.query));
    match &case.payload {
        Payload::None => compare("body", format!("{:?}", request.body), "b\"\"".into()),
        Payload::Json(body) => {
            // With every digit: numbers are compared as they are written.
            if request.json() != *body {
                compare("body", request.json().to_string(), body.to_string());
            }
        }
        Payload::Form(fields) => {
            let found: Vec<(String, String)> = url::form_urlencoded::parse(&request.body)
                .into_owned()
                .collect();
            compare("form", own(&found), own(fields));
        }
    }
    wrong
}

#[test]
fn every_example_of_the_documents_is_in_the_table() {
    let cases = cases();
    for (document, text) in case::DOCUMENTS {
        let examples: Vec<Value> = serde_json::from_str(text).expect("a list of examples");
        for example in &examples {
            let section = example["section"].as_str().expect("a section");
            assert!(
                cases
                    .iter()
                    .any(|case| case.document == document && case.section == section),
                "{document}, {section} has no case"
            );
        }
    }
}
