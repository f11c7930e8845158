//! 旺店通: goods.Goods.batchPush, an upsert that reports failures per row at
//! status 0.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::goods_tables::GOODS;
use super::{Wangdian, refuse_arguments, success, too_long, wrong_count};
use crate::check::{self, Breach, Shape, Violation};
use crate::platforms::{Inspection, Outcome};

/// spu维度一次不超过50条.
const MOST_GOODS: usize = 50;
/// 一个goodsInfo下sku维度一次不超过500条.
const MOST_SPECS: usize = 500;
/// 6.2 异常响应示例.
const SPEC_COUNT: &str = "单品条数不得超过500条或为空";
/// The error guide's text for a spec that belongs to other goods.
const OTHER_GOODS: &str = "商家编码和货品编号不匹配";

/// Goods as pushed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Goods {
    /// All fields but `spec_list`.
    pub fields: Map<String, Value>,
    /// By `spec_no`.
    pub specs: BTreeMap<String, Map<String, Value>>,
    /// How often it has been pushed.
    pub writes: u64,
}

/// All goods, by `goods_no`.
#[derive(Debug, Default)]
pub struct Catalogue {
    goods: BTreeMap<String, Goods>,
    /// Whose each spec is.
    owners: BTreeMap<String, String>,
}

impl Catalogue {
    pub fn get(&self, goods_no: &str) -> Option<&Goods> {
        self.goods.get(goods_no)
    }

    pub fn len(&self) -> usize {
        self.goods.len()
    }

    pub fn to_json(&self) -> Value {
        let goods = self.goods.iter().map(|(goods_no, goods)| {
            json!({"goods_no": goods_no, "fields": goods.fields, "specs": goods.specs, "writes": goods.writes})
        });
        goods.collect()
    }

    /// Creates or updates one row; fields that are not sent stay.
    fn push(&mut self, row: Map<String, Value>) -> Result<(), &'static str> {
        let goods_no = text(row.get("goods_no"));
        let specs = row
            .get("spec_list")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let foreign = |spec: &Value| {
            self.owners
                .get(&text(spec.get("spec_no")))
                .is_some_and(|owner| *owner != goods_no)
        };
        if specs.iter().any(foreign) {
            return Err(OTHER_GOODS);
        }
        let goods = self.goods.entry(goods_no.clone()).or_default();
        goods
            .fields
            .extend(row.into_iter().filter(|(name, _)| name != "spec_list"));
        goods.writes += 1;
        for spec in specs {
            let spec_no = text(spec.get("spec_no"));
            self.owners.insert(spec_no.clone(), goods_no.clone());
            if let Value::Object(fields) = spec {
                goods.specs.entry(spec_no).or_default().extend(fields);
            }
        }
        Ok(())
    }
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The rows that are refused whatever the state: index and reason.
type Refused = BTreeMap<usize, String>;

pub fn push(wangdian: &Wangdian, mut arguments: Vec<Value>) -> Inspection<'_> {
    let count = arguments.len();
    let Some(argument) = arguments.pop().filter(|_| count == 1) else {
        return wrong_count(count, 1);
    };
    let Value::Array(rows) = argument else {
        return refuse_arguments(check::check(&argument, Shape::List(&Shape::Any), "/0"));
    };
    let mut violations = Vec::new();
    let mut refused = Refused::new();
    for (index, row) in rows.iter().enumerate() {
        let found = check::check(row, Shape::Object(GOODS), &format!("/0/{index}"));
        if let Some(first) = found.first() {
            refused.insert(index, reason(first));
        }
        violations.extend(found);
    }
    // Of what is wrong with the types no row can be told: nothing is read then.
    let unreadable =
        |violation: &Violation| matches!(violation.breach, Breach::Type | Breach::Unknown);
    if violations.iter().any(unreadable) {
        violations.sort_by_key(|violation| !unreadable(violation));
        violations.truncate(check::MOST_VIOLATIONS);
        return refuse_arguments(violations);
    }
    for (index, row) in rows.iter().enumerate() {
        let specs = row["spec_list"].as_array().map_or(0, Vec::len);
        if specs == 0 || specs > MOST_SPECS {
            let message = format!("{specs} specs where the document allows 1 to {MOST_SPECS}");
            violations.push(Violation::new(
                Breach::Limit,
                format!("/0/{index}/spec_list"),
                message,
            ));
            refused.insert(index, SPEC_COUNT.to_owned());
        }
    }
    if rows.len() > MOST_GOODS {
        let message = format!(
            "{} goods where the document allows {MOST_GOODS}",
            rows.len()
        );
        violations.push(Violation::new(Breach::Limit, "/0", message));
        refused = (0..rows.len())
            .map(|index| (index, wangdian.options.too_many_goods.clone()))
            .collect();
    }
    let mut inspection = Inspection::apply(move || store(wangdian, rows, refused));
    inspection.violations = violations;
    inspection
}

/// What a row is told; the first two texts are the error guide's.
fn reason(violation: &Violation) -> String {
    match violation.breach {
        Breach::Missing => format!("{}不能为空", violation.field()),
        Breach::Length => too_long(violation.field()),
        _ => format!("{}: {}", violation.field(), violation.message),
    }
}

fn store(wangdian: &Wangdian, rows: Vec<Value>, mut refused: Refused) -> Outcome {
    let mut state = wangdian.state();
    let mut errors = Vec::new();
    let count = rows.len();
    for (index, row) in rows.into_iter().enumerate() {
        let goods_no = text(row.get("goods_no"));
        let outcome = match (refused.remove(&index), row) {
            (Some(reason), _) => Err(reason),
            (None, Value::Object(fields)) => state.goods.push(fields).map_err(str::to_owned),
            (None, _) => Ok(()),
        };
        if let Err(error) = outcome {
            errors.push(json!({"error": error, "no": goods_no}));
        }
    }
    let applied = count == 0 || errors.len() < count;
    Outcome {
        answer: success(json!({"error_list": errors})),
        applied,
    }
}
