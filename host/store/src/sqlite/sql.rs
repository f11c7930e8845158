//! The statements, in one place, so that a test can ask for the plan of each one
//! that runs often. Conditions of partial indices are written as in the schema,
//! with numbers instead of parameters: only then are the indices used.

// The writer's own row.

pub const META: &str =
    "SELECT commits, next_item, next_attempt, next_change FROM meta WHERE id = 1";
pub const SET_META: &str = "UPDATE meta SET commits = ?1, next_item = ?2, next_attempt = ?3, \
     next_change = ?4 WHERE id = 1";

// Lanes.

pub const LANES: &str = "SELECT id, tenant, connection, operation FROM lane ORDER BY id";
pub const NEW_LANE: &str =
    "INSERT INTO lane(id, tenant, connection, operation) VALUES (?1, ?2, ?3, ?4)";

// Counting what is open or dead, when the store is opened.

pub const COUNTS: [&str; 7] = [
    "SELECT lane, 0, count(*) FROM item INDEXED BY item_due WHERE state = 0 GROUP BY lane",
    "SELECT lane, 1, count(*) FROM item INDEXED BY item_behind WHERE state = 1 GROUP BY lane",
    "SELECT lane, 2, count(*) FROM item INDEXED BY item_sending WHERE state = 2 GROUP BY lane",
    "SELECT lane, 3, count(*) FROM item INDEXED BY item_held WHERE state = 3 GROUP BY lane",
    "SELECT lane, 4, count(*) FROM item INDEXED BY item_blocked WHERE state = 4 GROUP BY lane",
    "SELECT lane, 5, count(*) FROM item INDEXED BY item_calling WHERE state = 5 GROUP BY lane",
    "SELECT lane, state, count(*) FROM item INDEXED BY item_dead WHERE phase = 1 \
     GROUP BY lane, state",
];
pub const BARRIERS: &str = "SELECT lane, id, state FROM item INDEXED BY item_barrier \
     WHERE holds = 1 AND effect = 3";
pub const NEWEST_UID: &str = "SELECT uid FROM delivery ORDER BY uid DESC LIMIT 1";

// The oldest open item of each lane, for whoever watches.

/// Of those that wait for a time, which are by that time and not by age: reads
/// all of them in their index.
pub const OLDEST_DUE: &str = "SELECT lane, min(id) FROM item INDEXED BY item_due \
     WHERE state = 0 GROUP BY lane";
/// Of the others that wait: the next lane, and its first.
pub const OLDEST_NEXT: [&str; 3] = [
    "SELECT lane, id FROM item INDEXED BY item_behind \
     WHERE state = 1 AND lane > ?1 ORDER BY lane, id LIMIT 1",
    "SELECT lane, id FROM item INDEXED BY item_held \
     WHERE state = 3 AND lane > ?1 ORDER BY lane, id LIMIT 1",
    "SELECT lane, id FROM item INDEXED BY item_blocked \
     WHERE state = 4 AND lane > ?1 ORDER BY lane, id LIMIT 1",
];
/// Of what is under way.
pub const OLDEST_UNDER_WAY: [&str; 2] = [
    "SELECT lane, id FROM item INDEXED BY item_sending WHERE state = 2",
    "SELECT lane, id FROM item INDEXED BY item_calling WHERE state = 5",
];
pub const ACCEPTED: &str =
    "SELECT d.accepted FROM item i JOIN delivery d ON d.id = i.delivery WHERE i.id = ?1";

// Accepting.

pub const BY_IDEMPOTENCY: &str = "SELECT id, uid, body_hash, idem_until FROM delivery \
     WHERE lane = ?1 AND idem = ?2 AND idem IS NOT NULL";
pub const FORGET_IDEMPOTENCY: &str =
    "UPDATE delivery SET idem = NULL, body_hash = NULL, idem_until = NULL WHERE id = ?1";
pub const NEW_DELIVERY: &str = "INSERT INTO delivery(id, uid, lane, items, accepted, origin, \
     idem, body_hash, idem_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
pub const NEW_ITEM: &str = "INSERT INTO item(id, delivery, lane, phase, state, holds, effect, \
     due, okey, label, input) VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
pub const PUT_PAYLOAD: &str = "INSERT OR REPLACE INTO payload(id, bytes) VALUES (?1, ?2)";
pub const DROP_PAYLOAD: &str = "DELETE FROM payload WHERE id = ?1";
pub const PAYLOAD: &str = "SELECT bytes FROM payload WHERE id = ?1";

// Order.

pub const NEWEST_OF_KEY: &str = "SELECT id, state, effect, due FROM item INDEXED BY item_key \
     WHERE lane = ?1 AND okey = ?2 AND holds = 1 AND okey IS NOT NULL ORDER BY id DESC LIMIT 1";
pub const KEY_IS_LED: &str = "SELECT 1 FROM item INDEXED BY item_key \
     WHERE lane = ?1 AND okey = ?2 AND holds = 1 AND okey IS NOT NULL AND state <> 4 \
     ORDER BY id LIMIT 1";
pub const NEXT_OF_KEY: &str = "SELECT id FROM item INDEXED BY item_key \
     WHERE lane = ?1 AND okey = ?2 AND holds = 1 AND okey IS NOT NULL AND state = 1 \
     ORDER BY id LIMIT 1";
pub const NEXT_AFTER: &str = "SELECT id, state, effect, due FROM item INDEXED BY item_key \
     WHERE lane = ?1 AND okey = ?2 AND holds = 1 AND okey IS NOT NULL AND id > ?3 \
     ORDER BY id LIMIT 1";
/// Goes back through what is open of the key, beginning with its newest.
pub const NEWER_TOTAL: &str = "SELECT id FROM item INDEXED BY item_key \
     WHERE lane = ?1 AND okey = ?2 AND holds = 1 AND okey IS NOT NULL AND id > ?3 \
     AND effect = 1 AND state <> 13 ORDER BY id DESC LIMIT 1";
pub const SET_DUE: &str = "UPDATE item SET due = ?2 WHERE id = ?1";
pub const FIRST_BLOCKED: &str = "SELECT id, effect, okey FROM item INDEXED BY item_blocked \
     WHERE lane = ?1 AND state = 4 ORDER BY id LIMIT 1";
pub const LAST_BARRIER: &str = "SELECT id FROM item INDEXED BY item_barrier \
     WHERE lane = ?1 AND holds = 1 AND effect = 3 ORDER BY id DESC LIMIT 1";
pub const SET_STAGE: &str = "UPDATE item SET state = ?2 WHERE id = ?1";

// Claiming.

pub const NEXT_LANE: &str = "SELECT lane, due FROM item INDEXED BY item_due \
     WHERE state = 0 AND lane > ?1 ORDER BY lane, due LIMIT 1";
pub const CLAIM: &str = "SELECT i.id, d.uid, d.id, i.effect, d.accepted, i.attempts, i.label, \
     i.input FROM item i INDEXED BY item_due JOIN delivery d ON d.id = i.delivery \
     WHERE i.lane = ?1 AND i.state = 0 AND i.due <= ?2 ORDER BY i.due, i.id LIMIT ?3";

pub const WAITING: &str = "SELECT id, due FROM item INDEXED BY item_due \
     WHERE lane = ?1 AND state = 0 ORDER BY due, id LIMIT ?2";

// What a tenant keeps. Neither text nor bytes are read for their length.

/// Bytes of the items of a lane in one index.
macro_rules! bytes_of {
    ($index:literal, $which:literal) => {
        concat!(
            "SELECT sum(512 + coalesce(length(i.result), 0) + coalesce(length(i.input), \
             (SELECT length(bytes) FROM payload WHERE id = i.id * 2), 0)) \
             FROM item i INDEXED BY ",
            $index,
            " WHERE i.lane = ?1 AND ",
            $which
        )
    };
}

pub const KEPT_BYTES: [&str; 5] = [
    bytes_of!("item_due", "i.state = 0"),
    bytes_of!("item_behind", "i.state = 1"),
    bytes_of!("item_held", "i.state = 3"),
    bytes_of!("item_blocked", "i.state = 4"),
    bytes_of!("item_dead", "i.phase = 1"),
];

// Attempts.

pub const ITEM: &str =
    "SELECT lane, state, effect, due, attempt, okey, delivery FROM item WHERE id = ?1";
pub const NEW_ATTEMPT: &str = "INSERT INTO attempt(id, lane, state, repeat, began, generations, \
     live, items, request, answer) VALUES (?1, ?2, ?3, ?4, ?5, '', ?6, ?7, ?8, x'')";
pub const ATTEMPT_ITEMS: &str = "SELECT state, items FROM attempt WHERE id = ?1";
pub const END_ATTEMPT: &str = "UPDATE attempt SET state = ?10, ended = ?2, status = ?3, \
     blame = ?4, code = ?5, message = ?6, generations = ?7, \
     request = CASE WHEN length(?8) = 0 THEN request ELSE ?8 END, answer = ?9 WHERE id = ?1";
pub const NOT_SENT: &str = "UPDATE attempt SET state = 2, ended = ?2 WHERE id = ?1";
pub const SEND_ITEM: &str = "UPDATE item SET state = ?2, attempt = ?3 WHERE id = ?1";
pub const END_ITEM: &str = "UPDATE item SET phase = ?2, state = ?3, holds = ?4, attempt = ?5, \
     attempts = attempts + 1, finished = ?6, blame = ?7, code = ?8, message = ?9, \
     result = ?10, held_for = NULL, doubt = max(doubt, ?11) WHERE id = ?1";
pub const ITEM_AGAIN: &str = "UPDATE item SET state = ?2, due = ?3, attempt = ?4, \
     attempts = attempts + 1, blame = ?5, code = ?6, message = ?7, held_for = ?8, \
     doubt = max(doubt, ?9) WHERE id = ?1";
pub const SUPERSEDE: &str = "UPDATE item SET phase = 2, state = 23, holds = 0, finished = ?2, \
     successor = ?3, held_for = NULL WHERE id = ?1";
pub const DISCARD: &str = "UPDATE item SET phase = 2, state = 24, holds = 0, finished = ?2, \
     message = ?3, held_for = NULL WHERE id = ?1";
pub const TAKE_OUT: &str =
    "UPDATE item SET phase = 1, state = 11, holds = 0, held_for = NULL WHERE id = ?1";
pub const REOPEN: &str = "UPDATE item SET phase = 0, state = ?2, holds = 1, due = ?3, \
     finished = NULL, held_for = NULL WHERE id = ?1";
pub const NEW_CHANGE: &str = "INSERT INTO change(seq, item, state, at) VALUES (?1, ?2, ?3, ?4)";
pub const SET_CONNECTION: &str = "INSERT INTO connection_state(tenant, connection, state) \
     VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET state = excluded.state";
pub const CONNECTIONS: &str = "SELECT tenant, connection, state FROM connection_state";

// After a crash.

pub const SENDING: &str = "SELECT i.id, d.uid, d.id, i.lane, i.attempt FROM item i \
     INDEXED BY item_sending JOIN delivery d ON d.id = i.delivery WHERE i.state = 2 ORDER BY i.id";
pub const CALLING: &str = "SELECT i.id, d.uid, d.id, i.lane, i.attempt FROM item i \
     INDEXED BY item_calling JOIN delivery d ON d.id = i.delivery WHERE i.state = 5 ORDER BY i.id";
pub const OPEN_ATTEMPT: &str =
    "SELECT lane, repeat, began, request FROM attempt WHERE id = ?1 AND state = 0";

// What people see.

/// The columns of a summary, from item `i` and its delivery `d`, and of where its
/// successor `s` is found.
macro_rules! summary {
    ($index:literal, $which:literal) => {
        concat!(
            "SELECT i.id, d.uid, d.id, i.lane, i.state, i.due, d.accepted, i.finished, \
             i.attempts, i.blame, i.code, i.message, i.label, i.effect, i.okey, i.held_for, \
             i.successor, sd.uid, sd.id, i.doubt FROM item i ",
            $index,
            " JOIN delivery d ON d.id = i.delivery LEFT JOIN item s ON s.id = i.successor \
             LEFT JOIN delivery sd ON sd.id = s.delivery WHERE ",
            $which
        )
    };
}

pub const SUMMARY: &str = summary!("", "i.id = ?1");
pub const OF_DELIVERY: &str = summary!("", "i.id >= ?1 AND i.id < ?2 ORDER BY i.id");
pub const BEFORE: &str = summary!("", "i.id < ?1 ORDER BY i.id DESC");
pub const DEAD_BEFORE: &str = summary!(
    "INDEXED BY item_dead",
    "i.lane = ?1 AND i.state = ?2 AND i.phase = 1 AND i.id < ?3 ORDER BY i.id DESC"
);
/// What was delivered of everything that has a key, between two items.
pub const DELIVERED_BETWEEN: &str = "SELECT id, lane, okey FROM item \
     WHERE id >= ?1 AND id < ?2 AND (state = 20 OR state = 21) AND okey IS NOT NULL \
     ORDER BY id DESC";
/// Where an item is found, and when it was accepted.
pub const PLACE: &str = "SELECT d.uid, d.id, d.accepted FROM item i \
     JOIN delivery d ON d.id = i.delivery WHERE i.id = ?1";
pub const HELD_AFTER: &str = "SELECT id, effect, blame, held_for FROM item INDEXED BY item_held \
     WHERE lane = ?1 AND state = 3 AND id > ?2 ORDER BY id LIMIT ?3";
pub const DELIVERY: &str = "SELECT id, lane, items, accepted, origin FROM delivery WHERE uid = ?1";
pub const FIRST_SINCE: &str = "SELECT id FROM delivery WHERE uid >= ?1 ORDER BY uid LIMIT 1";
pub const ITEM_BYTES: &str = "SELECT input, result, attempt FROM item WHERE id = ?1";
pub const ATTEMPT: &str = "SELECT state, repeat, began, ended, status, blame, code, message, \
     generations, items, request, answer FROM attempt WHERE id = ?1";
pub const EDITS: &str =
    "SELECT at, who, reason, input_before FROM edit WHERE item = ?1 ORDER BY id DESC LIMIT ?2";
pub const EDIT_COUNT: &str = "SELECT count(*) FROM edit WHERE item = ?1";
pub const NEW_EDIT: &str =
    "INSERT INTO edit(item, at, who, reason, input_before) VALUES (?1, ?2, ?3, ?4, ?5)";
pub const EDIT_ITEM: &str =
    "UPDATE item SET effect = ?2, okey = ?3, label = ?4, input = ?5 WHERE id = ?1";

// The sequence of changes.

pub const CHANGES: &str = "SELECT c.seq, c.item, d.uid, d.id, i.lane, c.state, c.at, \
     d.accepted, i.label, i.state, i.finished, i.attempts, i.blame, i.code, i.message, i.successor, \
     sd.uid, sd.id, i.doubt FROM change c LEFT JOIN item i ON i.id = c.item \
     LEFT JOIN delivery d ON d.id = i.delivery LEFT JOIN item s ON s.id = i.successor \
     LEFT JOIN delivery sd ON sd.id = s.delivery \
     WHERE c.seq > ?1 ORDER BY c.seq LIMIT ?2";
pub const FIRST_CHANGE: &str = "SELECT seq FROM change ORDER BY seq LIMIT 1";
pub const OLD_CHANGES: &str = "DELETE FROM change WHERE seq IN \
     (SELECT seq FROM change ORDER BY seq LIMIT ?2) AND at <= ?1";

// Notes.

pub const NOTES: &str = "SELECT name, value FROM note ORDER BY name";
pub const PUT_NOTE: &str = "INSERT OR REPLACE INTO note(name, value) VALUES (?1, ?2)";
pub const DROP_NOTE: &str = "DELETE FROM note WHERE name = ?1";

// Retention.

pub const DELIVERIES_AFTER: &str = "SELECT id, items, accepted, idem_until FROM delivery \
     WHERE id > ?1 ORDER BY id LIMIT ?2";
pub const NOT_DONE: &str = "SELECT 1 FROM item WHERE id >= ?1 AND id < ?2 AND phase <> 2 LIMIT 1";
pub const LAST_FINISHED: &str = "SELECT max(finished) FROM item WHERE id >= ?1 AND id < ?2";
pub const ATTEMPTS_OF: &str =
    "SELECT id, attempt FROM item WHERE id >= ?1 AND id < ?2 AND attempt IS NOT NULL";
pub const LET_ATTEMPT_GO: &str = "UPDATE attempt SET live = live - 1 WHERE id = ?1";
pub const DROP_ATTEMPT: &str = "DELETE FROM attempt WHERE id = ?1 AND live <= 0";
pub const DROP_EDITS: &str = "DELETE FROM edit WHERE item >= ?1 AND item < ?2";
pub const DROP_PAYLOADS: &str = "DELETE FROM payload WHERE id >= ?1 AND id < ?2";
pub const DROP_ITEMS: &str = "DELETE FROM item WHERE id >= ?1 AND id < ?2";
pub const DROP_DELIVERY: &str = "DELETE FROM delivery WHERE id = ?1";
