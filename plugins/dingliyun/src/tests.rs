//! What the golden examples do not show: limits at their edges, every
//! operation's table, pages and read-backs as the host follows them.

use crate::DingLiYun;
use crossdock_adapter::{
    Adapter, Body, Context, Draft, Fault, Item, Mapped, Outcome, Parsed, Reply, Request,
};
use serde_json::{Value, json};

#[test]
fn the_golden_examples_hold() {
    crossdock_adapter::testing::run_examples::<DingLiYun>();
}

#[test]
fn its_stock_record_is_everybodys() {
    crossdock_adapter::testing::share_the_stock_core::<DingLiYun>();
}

fn context(settings: Value) -> Context {
    Context {
        now_ms: 0,
        nonce: "0".repeat(32),
        settings: settings.to_string(),
    }
}

fn items(documents: impl IntoIterator<Item = Value>) -> Vec<Item> {
    let item = |(index, document): (usize, Value)| Item {
        key: format!("key-{index}"),
        document: document.to_string(),
    };
    documents.into_iter().enumerate().map(item).collect()
}

fn map_with(settings: Value, operation: &str, documents: Vec<Value>) -> Mapped {
    let mapped = DingLiYun::map(&context(settings), operation, &items(documents));
    mapped.unwrap_or_else(|fault| panic!("{operation}: {fault:?}"))
}

fn map(operation: &str, documents: Vec<Value>) -> Mapped {
    map_with(json!({ "tenant_id": "t" }), operation, documents)
}

fn request(operation: &str, document: Value) -> Request {
    let mut mapped = map(operation, vec![document]);
    assert_eq!(mapped.failures, []);
    mapped.requests.remove(0)
}

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: match body {
            "" => Body::Empty,
            body => Body::Text(body.into()),
        },
    }
}

fn answer(operation: &str, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    DingLiYun::parse_response(
        &context(json!({ "tenant_id": "t" })),
        operation,
        request,
        reply,
    )
}

/// What the host does with a follow-up: the same request with its draft.
fn follow(request: &Request, draft: Draft) -> Request {
    Request {
        draft,
        items: request.items.clone(),
        repeatable: request.repeatable,
    }
}

/// An operation of the manifest.
fn operations() -> Vec<Value> {
    let manifest: Value = serde_json::from_str(&DingLiYun::describe()).expect("a manifest");
    manifest["operations"].as_array().expect("a list").clone()
}

#[test]
fn every_call_of_the_document_is_an_example() {
    let manifest: Value = serde_json::from_str(&DingLiYun::describe()).expect("a manifest");
    let examples = manifest["examples"].as_array().expect("a list");
    let mut calls: Vec<String> = examples
        .iter()
        .filter(|example| example["provenance"] == "document")
        .map(|example| {
            let request = &example["requests"][0];
            let path = request["path"].as_str().expect("a path");
            format!("{} {path}", request["method"].as_str().expect("a method"))
        })
        .collect();
    calls.sort();
    calls.dedup();
    assert_eq!(calls.len(), 21, "{calls:#?}");
    for operation in operations() {
        let shown = examples.iter().any(|example| {
            example["operation"] == operation["name"] && example["provenance"] == "document"
        });
        assert!(shown, "{}", operation["name"]);
    }
}

#[test]
fn lists_are_split_at_the_documents_limit() {
    for (operation, row, member) in [
        ("brand.update", json!({ "id": "1" }), "brands"),
        ("sku.update", json!({ "id": "1" }), "skus"),
        ("image.update", json!({ "sku_id": "1" }), "sku_images"),
        (
            "store-sku.update",
            json!({ "store_id": "s", "sku_id": "1" }),
            "store_skus",
        ),
        (
            "shelf.update",
            json!({ "store_id": "s", "sku_id": "1", "shelf_position_codes": [] }),
            "store_sku_shelf_position_codes",
        ),
        ("category.update", json!({ "id": "1" }), "categories"),
        ("product.update", json!({ "id": "1" }), "products"),
        ("tag.update", json!({ "code": "1" }), "tags"),
        (
            "price.update",
            json!({ "store_id": "s", "sku_id": "1" }),
            "skus",
        ),
        (
            "stock.update",
            json!({ "sku": "1", "quantity": 1, "location": "s" }),
            "skus",
        ),
    ] {
        for (rows, expected) in [(99, vec![99]), (100, vec![100]), (101, vec![100, 1])] {
            let mapped = map(operation, vec![row.clone(); rows]);
            let sizes: Vec<usize> = mapped
                .requests
                .iter()
                .map(|request| {
                    let Body::Text(body) = &request.draft.body else {
                        panic!("{operation} has no body");
                    };
                    let body: Value = serde_json::from_str(body).expect("JSON");
                    assert!(request.repeatable, "{operation}");
                    let sent = body[member].as_array().expect(member).len();
                    assert_eq!(sent, request.items.len(), "{operation}");
                    sent
                })
                .collect();
            assert_eq!(sizes, expected, "{operation}");
        }
    }
}

#[test]
fn a_setting_splits_what_the_document_does_not_and_never_widens_its_limit() {
    let sizes = |operation: &str, row: &Value, batch_size: usize| -> Vec<usize> {
        let settings = json!({ "tenant_id": "t", "batch_size": batch_size });
        let mapped = map_with(settings, operation, vec![row.clone(); 101]);
        mapped
            .requests
            .iter()
            .map(|request| request.items.len())
            .collect()
    };
    let row = json!({ "id": "1" });
    assert_eq!(sizes("category.update", &row, 1000), [101]);
    assert_eq!(sizes("category.update", &row, 60), [60, 41]);
    assert_eq!(sizes("brand.update", &row, 1000), [100, 1]);
    assert_eq!(sizes("brand.update", &row, 60), [60, 41]);
}

#[test]
fn every_id_in_a_path_is_encoded() {
    let id = "a/b c门?#%";
    let encoded = "a%2Fb%20c%E9%97%A8%3F%23%25";
    for (operation, document, path) in [
        (
            "stock.update",
            json!({ "sku": "1", "quantity": 1, "location": id }),
            "storeinvservice/store/{}/invs",
        ),
        (
            "stock.update",
            json!({ "sku": "1", "quantity": 1, "location": id, "location_kind": "warehouse" }),
            "wrhinvservice/wrh/{}/invs",
        ),
        ("sku.get", json!({ "id": id }), "itemservice/sku/{}"),
        (
            "price.update",
            json!({ "store_id": id, "sku_id": "1" }),
            "storepriceservice/store/{}/prices",
        ),
        (
            "shelf.update",
            json!({ "store_id": id, "sku_id": "1", "shelf_position_codes": ["1"] }),
            "storeskuservice/store/{}/skus/shelfPositionCode",
        ),
        (
            "store-sku.update",
            json!({ "store_id": id, "sku_id": "1" }),
            "storeskuservice/store/{}/skus/updates",
        ),
        (
            "order.ship",
            json!({ "order_id": id }),
            "orderstockservice/ship/{}",
        ),
    ] {
        let settings = json!({ "tenant_id": id });
        let mapped = map_with(settings, operation, vec![document]);
        let expected = format!("/{encoded}/invc/{}", path.replace("{}", encoded));
        assert_eq!(mapped.requests[0].draft.path, expected);
    }
}

#[test]
fn a_folder_is_no_tenant() {
    let context = context(json!({ "tenant_id": ".." }));
    for operation in operations() {
        let name = operation["name"].as_str().expect("a name");
        let document = json!({
            "id": "1", "sku": "1", "sku_id": "1", "code": "1", "quantity": 1, "location": "s",
            "store_id": "s", "order_id": "1",
        });
        let mapped = DingLiYun::map(&context, name, &items([document]));
        let refused = match mapped {
            Err(Fault::InvalidSettings(detail)) => detail.pointer == "/tenant_id",
            Ok(mapped) => mapped.requests.is_empty(),
            Err(_) => false,
        };
        assert!(refused, "{name}");
    }
}

#[test]
fn every_operation_of_the_manifest_is_known_and_no_other() {
    for operation in operations() {
        let name = operation["name"].as_str().expect("a name");
        assert!(map(name, vec![]).requests.is_empty());
    }
    let unknown = DingLiYun::map(&context(json!({ "tenant_id": "t" })), "sku.delete", &[]);
    assert_eq!(unknown, Err(Fault::unsupported("sku.delete")));
}

#[test]
fn named_skus_are_one_request_however_many() {
    let ids: Vec<String> = (0..500).map(|id| id.to_string()).collect();
    let request = request("sku.list", json!({ "ids": ids }));
    assert_eq!(
        request.draft.body,
        Body::Text(json!({ "ids": ids }).to_string())
    );
}

fn page(number: u32, count: u32) -> Reply {
    let text = format!(
        "{{\"total\":5,\"page\":{number},\"page_count\":{count},\"page_size\":2,\
         \"skus\":[{{\"id\":\"{number}\"}}]}}"
    );
    reply(200, &text)
}

fn asked(draft: &Draft) -> &str {
    let page = draft.query.iter().find(|(name, _)| name == "page");
    page.map_or("", |(_, value)| value)
}

#[test]
fn pages_are_turned_to_the_last_one() {
    let first = request("sku.search", json!({ "all": true, "page_size": 2 }));
    let mut current = first.clone();
    let mut seen = vec![asked(&current.draft).to_owned()];
    for number in 0.. {
        let parsed = answer("sku.search", &current, &page(number, 3)).expect("a page");
        let Some(next) = parsed.next else {
            break;
        };
        assert_eq!(next.body, first.draft.body);
        seen.push(asked(&next).to_owned());
        current = follow(&first, next);
    }
    assert_eq!(seen, ["0", "1", "2"]);
}

#[test]
fn a_platform_that_always_answers_with_the_first_page_is_not_asked_for_ever() {
    let first = request("sku.search", json!({ "all": true }));
    let parsed = answer("sku.search", &first, &page(0, 3)).expect("a page");
    let second = follow(&first, parsed.next.expect("the next page"));
    assert!(matches!(
        answer("sku.search", &second, &page(0, 3)),
        Err(Fault::InvalidReply(detail)) if detail.pointer == "/page"
    ));
}

#[test]
fn a_page_that_was_asked_for_is_not_turned() {
    for document in [
        json!({ "page": 0, "page_size": 2 }),
        json!({ "page": 0 }),
        json!({ "page_size": 2 }),
        json!({}),
        json!({ "all": false, "page": 0 }),
    ] {
        let request = request("sku.search", document);
        let parsed = answer("sku.search", &request, &page(0, 3)).expect("a page");
        assert_eq!(parsed.next, None);
    }
    let both = map("sku.search", vec![json!({ "all": true, "page": 3 })]);
    assert!(matches!(
        &both.failures[0].fault,
        Fault::InvalidInput(detail) if detail.pointer == "/page"
    ));
}

/// The outcome of a read-back after the operation got no answer.
fn read_back(operation: &str, document: Value, status: u16, body: &str) -> Result<Parsed, Fault> {
    let request = request(operation, document);
    assert!(!request.repeatable);
    let silence = answer(operation, &request, &reply(0, "")).expect("a read-back");
    assert!(matches!(&silence.outcomes[..], [Outcome::Unknown(_)]));
    let next = silence.next.expect("a read-back");
    assert_eq!(next.method, "GET");
    assert_eq!(next.path, "/t/invc/orderstockservice/order/lockresult");
    assert_eq!(next.query, [("order_id".to_owned(), "O/1 单".to_owned())]);
    answer(operation, &follow(&request, next), &reply(status, body))
}

fn held(lock_result: &str, stock_state: &str) -> String {
    json!({ "success": true, "message": "m", "lock_result": lock_result, "stock_state": stock_state })
        .to_string()
}

fn word(parsed: Result<Parsed, Fault>) -> String {
    let parsed = parsed.expect("outcomes");
    assert_eq!(parsed.next, None, "a read-back is not read back");
    match &parsed.outcomes[..] {
        [Outcome::Accepted(_)] => "accepted".into(),
        [Outcome::Rejected(said)] => format!("rejected {}", said.code),
        [Outcome::Unknown(said)] => format!("unknown {}", said.code),
        [Outcome::Retry(said)] => format!("retry {}", said.code),
        other => format!("{other:?}"),
    }
}

/// The three calls, with what unlocks one lock and what unlocks an order.
fn changes() -> [(&'static str, Value); 4] {
    [
        (
            "order.lock",
            json!({ "order_id": "O/1 单", "items": [{ "sku_id": "1", "qty": 1 }] }),
        ),
        ("order.ship", json!({ "order_id": "O/1 单" })),
        ("order.unlock", json!({ "order_id": "O/1 单" })),
        (
            "order.unlock",
            json!({ "order_id": "O/1 单", "request_id": "r" }),
        ),
    ]
}

/// Whatever the order looks like: another request may have made it so, and the
/// one that got no answer may still arrive.
#[test]
fn no_state_of_an_order_is_evidence_of_one_request() {
    for (operation, document) in changes() {
        for lock_result in ["none", "lock_all", "lock_part", "", "?"] {
            for stock_state in ["initial", "locked", "shipped", "aborted", "", "?"] {
                let body = held(lock_result, stock_state);
                let parsed = read_back(operation, document.clone(), 200, &body);
                assert_eq!(word(parsed), "unknown not-confirmed", "{operation} {body}");
            }
        }
        let silent = read_back(operation, document, 200, "{\"success\":false}");
        assert_eq!(word(silent), "unknown not-confirmed");
    }
}

#[test]
fn what_was_read_back_is_told_to_people() {
    let (operation, document) = changes()[0].clone();
    let body = "{\"success\":true,\"message\":\"占货失败\",\"lock_result\":\"lock_all\",\
                \"lock_id\":\"L1\"}";
    let parsed = read_back(operation, document, 200, body).expect("outcomes");
    let [Outcome::Unknown(said)] = &parsed.outcomes[..] else {
        panic!("{:?}", parsed.outcomes);
    };
    assert_eq!(said.details[0].pointer, "/order_id");
    let told = &said.details[0].message;
    for part in [
        "lock_result lock_all",
        "stock_state not given",
        "lock_id L1",
        "占货失败",
    ] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_refusal_under_an_http_status_is_read_as_the_platforms() {
    let lock = request(
        "order.lock",
        json!({ "order_id": "1", "items": [{ "sku_id": "1", "qty": 1 }] }),
    );
    let part = "{\"success\":false,\"lock_result\":\"lock_part\",\"lock_id\":\"L 7\"}";
    let ship = request("order.ship", json!({ "order_id": "1" }));
    let refused = "{\"success\":false,\"code\":\"S9\",\"message\":\"订单已作废\"}";
    for (operation, request, status, body, expected) in [
        ("order.lock", &lock, 400, part, "rejected lock_part"),
        ("order.ship", &ship, 409, refused, "rejected S9"),
        (
            "order.ship",
            &ship,
            404,
            "{\"success\":false}",
            "rejected http-404",
        ),
    ] {
        let parsed = answer(operation, request, &reply(status, body));
        assert_eq!(word(parsed), expected, "{status} {body}");
    }
    for (status, body, code) in [
        (400, "{\"success\":true}", "http-400"),
        (503, refused, "S9"),
    ] {
        let parsed = answer("order.ship", &ship, &reply(status, body)).expect("outcomes");
        let [Outcome::Unknown(said)] = &parsed.outcomes[..] else {
            panic!("{:?}", parsed.outcomes);
        };
        assert_eq!(said.code, code);
        assert!(parsed.next.is_some());
    }
}

#[test]
fn a_read_back_that_fails_repeats_nothing() {
    for (operation, document) in changes() {
        for status in [0, 400, 401, 403, 404, 408, 425, 429, 500, 502, 503] {
            let parsed = read_back(operation, document.clone(), status, "");
            let code = match status {
                0 => "no-answer".to_owned(),
                status => format!("http-{status}"),
            };
            assert_eq!(word(parsed), format!("unknown {code}"), "{operation}");
        }
        for body in ["", "<html>", "{\"lock_re", "[]"] {
            let parsed = read_back(operation, document.clone(), 200, body);
            assert!(
                matches!(parsed, Err(Fault::InvalidReply(_))),
                "{operation}: {body}"
            );
        }
    }
}

#[test]
fn a_lock_in_part_says_what_is_held() {
    let request = request(
        "order.lock",
        json!({ "order_id": "1", "items": [{ "sku_id": "1", "qty": 1 }] }),
    );
    let body = "{\"success\":true,\"lock_result\":\"lock_part\",\"lock_id\":\"L 7\"}";
    let parsed = answer("order.lock", &request, &reply(200, body)).expect("an outcome");
    let [Outcome::Rejected(refusal)] = &parsed.outcomes[..] else {
        panic!("{:?}", parsed.outcomes);
    };
    assert_eq!(refusal.code, "lock_part");
    assert!(refusal.details[0].message.contains("lock_id L 7"));
}
