//! `stock.update`: documents → rows → requests.

use crate::settings::Settings;
use crossdock_adapter::json::{self, RawValue, Text};
use crossdock_adapter::{Draft, Fault, Item, Mapped, Request, batch};
use serde::Deserialize;

/// A document: the stock core that all platforms share, and `type`.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    sku: Text<'a>,
    #[serde(borrow)]
    quantity: &'a RawValue,
    mode: Option<Text<'a>>,
    location: Option<Text<'a>>,
    location_kind: Option<Text<'a>>,
    #[serde(rename = "type")]
    kind: Option<Text<'a>>,
}

/// A row of the platform.
struct Row<'a> {
    kind: Text<'a>,
    key: Text<'a>,
    /// An integer of any size, as its digits.
    stock: &'a str,
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
        out.push_str(self.stock);
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
        let request = Request::of(draft, batch::indices(rows)).repeatable(true);
        mapped.requests.push(request);
    }
    Ok(mapped)
}

fn row<'a>(settings: &Settings<'a>, item: &'a Item) -> Result<Row<'a>, Fault> {
    let document: Document = item.read()?;
    if document.mode.as_deref() == Some("adjust") {
        return Err(Fault::invalid_input(
            "/mode",
            "the platform takes total stock only: send `set` with the new total",
        ));
    }
    if document.location_kind.as_deref() == Some("warehouse") {
        return Err(Fault::invalid_input(
            "/location_kind",
            "the platform keeps stock per store (门店编码), not per warehouse",
        ));
    }
    let stock = json::integer(document.quantity).ok_or_else(|| {
        Fault::invalid_input("/quantity", "quantity has to be an integer in plain digits")
    })?;
    let store = document
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
        kind: document
            .kind
            .unwrap_or_else(|| settings.default_type.clone()),
        key: document.sku,
        stock,
        store_code,
    })
}
