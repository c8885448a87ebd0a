-- The number by which a slot calls the world (R8), if an administrator gave it one of those that are verified for its centre.
-- Kept in step with migrations/sqlite/0008_slot_numbers.sql: a test compares tables, columns, nullability and uniqueness.

ALTER TABLE slots ADD COLUMN caller TEXT;
