//! Stock held for orders.

use super::*;

fn order(order_id: &str, request_id: &str, items: &[(&str, &str)]) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|(sku, qty)| parse(&format!(r#"{{"sku_id":"{sku}","qty":{qty}}}"#)))
        .collect();
    json!({
        "items": items, "order_id": order_id, "platform_id": "jdo2o", "shop_id": "H", "store_id": "S",
        "request_id": request_id, "lock_type": "lock",
    })
}

const LOCK: &str = "/orderstockservice/lock?operator=o";

#[tokio::test]
async fn an_order_locks_all_a_part_or_nothing() {
    let stand_ins = start().await;
    put_stock(&stand_ins, "S", "1", "10");
    put_stock(&stand_ins, "S", "2", "1.5");
    let all = post(&stand_ins, LOCK, order("O1", "r1", &[("1", "4.0")])).await;
    assert_eq!(
        (&all["success"], &all["lock_result"], &all["stock_state"]),
        (&json!(true), &json!("lock_all"), &json!("locked"))
    );
    let part = post(
        &stand_ins,
        LOCK,
        order("O2", "r2", &[("1", "2"), ("2", "2")]),
    )
    .await;
    assert_eq!(
        (&part["lock_result"], &part["store_id"]),
        (&json!("lock_part"), &json!("S"))
    );
    let none = post(
        &stand_ins,
        LOCK,
        order("O3", "r3", &[("2", "1"), ("3", "1")]),
    )
    .await;
    assert_eq!(
        (&none["success"], &none["lock_result"], &none["stock_state"]),
        (&json!(false), &json!("none"), &json!("initial"))
    );
    assert_eq!(available(&stand_ins, "S", "1"), "4.0");
    assert_eq!(available(&stand_ins, "S", "2"), "0.0");
    for (order_id, result) in [
        ("O1", "lock_all"),
        ("O2", "lock_part"),
        ("O3", "none"),
        ("O4", "none"),
    ] {
        let found = get(
            &stand_ins,
            &format!("/orderstockservice/order/lockresult?order_id={order_id}"),
        )
        .await;
        assert_eq!(found["lock_result"], result, "{order_id}");
    }
    let held = get(
        &stand_ins,
        "/orderstockservice/orderstocks?platform_id=jdo2o&shop_id=H&shop_id=S&sku_ids=1&sku_ids=2",
    )
    .await;
    assert_eq!(held["skus"][0]["stock_qty"].to_string(), "6.0");
    assert_eq!(held["skus"][1]["stock_qty"].to_string(), "1.5");
    assert_eq!(stand_ins.violations("dingliyun"), []);
}

#[tokio::test]
async fn a_lock_is_released_by_request_or_order_and_ends_with_shipping() {
    let stand_ins = start().await;
    put_stock(&stand_ins, "S", "1", "10");
    post(&stand_ins, LOCK, order("O1", "r1", &[("1", "4")])).await;
    post(&stand_ins, LOCK, order("O1", "r2", &[("1", "1")])).await;
    let unlock = "/orderstockservice/unlock?operator=o&order_id=O1";
    assert_eq!(
        post(&stand_ins, &format!("{unlock}&request_id=r1"), Value::Null).await["success"],
        true
    );
    assert_eq!(available(&stand_ins, "S", "1"), "9.0");
    assert_eq!(post(&stand_ins, unlock, Value::Null).await["success"], true);
    assert_eq!(available(&stand_ins, "S", "1"), "10.0");
    assert_eq!(
        post(&stand_ins, unlock, Value::Null).await["success"],
        false
    );
    let found = get(
        &stand_ins,
        "/orderstockservice/order/lockresult?order_id=O1",
    )
    .await;
    assert_eq!(
        (&found["stock_state"], &found["lock_result"]),
        (&json!("aborted"), &json!("none"))
    );
    post(&stand_ins, LOCK, order("O2", "r3", &[("1", "3")])).await;
    let ship = || {
        call(
            &stand_ins,
            "PUT",
            "/demo/invc/orderstockservice/ship/O2?operator=o",
            &Value::Null,
        )
    };
    assert_eq!(ship().await.json()["success"], true);
    assert_eq!(ship().await.json()["success"], false);
    let state = stand_ins.dingliyun().snapshot();
    assert_eq!(state.orders["O2"].state, OrderState::Shipped);
    let inventory = state.store_inventory("S", "1").expect("stock");
    assert_eq!(
        (inventory.available, inventory.stock_qty),
        (decimal("7"), Decimal::ZERO)
    );
}

#[tokio::test]
async fn a_careless_repeat_holds_stock_twice_unless_the_platform_deduplicates() {
    for (repeat, left) in [
        (LockRepeat::LockAgain, "2.0"),
        (LockRepeat::SameAnswer, "6.0"),
    ] {
        let mut options = Options::default();
        options.dingliyun.lock_repeat = repeat;
        let stand_ins = start_with(options).await;
        put_stock(&stand_ins, "S", "1", "10");
        for _ in 0..2 {
            let answer = post(&stand_ins, LOCK, order("O1", "r1", &[("1", "4")])).await;
            assert_eq!(answer["lock_result"], "lock_all");
        }
        assert_eq!(available(&stand_ins, "S", "1"), left);
    }
}

#[tokio::test]
async fn a_lost_answer_can_be_read_back() {
    let stand_ins = start().await;
    put_stock(&stand_ins, "S", "1", "10");
    let reset = Misbehaviour::ResetAfterApplying;
    stand_ins.misbehave_as("dingliyun", Plan::new(reset).only("/lock"));
    let body = order("O1", "r1", &[("1", "4")]).to_string();
    let lost = try_send(
        &stand_ins,
        "dingliyun",
        "POST",
        "/demo/invc/orderstockservice/lock",
        HEADERS,
        body,
    )
    .await;
    assert!(lost.is_err());
    let found = get(
        &stand_ins,
        "/orderstockservice/order/lockresult?order_id=O1",
    )
    .await;
    assert_eq!(found["lock_result"], "lock_all");
}
