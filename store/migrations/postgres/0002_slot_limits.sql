-- What a slot may call, and in how many calls at once it may be (R23).
-- Kept in step with migrations/sqlite/0002_slot_limits.sql.

ALTER TABLE slots ADD COLUMN calls_max BIGINT NOT NULL DEFAULT 2 CONSTRAINT slots_calls_max_check CHECK (calls_max BETWEEN 1 AND 10);
-- JSON: ["6001", "+7495*"]. Empty: everything.
ALTER TABLE slots ADD COLUMN destinations TEXT NOT NULL DEFAULT '[]';
