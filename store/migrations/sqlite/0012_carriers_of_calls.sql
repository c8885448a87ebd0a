-- What a live call's carrier is and how it was tried, as its record has it; and records by their carrier.
-- Kept in step with migrations/postgres/0012_carriers_of_calls.sql: a test compares tables, columns, nullability and uniqueness.

ALTER TABLE calls ADD COLUMN carrier_id INTEGER;
-- JSON: a list of tries in order, as model::CarrierTry.
ALTER TABLE calls ADD COLUMN tries TEXT NOT NULL DEFAULT '[]';
-- JSON: model::route::Asked; NULL if nobody was asked.
ALTER TABLE calls ADD COLUMN asked TEXT;

-- Filtered by a carrier, records come newest first from here, and those of other carriers are not looked at.
CREATE INDEX cdrs_by_carrier ON cdrs (center_id, carrier_id, call_id);
CREATE INDEX calls_by_carrier ON calls (center_id, carrier_id, call_id);
