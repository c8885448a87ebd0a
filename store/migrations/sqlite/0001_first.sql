-- Kept in step with migrations/postgres/0001_first.sql: a test compares tables, columns, nullability and uniqueness.
-- Times are milliseconds since 1970 UTC. Ids are made by us (table ids) and never come back.

CREATE TABLE ids (
    kind TEXT NOT NULL,
    next INTEGER NOT NULL,
    CONSTRAINT ids_pkey PRIMARY KEY (kind)
) STRICT;

INSERT INTO ids (kind, next) VALUES ('user', 1), ('trunk', 1), ('slot', 1), ('outbox', 1);

CREATE TABLE settings (
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT settings_pkey PRIMARY KEY (key)
) STRICT;

CREATE TABLE users (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    username TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    last_login_at INTEGER,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_username_key UNIQUE (username),
    CONSTRAINT users_username_check CHECK (length(username) BETWEEN 1 AND 128),
    CONSTRAINT users_role_check CHECK (role IN ('admin', 'operator')),
    CONSTRAINT users_state_check CHECK (state IN ('active', 'disabled'))
) STRICT;

CREATE TABLE trunks (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    capacity INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT trunks_pkey PRIMARY KEY (id),
    CONSTRAINT trunks_kind_check CHECK (kind IN ('auto', 'mf', 'ls')),
    CONSTRAINT trunks_capacity_check CHECK (capacity BETWEEN 1 AND 999)
) STRICT;

CREATE TABLE slots (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    trunk_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    username TEXT NOT NULL,
    -- H(username:realm:password) in hexadecimal (RFC 7616, 3.4.2).
    ha1_md5 TEXT NOT NULL,
    ha1_sha256 TEXT NOT NULL,
    ha1_sha512_256 TEXT NOT NULL,
    service TEXT NOT NULL,
    -- The lease (R6). No reference to users: a lease outlives its holder's account until it is ended.
    holder INTEGER,
    epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT slots_pkey PRIMARY KEY (id),
    CONSTRAINT slots_number_key UNIQUE (number),
    CONSTRAINT slots_username_key UNIQUE (username),
    CONSTRAINT slots_trunk_id_fkey FOREIGN KEY (trunk_id) REFERENCES trunks (id),
    CONSTRAINT slots_service_check CHECK (service IN ('IDLE', 'FAULT', 'DISABLED'))
) STRICT;

CREATE INDEX slots_by_trunk ON slots (trunk_id, number);

-- One registered contact a slot (R17).
CREATE TABLE bindings (
    slot_id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    contact TEXT NOT NULL,
    transport TEXT NOT NULL,
    local_address TEXT NOT NULL,
    remote_address TEXT NOT NULL,
    call_id TEXT NOT NULL,
    cseq INTEGER NOT NULL,
    user_agent TEXT NOT NULL,
    since INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT bindings_pkey PRIMARY KEY (slot_id),
    CONSTRAINT bindings_slot_id_fkey FOREIGN KEY (slot_id) REFERENCES slots (id) ON DELETE CASCADE
) STRICT;

-- The state of calls, live and ended. History outlives slots and users: no references.
CREATE TABLE calls (
    call_id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    parent_id INTEGER,
    status TEXT NOT NULL,
    direction TEXT NOT NULL,
    caller TEXT NOT NULL,
    callee TEXT NOT NULL,
    caller_slot INTEGER,
    callee_slot INTEGER,
    user_id INTEGER,
    started_at INTEGER NOT NULL,
    ringing_at INTEGER,
    answered_at INTEGER,
    ended_at INTEGER,
    outcome TEXT,
    -- The table of causes grows (model/cause.rs), so it has no CHECK here.
    cause TEXT,
    -- JSON: [{user, slot, from, to, hold_ms}] (R14).
    segments TEXT NOT NULL,
    scenario TEXT,
    source TEXT,
    last_seen_at INTEGER NOT NULL,
    CONSTRAINT calls_pkey PRIMARY KEY (call_id),
    CONSTRAINT calls_status_check CHECK (status IN ('dialing', 'ringing', 'answered', 'held', 'ended')),
    CONSTRAINT calls_direction_check CHECK (direction IN ('internal', 'outbound', 'inbound')),
    CONSTRAINT calls_outcome_check CHECK (outcome IN ('answered', 'busy', 'no_answer', 'canceled', 'failed'))
) STRICT;

CREATE INDEX calls_by_center ON calls (center_id, call_id);
CREATE INDEX calls_unfinished ON calls (call_id) WHERE status <> 'ended';

-- Whose calls they are: who placed them and who served a part (R18). Serves the lists of one user's calls and CDRs.
CREATE TABLE call_users (
    user_id INTEGER NOT NULL,
    call_id INTEGER NOT NULL,
    CONSTRAINT call_users_pkey PRIMARY KEY (user_id, call_id)
) STRICT, WITHOUT ROWID;

-- One immutable row a call.
CREATE TABLE cdrs (
    call_id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    parent_id INTEGER,
    direction TEXT NOT NULL,
    caller TEXT NOT NULL,
    callee TEXT NOT NULL,
    caller_slot INTEGER,
    callee_slot INTEGER,
    user_id INTEGER,
    started_at INTEGER NOT NULL,
    ringing_at INTEGER,
    answered_at INTEGER,
    ended_at INTEGER NOT NULL,
    ring_ms INTEGER NOT NULL,
    talk_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    cause TEXT NOT NULL,
    sip_status INTEGER NOT NULL,
    segments TEXT NOT NULL,
    scenario TEXT,
    source TEXT,
    CONSTRAINT cdrs_pkey PRIMARY KEY (call_id),
    CONSTRAINT cdrs_direction_check CHECK (direction IN ('internal', 'outbound', 'inbound')),
    CONSTRAINT cdrs_outcome_check CHECK (outcome IN ('answered', 'busy', 'no_answer', 'canceled', 'failed'))
) STRICT;

CREATE INDEX cdrs_by_center ON cdrs (center_id, call_id);

CREATE TRIGGER cdrs_are_immutable BEFORE UPDATE ON cdrs BEGIN
    SELECT RAISE(ABORT, 'a CDR is immutable');
END;

CREATE TABLE recordings (
    call_id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    file TEXT,
    left_role TEXT NOT NULL,
    left_number TEXT NOT NULL,
    right_role TEXT NOT NULL,
    right_number TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    size INTEGER NOT NULL,
    CONSTRAINT recordings_pkey PRIMARY KEY (call_id),
    CONSTRAINT recordings_state_check CHECK (state IN ('recording', 'complete', 'partial', 'failed', 'not_wanted'))
) STRICT;

CREATE INDEX recordings_by_center ON recordings (center_id, call_id);
CREATE INDEX recordings_unfinished ON recordings (call_id) WHERE state = 'recording';

-- What is to be told of facts, written in the fact's own transaction.
-- Ids grow in the order of commits: the row of ids that gives them is locked until then.
CREATE TABLE outbox (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    -- The journal's number of the fact; none for facts that did not come through the journal.
    seq INTEGER,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT outbox_pkey PRIMARY KEY (id)
) STRICT;

-- How far each listener has come.
CREATE TABLE outbox_cursors (
    listener TEXT NOT NULL,
    position INTEGER NOT NULL,
    CONSTRAINT outbox_cursors_pkey PRIMARY KEY (listener)
) STRICT;

-- How far the journal has been consumed. One row.
CREATE TABLE journal_state (
    id INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    CONSTRAINT journal_state_pkey PRIMARY KEY (id),
    CONSTRAINT journal_state_id_check CHECK (id = 1)
) STRICT;

INSERT INTO journal_state (id, cursor) VALUES (1, 0);

-- Facts of the journal that broke a rule of the schema: kept, so that nothing is lost silently.
CREATE TABLE rejected_facts (
    seq INTEGER NOT NULL,
    fact TEXT NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT rejected_facts_pkey PRIMARY KEY (seq)
) STRICT;

-- Requests with an Idempotency-Key, 24 hours (R18).
CREATE TABLE idempotency_keys (
    user_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    -- Both absent while the first request is being carried out.
    status INTEGER,
    response TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key)
) STRICT;

CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
