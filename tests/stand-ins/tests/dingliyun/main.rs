//! Seed document 004: every call, its example and its rules.

#[path = "../common/mod.rs"]
mod common;
mod examples;
mod items;
mod orders;
mod rules;

use common::*;
use crossdock_stand_ins::decimal::Decimal;
use crossdock_stand_ins::platforms::dingliyun::{Inventory, LockRepeat, OrderState, Place};
use crossdock_stand_ins::{Breach, Misbehaviour, Options, Plan, Refusal, StandIns};
use serde_json::{Map, Value, json};

/// The examples of section 1, taken from the document.
const EXAMPLES: &str = include_str!("../../../fixtures/seeds/004-dingliyun.json");
/// `demo-user:demo-password`.
const BASIC: &str = "Basic ZGVtby11c2VyOmRlbW8tcGFzc3dvcmQ=";
const HEADERS: &[(&str, &str)] = &[
    ("authorization", BASIC),
    ("content-type", "application/json;charset=UTF-8"),
    ("accept", "application/json"),
];

async fn call(stand_ins: &StandIns, method: &str, path: &str, body: &Value) -> Reply {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    send(stand_ins, "dingliyun", method, path, HEADERS, body).await
}

async fn post(stand_ins: &StandIns, path: &str, body: Value) -> Value {
    call(stand_ins, "POST", &format!("/demo/invc{path}"), &body)
        .await
        .json()
}

async fn get(stand_ins: &StandIns, path: &str) -> Value {
    call(stand_ins, "GET", &format!("/demo/invc{path}"), &Value::Null)
        .await
        .json()
}

fn put_stock(stand_ins: &StandIns, store: &str, sku: &str, available: &str) {
    let inventory = Inventory {
        available: decimal(available),
        ..Inventory::default()
    };
    stand_ins.dingliyun().change(|state| {
        state
            .inventories
            .insert((Place::Store(store.to_owned()), sku.to_owned()), inventory);
    });
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

fn available(stand_ins: &StandIns, store: &str, sku: &str) -> String {
    let state = stand_ins.dingliyun().snapshot();
    state
        .store_inventory(store, sku)
        .map(|inventory| inventory.available.to_string())
        .unwrap_or_default()
}
