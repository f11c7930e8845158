mod goods;
mod signature;
mod stock;

use crate::Wangdian;
use crossdock_adapter::{Adapter, Body, Context, Fault, Item, Mapped, Outcome, Reply, testing};

/// Unix 1425347200, the platform's 100000000.
const NOW_MS: u64 = 1_425_347_200_000;

fn context() -> Context {
    Context {
        now_ms: NOW_MS,
        nonce: "0".repeat(32),
        settings: r#"{"sid":"wdtapi3","key":"appkey"}"#.into(),
    }
}

fn items<D: AsRef<str>>(documents: &[D]) -> Vec<Item> {
    let item = |(index, document): (usize, &D)| Item {
        key: format!("item-{index}"),
        document: document.as_ref().into(),
    };
    documents.iter().enumerate().map(item).collect()
}

fn map<D: AsRef<str>>(operation: &str, documents: &[D]) -> Mapped {
    Wangdian::map(&context(), operation, &items(documents)).expect("requests")
}

/// The pointer at which the only item was refused.
fn refused_at(operation: &str, document: &str) -> String {
    let mapped = map(operation, &[document]);
    assert!(mapped.requests.is_empty(), "{document} was sent");
    match &mapped.failures[0].fault {
        Fault::InvalidInput(detail) => detail.pointer.clone(),
        other => panic!("{other:?}"),
    }
}

fn reply(body: &str) -> Reply {
    Reply {
        status: 200,
        headers: Vec::new(),
        body: Body::Text(body.into()),
    }
}

fn text(body: &Body) -> &str {
    match body {
        Body::Text(text) => text,
        _ => "",
    }
}

fn outcomes(mapped: &Mapped, operation: &str, answer: &str) -> Result<Vec<Outcome>, Fault> {
    let request = &mapped.requests[0];
    Wangdian::parse_response(&context(), operation, request, &reply(answer))
        .map(|parsed| parsed.outcomes)
}

#[test]
fn the_golden_examples_hold() {
    testing::run_examples::<Wangdian>();
}

#[test]
fn an_operation_that_is_not_there_is_unsupported() {
    let found = Wangdian::map(&context(), "stock.update", &[]).map(|_| ());
    assert_eq!(found, Err(Fault::unsupported("stock.update")));
}

/// For base URLs that end with the path already.
#[test]
fn an_empty_path_is_the_base_url_itself() {
    let ctx = Context {
        settings: r#"{"sid":"s","key":"k","path":""}"#.into(),
        ..context()
    };
    let mapped = Wangdian::map(&ctx, crate::STOCK_PENDING, &items(&["{}"])).expect("requests");
    assert_eq!(mapped.requests[0].draft.path, "");
}
