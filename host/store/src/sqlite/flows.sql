-- Format 4: flows, their runs and pages, and what they hold for later.
-- AUTOINCREMENT: a number is never given twice. Keys of deliveries are made of it.

CREATE TABLE flow(
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant         TEXT NOT NULL,
    name           TEXT NOT NULL,
    made           INTEGER NOT NULL,
    paused         INTEGER NOT NULL,
    last_tick      INTEGER,            -- The newest that was begun or passed by.
    ticks_skipped  INTEGER NOT NULL,
    cursor         BLOB,
    parked         INTEGER NOT NULL,   -- Rows of flow_parked, and bytes in them.
    parked_bytes   INTEGER NOT NULL,
    received       INTEGER NOT NULL,   -- Rows of flow_received, and bytes in them.
    received_bytes INTEGER NOT NULL,
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE flow_run(
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    flow       INTEGER NOT NULL,
    tick       INTEGER,
    cause      TEXT NOT NULL,
    state      INTEGER NOT NULL,       -- 0 running, 1 waiting, 2 done, 3 failed, 4 stopped.
    open       INTEGER NOT NULL,       -- 1 until it has ended and all its pages are done.
    began      INTEGER NOT NULL,
    ended      INTEGER,
    pages      INTEGER NOT NULL,       -- The next page's number.
    open_pages INTEGER NOT NULL,
    incoming   INTEGER NOT NULL,
    unchanged  INTEGER NOT NULL,
    skipped    INTEGER NOT NULL,
    sent       INTEGER NOT NULL,
    accepted   INTEGER NOT NULL,
    refused    INTEGER NOT NULL,
    waiting    INTEGER NOT NULL,
    parked     INTEGER NOT NULL,
    confirmed  INTEGER NOT NULL,
    source_ms  INTEGER NOT NULL,
    steps_ms   INTEGER NOT NULL,
    targets_ms INTEGER NOT NULL,
    confirm_ms INTEGER NOT NULL,
    problem    BLOB
) STRICT;
CREATE INDEX flow_run_flow ON flow_run(flow, id);
CREATE UNIQUE INDEX flow_run_tick ON flow_run(flow, tick) WHERE tick IS NOT NULL;
CREATE UNIQUE INDEX flow_run_running ON flow_run(flow) WHERE state = 0;
CREATE INDEX flow_run_open ON flow_run(id) WHERE open = 1;

CREATE TABLE flow_page(
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    run    INTEGER NOT NULL,
    number INTEGER NOT NULL,
    state  INTEGER NOT NULL,           -- 0 new, 1 stepped, 2 sent, 3 done.
    count  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    put    INTEGER NOT NULL,
    sent   INTEGER,
    cursor BLOB,
    origin BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX flow_page_number ON flow_page(run, number);
CREATE INDEX flow_page_open ON flow_page(run, number) WHERE state < 3;

-- Records and plan, so that a change of state does not rewrite them.
CREATE TABLE flow_bytes(
    id    INTEGER PRIMARY KEY,         -- Page * 2, and 1 more for its plan.
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE flow_delivery(
    page   INTEGER NOT NULL,
    target TEXT NOT NULL,
    uid    BLOB NOT NULL,
    PRIMARY KEY (page, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE flow_seen(
    flow     INTEGER NOT NULL,
    target   TEXT NOT NULL,
    key      BLOB NOT NULL,
    accepted BLOB,                     -- NULL while something newer is under way.
    pending  BLOB,                     -- What `item` says.
    item     INTEGER,
    PRIMARY KEY (flow, target, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX flow_seen_item ON flow_seen(item) WHERE item IS NOT NULL;

CREATE TABLE flow_parked(
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    flow       INTEGER NOT NULL,
    run        INTEGER,
    page       INTEGER,                -- Which has taken it.
    by_page    INTEGER,                -- Which has parked it and is not sent: they go together.
    target     TEXT,
    generation TEXT NOT NULL,
    at         INTEGER NOT NULL,
    record     BLOB NOT NULL,
    problem    BLOB NOT NULL
) STRICT;
CREATE INDEX flow_parked_flow ON flow_parked(flow, id);
CREATE INDEX flow_parked_page ON flow_parked(page) WHERE page IS NOT NULL;
CREATE INDEX flow_parked_by ON flow_parked(by_page) WHERE by_page IS NOT NULL;

CREATE TABLE flow_received(
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    flow INTEGER NOT NULL,
    page INTEGER,                      -- Which has taken it.
    at   INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX flow_received_free ON flow_received(flow, id) WHERE page IS NULL;
CREATE INDEX flow_received_page ON flow_received(page) WHERE page IS NOT NULL;

CREATE TABLE flow_key(
    flow INTEGER NOT NULL,
    key  BLOB NOT NULL,
    at   INTEGER NOT NULL,
    PRIMARY KEY (flow, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX flow_key_at ON flow_key(at);
