-- How a phone is reached that is not simply where it sent its REGISTER from (model::Binding).
-- Kept in step with migrations/sqlite/0009_paths.sql: a test compares tables, columns, nullability and uniqueness.

-- The proxies on the way, as a value of Route (RFC 3327); empty: none.
ALTER TABLE bindings ADD COLUMN path TEXT NOT NULL DEFAULT '';
-- Which of its phone's flows it is (RFC 5626); empty and 0: it was not named.
ALTER TABLE bindings ADD COLUMN instance TEXT NOT NULL DEFAULT '';
ALTER TABLE bindings ADD COLUMN reg_id BIGINT NOT NULL DEFAULT 0;
