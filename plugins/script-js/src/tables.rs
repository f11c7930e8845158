//! Lookup tables that stay in the host, among those of the context.

use crossdock_js_engine::Realm;
use crossdock_script_engine::tables::{self, Table};
use rquickjs::object::Property;
use rquickjs::{Ctx, Exception, Function, Object, Result, String as JsString, Value};

/// Puts the tables that stay in the host beside those of the context, which is not
/// shown yet.
pub fn add<'js>(ctx: &Ctx<'js>, realm: &Realm<'js>, context: &Value<'js>) -> Result<()> {
    let all = tables::all();
    let Some(context) = context.as_object().filter(|_| !all.is_empty()) else {
        return Ok(());
    };
    let shown: Object = context.get("tables")?;
    for (place, table) in (0_u32..).zip(all) {
        let find = move |key: JsString<'js>| {
            // Half of a character is in no key.
            let key = key.to_string().ok();
            key.and_then(|key| tables::lookup(place, &key))
        };
        let name = table.name.clone();
        let whole = move |ctx: Ctx<'js>| whole(&ctx, place, &table);
        let find = Function::new(ctx.clone(), find)?;
        let whole = Function::new(ctx.clone(), whole)?;
        let rows = Property::from(realm.table(find, whole)?);
        shown.prop(name, rows.enumerable().configurable().writable())?;
    }
    Ok(())
}

fn whole(ctx: &Ctx<'_>, place: u32, table: &Table) -> Result<String> {
    tables::whole(place).ok_or_else(|| {
        let how = format!("context.tables.{}[key]", table.name);
        Exception::throw_type(ctx, &table.only_looked_up(&how))
    })
}
