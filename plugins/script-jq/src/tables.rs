//! Lookup tables that stay in the host, as values.
//!
//! Such a table is in `$context.tables` like any other, as an object with one key
//! that no JSON has. `.[key]` of it asks the host for the row. What wants all of it
//! gets a copy, if the table is small enough for that, or an error.

use crate::read;
use crossdock_script_engine::tables::{self, Table};
use jaq_json::{Map, Num, Val};
use std::cell::RefCell;

/// The key of the object that stands for a table.
const MARK: &[u8] = b"crossdock table";

#[derive(Default)]
struct Known {
    all: Vec<Table>,
    /// Tables that a script wanted as a whole.
    whole: Vec<Option<Val>>,
    /// What was looked up last: several fields of a row are asked for in turn.
    last: Option<(u32, Val, Option<Val>)>,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// Puts the tables that stay in the host beside those of the context.
pub fn show(context: &mut Val) {
    let all = tables::all();
    if !all.is_empty()
        && let Val::Obj(context) = context
        && let Some(Val::Obj(tables)) =
            std::rc::Rc::make_mut(context).get_mut(&Val::utf8_str("tables"))
    {
        let tables = std::rc::Rc::make_mut(tables);
        for (place, table) in all.iter().enumerate() {
            tables.insert(Val::utf8_str(table.name.clone()), stands_for(place));
        }
        tables.sort_unstable_keys();
    }
    KNOWN.with_borrow_mut(|known| {
        *known = Known {
            whole: vec![None; all.len()],
            all,
            last: None,
        };
    });
}

fn stands_for(place: usize) -> Val {
    let mut map = Map::default();
    map.insert(Val::byte_str(MARK), Val::from(place));
    Val::obj(map)
}

/// Which table a value stands for, if it does.
#[inline]
pub fn place(value: &Val) -> Option<u32> {
    match value {
        Val::Obj(map) if map.len() == 1 => marked(map),
        _ => None,
    }
}

fn marked(map: &Map) -> Option<u32> {
    match map.first()? {
        (Val::BStr(mark), Val::Num(Num::Int(place))) if ***mark == *MARK => {
            u32::try_from(*place).ok()
        }
        _ => None,
    }
}

/// What belongs to a key; nothing where there is no such key, which a value that is
/// no text never is.
pub fn row(place: u32, key: &Val) -> Result<Option<Val>, String> {
    let Val::TStr(text) = key else {
        return Ok(None);
    };
    let last = KNOWN.with_borrow(|known| match &known.last {
        Some((table, last, row)) if *table == place && last == key => Some(row.clone()),
        _ => None,
    });
    if let Some(row) = last {
        return Ok(row);
    }
    // A text that a script cut in two is no key.
    let Ok(text) = std::str::from_utf8(text) else {
        return Ok(None);
    };
    let row = tables::lookup(place, text).map(read::document).transpose();
    let row = row.map_err(|what| format!("a row of the table is no JSON: {what}"))?;
    KNOWN.with_borrow_mut(|known| known.last = Some((place, key.clone(), row.clone())));
    Ok(row)
}

/// How many rows a table has.
pub fn rows(place: u32) -> usize {
    KNOWN.with_borrow(|known| {
        let table = known.all.get(place as usize);
        table.map_or(0, |table| table.rows as usize)
    })
}

/// All of a table.
pub fn whole(place: u32) -> Result<Val, String> {
    let known = KNOWN.with_borrow(|known| known.whole.get(place as usize).cloned().flatten());
    if let Some(known) = known {
        return Ok(known);
    }
    let whole =
        read::document(text(place)?).map_err(|what| format!("the table is no JSON: {what}"))?;
    KNOWN.with_borrow_mut(|known| {
        if let Some(kept) = known.whole.get_mut(place as usize) {
            *kept = Some(whole.clone());
        }
    });
    Ok(whole)
}

/// All of a table as JSON.
pub fn text(place: u32) -> Result<String, String> {
    tables::whole(place).ok_or_else(|| {
        KNOWN.with_borrow(|known| match known.all.get(place as usize) {
            Some(table) => {
                let how = format!("$context.tables.{}[.key]", table.name);
                table.only_looked_up(&how)
            }
            None => "there is no such table".into(),
        })
    })
}
