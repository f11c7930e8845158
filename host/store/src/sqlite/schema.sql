-- Format 1. A change of it is a new file and a new step in schema.rs.

CREATE TABLE meta(
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    commits      INTEGER NOT NULL, -- Rises with each commit: tells whether one that failed is there.
    next_item    INTEGER NOT NULL,
    next_attempt INTEGER NOT NULL,
    next_change  INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 0, 1, 1, 1);

CREATE TABLE lane(
    id         INTEGER PRIMARY KEY,
    tenant     TEXT NOT NULL,
    connection TEXT NOT NULL,
    operation  TEXT NOT NULL,
    UNIQUE (tenant, connection, operation)
) STRICT;

CREATE TABLE delivery(
    id         INTEGER PRIMARY KEY, -- That of its first item; the others follow.
    uid        BLOB NOT NULL,       -- 16 bytes that rise with time.
    lane       INTEGER NOT NULL,
    items      INTEGER NOT NULL,
    accepted   INTEGER NOT NULL,
    origin     INTEGER NOT NULL,    -- 0 queued, 1 call.
    idem       BLOB,
    body_hash  BLOB,
    idem_until INTEGER
) STRICT;
CREATE UNIQUE INDEX delivery_uid ON delivery(uid);
CREATE UNIQUE INDEX delivery_idem ON delivery(lane, idem) WHERE idem IS NOT NULL;

CREATE TABLE item(
    id         INTEGER PRIMARY KEY,
    delivery   INTEGER NOT NULL,
    lane       INTEGER NOT NULL,
    phase      INTEGER NOT NULL,    -- 0 open, 1 dead, 2 done; follows from the state.
    state      INTEGER NOT NULL,    -- See codes.rs.
    holds      INTEGER NOT NULL,    -- 1 while it takes its place in the order; follows from the state.
    effect     INTEGER NOT NULL,    -- 0 no order, 1 absolute, 2 relative, 3 barrier.
    due        INTEGER NOT NULL,    -- When it may leave, and its place in the queue.
    attempts   INTEGER NOT NULL DEFAULT 0,
    attempt    INTEGER,             -- The newest; older ones hang on it.
    finished   INTEGER,
    successor  INTEGER,             -- What superseded it.
    blame      INTEGER,
    code       TEXT,
    held_for   TEXT,
    okey       BLOB,
    label      TEXT NOT NULL,
    message    TEXT,
    result     BLOB,                -- NULL: in payload, or none.
    input      BLOB                 -- NULL: in payload.
) STRICT;
-- An item is in one of the first five while it is open, in the sixth while it is dead.
CREATE INDEX item_due ON item(lane, due, id) WHERE state = 0;
CREATE INDEX item_behind ON item(lane, id) WHERE state = 1;
CREATE INDEX item_sending ON item(id) WHERE state = 2;
CREATE INDEX item_held ON item(lane, id) WHERE state = 3;
CREATE INDEX item_blocked ON item(lane, id) WHERE state = 4;
CREATE INDEX item_calling ON item(id) WHERE state = 5;
CREATE INDEX item_dead ON item(lane, state, id) WHERE phase = 1;
CREATE INDEX item_key ON item(lane, okey, id) WHERE holds = 1 AND okey IS NOT NULL;
CREATE INDEX item_barrier ON item(lane, id) WHERE holds = 1 AND effect = 3;

-- Inputs and results above 1 KiB, so that a change of state does not rewrite them.
CREATE TABLE payload(
    id    INTEGER PRIMARY KEY,      -- Item * 2, and 1 more for its result.
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE attempt(
    id          INTEGER PRIMARY KEY,
    lane        INTEGER NOT NULL,
    state       INTEGER NOT NULL,   -- 0 open, 1 ended, 2 not sent.
    repeat      INTEGER NOT NULL,   -- 0 safe, 1 read back, 2 never.
    began       INTEGER NOT NULL,
    ended       INTEGER,
    status      INTEGER,
    blame       INTEGER,
    code        TEXT,
    message     TEXT,
    generations TEXT NOT NULL,
    live        INTEGER NOT NULL,   -- Items of it that still exist; removed at 0.
    items       BLOB NOT NULL,      -- Pairs: an item, its attempt before this one.
    request     BLOB NOT NULL,
    answer      BLOB NOT NULL
) STRICT;

CREATE TABLE edit(
    id           INTEGER PRIMARY KEY,
    item         INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    who          TEXT NOT NULL,
    reason       TEXT NOT NULL,
    input_before BLOB NOT NULL
) STRICT;
CREATE INDEX edit_item ON edit(item);

CREATE TABLE change(
    seq   INTEGER PRIMARY KEY,
    item  INTEGER NOT NULL,
    state INTEGER NOT NULL,
    at    INTEGER NOT NULL
) STRICT;

CREATE TABLE connection_state(
    tenant     TEXT NOT NULL,
    connection TEXT NOT NULL,
    state      BLOB NOT NULL,
    PRIMARY KEY (tenant, connection)
) STRICT, WITHOUT ROWID;
