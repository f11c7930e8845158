//! The statements about grants.

pub const GRANT: &str = "SELECT version, state, started, changed FROM granted \
     WHERE tenant = ?1 AND connection = ?2 AND place = ?3";
pub const NEW_GRANT: &str = "INSERT INTO granted(tenant, connection, place, version, state, \
     started, changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
pub const SET_GRANT: &str = "UPDATE granted SET version = ?4, state = ?5, started = ?6, \
     changed = ?7 WHERE tenant = ?1 AND connection = ?2 AND place = ?3";
pub const PLACES: &str = "SELECT place, changed FROM granted WHERE tenant = ?1 AND connection = ?2";
pub const DROP_PLACE: &str =
    "DELETE FROM granted WHERE tenant = ?1 AND connection = ?2 AND place = ?3";

pub const NEW_AUTHORIZATION: &str = "INSERT INTO authorization(hash, tenant, connection, place, \
     proof, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
pub const DROP_AUTHORIZATIONS: &str = "DELETE FROM authorization WHERE until < ?1";
pub const COUNT_AUTHORIZATIONS: &str =
    "SELECT count(*) FROM authorization WHERE tenant = ?1 AND connection = ?2";
pub const DROP_OLDEST: &str = "DELETE FROM authorization WHERE hash = (SELECT hash \
     FROM authorization WHERE tenant = ?1 AND connection = ?2 ORDER BY until LIMIT 1)";
pub const TAKE: &str = "DELETE FROM authorization WHERE hash = ?1 AND until >= ?2 \
     RETURNING tenant, connection, place, proof";
pub const NEWEST: &str = "SELECT hash FROM authorization WHERE tenant = ?1 AND connection = ?2 \
     ORDER BY until DESC LIMIT 1";
