-- Leads are handed over, and become clients with telephone numbers.
-- Kept in step with migrations/postgres/0022_hand_over.sql: a test compares tables, columns, nullability and uniqueness.

-- When it was last handed over; NULL: it never was, or its operator is another since.
ALTER TABLE leads ADD COLUMN handed_over_at INTEGER;

-- JSON: a list of (number, kind, primary), the same that client_phones has, in the order in which people gave them. Written by one function.
ALTER TABLE clients ADD COLUMN phones TEXT NOT NULL DEFAULT '[]';
CREATE INDEX client_phones_by_number ON client_phones (client_id, e164);

-- Whose turn it was last among those who take turns: whoever hands a lead to the next one waits for the others here.
CREATE TABLE hand_over_turns (
    center_id INTEGER NOT NULL,
    -- `sellers`, or `source:` and the source.
    ring TEXT NOT NULL,
    last_user_id INTEGER NOT NULL,
    CONSTRAINT hand_over_turns_pkey PRIMARY KEY (center_id, ring)
) STRICT, WITHOUT ROWID;
