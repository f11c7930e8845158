//! 仓库库存服务 and 门店库存服务: the absolute stock that other systems report.
//!
//! The list is titled 当前可用库存集合, so a report replaces what was there. What
//! `task_id` and `business_key` deduplicate is not documented; nothing is.

use serde_json::{Map, Value};

use super::route::Request;
use super::state::{HISTORY, Place};
use super::{Dingliyun, rows, text};
use crate::decimal::Decimal;
use crate::platforms::Outcome;

/// 1.1.1. ERP更新仓库库存到鼎力云
pub fn update_warehouse(dingliyun: &Dingliyun, request: Request) -> Outcome {
    let place = Place::Warehouse(request.id(0).to_owned());
    update(dingliyun, request, place)
}

/// 1.3.1. POS更新门店库存到鼎力云
pub fn update_store(dingliyun: &Dingliyun, request: Request) -> Outcome {
    let place = Place::Store(request.id(0).to_owned());
    update(dingliyun, request, place)
}

fn update(dingliyun: &Dingliyun, mut request: Request, place: Place) -> Outcome {
    let rows = rows(&mut request.body, "skus");
    let mut state = dingliyun.state();
    if let Some(refused) = dingliyun.all_or_nothing(&state, &rows, "sku_id") {
        return refused;
    }
    for row in rows {
        let entry = state
            .inventories
            .entry((place.clone(), text(&row, "sku_id")))
            .or_default();
        for (name, field) in [
            ("available", &mut entry.available),
            ("fixed_qty", &mut entry.fixed_qty),
            ("stock_qty", &mut entry.stock_qty),
        ] {
            if let Some(number) = number(&row, name) {
                *field = number;
            }
        }
        for (name, field) in [
            ("change_time", &mut entry.change_time),
            ("task_id", &mut entry.task_id),
        ] {
            if row.contains_key(name) {
                *field = text(&row, name);
            }
        }
        entry.writes += 1;
        if entry.history.len() >= HISTORY {
            entry.history.remove(0);
        }
        entry.history.push(entry.available);
    }
    Outcome::applied(dingliyun.success())
}

/// A number member, exact.
pub fn number(row: &Map<String, Value>, name: &str) -> Option<Decimal> {
    Decimal::parse(row.get(name)?.as_number()?.as_str())
}
