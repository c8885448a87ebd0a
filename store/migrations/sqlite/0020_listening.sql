-- Recordings that are erased or held, and who has heard how much of which (S000-19).
-- Kept in step with migrations/postgres/0020_listening.sql: a test compares tables, columns, nullability and uniqueness.

-- SQLite cannot change a check, so the table is made anew. Nothing refers to it.
CREATE TABLE recordings_new (
    call_id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    -- Of an erased one: what is still to be unlinked.
    file TEXT,
    left_role TEXT NOT NULL,
    left_number TEXT NOT NULL,
    right_role TEXT NOT NULL,
    right_number TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    size INTEGER NOT NULL,
    erased_at INTEGER,
    -- Whether it may not be erased.
    held INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT recordings_pkey PRIMARY KEY (call_id),
    CONSTRAINT recordings_state_check CHECK (state IN ('recording', 'complete', 'partial', 'failed', 'not_wanted', 'erased'))
) STRICT;

INSERT INTO recordings_new (call_id, center_id, state, reason, file, left_role, left_number, right_role, right_number, started_at, duration_ms, size)
    SELECT call_id, center_id, state, reason, file, left_role, left_number, right_role, right_number, started_at, duration_ms, size FROM recordings;
DROP TABLE recordings;
ALTER TABLE recordings_new RENAME TO recordings;

CREATE INDEX recordings_by_center ON recordings (center_id, call_id);
CREATE INDEX recordings_unfinished ON recordings (call_id) WHERE state = 'recording';
CREATE INDEX recordings_by_age ON recordings (center_id, started_at) WHERE state IN ('complete', 'partial');
CREATE INDEX recordings_to_unlink ON recordings (call_id) WHERE state = 'erased' AND file IS NOT NULL;

INSERT INTO ids (kind, next) VALUES ('listen_session', 1);

-- A person at the player of a call.
CREATE TABLE listen_sessions (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    call_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    -- The listening task that it is for.
    task_id INTEGER,
    -- The call's; empty: it has none.
    scenario TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    -- When the last report was counted.
    last_at INTEGER NOT NULL,
    -- The number of that report; 0: there was none.
    seq INTEGER NOT NULL,
    -- JSON: what was heard, as crm::core::heard::Ranges.
    ranges TEXT NOT NULL,
    heard_ms INTEGER NOT NULL,
    -- Where the player stood.
    position_ms INTEGER NOT NULL,
    speed_permille INTEGER NOT NULL,
    -- What was reported and cannot have been heard.
    trimmed_ms INTEGER NOT NULL,
    ended_at INTEGER,
    CONSTRAINT listen_sessions_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX listen_sessions_by_center ON listen_sessions (center_id, id);
CREATE INDEX listen_sessions_by_user ON listen_sessions (center_id, user_id, id);
CREATE INDEX listen_sessions_by_call ON listen_sessions (call_id, id);
CREATE INDEX listen_sessions_open ON listen_sessions (user_id, last_at) WHERE ended_at IS NULL;

-- What a person has heard of a call, in all sessions.
CREATE TABLE listens (
    user_id INTEGER NOT NULL,
    call_id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    ranges TEXT NOT NULL,
    heard_ms INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    -- Since when it counts as listened to.
    completed_at INTEGER,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    CONSTRAINT listens_pkey PRIMARY KEY (user_id, call_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX listens_by_call ON listens (call_id, user_id);
CREATE INDEX listens_by_user ON listens (center_id, user_id, call_id);

-- Sums of these a local day of the centre, in the same transactions.
CREATE TABLE listen_days (
    center_id INTEGER NOT NULL,
    -- The centre's date as one number: 20261122.
    day INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    scenario TEXT NOT NULL,
    opened INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    heard_ms INTEGER NOT NULL,
    CONSTRAINT listen_days_pkey PRIMARY KEY (center_id, day, user_id, scenario)
) STRICT, WITHOUT ROWID;
