-- Calls from the world that nobody answered, until somebody has called back; and of which next actions of leads people were reminded.
-- Kept in step with migrations/postgres/0023_desk.sql: a test compares tables, columns, nullability and uniqueness.

-- One row a call (S004-130). Whose it is, call_users says: at whose slot it rang. No foreign keys: calls are others' rows.
CREATE TABLE missed_calls (
    call_id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    scenario TEXT,
    slot_id INTEGER,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    -- Who calls back, and since when.
    claimed_by INTEGER,
    claimed_at INTEGER,
    -- Who has put it away; none: the program, because of the call that came to them.
    done_by INTEGER,
    done_at INTEGER,
    returned_call_id INTEGER,
    version INTEGER NOT NULL,
    CONSTRAINT missed_calls_pkey PRIMARY KEY (call_id),
    CONSTRAINT missed_calls_state_check CHECK (state IN ('open', 'returned', 'dismissed'))
) STRICT;

CREATE INDEX missed_calls_by_center ON missed_calls (center_id, call_id);
CREATE INDEX missed_calls_by_state ON missed_calls (center_id, state, call_id);
CREATE INDEX missed_calls_open ON missed_calls (center_id, number) WHERE state = 'open';

-- When people were reminded of the next action; emptied when its time is changed.
ALTER TABLE leads ADD COLUMN reminded_at INTEGER;
CREATE INDEX leads_due ON leads (next_action_at, id) WHERE reminded_at IS NULL AND next_action_at IS NOT NULL;
