-- Carriers and routes: by whom calls come and go (R2, R13).
-- Kept in step with migrations/sqlite/0004_carriers.sql: a test compares tables, columns, nullability and uniqueness.

INSERT INTO ids (kind, next) VALUES ('route', 1);

-- Ids are drawn by the counter of trunks, so that an id names either a hub or a carrier.
CREATE TABLE carriers (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    capacity BIGINT NOT NULL,
    -- The group that routes call it by; empty: none.
    group_name TEXT NOT NULL,
    -- JSON: all of it but the passwords of its accounts.
    settings TEXT NOT NULL,
    -- These, sealed by the key of the data directory; none if it has no accounts.
    passwords TEXT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    CONSTRAINT carriers_pkey PRIMARY KEY (id),
    CONSTRAINT carriers_center_id_name_key UNIQUE (center_id, name)
);

CREATE TABLE routes (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    -- JSON: which calls it is for.
    matches TEXT NOT NULL,
    -- JSON: what becomes of them.
    action TEXT NOT NULL,
    scenario TEXT NOT NULL,
    source TEXT NOT NULL,
    -- JSON: what is done to the called number.
    rewrite TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    CONSTRAINT routes_pkey PRIMARY KEY (id),
    CONSTRAINT routes_center_id_name_key UNIQUE (center_id, name)
);

CREATE INDEX routes_by_center ON routes (center_id, id);
CREATE INDEX routes_by_position ON routes (center_id, position, id);
CREATE INDEX routes_by_name ON routes (center_id, name, id);
