//! The examples of section 1, sent as they are.

use super::*;

/// Whether two answers have the same members of the same kinds.
fn same_shape(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let names = |members: &Map<String, Value>| {
                let mut names: Vec<String> = members.keys().cloned().collect();
                names.sort();
                names
            };
            names(found) == names(wanted)
                && found
                    .iter()
                    .all(|(name, value)| same_shape(value, &wanted[name]))
        }
        (Value::Array(found), Value::Array(wanted)) => found.iter().all(|row| {
            wanted
                .first()
                .is_none_or(|example| same_shape(row, example))
        }),
        _ => std::mem::discriminant(found) == std::mem::discriminant(wanted),
    }
}

/// The state that an example needs to be answered as the document does.
async fn prepare(stand_ins: &StandIns, examples: &[Value]) {
    put_stock(stand_ins, "43435545", "12", "100");
    let example = |section: &str| {
        examples
            .iter()
            .find(|example| example["section"] == section)
            .cloned()
            .expect("a section")
    };
    let mut sku = example("1.2.10")["body"].clone();
    sku["skus"][0]["id"] = json!("string");
    call(
        stand_ins,
        "POST",
        "/string/invc/itemservice/skus/update",
        &sku,
    )
    .await;
    let mut lock = example("1.6.1")["body"].clone();
    lock["order_id"] = json!("string");
    lock["platform_id"] = json!("string");
    lock["shop_id"] = json!("string");
    call(
        stand_ins,
        "POST",
        "/string/invc/orderstockservice/lock?operator=string",
        &lock,
    )
    .await;
}

#[tokio::test]
async fn every_example_of_the_document_is_accepted_and_answered_in_its_shape() {
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).expect("fixtures");
    assert_eq!(examples.len(), 21);
    for example in &examples {
        let mut options = Options::default();
        options.dingliyun.tenant_id = "string".to_owned();
        let stand_ins = start_with(options).await;
        prepare(&stand_ins, &examples).await;
        let section = &example["section"];
        // 1.2.8 has no example request; its body is 2.11 IdsWrapper.
        let path = example["path"]
            .as_str()
            .unwrap_or("/string/invc/itemservice/skus");
        let body = if section == "1.2.8" {
            json!({"ids": ["string"]})
        } else {
            example["body"].clone()
        };
        // The paths' page_size=0 is outside the range that the tables give.
        let path = path.replace("page_size=0", "page_size=10");
        let method = example["method"].as_str().expect("a method");
        let reply = call(&stand_ins, method, &path, &body).await;
        assert_eq!(stand_ins.violations("dingliyun"), [], "{section}");
        assert_eq!(reply.status, 200, "{section}");
        let answer = reply.json();
        assert!(
            same_shape(&answer, &example["answer"]),
            "{section}: {answer}"
        );
        assert!(last(&stand_ins, "dingliyun").verdict.applied, "{section}");
    }
}
