//! Grants in the same file, by the same thread that writes.

pub(super) mod sql;

use rusqlite::{OptionalExtension, Row};

use super::SqliteStore;
use super::unit::{Unit, Work};
use crate::error::Result;
use crate::grant_store::GrantStore;
use crate::model::{
    Authorization, Authorized, GrantChange, GrantName, GrantRow, NewAuthorization, limits,
};
use crate::validate::{self, grant as valid};

impl GrantStore for SqliteStore {
    fn grant(&self, name: &GrantName) -> Result<Option<GrantRow>> {
        let of = (&name.tenant, &name.connection, &name.place);
        self.shared.readers.with(|db| {
            let mut statement = db.prepare_cached(sql::GRANT)?;
            statement.query_row(of, row).optional()
        })
    }

    fn grant_change(
        &self,
        name: &GrantName,
        version: u64,
        change: GrantChange,
        now: u64,
    ) -> Result<Option<u64>> {
        valid::name(name)?;
        valid::change(&change)?;
        validate::time(now)?;
        let name = name.clone();
        let work = move |unit: &mut Unit<'_>| unit.grant_change(&name, version, &change, now);
        self.writer.submit(2, now, work)
    }

    fn authorization_put(&self, authorization: NewAuthorization, now: u64) -> Result<()> {
        valid::authorization(&authorization)?;
        validate::time(now)?;
        let work = move |unit: &mut Unit<'_>| unit.authorization_put(&authorization, now);
        self.writer.submit(2, now, work)
    }

    fn authorization_take(&self, which: Authorized, now: u64) -> Result<Option<Authorization>> {
        let now = validate::bound(now);
        let work = move |unit: &mut Unit<'_>| unit.authorization_take(&which, now);
        self.writer.submit(1, now, work)
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<GrantRow> {
    Ok(GrantRow {
        version: row.get(0)?,
        state: row.get(1)?,
        started: row.get(2)?,
        changed: row.get(3)?,
    })
}

impl Unit<'_> {
    pub fn grant_change(
        &mut self,
        name: &GrantName,
        version: u64,
        change: &GrantChange,
        now: u64,
    ) -> Work<Option<u64>> {
        let of = (&name.tenant, &name.connection, &name.place);
        let known = self.first(sql::GRANT, of, row)?;
        if known.as_ref().map_or(0, |known| known.version) != version {
            return Ok(None);
        }
        let before = known.as_ref().and_then(|known| known.state.as_deref());
        let (state, started) = match change {
            GrantChange::Begin => (before, Some(now)),
            GrantChange::Put(state) | GrantChange::Forget(state) => (Some(&state[..]), None),
            GrantChange::Unused => (before, None),
        };
        let (tenant, connection, place) = of;
        let next = version + 1;
        let values = (tenant, connection, place, next, state, started, now);
        match known {
            Some(_) => self.run(sql::SET_GRANT, values)?,
            None => self.run(sql::NEW_GRANT, values)?,
        };
        let places = match change {
            GrantChange::Forget(_) => 1,
            _ => limits::GRANT_PLACES,
        };
        self.forget_places(name, places)?;
        Ok(Some(next))
    }

    /// Leaves so many places of a connection: this one, and those that changed last.
    fn forget_places(&self, name: &GrantName, most: usize) -> Work<()> {
        let mut places = {
            let mut statement = self.db.prepare_cached(sql::PLACES)?;
            let of = (&name.tenant, &name.connection);
            let rows = statement.query_map(of, |row| Ok((row.get(1)?, row.get(0)?)))?;
            rows.collect::<rusqlite::Result<Vec<(u64, String)>>>()?
        };
        places.retain(|(_, place)| *place != name.place);
        places.sort_unstable();
        let over = (places.len() + 1).saturating_sub(most);
        for (_, place) in &places[..over] {
            self.run(sql::DROP_PLACE, (&name.tenant, &name.connection, place))?;
        }
        Ok(())
    }

    pub fn authorization_put(&mut self, new: &NewAuthorization, now: u64) -> Work<()> {
        self.run(sql::DROP_AUTHORIZATIONS, [now])?;
        let GrantName {
            tenant,
            connection,
            place,
        } = &new.name;
        let of = (tenant, connection);
        let count = self.first(sql::COUNT_AUTHORIZATIONS, of, |row| row.get::<_, usize>(0))?;
        if count.unwrap_or(0) >= limits::AUTHORIZATIONS {
            self.run(sql::DROP_OLDEST, of)?;
        }
        let values = (new.hash, tenant, connection, place, &new.proof, new.until);
        self.run(sql::NEW_AUTHORIZATION, values)?;
        Ok(())
    }

    pub fn authorization_take(
        &mut self,
        which: &Authorized,
        now: u64,
    ) -> Work<Option<Authorization>> {
        let hash = match which {
            Authorized::Hash(hash) => Some(*hash),
            Authorized::Newest { tenant, connection } => {
                self.first(sql::NEWEST, (tenant, connection), |row| row.get(0))?
            }
        };
        let Some(hash) = hash else { return Ok(None) };
        let taken = self.first(sql::TAKE, (hash, now), |row| {
            Ok(Authorization {
                name: GrantName {
                    tenant: row.get(0)?,
                    connection: row.get(1)?,
                    place: row.get(2)?,
                },
                proof: row.get(3)?,
            })
        })?;
        Ok(taken)
    }
}
