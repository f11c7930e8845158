//! `stock.confirm`: tells the platform how a shop took the stock that
//! `stock.calc` gave. What was calculated is echoed.

use crate::answer::{self, Answer, Effect};
use crate::call;
use crate::number;
use crate::settings::Settings;
use crossdock_adapter::json::{self, Members, RawValue};
use crossdock_adapter::{Context, Fault, Item, Mapped, Outcome, Parsed, Reply, Request, batch};

/// The platform's names of the calls.
const SUCCESS: &str = "sales.StockSync.syncSuccess";
const FAIL: &str = "sales.StockSync.syncFail";

/// What an accepted item knows: the answer has no data.
const RESULT: &str = "{}";

/// How a field of `info` is written.
#[derive(Clone, Copy)]
enum Kind {
    /// As the document has it.
    Plain,
    /// `Decimal(19,4)`: a number, also where the document has it as text.
    Decimal,
    /// `true` or `false`, also where `stock.calc` gave 1 or 0.
    Flag,
}

/// The fields of `info`, in the order of the platform's example and, from
/// `stock_syn_other` on, of its table.
const FIELDS: [(&str, Kind); 16] = [
    ("stock_syn_min", Kind::Decimal),
    ("stock_syn_rule_id", Kind::Plain),
    ("stock_syn_mask", Kind::Plain),
    ("stock_syn_warehouses", Kind::Plain),
    ("stock_syn_max", Kind::Decimal),
    ("stock_syn_percent", Kind::Plain),
    ("is_auto_delisting", Kind::Flag),
    ("stock_syn_plus", Kind::Decimal),
    ("is_auto_listing", Kind::Flag),
    ("stock_syn_rule_no", Kind::Plain),
    ("syn_stock", Kind::Decimal),
    ("stock_change_count", Kind::Decimal),
    ("stock_syn_other", Kind::Plain),
    ("is_syn_success", Kind::Flag),
    ("is_manual", Kind::Flag),
    ("syn_result", Kind::Plain),
];

pub fn map(settings: &Settings, items: &[Item]) -> Result<Mapped, Fault> {
    // Not repeatable: no document says what a second confirmation does.
    Ok(batch::each(items, false, |item| {
        let (method, arguments) = read(item)?;
        Ok(call::draft(settings, method, arguments))
    }))
}

/// The method and its arguments.
fn read(item: &Item) -> Result<(&'static str, String), Fault> {
    let Members(members) = item.read()?;
    let find = |wanted: &str| {
        let found = members.iter().find(|(name, _)| &**name == wanted);
        found.map(|(_, value)| *value)
    };
    let missing = |name: &str| {
        Fault::invalid_input(format!("/{name}"), format!("the document has no {name}"))
    };
    let id = find("api_goods_id").ok_or_else(|| missing("api_goods_id"))?;
    let id = number::api_goods_id(id)?;
    let success = find("success").ok_or_else(|| missing("success"))?;
    let method = match success.get() {
        "true" => SUCCESS,
        "false" => FAIL,
        _ => return Err(Fault::invalid_input("/success", "success is true or false")),
    };
    let mut out = format!("[{id},{{");
    let mut separator = "";
    for (name, kind) in FIELDS {
        let Some(value) = find(name) else {
            continue;
        };
        out.push_str(separator);
        separator = ",";
        json::push_string(&mut out, name);
        out.push(':');
        out.push_str(match kind {
            Kind::Plain => value.get(),
            Kind::Decimal => number::decimal(value, || format!("/{name}"))?,
            Kind::Flag => flag(value).ok_or_else(|| {
                Fault::invalid_input(format!("/{name}"), format!("{name} is true, false, 1 or 0"))
            })?,
        });
    }
    out.push_str("}]");
    Ok((method, out))
}

fn flag(value: &RawValue) -> Option<&'static str> {
    match value.get() {
        "true" | "1" => Some("true"),
        "false" | "0" => Some("false"),
        _ => None,
    }
}

pub fn parse(ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    let outcome = match answer::read(ctx, Effect::Writes, request, reply)? {
        Answer::Done(_) => Outcome::Accepted(RESULT.into()),
        Answer::Failed(outcome) => outcome,
    };
    Ok(Parsed::every(request, outcome))
}
