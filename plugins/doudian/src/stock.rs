//! `stock.update`: one document → one call of `sku.syncStock`.

use crate::settings::Settings;
use crossdock_adapter::{Context, Draft, Fault, Item, Mapped, batch, json};
use crossdock_sku_stock::{Params, StockSettings, StoreId, read};

/// The platform's name of the call, and its path: dots become slashes.
const METHOD: &str = "sku.syncStock";
const PATH: &str = "/sku/syncStock";

/// The version of the signature.
const VERSION: &str = "2";

pub fn map(ctx: &Context, items: &[Item]) -> Result<Mapped, Fault> {
    let settings: Settings = ctx.read_settings()?;
    let stock: StockSettings = ctx.read_settings()?;
    // A total may arrive twice; a change carries an id that the platform applies
    // once.
    Ok(batch::each(items, true, |item| {
        let params = read(&stock, StoreId::Number, item)?;
        Ok(call(&settings, PATH, METHOD).json_body(param_json(&params)))
    }))
}

/// A call of the platform's, with the public parameters that no attempt changes.
pub fn call(settings: &Settings, path: &str, method: &str) -> Draft {
    Draft::post(path)
        .with_query("app_key", &*settings.app_key)
        .with_query("method", method)
        .with_query("v", VERSION)
        .with_query("sign_method", settings.sign_method.name())
}

/// The body, and what is signed: compact, names sorted, nothing escaped that
/// JSON does not make escape.
fn param_json(params: &Params) -> String {
    let mut out = String::from("{");
    for (position, (name, value)) in params.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        json::push_string(&mut out, name);
        out.push(':');
        value.push_json(&mut out);
    }
    out.push('}');
    out
}
