//! 旺店通: what is to be synchronised, how much of it, and whether it was.
//!
//! sales.StockSync.getSelfWaitSyncIdListOpen → calcStock → syncSuccess or syncFail.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Wangdian, failure, refuse_arguments, success, wrong_count};
use crate::check::{self, Breach, Field, Shape, Violation, optional, required};
use crate::exchange::Answer;
use crate::platforms::{Inspection, Outcome};

/// 6.1 正常响应示例 of calcStock.
const EXAMPLE: &str = r#"{"match_code":"lz38","list_time":"","stock_syn_min":1.0000,"stock_num":0,
"stock_syn_warehouses":"6","sub_platform_id":0,"outer_id":"lz3","spec_outer_id":"lz38","stock_syn_percent":100,
"spec_id":"lz38","is_auto_delisting":1,"stock_syn_plus":1.0000,"is_auto_listing":1,"match_target_id":12581,
"match_target_type":1,"mask":0,"syn_stock":1,"reserve_s":"","stock_syn_rule_id":-10000,"stock_syn_mask":0,
"goods_id":"lz3","rec_id":2447,"last_syn_num":-1,"shop_id":69,"stock_syn_max":550.0000,"last_syn_time":"",
"delist_time":"","platform_id":127,"stock_syn_rule_no":"","status":1,"stock_change_count":2}"#;

/// The row of calcStock's examples.
const EXAMPLE_ID: i64 = 2447;
/// The row of 6.2 异常响应示例, whose id the document does not give.
const DISABLED_ID: i64 = 2448;
/// The ids and the position of getSelfWaitSyncIdListOpen's example.
const EXAMPLE_PENDING: [i64; 23] = [
    174_004, 175_511, 175_512, 175_522, 175_523, 175_524, 175_525, 175_526, 175_527, 175_533,
    175_534, 175_535, 175_536, 175_537, 175_538, 175_539, 175_540, 175_541, 175_568, 175_574,
    175_576, 173_687, 173_688,
];
const EXAMPLE_POSITION: i64 = 239_126_414;

/// 一次的记录数最小值10, 最大值5000.
const COUNT: Shape = Shape::IntIn(10, 5000);

/// `info` of syncSuccess and syncFail. The table says that all are mandatory;
/// the example leaves the last four out.
const INFO: &[Field] = &[
    required("syn_stock", Shape::Decimal(19, 4)),
    required("stock_change_count", Shape::Decimal(19, 4)),
    required("stock_syn_rule_id", Shape::Int),
    required("stock_syn_rule_no", Shape::TextUpTo(40)),
    required("stock_syn_warehouses", Shape::TextUpTo(1024)),
    required("stock_syn_mask", Shape::Int),
    required("stock_syn_percent", Shape::Int),
    required("stock_syn_plus", Shape::Decimal(19, 4)),
    required("stock_syn_min", Shape::Decimal(19, 4)),
    required("stock_syn_max", Shape::Decimal(19, 4)),
    // calcStock's example gives 1 where this call's example has true.
    required("is_auto_listing", Shape::BoolOrBit),
    required("is_auto_delisting", Shape::BoolOrBit),
    optional("stock_syn_other", Shape::TextUpTo(1024)),
    optional("is_syn_success", Shape::BoolOrBit),
    optional("is_manual", Shape::BoolOrBit),
    optional("syn_result", Shape::TextUpTo(1024)),
];

/// One row of the platform's goods.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiGoods {
    /// What calcStock answers.
    pub row: Map<String, Value>,
    /// Whether synchronisation is switched on.
    pub enabled: bool,
    /// Where it stands in the pending list.
    pub position: Option<i64>,
    /// What was confirmed, in order.
    pub confirmations: Vec<Confirmation>,
}

/// One syncSuccess or syncFail.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmation {
    pub success: bool,
    pub info: Value,
}

/// All rows, and the order in which they became pending.
#[derive(Debug)]
pub struct Stock {
    rows: BTreeMap<i64, ApiGoods>,
    next_position: i64,
}

impl Stock {
    /// The rows that the documents' examples speak of.
    pub fn of_the_documents() -> Self {
        let mut stock = Self {
            rows: BTreeMap::new(),
            next_position: EXAMPLE_POSITION + 1,
        };
        stock.put(EXAMPLE_ID, 1);
        stock.put(DISABLED_ID, 1);
        if let Some(goods) = stock.rows.get_mut(&DISABLED_ID) {
            goods.row.insert("goods_id".to_owned(), json!("jitx002"));
            goods.row.insert("spec_id".to_owned(), json!("jitx002"));
            goods.enabled = false;
        }
        let first = EXAMPLE_POSITION - EXAMPLE_PENDING.len() as i64 + 1;
        for (position, rec_id) in (first..).zip(EXAMPLE_PENDING) {
            stock.put(rec_id, 1);
            if let Some(goods) = stock.rows.get_mut(&rec_id) {
                goods.position = Some(position);
            }
        }
        stock
    }

    pub fn goods(&self, rec_id: i64) -> Option<&ApiGoods> {
        self.rows.get(&rec_id)
    }

    pub fn put(&mut self, rec_id: i64, syn_stock: i64) {
        let mut row: Map<String, Value> = serde_json::from_str(EXAMPLE).unwrap_or_default();
        row.insert("rec_id".to_owned(), json!(rec_id));
        row.insert("syn_stock".to_owned(), json!(syn_stock));
        self.rows.insert(
            rec_id,
            ApiGoods {
                row,
                enabled: true,
                position: None,
                confirmations: Vec::new(),
            },
        );
    }

    pub fn disable(&mut self, rec_id: i64) {
        if let Some(goods) = self.rows.get_mut(&rec_id) {
            goods.enabled = false;
        }
    }

    pub fn change(&mut self, rec_id: i64, syn_stock: i64) {
        if let Some(goods) = self.rows.get_mut(&rec_id) {
            let count = goods.row["stock_change_count"].as_i64().unwrap_or_default();
            goods.row.insert("syn_stock".to_owned(), json!(syn_stock));
            goods
                .row
                .insert("stock_change_count".to_owned(), json!(count + 1));
            goods.position = Some(self.next_position);
            self.next_position += 1;
        }
    }

    pub fn clear_pending(&mut self) {
        for goods in self.rows.values_mut() {
            goods.position = None;
        }
    }

    pub fn pending(&self) -> Vec<i64> {
        self.pending_after(i64::MIN)
            .into_iter()
            .map(|(_, rec_id)| rec_id)
            .collect()
    }

    /// (position, rec_id) beyond a position, in order.
    fn pending_after(&self, position: i64) -> Vec<(i64, i64)> {
        let rows = self.rows.iter();
        let mut pending: Vec<_> = rows
            .filter_map(|(rec_id, goods)| Some((goods.position?, *rec_id)))
            .filter(|(found, _)| *found > position)
            .collect();
        pending.sort_unstable();
        pending
    }

    pub fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|(rec_id, goods)| {
            let confirmations: Vec<Value> = goods
                .confirmations
                .iter()
                .map(|confirmation| json!({"success": confirmation.success, "info": confirmation.info}))
                .collect();
            json!({
                "rec_id": rec_id,
                "syn_stock": goods.row["syn_stock"],
                "stock_change_count": goods.row["stock_change_count"],
                "enabled": goods.enabled,
                "position": goods.position,
                "confirmations": confirmations,
            })
        });
        rows.collect()
    }
}

/// sales.StockSync.calcStock(apiGoodsId, forceSync).
pub fn calc<'a>(wangdian: &'a Wangdian, arguments: &[Value]) -> Inspection<'a> {
    let [id, force] = arguments else {
        return wrong_count(arguments.len(), 2);
    };
    let mut violations = check::check(id, Shape::Int, "/0");
    violations.extend(check::check(force, Shape::Bool, "/1"));
    if !violations.is_empty() {
        return refuse_arguments(violations);
    }
    let (id, force) = (
        id.as_i64().unwrap_or_default(),
        force.as_bool().unwrap_or_default(),
    );
    Inspection::apply(move || {
        let state = wangdian.state();
        match state.stock.goods(id) {
            None => Outcome::refused(failure(100, &wangdian.options.unknown_api_goods)),
            Some(goods) if !goods.enabled && !force => {
                let text = |name: &str| goods.row[name].as_str().unwrap_or_default().to_owned();
                let message = format!(
                    "货品id:{}规格Id:{} 已停用或者未开启同步",
                    text("goods_id"),
                    text("spec_id")
                );
                Outcome::refused(failure(100, &message))
            }
            Some(goods) => Outcome::applied(success(Value::Object(goods.row.clone()))),
        }
    })
}

/// sales.StockSync.getSelfWaitSyncIdListOpen(count, position). The example's
/// JSON has both as strings, its PHP has them as numbers.
pub fn pending<'a>(wangdian: &'a Wangdian, arguments: &[Value]) -> Inspection<'a> {
    let [count, position] = arguments else {
        return wrong_count(arguments.len(), 2);
    };
    let mut violations = check::check(count, Shape::IntOrDigits, "/0");
    violations.extend(check::check(position, Shape::IntOrDigits, "/1"));
    let whole = |value: &Value| {
        value
            .as_i64()
            .or_else(|| value.as_str()?.parse().ok())
            .unwrap_or_default()
    };
    let (count, position) = (whole(count), whole(position));
    if violations.is_empty() {
        violations.extend(check::check(&json!(count), COUNT, "/0"));
    }
    if !violations.is_empty() {
        return refuse_arguments(violations);
    }
    Inspection::apply(move || {
        let state = wangdian.state();
        let mut page = state.stock.pending_after(position);
        page.truncate(usize::try_from(count).unwrap_or_default());
        let ids: Vec<i64> = page.iter().map(|(_, rec_id)| *rec_id).collect();
        let mut data = json!({"id_list": ids});
        match page.last() {
            Some((last, _)) => data["position"] = json!(last),
            None if wangdian.options.position_on_empty_page => data["position"] = json!(position),
            None => {}
        }
        Outcome::applied(success(data))
    })
}

/// sales.StockSync.syncSuccess(apiGoodsId, info) and syncFail.
pub fn confirm(wangdian: &Wangdian, mut arguments: Vec<Value>, success: bool) -> Inspection<'_> {
    let [id, info] = arguments.as_mut_slice() else {
        return wrong_count(arguments.len(), 2);
    };
    let mut violations = check::check(id, Shape::Int, "/0");
    violations.extend(check::check(info, Shape::Object(INFO), "/1"));
    if let Some(list) = info["stock_syn_warehouses"].as_str()
        && !list
            .split(',')
            .all(|id| id.is_empty() || id.bytes().all(|byte| byte.is_ascii_digit()))
    {
        let message = "not ids joined with commas";
        violations.push(Violation::new(
            Breach::Type,
            "/1/stock_syn_warehouses",
            message,
        ));
    }
    if !violations.is_empty() {
        return refuse_arguments(violations);
    }
    let (id, info) = (id.as_i64().unwrap_or_default(), info.take());
    Inspection::apply(move || {
        let now = wangdian.stamp();
        let options = &wangdian.options;
        let mut state = wangdian.state();
        let Some(goods) = state.stock.rows.get_mut(&id) else {
            // The only failure that the documents show, without its cause.
            return Outcome::refused(failure(1064, " Unknown Database Error"));
        };
        let current = same_number(
            &goods.row["stock_change_count"],
            &info["stock_change_count"],
        );
        if success {
            goods
                .row
                .insert("last_syn_num".to_owned(), info["syn_stock"].clone());
            goods.row.insert("last_syn_time".to_owned(), json!(now));
        }
        let done = if success {
            current || !options.confirm_needs_current_count
        } else {
            !options.failed_stays_pending
        };
        if done {
            goods.position = None;
        }
        goods.confirmations.push(Confirmation { success, info });
        Outcome::applied(Answer::json_text(r#"{"status":0}"#))
    })
}

/// Whether two JSON numbers are equal, `2` and `2.0000` for example.
fn same_number(a: &Value, b: &Value) -> bool {
    let decimal = |value: &Value| crate::decimal::Decimal::parse(value.as_number()?.as_str());
    decimal(a).is_some() && decimal(a) == decimal(b)
}
