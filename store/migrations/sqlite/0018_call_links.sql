-- Which lead, and which client, a call was with (S004-103, S004-107): by its number, or because somebody said so.
-- Kept in step with migrations/postgres/0018_call_links.sql: a test compares tables, columns, nullability and uniqueness.

-- A call has at most one of each. No foreign keys: the history of calls outlives leads.
CREATE TABLE call_links (
    call_id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    lead_id INTEGER,
    client_id INTEGER,
    -- How it is known: by the number, or by a person's word, which no number changes.
    matched_by TEXT NOT NULL,
    linked_at INTEGER NOT NULL,
    CONSTRAINT call_links_pkey PRIMARY KEY (call_id),
    CONSTRAINT call_links_matched_by_check CHECK (matched_by IN ('number', 'hand'))
) STRICT;

CREATE INDEX call_links_by_lead ON call_links (center_id, lead_id, call_id);
CREATE INDEX call_links_by_client ON call_links (center_id, client_id, call_id);
