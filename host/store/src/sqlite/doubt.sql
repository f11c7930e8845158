-- Format 3: what of an item may have been applied though its last attempt says otherwise.

ALTER TABLE item ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0; -- 1: an attempt so far may have been applied.
