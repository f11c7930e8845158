-- Format 2: what the host keeps about the outbox as a whole, small and by name.

CREATE TABLE note(
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
