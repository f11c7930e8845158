-- Format 5: what platforms granted to connections, and people who are on their way to grant something.

CREATE TABLE granted(
    tenant     TEXT NOT NULL,
    connection TEXT NOT NULL,
    place      TEXT NOT NULL,          -- What it was granted to: another one has no use of it.
    version    INTEGER NOT NULL,       -- Grows with every change.
    state      BLOB,                   -- NULL before the first.
    started    INTEGER,                -- Since when a renewal is under way, or ended in a way that is not known.
    changed    INTEGER NOT NULL,
    PRIMARY KEY (tenant, connection, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE authorization(
    hash       BLOB PRIMARY KEY,       -- Of what the platform brings back.
    tenant     TEXT NOT NULL,
    connection TEXT NOT NULL,
    place      TEXT NOT NULL,
    proof      BLOB NOT NULL,
    until      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX authorization_of ON authorization(tenant, connection, until);
CREATE INDEX authorization_until ON authorization(until);
