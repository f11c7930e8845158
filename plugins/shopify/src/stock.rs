//! `stock.update`: documents → mutations.

use crate::key;
use crate::settings::{MOST_ROWS, QuantityName, Settings};
use crossdock_adapter::batch::{self, Row};
use crossdock_adapter::json::{self, RawValue, Text};
use crossdock_adapter::stock::{Mode, OwnFields, StockRecord};
use crossdock_adapter::{Draft, Fault, Item, Mapped};
use serde::de::MapAccess;
use std::borrow::Cow;

/// The mutation of totals.
const SET: &str = "mutation StockSet($input: InventorySetQuantitiesInput!, $key: String!) { \
    inventorySetQuantities(input: $input) @idempotent(key: $key) { \
    inventoryAdjustmentGroup { id } userErrors { code field message } } }";

/// The mutation of changes.
const ADJUST: &str = "mutation StockAdjust($input: InventoryAdjustQuantitiesInput!, $key: String!) { \
    inventoryAdjustQuantities(input: $input) @idempotent(key: $key) { \
    inventoryAdjustmentGroup { id } userErrors { code field message } } }";

/// What a document has beside the core that all platforms share.
#[derive(Default)]
struct Own<'a> {
    change_from: Option<&'a RawValue>,
    reason: Option<Text<'a>>,
    reference: Option<Text<'a>>,
}

impl<'a> OwnFields<'a> for Own<'a> {
    fn take<A: MapAccess<'a>>(&mut self, name: &str, values: &mut A) -> Result<bool, A::Error> {
        match name {
            "change_from" => self.change_from = values.next_value()?,
            "reason" => self.reason = values.next_value()?,
            "reference" => self.reference = values.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// What one document becomes.
struct Change<'a> {
    mode: Mode,
    /// Digits of the global ids.
    item: Text<'a>,
    location: Text<'a>,
    quantity: Cow<'a, str>,
    /// The quantity that has to be there, if that is to be compared.
    from: Option<Cow<'a, str>>,
    /// What is the mutation's rather than the row's.
    reason: Text<'a>,
    reference: Option<Text<'a>>,
    id: Text<'a>,
}

impl Change<'_> {
    /// Whether it is harmless without its own key: a total that replaces
    /// whatever is there.
    fn is_plain(&self) -> bool {
        self.mode == Mode::Set && self.from.is_none()
    }

    fn write(&self, out: &mut String) {
        out.push_str("{\"inventoryItemId\":\"gid://shopify/InventoryItem/");
        out.push_str(&self.item);
        out.push_str("\",\"locationId\":\"gid://shopify/Location/");
        out.push_str(&self.location);
        out.push_str(match self.mode {
            Mode::Set => "\",\"quantity\":",
            Mode::Adjust => "\",\"delta\":",
        });
        out.push_str(&self.quantity);
        out.push_str(",\"changeFromQuantity\":");
        out.push_str(self.from.as_deref().unwrap_or("null"));
        out.push('}');
    }
}

pub fn map(settings: &Settings, items: &[Item]) -> Result<Mapped, Fault> {
    let mut mapped = Mapped::default();
    let changes = batch::read(&mut mapped, items, |item| read(settings, item));
    for rows in calls(changes, settings.batch_size.clamp(1, MOST_ROWS)) {
        let draft = draft(settings, &rows);
        // The same key, or a total: either way the shop ends the same.
        mapped.send(draft, &rows, true);
    }
    Ok(mapped)
}

/// Which changes go together: plain totals with equal reason and reference, each
/// place once; everything else alone.
fn calls<'a>(changes: Vec<Row<Change<'a>>>, most: usize) -> Vec<Vec<Row<Change<'a>>>> {
    let mut calls: Vec<Vec<Row<Change>>> = Vec::new();
    for row in changes {
        let fits = |call: &Vec<Row<Change>>| {
            let alike = |other: &Row<Change>| {
                let (one, other) = (&row.value, &other.value);
                other.is_plain()
                    && one.reason == other.reason
                    && one.reference == other.reference
                    && (&one.item, &one.location) != (&other.item, &other.location)
            };
            call.len() < most && call.iter().all(alike)
        };
        // Only into the newest: what comes later must not arrive earlier.
        match calls.last_mut() {
            Some(call) if row.value.is_plain() && fits(call) => call.push(row),
            _ => calls.push(vec![row]),
        }
    }
    calls
}

fn draft(settings: &Settings, rows: &[Row<Change>]) -> Draft {
    let first = rows.first().map(|row| &row.value);
    let mode = first.map_or(Mode::Set, |change| change.mode);
    let mut input = String::from("{\"name\":\"");
    input.push_str(settings.quantity_name.name());
    input.push_str("\",\"reason\":");
    json::push_string(&mut input, first.map_or("", |change| &change.reason));
    if let Some(reference) = first.and_then(|change| change.reference.as_ref()) {
        input.push_str(",\"referenceDocumentUri\":");
        json::push_string(&mut input, reference);
    }
    input.push_str(match mode {
        Mode::Set => ",\"quantities\":",
        Mode::Adjust => ",\"changes\":",
    });
    input.push_str(&batch::array(rows, |out, change| change.write(out)));
    input.push('}');
    let key = match rows {
        [row] => Cow::Borrowed(&*row.value.id),
        rows => {
            let ids = rows.iter().map(|row| &*row.value.id);
            Cow::Owned(key::of_many(ids, &input))
        }
    };
    let mut body = String::from("{\"query\":");
    let query = match mode {
        Mode::Set => SET,
        Mode::Adjust => ADJUST,
    };
    json::push_string(&mut body, query);
    body.push_str(",\"variables\":{\"input\":");
    body.push_str(&input);
    body.push_str(",\"key\":");
    json::push_string(&mut body, &key);
    body.push_str("}}");
    let version = crossdock_adapter::encode::percent(&settings.api_version);
    Draft::post(format!("/admin/api/{version}/graphql.json")).json_body(body)
}

/// The digits of an id, alone or at the end of a global id of this kind.
fn id<'a>(text: &Text<'a>, kind: &str, pointer: &str) -> Result<Text<'a>, Fault> {
    let global = text
        .strip_prefix("gid://shopify/")
        .and_then(|rest| rest.strip_prefix(kind)?.strip_prefix('/'));
    let digits = global.unwrap_or(text);
    if !json::is_digits(digits) {
        return Err(Fault::invalid_input(
            pointer,
            format!(
                "Shopify knows it by a number only: send the digits of its id, or gid://shopify/{kind}/ \
                 and the digits"
            ),
        ));
    }
    Ok(match global {
        None => text.clone(),
        Some(digits) => Text(Cow::Owned(digits.to_owned())),
    })
}

/// A whole number that GraphQL's `Int` can hold.
fn int<'a>(digits: Cow<'a, str>, pointer: &str) -> Result<Cow<'a, str>, Fault> {
    match digits.parse::<i32>() {
        // -0 is no other number.
        Ok(0) => Ok(Cow::Borrowed("0")),
        Ok(_) => Ok(digits),
        Err(_) => Err(Fault::invalid_input(
            pointer,
            "the platform's numbers end at 2147483647 (Int of GraphQL)",
        )),
    }
}

fn read<'a>(settings: &Settings<'a>, item: &'a Item) -> Result<Change<'a>, Fault> {
    let record: StockRecord<Own> = item.read()?;
    if record.mode == Mode::Adjust && settings.quantity_name == QuantityName::OnHand {
        return Err(Fault::invalid_input(
            "/mode",
            "the platform changes `available` only, and this connection's setting `quantity_name` is \
             on_hand: send `set` with the new total",
        ));
    }
    let inventory_item = id(&record.sku()?, "InventoryItem", "/sku")?;
    let quantity = match record.mode {
        Mode::Set => record.total()?,
        Mode::Adjust => record.quantity()?,
    };
    let named = record.location.as_ref();
    let named = named.or(settings.default_location.as_ref());
    let named = named.ok_or_else(|| {
        Fault::invalid_input(
            "/location",
            "the platform keeps stock per location: send `location`, or set `default_location` in the \
             connection's settings",
        )
    })?;
    let named = settings.location_ids.get(named).unwrap_or(named);
    let from = match record.own.change_from {
        None => None,
        Some(raw) => {
            let digits = json::integer(raw).ok_or_else(|| {
                Fault::invalid_input("/change_from", "the platform takes whole numbers only")
            })?;
            Some(int(digits, "/change_from")?)
        }
    };
    Ok(Change {
        mode: record.mode,
        item: inventory_item,
        location: id(named, "Location", "/location")?,
        quantity: int(quantity, "/quantity")?,
        from,
        id: record.idempotency_id(item),
        reason: record.own.reason.unwrap_or_else(|| settings.reason.clone()),
        reference: record.own.reference,
    })
}
