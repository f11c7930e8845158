-- Format 6: runs count what the source did not hear, and what could not be read.

ALTER TABLE flow_run ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE flow_run ADD COLUMN unreadable INTEGER NOT NULL DEFAULT 0;
