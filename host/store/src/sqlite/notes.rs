//! What the host keeps by name.

use super::unit::{Unit, Work};
use super::{Shared, sql};
use crate::error::Result;

impl Shared {
    /// Every note, by name.
    pub fn notes(&self) -> Result<Vec<(String, Vec<u8>)>> {
        self.readers.with(|db| {
            let mut statement = db.prepare_cached(sql::NOTES)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
    }
}

impl Unit<'_> {
    /// Writes a note, or removes it.
    pub fn set_note(&mut self, name: &str, value: Option<&[u8]>) -> Work<()> {
        match value {
            Some(value) => self.run(sql::PUT_NOTE, (name, value))?,
            None => self.run(sql::DROP_NOTE, [name])?,
        };
        Ok(())
    }
}
