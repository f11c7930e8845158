//! How the database answers the statements that run often: each one finds its
//! rows by an index, and sorts nothing.

use rusqlite::{Connection, StatementStatus};

use super::flows::sql as flows;
use super::grants::sql as grants;
use super::sql;

/// Statements that look at rows of a table of any size.
const HOT: &[&str] = &[
    sql::BY_IDEMPOTENCY,
    sql::FORGET_IDEMPOTENCY,
    sql::DROP_PAYLOAD,
    sql::PAYLOAD,
    sql::NEWEST_OF_KEY,
    sql::KEY_IS_LED,
    sql::NEXT_OF_KEY,
    sql::NEXT_AFTER,
    sql::NEWER_TOTAL,
    sql::SET_DUE,
    sql::FIRST_BLOCKED,
    sql::LAST_BARRIER,
    sql::SET_STAGE,
    sql::NEXT_LANE,
    sql::OLDEST_NEXT[0],
    sql::OLDEST_NEXT[1],
    sql::OLDEST_NEXT[2],
    sql::ACCEPTED,
    sql::CLAIM,
    sql::WAITING,
    sql::KEPT_BYTES[0],
    sql::KEPT_BYTES[1],
    sql::KEPT_BYTES[2],
    sql::KEPT_BYTES[3],
    sql::KEPT_BYTES[4],
    sql::ITEM,
    sql::ATTEMPT_ITEMS,
    sql::END_ATTEMPT,
    sql::NOT_SENT,
    sql::SEND_ITEM,
    sql::END_ITEM,
    sql::ITEM_AGAIN,
    sql::SUPERSEDE,
    sql::DISCARD,
    sql::REOPEN,
    sql::TAKE_OUT,
    sql::OPEN_ATTEMPT,
    sql::SUMMARY,
    sql::OF_DELIVERY,
    sql::BEFORE,
    sql::DEAD_BEFORE,
    sql::PLACE,
    sql::DELIVERED_BETWEEN,
    sql::HELD_AFTER,
    sql::DELIVERY,
    sql::FIRST_SINCE,
    sql::ITEM_BYTES,
    sql::ATTEMPT,
    sql::EDITS,
    sql::EDIT_COUNT,
    sql::EDIT_ITEM,
    sql::CHANGES,
    sql::DROP_NOTE,
    sql::DELIVERIES_AFTER,
    sql::NOT_DONE,
    sql::LAST_FINISHED,
    sql::ATTEMPTS_OF,
    sql::LET_ATTEMPT_GO,
    sql::DROP_ATTEMPT,
    sql::DROP_EDITS,
    sql::DROP_PAYLOADS,
    sql::DROP_ITEMS,
    sql::DROP_DELIVERY,
];

/// Statements that go through a whole index, which has only what is under way.
const UNDER_WAY: &[(&str, &str)] = &[
    (sql::SENDING, "SCAN i USING INDEX item_sending"),
    (sql::CALLING, "SCAN i USING INDEX item_calling"),
    (flows::OPEN_RUNS, "SCAN flow_run USING INDEX flow_run_open"),
    (
        sql::OLDEST_UNDER_WAY[0],
        "SCAN item USING INDEX item_sending",
    ),
    (
        sql::OLDEST_UNDER_WAY[1],
        "SCAN item USING INDEX item_calling",
    ),
];

/// The same of flows.
const HOT_FLOWS: &[&str] = &[
    flows::FLOW_BY_NAME,
    flows::FLOW_EXISTS,
    flows::PAUSE,
    flows::SET_CURSOR,
    flows::SET_TICK,
    flows::SKIP_TICK,
    flows::RUN,
    flows::RUNS_BEFORE,
    flows::RUN_OF_TICK,
    flows::RUNNING,
    flows::RUN_HEAD,
    flows::ADD_COUNTS,
    flows::ADD_TIMES,
    flows::SET_RUN,
    flows::SET_PROBLEM,
    flows::ADD_PAGES,
    flows::CLOSE_RUN,
    flows::PAGE,
    flows::PAGES_AFTER,
    flows::OPEN_PAGES,
    flows::PAGE_STATE,
    flows::PAGE_CURSOR,
    flows::SET_PAGE,
    flows::SEND_PAGE,
    flows::FIRST_UNSENT,
    flows::UNSENT,
    flows::DROP_PAGE,
    flows::BYTES,
    flows::DROP_BYTES,
    flows::PAGE_DELIVERIES,
    flows::DROP_PAGE_DELIVERIES,
    flows::SEEN,
    flows::SENDING,
    flows::TAKEN,
    flows::FORGET,
    flows::FORGET_TARGET,
    flows::PARKED_SIZE,
    flows::ADD_PARKED,
    flows::PARKED_AFTER,
    flows::TAKE_PARKED,
    flows::FREE_PARKED,
    flows::PARKED_OF_PAGE,
    flows::PARKED_BY_PAGE,
    flows::DROP_PARKED_BY_PAGE,
    flows::KEEP_PARKED_BY_PAGE,
    flows::DROP_PARKED_OF_PAGE,
    flows::PARKED_BYTES,
    flows::DROP_PARKED,
    flows::PARK_ANEW,
    flows::RECEIVED_SIZE,
    flows::ADD_RECEIVED,
    flows::KEY,
    flows::RECEIVED,
    flows::IS_FREE,
    flows::TAKE_RECEIVED,
    flows::FREE_RECEIVED,
    flows::RECEIVED_OF_PAGE,
    flows::DROP_RECEIVED_OF_PAGE,
    flows::OLDEST_RUNS,
    flows::RUN_AT,
    flows::PAGE_IDS,
    flows::DROP_RUN,
];

/// The same of grants.
const HOT_GRANTS: &[&str] = &[
    grants::GRANT,
    grants::SET_GRANT,
    grants::PLACES,
    grants::DROP_PLACE,
    grants::DROP_AUTHORIZATIONS,
    grants::COUNT_AUTHORIZATIONS,
    grants::TAKE,
    grants::NEWEST,
];

/// Every statement that runs often.
fn hot() -> impl Iterator<Item = &'static &'static str> {
    HOT.iter().chain(HOT_FLOWS).chain(HOT_GRANTS)
}

fn plan(db: &Connection, statement: &str) -> Vec<String> {
    let mut explained = db
        .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
        .unwrap();
    let parameters = explained.parameter_count();
    let nothing = vec![rusqlite::types::Null; parameters];
    let rows = explained.query_map(rusqlite::params_from_iter(nothing), |row| row.get(3));
    rows.unwrap().map(|row| row.unwrap()).collect()
}

fn database() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    super::open::settle_in(&db).unwrap();
    for step in super::schema::STEPS {
        db.execute_batch(step).unwrap();
    }
    db
}

#[test]
fn every_hot_statement_searches_and_sorts_nothing() {
    let db = database();
    for statement in hot() {
        let plan = plan(&db, statement);
        assert!(!plan.is_empty(), "{statement}");
        for step in plan {
            // A look into another table for one row is a search of its own.
            let search = step.starts_with("SEARCH ") || step.starts_with("CORRELATED ");
            assert!(search, "{step}: {statement}");
        }
    }
}

#[test]
fn what_is_under_way_is_found_without_looking_at_the_rest() {
    let db = database();
    for (statement, expected) in UNDER_WAY {
        let plan = plan(&db, statement);
        assert_eq!(plan[0], *expected, "{statement}");
        assert!(
            plan[1..].iter().all(|step| step.starts_with("SEARCH ")),
            "{plan:?}"
        );
    }
}

#[test]
fn old_keys_are_found_by_their_time() {
    let db = database();
    let plan = plan(&db, flows::OLD_KEYS).join(", ");
    assert!(plan.contains("USING COVERING INDEX flow_key_at"), "{plan}");
    assert!(!plan.contains("SCAN flow_key"), "{plan}");
}

#[test]
fn counting_reads_indices_alone() {
    let db = database();
    for statement in sql::COUNTS.into_iter().chain([sql::OLDEST_DUE]) {
        let plan = plan(&db, statement).join(", ");
        let few = statement.contains("item_sending") || statement.contains("item_calling");
        assert!(
            plan.contains("USING COVERING INDEX") || few,
            "{plan}: {statement}"
        );
        assert!(!plan.contains("TEMP B-TREE") || few, "{plan}: {statement}");
    }
}

#[test]
fn a_statement_is_planned_once_whatever_its_values_are() {
    let db = database();
    for statement in hot() {
        let mut prepared = db.prepare(statement).unwrap();
        for value in 1..5_i64 {
            let values = vec![value; prepared.parameter_count()];
            let mut rows = prepared.query(rusqlite::params_from_iter(values)).unwrap();
            // Some find the values to be of the wrong type, which is as good.
            while let Ok(Some(_)) = rows.next() {}
        }
        assert_eq!(
            prepared.get_status(StatementStatus::RePrepare),
            0,
            "{statement}"
        );
    }
}
