-- Lists of calls and records by scenario, by number and by who served them.
-- Kept in step with migrations/sqlite/0014_lists_by_scenario.sql: a test compares tables, columns, nullability and uniqueness.

-- Who reaches a few scenarios, or asks for them, has a page put together of what stands here under each, and calls of others are not looked at.
CREATE INDEX calls_by_scenario ON calls (center_id, scenario, call_id);
CREATE INDEX cdrs_by_scenario ON cdrs (center_id, scenario, call_id);

-- The history of a number, newest first.
CREATE INDEX cdrs_by_caller ON cdrs (center_id, caller, call_id);
CREATE INDEX cdrs_by_callee ON cdrs (center_id, callee, call_id);
