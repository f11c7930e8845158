//! The statements about flows. Conditions of partial indices are written as in
//! the schema, with numbers instead of parameters.

/// A flow, as `rows::flow` reads it.
macro_rules! flow {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant, name, made, paused, last_tick, ticks_skipped, cursor, parked, \
             received FROM flow ",
            $rest
        )
    };
}

pub const FLOW_BY_NAME: &str = flow!("WHERE tenant = ?1 AND name = ?2");
pub const FLOWS: &str = flow!("ORDER BY id");
pub const NEW_FLOW: &str = "INSERT INTO flow(tenant, name, made, paused, ticks_skipped, parked, \
     parked_bytes, received, received_bytes) VALUES (?1, ?2, ?3, 0, 0, 0, 0, 0, 0)";
pub const FLOW_EXISTS: &str = "SELECT last_tick FROM flow WHERE id = ?1";
pub const PAUSE: &str = "UPDATE flow SET paused = ?2 WHERE id = ?1";
pub const SET_CURSOR: &str = "UPDATE flow SET cursor = ?2 WHERE id = ?1";
pub const SET_TICK: &str = "UPDATE flow SET last_tick = ?2 WHERE id = ?1";
pub const SKIP_TICK: &str = "UPDATE flow SET last_tick = ?2, ticks_skipped = ticks_skipped + 1 \
     WHERE id = ?1 AND (last_tick IS NULL OR last_tick < ?2)";

// Runs.

/// A run, as `rows::run` reads it.
macro_rules! run {
    ($rest:literal) => {
        concat!(
            "SELECT id, flow, tick, cause, state, began, ended, pages, open_pages, incoming, \
             unchanged, skipped, sent, accepted, refused, waiting, parked, confirmed, source_ms, \
             steps_ms, targets_ms, confirm_ms, problem, unconfirmed, unreadable FROM flow_run ",
            $rest
        )
    };
}

pub const RUN: &str = run!("WHERE id = ?1");
pub const RUNS_BEFORE: &str =
    run!("INDEXED BY flow_run_flow WHERE flow = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
pub const OPEN_RUNS: &str = run!("INDEXED BY flow_run_open WHERE open = 1 ORDER BY id");
pub const RUN_OF_TICK: &str = "SELECT id FROM flow_run INDEXED BY flow_run_tick \
     WHERE flow = ?1 AND tick = ?2 AND tick IS NOT NULL";
pub const RUNNING: &str =
    "SELECT id FROM flow_run INDEXED BY flow_run_running WHERE flow = ?1 AND state = 0";
pub const NEW_RUN: &str = "INSERT INTO flow_run(flow, tick, cause, state, open, began, pages, \
     open_pages, incoming, unchanged, skipped, sent, accepted, refused, waiting, parked, \
     confirmed, source_ms, steps_ms, targets_ms, confirm_ms) \
     VALUES (?1, ?2, ?3, 0, 1, ?4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)";
pub const RUN_HEAD: &str = "SELECT flow, state, pages, open_pages FROM flow_run WHERE id = ?1";
pub const ADD_COUNTS: &str = "UPDATE flow_run SET incoming = incoming + ?2, \
     unchanged = unchanged + ?3, skipped = skipped + ?4, sent = sent + ?5, \
     accepted = accepted + ?6, refused = refused + ?7, waiting = waiting + ?8, \
     parked = parked + ?9, confirmed = confirmed + ?10, \
     unconfirmed = unconfirmed + ?11, unreadable = unreadable + ?12 WHERE id = ?1";
pub const ADD_TIMES: &str = "UPDATE flow_run SET source_ms = source_ms + ?2, \
     steps_ms = steps_ms + ?3, targets_ms = targets_ms + ?4, confirm_ms = confirm_ms + ?5 \
     WHERE id = ?1";
pub const SET_RUN: &str = "UPDATE flow_run SET state = ?2, open = ?3, ended = ?4, \
     problem = coalesce(?5, problem) WHERE id = ?1";
pub const SET_PROBLEM: &str = "UPDATE flow_run SET problem = coalesce(?2, problem) WHERE id = ?1";
pub const ADD_PAGES: &str =
    "UPDATE flow_run SET pages = pages + ?2, open_pages = open_pages + ?3 WHERE id = ?1";
pub const CLOSE_RUN: &str =
    "UPDATE flow_run SET open = 0 WHERE id = ?1 AND state >= 2 AND open_pages = 0";

// Pages.

/// A page, as `rows::page` reads it.
macro_rules! page {
    ($rest:literal) => {
        concat!(
            "SELECT id, run, number, state, count, last, put, sent, cursor, origin \
             FROM flow_page ",
            $rest
        )
    };
}

pub const PAGE: &str = page!("INDEXED BY flow_page_number WHERE run = ?1 AND number = ?2");
pub const PAGES_AFTER: &str =
    page!("INDEXED BY flow_page_number WHERE run = ?1 AND number > ?2 ORDER BY number LIMIT ?3");
pub const OPEN_PAGES: &str =
    page!("INDEXED BY flow_page_open WHERE run = ?1 AND state < 3 ORDER BY number");
pub const PAGE_STATE: &str = "SELECT id, state FROM flow_page INDEXED BY flow_page_number \
     WHERE run = ?1 AND number = ?2";
pub const PAGE_CURSOR: &str = "SELECT cursor FROM flow_page WHERE id = ?1";
pub const NEW_PAGE: &str = "INSERT INTO flow_page(run, number, state, count, last, put, cursor, \
     origin) VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7)";
pub const SET_PAGE: &str = "UPDATE flow_page SET state = ?2 WHERE id = ?1";
pub const SEND_PAGE: &str = "UPDATE flow_page SET state = 2, sent = ?2 WHERE id = ?1";
/// The first page of a run that is not sent.
pub const FIRST_UNSENT: &str = "SELECT number FROM flow_page INDEXED BY flow_page_open \
     WHERE run = ?1 AND state < 3 AND state < 2 ORDER BY number LIMIT 1";
pub const UNSENT: &str = "SELECT id FROM flow_page INDEXED BY flow_page_open \
     WHERE run = ?1 AND state < 3 AND state < 2";
pub const DROP_PAGE: &str = "DELETE FROM flow_page WHERE id = ?1";
pub const PUT_BYTES: &str = "INSERT OR REPLACE INTO flow_bytes(id, bytes) VALUES (?1, ?2)";
pub const BYTES: &str = "SELECT bytes FROM flow_bytes WHERE id = ?1";
pub const DROP_BYTES: &str = "DELETE FROM flow_bytes WHERE id = ?1";
pub const NEW_PAGE_DELIVERY: &str =
    "INSERT OR REPLACE INTO flow_delivery(page, target, uid) VALUES (?1, ?2, ?3)";
pub const PAGE_DELIVERIES: &str =
    "SELECT target, uid FROM flow_delivery WHERE page = ?1 ORDER BY target";
pub const DROP_PAGE_DELIVERIES: &str = "DELETE FROM flow_delivery WHERE page = ?1";

// What targets took last.

pub const SEEN: &str =
    "SELECT accepted FROM flow_seen WHERE flow = ?1 AND target = ?2 AND key = ?3";
pub const SENDING: &str = "UPDATE flow_seen SET accepted = NULL, pending = NULL, item = NULL \
     WHERE flow = ?1 AND target = ?2 AND key = ?3";
pub const SENT: &str = "INSERT INTO flow_seen(flow, target, key, pending, item) \
     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT(flow, target, key) DO UPDATE SET \
     accepted = NULL, pending = excluded.pending, item = excluded.item \
     WHERE item IS NULL OR item < excluded.item";
pub const TAKEN: &str = "UPDATE flow_seen INDEXED BY flow_seen_item \
     SET accepted = pending, pending = NULL, item = NULL WHERE item = ?1 AND item IS NOT NULL";
pub const FORGET: &str = "DELETE FROM flow_seen WHERE flow = ?1";
pub const FORGET_TARGET: &str = "DELETE FROM flow_seen WHERE flow = ?1 AND target = ?2";

// Records that are parked.

pub const PARKED_SIZE: &str = "SELECT parked, parked_bytes FROM flow WHERE id = ?1";
pub const ADD_PARKED: &str =
    "UPDATE flow SET parked = parked + ?2, parked_bytes = parked_bytes + ?3 WHERE id = ?1";
pub const NEW_PARKED: &str = "INSERT INTO flow_parked(flow, run, by_page, target, generation, at, \
     record, problem) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
pub const PARKED_AFTER: &str = "SELECT id, at, run, target, record, problem, generation, \
     coalesce(page, by_page) IS NOT NULL FROM flow_parked INDEXED BY flow_parked_flow WHERE flow = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
pub const TAKE_PARKED: &str =
    "UPDATE flow_parked SET page = ?3 WHERE id = ?1 AND flow = ?2 AND page IS NULL";
pub const FREE_PARKED: &str = "UPDATE flow_parked INDEXED BY flow_parked_page \
     SET page = NULL WHERE page = ?1 AND page IS NOT NULL";
pub const PARKED_OF_PAGE: &str = "SELECT count(*), sum(length(record) + length(problem)) \
     FROM flow_parked INDEXED BY flow_parked_page WHERE page = ?1 AND page IS NOT NULL";
pub const PARKED_BY_PAGE: &str = "SELECT count(*), sum(length(record) + length(problem)) \
     FROM flow_parked INDEXED BY flow_parked_by WHERE by_page = ?1 AND by_page IS NOT NULL";
pub const DROP_PARKED_BY_PAGE: &str =
    "DELETE FROM flow_parked WHERE by_page = ?1 AND by_page IS NOT NULL";
pub const KEEP_PARKED_BY_PAGE: &str = "UPDATE flow_parked INDEXED BY flow_parked_by \
     SET by_page = NULL WHERE by_page = ?1 AND by_page IS NOT NULL";
pub const DROP_PARKED_OF_PAGE: &str =
    "DELETE FROM flow_parked WHERE page = ?1 AND page IS NOT NULL";
pub const PARKED_BYTES: &str = "SELECT length(record) + length(problem) FROM flow_parked \
     WHERE id = ?1 AND flow = ?2 AND page IS NULL AND by_page IS NULL";
pub const DROP_PARKED: &str = "DELETE FROM flow_parked WHERE id = ?1";
pub const PARK_ANEW: &str = "UPDATE flow_parked SET generation = '' \
     WHERE id = ?1 AND flow = ?2 AND page IS NULL AND by_page IS NULL";

// Records that came in.

pub const RECEIVED_SIZE: &str = "SELECT received, received_bytes FROM flow WHERE id = ?1";
pub const ADD_RECEIVED: &str =
    "UPDATE flow SET received = received + ?2, received_bytes = received_bytes + ?3 WHERE id = ?1";
pub const KEY: &str = "SELECT 1 FROM flow_key WHERE flow = ?1 AND key = ?2";
pub const NEW_KEY: &str = "INSERT INTO flow_key(flow, key, at) VALUES (?1, ?2, ?3)";
pub const NEW_RECEIVED: &str = "INSERT INTO flow_received(flow, at, body) VALUES (?1, ?2, ?3)";
pub const RECEIVED: &str = "SELECT id, at, body FROM flow_received INDEXED BY flow_received_free \
     WHERE flow = ?1 AND page IS NULL ORDER BY id LIMIT ?2";
pub const IS_FREE: &str =
    "SELECT 1 FROM flow_received WHERE id = ?1 AND flow = ?2 AND page IS NULL";
pub const TAKE_RECEIVED: &str =
    "UPDATE flow_received SET page = ?3 WHERE id = ?1 AND flow = ?2 AND page IS NULL";
pub const FREE_RECEIVED: &str = "UPDATE flow_received INDEXED BY flow_received_page \
     SET page = NULL WHERE page = ?1 AND page IS NOT NULL";
pub const RECEIVED_OF_PAGE: &str = "SELECT count(*), sum(length(body)) \
     FROM flow_received INDEXED BY flow_received_page WHERE page = ?1 AND page IS NOT NULL";
pub const DROP_RECEIVED_OF_PAGE: &str =
    "DELETE FROM flow_received WHERE page = ?1 AND page IS NOT NULL";

// Retention.

pub const FLOW_IDS: &str = "SELECT id FROM flow ORDER BY id";
pub const OLDEST_RUNS: &str = "SELECT id, open, ended FROM flow_run INDEXED BY flow_run_flow \
     WHERE flow = ?1 ORDER BY id LIMIT ?2";
pub const RUN_AT: &str = "SELECT id FROM flow_run INDEXED BY flow_run_flow \
     WHERE flow = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";
/// State 2 is done: such a run has no row of a page.
pub const EMPTY_RUNS: &str = "SELECT id FROM flow_run INDEXED BY flow_run_flow \
     WHERE flow = ?1 AND state = 2 AND pages = 0 AND open = 0 ORDER BY id DESC LIMIT ?2 OFFSET ?3";
pub const PAGE_IDS: &str =
    "SELECT id FROM flow_page INDEXED BY flow_page_number WHERE run = ?1 LIMIT ?2";
pub const DROP_RUN: &str = "DELETE FROM flow_run WHERE id = ?1";
pub const OLD_KEYS: &str = "DELETE FROM flow_key WHERE (flow, key) IN \
     (SELECT flow, key FROM flow_key INDEXED BY flow_key_at WHERE at <= ?1 ORDER BY at LIMIT ?2)";
