-- Carriers and routes: by whom calls come and go (R2, R13).
-- Kept in step with migrations/postgres/0004_carriers.sql: a test compares tables, columns, nullability and uniqueness.

INSERT INTO ids (kind, next) VALUES ('route', 1);

-- Ids are drawn by the counter of trunks, so that an id names either a hub or a carrier.
CREATE TABLE carriers (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    capacity INTEGER NOT NULL,
    -- The group that routes call it by; empty: none.
    group_name TEXT NOT NULL,
    -- JSON: all of it but the passwords of its accounts.
    settings TEXT NOT NULL,
    -- These, sealed by the key of the data directory; none if it has no accounts.
    passwords TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT carriers_pkey PRIMARY KEY (id),
    CONSTRAINT carriers_center_id_name_key UNIQUE (center_id, name)
) STRICT;

CREATE TABLE routes (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    -- JSON: which calls it is for.
    matches TEXT NOT NULL,
    -- JSON: what becomes of them.
    action TEXT NOT NULL,
    scenario TEXT NOT NULL,
    source TEXT NOT NULL,
    -- JSON: what is done to the called number.
    rewrite TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT routes_pkey PRIMARY KEY (id),
    CONSTRAINT routes_center_id_name_key UNIQUE (center_id, name)
) STRICT;

CREATE INDEX routes_by_center ON routes (center_id, id);
CREATE INDEX routes_by_position ON routes (center_id, position, id);
CREATE INDEX routes_by_name ON routes (center_id, name, id);
