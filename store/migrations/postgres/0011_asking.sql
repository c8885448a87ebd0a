-- Routes that ask a program: what their questions are signed with, sealed; and what came of asking.
-- Kept in step with migrations/sqlite/0011_asking.sql: a test compares tables, columns, nullability and uniqueness.

ALTER TABLE routes ADD COLUMN secret TEXT;
-- JSON: model::route::Asked; NULL if nobody was asked.
ALTER TABLE cdrs ADD COLUMN asked TEXT;
