-- Budgets against toll fraud: how much a slot, a trunk, a carrier or a centre may call, and what it has used (R23).
-- Kept in step with migrations/sqlite/0007_budgets.sql: a test compares tables, columns, nullability and uniqueness.

CREATE TABLE budgets (
    -- slot, trunk, carrier or center, and which.
    kind TEXT NOT NULL,
    scope_id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    -- JSON: what it allows.
    settings TEXT NOT NULL,
    -- JSON: what was used when; none: nothing yet. Written by facts only.
    used TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT budgets_pkey PRIMARY KEY (kind, scope_id)
);
