-- By which carrier a call came or went, and each try to place it.
-- Kept in step with migrations/sqlite/0006_tries.sql: a test compares tables, columns, nullability and uniqueness.

ALTER TABLE cdrs ADD COLUMN carrier_id BIGINT;
-- JSON: a list of tries in order, as model::CarrierTry.
ALTER TABLE cdrs ADD COLUMN tries TEXT NOT NULL DEFAULT '[]';
