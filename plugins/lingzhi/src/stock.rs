//! `stock.update`: documents → rows → requests.

use crate::settings::Settings;
use crossdock_adapter::json::{self, Text};
use crossdock_adapter::stock::{LocationKind, Mode, OwnFields, StockRecord};
use crossdock_adapter::{Draft, Fault, Item, Mapped, batch};
use serde::de::MapAccess;
use std::borrow::Cow;

/// What a document has beside the core that all platforms share.
#[derive(Default)]
struct Own<'a> {
    kind: Option<Text<'a>>,
}

impl<'a> OwnFields<'a> for Own<'a> {
    fn take<A: MapAccess<'a>>(&mut self, name: &str, values: &mut A) -> Result<bool, A::Error> {
        match name {
            "type" => self.kind = values.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A row of the platform.
struct Row<'a> {
    kind: Text<'a>,
    key: Text<'a>,
    /// An integer of any size, as its digits.
    stock: Cow<'a, str>,
    store_code: Text<'a>,
}

impl Row<'_> {
    /// Fields in the order of the platform's own example.
    fn write(&self, out: &mut String) {
        out.push_str("{\"type\":");
        json::push_string(out, &self.kind);
        out.push_str(",\"key\":");
        json::push_string(out, &self.key);
        out.push_str(",\"stock\":");
        out.push_str(&self.stock);
        out.push_str(",\"store_code\":");
        json::push_string(out, &self.store_code);
        out.push('}');
    }
}

pub fn map(settings: &Settings, items: &[Item]) -> Result<Mapped, Fault> {
    let mut mapped = Mapped::default();
    let rows = batch::read(&mut mapped, items, |item| row(settings, item));
    for rows in rows.chunks(settings.batch_size.max(1)) {
        let body = batch::array(rows, |out, row: &Row| row.write(out));
        let draft = Draft::post(&*settings.path).text_body(&*settings.content_type, body);
        // Stock is a total: the platform ends with the same one when it
        // arrives twice.
        mapped.send(draft, rows, true);
    }
    Ok(mapped)
}

fn row<'a>(settings: &Settings<'a>, item: &'a Item) -> Result<Row<'a>, Fault> {
    let record: StockRecord<Own> = item.read()?;
    if record.mode == Mode::Adjust {
        return Err(Fault::invalid_input(
            "/mode",
            "the platform takes total stock only: send `set` with the new total",
        ));
    }
    if record.location_kind == LocationKind::Warehouse {
        return Err(Fault::invalid_input(
            "/location_kind",
            "the platform keeps stock per store (门店编码), not per warehouse",
        ));
    }
    let (key, stock) = (record.sku()?, record.quantity()?);
    let store = record
        .location
        .or_else(|| settings.default_store_code.clone());
    let store_code = store.ok_or_else(|| {
        Fault::invalid_input(
            "/location",
            "the platform needs a store (门店编码): send `location`, or set `default_store_code` \
             in the connection's settings",
        )
    })?;
    Ok(Row {
        kind: record
            .own
            .kind
            .unwrap_or_else(|| settings.default_type.clone()),
        key,
        stock,
        store_code,
    })
}
