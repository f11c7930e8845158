//! `stock.update`: one document → one call of 全量/增量更新商品sku库存.

use crate::settings::Settings;
use crossdock_adapter::{Context, Draft, Fault, Item, Mapped, batch};
use crossdock_sku_stock::{Params, StockSettings, StoreId, read};

pub fn map(ctx: &Context, items: &[Item]) -> Result<Mapped, Fault> {
    let settings: Settings = ctx.read_settings()?;
    let stock: StockSettings = ctx.read_settings()?;
    // A total may arrive twice; a change carries an id that 抖店, to which this
    // is relayed, applies once.
    Ok(batch::each(items, true, |item| {
        read(&stock, StoreId::Any, item).map(|params| draft(&settings, &params))
    }))
}

/// All fields but `timestamp` and `sign`, which every attempt has anew.
fn draft(settings: &Settings, params: &Params) -> Draft {
    let mut fields = vec![
        ("appid", &*settings.appid),
        ("seller_nick", &*settings.seller_nick),
    ];
    fields.extend(params.iter().map(|(name, value)| (name, value.as_text())));
    Draft::post(&*settings.path).form_body(&fields)
}
