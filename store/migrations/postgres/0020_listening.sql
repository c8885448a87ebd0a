-- Recordings that are erased or held, and who has heard how much of which (S000-19).
-- Kept in step with migrations/sqlite/0020_listening.sql: a test compares tables, columns, nullability and uniqueness.

ALTER TABLE recordings DROP CONSTRAINT recordings_state_check;
ALTER TABLE recordings ADD CONSTRAINT recordings_state_check
    CHECK (state IN ('recording', 'complete', 'partial', 'failed', 'not_wanted', 'erased'));
ALTER TABLE recordings ADD COLUMN erased_at BIGINT;
-- Whether it may not be erased.
ALTER TABLE recordings ADD COLUMN held BIGINT NOT NULL DEFAULT 0;

CREATE INDEX recordings_by_age ON recordings (center_id, started_at) WHERE state IN ('complete', 'partial');
CREATE INDEX recordings_to_unlink ON recordings (call_id) WHERE state = 'erased' AND file IS NOT NULL;

INSERT INTO ids (kind, next) VALUES ('listen_session', 1);

-- A person at the player of a call.
CREATE TABLE listen_sessions (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    call_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    -- The listening task that it is for.
    task_id BIGINT,
    -- The call's; empty: it has none.
    scenario TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    -- When the last report was counted.
    last_at BIGINT NOT NULL,
    -- The number of that report; 0: there was none.
    seq BIGINT NOT NULL,
    -- JSON: what was heard, as crm::core::heard::Ranges.
    ranges TEXT NOT NULL,
    heard_ms BIGINT NOT NULL,
    -- Where the player stood.
    position_ms BIGINT NOT NULL,
    speed_permille BIGINT NOT NULL,
    -- What was reported and cannot have been heard.
    trimmed_ms BIGINT NOT NULL,
    ended_at BIGINT,
    CONSTRAINT listen_sessions_pkey PRIMARY KEY (id)
);

CREATE INDEX listen_sessions_by_center ON listen_sessions (center_id, id);
CREATE INDEX listen_sessions_by_user ON listen_sessions (center_id, user_id, id);
CREATE INDEX listen_sessions_by_call ON listen_sessions (call_id, id);
CREATE INDEX listen_sessions_open ON listen_sessions (user_id, last_at) WHERE ended_at IS NULL;

-- What a person has heard of a call, in all sessions.
CREATE TABLE listens (
    user_id BIGINT NOT NULL,
    call_id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    ranges TEXT NOT NULL,
    heard_ms BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    -- Since when it counts as listened to.
    completed_at BIGINT,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    CONSTRAINT listens_pkey PRIMARY KEY (user_id, call_id)
);

CREATE INDEX listens_by_call ON listens (call_id, user_id);
CREATE INDEX listens_by_user ON listens (center_id, user_id, call_id);

-- Sums of these a local day of the centre, in the same transactions.
CREATE TABLE listen_days (
    center_id BIGINT NOT NULL,
    -- The centre's date as one number: 20261122.
    day BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    scenario TEXT NOT NULL,
    opened BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    heard_ms BIGINT NOT NULL,
    CONSTRAINT listen_days_pkey PRIMARY KEY (center_id, day, user_id, scenario)
);
