-- Sums of calls a local day of a centre (S004-111, S004-136), for reports of days that are over.
-- Kept in step with migrations/sqlite/0024_report_days.sql: a test compares tables, columns, nullability and uniqueness.

-- Which days have sums, and of which span of time these are: by another time zone of the centre it is another one.
CREATE TABLE report_days (
    center_id BIGINT NOT NULL,
    -- The centre's date as one number: 20261122.
    day BIGINT NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,
    -- 0: they are not there, or a call has ended since.
    built BIGINT NOT NULL,
    CONSTRAINT report_days_pkey PRIMARY KEY (center_id, day)
);

-- Whoever has a late call looks for its day here: there is none behind it but for a few.
CREATE INDEX report_days_by_end ON report_days (center_id, to_at);

CREATE TABLE call_days (
    center_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    -- 0: the calls themselves; else what this person has had of them.
    user_id BIGINT NOT NULL,
    direction TEXT NOT NULL,
    outcome TEXT NOT NULL,
    -- Empty: none.
    scenario TEXT NOT NULL,
    source TEXT NOT NULL,
    calls BIGINT NOT NULL,
    missed BIGINT NOT NULL,
    talk_ms BIGINT NOT NULL,
    hold_ms BIGINT NOT NULL,
    ring_ms BIGINT NOT NULL,
    CONSTRAINT call_days_pkey PRIMARY KEY (center_id, day, user_id, direction, outcome, scenario, source)
);

-- What becomes of the leads of a period.
CREATE INDEX leads_by_creation ON leads (center_id, created_at, id);
