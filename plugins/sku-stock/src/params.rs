//! The platform's parameters: at most twelve, each once.

use crossdock_adapter::Fault;
use crossdock_adapter::json;
use std::borrow::Cow;

/// A parameter, in the byte order of the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Code,
    IdempotentId,
    Incremental,
    OutProductId,
    OutSkuId,
    OutWarehouseId,
    ProductId,
    SkuId,
    StepStockNum,
    StockNum,
    StoreId,
    SupplierId,
}

/// The platform's names of [`Field`]s, which signatures need sorted.
const NAMES: [&str; 12] = [
    "code",
    "idempotent_id",
    "incremental",
    "out_product_id",
    "out_sku_id",
    "out_warehouse_id",
    "product_id",
    "sku_id",
    "step_stock_num",
    "stock_num",
    "store_id",
    "supplier_id",
];

/// A parameter's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// The digits of a whole number of any size.
    Number(Cow<'a, str>),
    /// `true` or `false`.
    Bool(bool),
}

impl<'a> Value<'a> {
    /// The value where everything is text, in forms and signatures.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        }
    }

    /// Appends the value as JSON.
    pub fn push_json(&self, out: &mut String) {
        match self {
            Self::Text(text) => json::push_string(out, text),
            Self::Number(_) | Self::Bool(_) => out.push_str(self.as_text()),
        }
    }
}

/// What a platform takes as 门店id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreId {
    /// A number, as 抖店's SDK has it.
    Number,
    /// Anything: 蜂巢's document gives no type.
    Any,
}

/// The parameters of one request.
#[derive(Debug)]
pub struct Params<'a> {
    values: [Option<Value<'a>>; NAMES.len()],
    store_id: StoreId,
}

impl<'a> Params<'a> {
    pub(crate) fn new(store_id: StoreId) -> Self {
        Self {
            values: [const { None }; NAMES.len()],
            store_id,
        }
    }

    /// The parameters that are there, in the byte order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value<'a>)> {
        NAMES
            .into_iter()
            .zip(&self.values)
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
    }

    /// Sets a parameter once; a second, different value is the document's
    /// mistake at `pointer`.
    pub(crate) fn set(
        &mut self,
        field: Field,
        value: Value<'a>,
        pointer: &str,
    ) -> Result<(), Fault> {
        let slot = &mut self.values[field as usize];
        if slot.as_ref().is_some_and(|before| *before != value) {
            let name = NAMES[field as usize];
            let message = format!(
                "the document gives the platform's `{name}` twice with different values: once by \
                 that name, once as `sku` or `location`"
            );
            return Err(Fault::invalid_input(pointer, message));
        }
        *slot = Some(value);
        Ok(())
    }

    /// Whether the document says which article is meant: by its code, by one of
    /// the two ids of a SKU, or by a product and the store whose articles of it
    /// are meant (通过传入主品id+门店id).
    pub(crate) fn names_an_article(&self) -> bool {
        let has = |field: Field| self.values[field as usize].is_some();
        let sku = [Field::Code, Field::SkuId, Field::OutSkuId];
        let product = [Field::ProductId, Field::OutProductId];
        sku.into_iter().any(has) || (product.into_iter().any(has) && has(Field::StoreId))
    }

    /// A 门店id as this platform takes it.
    pub(crate) fn store(&self, id: Cow<'a, str>, pointer: &str) -> Result<Value<'a>, Fault> {
        if self.store_id == StoreId::Any {
            return Ok(Value::Text(id));
        }
        if json::is_digits(&id) {
            return Ok(Value::Number(id));
        }
        let message = "the platform's store_id (门店id) is a number: send it, or name it in the \
                       connection's setting `location_ids`, or say in the setting \
                       `store_location` what stores are";
        Err(Fault::invalid_input(pointer, message))
    }
}

/// An identifier that is a number to the platform.
pub(crate) fn number<'a>(text: Cow<'a, str>, pointer: &str) -> Result<Value<'a>, Fault> {
    if json::is_digits(&text) {
        return Ok(Value::Number(text));
    }
    let message = "the platform has a whole number here: digits only, without leading zeros";
    Err(Fault::invalid_input(pointer, message))
}
