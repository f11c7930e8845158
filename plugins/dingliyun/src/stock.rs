//! `stock.update`: current available stock of a store (POS更新门店库存到鼎力云)
//! or of a warehouse (ERP更新仓库库存到鼎力云), one request per location.

use crate::envelope;
use crate::members::push_text_member;
use crate::path::{draft, path, with_body};
use crate::settings::Settings;
use crossdock_adapter::batch::{self, Row};
use crossdock_adapter::encode::segment;
use crossdock_adapter::json::{self, RawValue, Text};
use crossdock_adapter::stock::{LocationKind, Mode, OwnFields, StockRecord};
use crossdock_adapter::{Context, Fault, Item, Mapped, Parsed, Reply, Request};
use serde::de::MapAccess;
use std::borrow::Cow;

/// What a document has beside the core that all platforms share.
#[derive(Default)]
struct Own<'a> {
    fixed_qty: Option<&'a RawValue>,
    stock_qty: Option<&'a RawValue>,
    change_time: Option<Text<'a>>,
    task_id: Option<Text<'a>>,
    operator: Option<Text<'a>>,
    business_type: Option<Text<'a>>,
    business_key: Option<Text<'a>>,
}

impl<'a> OwnFields<'a> for Own<'a> {
    fn take<A: MapAccess<'a>>(&mut self, name: &str, values: &mut A) -> Result<bool, A::Error> {
        let text = match name {
            "fixed_qty" => {
                self.fixed_qty = values.next_value()?;
                return Ok(true);
            }
            "stock_qty" => {
                self.stock_qty = values.next_value()?;
                return Ok(true);
            }
            "change_time" => &mut self.change_time,
            "task_id" => &mut self.task_id,
            "operator" => &mut self.operator,
            "business_type" => &mut self.business_type,
            "business_key" => &mut self.business_key,
            _ => return Ok(false),
        };
        *text = values.next_value()?;
        Ok(true)
    }
}

/// SkuQuantity.
struct Quantity<'a> {
    /// With every digit and decimal.
    available: Cow<'a, str>,
    sku_id: Text<'a>,
    fixed_qty: Option<Cow<'a, str>>,
    stock_qty: Option<Cow<'a, str>>,
    change_time: Option<Text<'a>>,
    task_id: Option<Text<'a>>,
}

impl Quantity<'_> {
    /// Fields in the order of the document's example.
    fn write(&self, out: &mut String) {
        out.push_str("{\"available\":");
        out.push_str(&self.available);
        out.push_str(",\"sku_id\":");
        json::push_string(out, &self.sku_id);
        for (name, number) in [
            (",\"fixed_qty\":", &self.fixed_qty),
            (",\"stock_qty\":", &self.stock_qty),
        ] {
            if let Some(number) = number {
                out.push_str(name);
                out.push_str(number);
            }
        }
        for (name, text) in [
            (",\"change_time\":", &self.change_time),
            (",\"task_id\":", &self.task_id),
        ] {
            if let Some(text) = text {
                out.push_str(name);
                json::push_string(out, text);
            }
        }
        out.push('}');
    }
}

/// What the rows of one request have in common.
#[derive(Clone, PartialEq)]
struct To<'a> {
    warehouse: bool,
    /// Encoded.
    location: String,
    operator: Option<Text<'a>>,
    business_type: Option<Text<'a>>,
    business_key: Option<Text<'a>>,
}

struct Entry<'a> {
    to: To<'a>,
    quantity: Quantity<'a>,
}

pub fn map(settings: &Settings, items: &[Item]) -> Result<Mapped, Fault> {
    let mut mapped = Mapped::default();
    let rows = batch::read(&mut mapped, items, |item| entry(settings, item));
    for (to, rows) in batch::group(rows, |entry| entry.to.clone()) {
        for rows in rows.chunks(settings.batch_size.max(1)) {
            mapped.requests.push(request(settings, &to, rows)?);
        }
    }
    Ok(mapped)
}

fn entry<'a>(settings: &Settings<'a>, item: &'a Item) -> Result<Entry<'a>, Fault> {
    let record: StockRecord<Own> = item.read()?;
    if record.mode == Mode::Adjust {
        return Err(Fault::invalid_input(
            "/mode",
            "the platform takes current available stock (当前可用库存) only: send `set` with \
             the new number",
        ));
    }
    let (sku_id, available) = (record.sku()?, record.decimal()?);
    let warehouse = record.location_kind == LocationKind::Warehouse;
    let default = match warehouse {
        true => &settings.default_warehouse_id,
        false => &settings.default_store_id,
    };
    let location = record.location.or_else(|| default.clone());
    let location = location.ok_or_else(|| {
        let (what, setting) = match warehouse {
            true => ("a warehouse (仓库代码)", "default_warehouse_id"),
            false => ("a store (门店ID)", "default_store_id"),
        };
        Fault::invalid_input(
            "/location",
            format!(
                "the platform needs {what}: send `location`, or set `{setting}` in the \
                 connection's settings"
            ),
        )
    })?;
    let own = record.own;
    Ok(Entry {
        to: To {
            warehouse,
            location: segment("/location", &location)?,
            operator: own.operator.or_else(|| settings.operator.clone()),
            business_type: own.business_type,
            business_key: own.business_key,
        },
        quantity: Quantity {
            available,
            sku_id,
            fixed_qty: number("/fixed_qty", own.fixed_qty)?,
            stock_qty: number("/stock_qty", own.stock_qty)?,
            change_time: own.change_time,
            task_id: own.task_id,
        },
    })
}

fn number<'a>(pointer: &str, raw: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, Fault> {
    let Some(raw) = raw else {
        return Ok(None);
    };
    match json::plain(raw) {
        Some(number) => Ok(Some(number)),
        None => Err(Fault::invalid_input(
            pointer,
            "it has to be a number of which the digits can be written",
        )),
    }
}

fn request(settings: &Settings, to: &To, rows: &[Row<Entry>]) -> Result<Request, Fault> {
    let call = match to.warehouse {
        true => format!("wrhinvservice/wrh/{}/invs", to.location),
        false => format!("storeinvservice/store/{}/invs", to.location),
    };
    let mut draft = draft("POST", path(settings, &call)?);
    // Only the warehouse's call has the operator in its query, too.
    if let (true, Some(operator)) = (to.warehouse, &to.operator) {
        draft = draft.with_query("operator", &**operator);
    }
    let mut body = String::from("{");
    push_text_member(&mut body, "operator", to.operator.as_ref());
    body.push_str("\"skus\":");
    body.push_str(&batch::array(rows, |out, entry| entry.quantity.write(out)));
    for (name, text) in [
        (",\"business_type\":", &to.business_type),
        (",\"business_key\":", &to.business_key),
    ] {
        if let Some(text) = text {
            body.push_str(name);
            json::push_string(&mut body, text);
        }
    }
    body.push('}');
    // 当前可用库存: the same stock twice is the same stock.
    Ok(Request::of(with_body(draft, body), batch::indices(rows)).repeatable(true))
}

pub fn parse(ctx: &Context, request: &Request, reply: &Reply) -> Result<Parsed, Fault> {
    envelope::rows(ctx, request, reply, "skus", "sku_id")
}
