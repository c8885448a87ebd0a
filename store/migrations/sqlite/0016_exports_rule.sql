-- By what rights a file was made.
-- Kept in step with migrations/postgres/0016_exports_rule.sql: a test compares tables, columns, nullability and uniqueness.

-- A hash of the rows that they reach and of what they show of the columns, in hexadecimal; none until the file is begun.
ALTER TABLE exports ADD COLUMN rule TEXT;
