-- Whom calls rang at, whose they are and why, and what their scenarios are called.
-- Kept in step with migrations/sqlite/0013_calls_of_people.sql: a test compares tables, columns, nullability and uniqueness.

-- JSON: a list in order, as model::Rung.
ALTER TABLE calls ADD COLUMN rung TEXT NOT NULL DEFAULT '[]';
ALTER TABLE cdrs ADD COLUMN rung TEXT NOT NULL DEFAULT '[]';

-- Bits: 1 placed or served it, 2 it is of a lead of theirs, 4 it rang at the slot that they had taken.
ALTER TABLE call_users ADD COLUMN why BIGINT NOT NULL DEFAULT 1;
-- For how long they served it, and held the other party of that.
ALTER TABLE call_users ADD COLUMN talk_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE call_users ADD COLUMN hold_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX call_users_by_call ON call_users (call_id, user_id);
UPDATE call_users SET talk_ms = served.talk_ms, hold_ms = served.hold_ms
    FROM (SELECT c.call_id, CAST(s.value ->> 'user' AS BIGINT) AS user_id,
            CAST(SUM(GREATEST(CAST(s.value ->> 'to' AS BIGINT) - CAST(s.value ->> 'from' AS BIGINT), 0)) AS BIGINT) AS talk_ms,
            CAST(SUM(CAST(s.value ->> 'hold_ms' AS BIGINT)) AS BIGINT) AS hold_ms
        FROM cdrs c, json_array_elements(CAST(c.segments AS json)) AS s (value) WHERE s.value ->> 'user' IS NOT NULL GROUP BY 1, 2) AS served
    WHERE served.call_id = call_users.call_id AND served.user_id = call_users.user_id;

-- JSON: the kinds of news that the listener wants; NULL: all.
ALTER TABLE outbox_cursors ADD COLUMN kinds TEXT;

-- Call-handling scenarios (S000-07). Calls, routes and carriers name them by their code, which is for ever.
CREATE TABLE scenarios (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    active BIGINT NOT NULL,
    -- Code and name, folded for the search; empty until a program has folded them.
    search_norm TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT scenarios_pkey PRIMARY KEY (id),
    CONSTRAINT scenarios_center_id_code_key UNIQUE (center_id, code),
    CONSTRAINT scenarios_kind_check CHECK (kind IN ('department', 'ivr', 'queue', 'import'))
);

CREATE INDEX scenarios_by_center ON scenarios (center_id, id);

-- Settings that cannot be read name none: a carrier's row never keeps the program from starting.
CREATE FUNCTION numbers_of_before(settings TEXT) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
    IF json_typeof(CAST(settings AS json) -> 'numbers') = 'array' THEN
        RETURN CAST(settings AS json) -> 'numbers';
    END IF;
    RETURN '[]';
EXCEPTION WHEN OTHERS THEN
    RETURN '[]';
END
$$;

-- Those that calls had so far, that they get by routes and numbers, and that lists of rights name.
INSERT INTO scenarios (id, center_id, code, name, kind, active, search_norm, version, created_at, updated_at)
    SELECT ROW_NUMBER() OVER (ORDER BY f.center_id, f.code), f.center_id, f.code, f.code, 'department', 1, '', 1,
        m.applied_at, m.applied_at
    FROM (
        SELECT center_id, scenario AS code FROM cdrs WHERE scenario IS NOT NULL
        UNION SELECT center_id, scenario FROM routes
        UNION SELECT COALESCE(CASE WHEN n.value ->> 'center' ~ '^[0-9]{1,18}$' THEN CAST(n.value ->> 'center' AS BIGINT) END, c.center_id),
                n.value ->> 'scenario'
            FROM carriers c, json_array_elements(numbers_of_before(c.settings)) AS n (value)
        UNION SELECT r.center_id, l.item FROM access_lists l JOIN roles r ON r.id = l.principal_id
            WHERE l.principal_kind = 'role' AND l.kind = 'scenario'
        UNION SELECT u.center_id, l.item FROM access_lists l JOIN users u ON u.id = l.principal_id
            WHERE l.principal_kind = 'user' AND l.kind = 'scenario'
    ) f CROSS JOIN (SELECT MAX(applied_at) AS applied_at FROM schema_migrations) m
    WHERE f.code <> '';
DROP FUNCTION numbers_of_before (TEXT);
INSERT INTO ids (kind, next) SELECT 'scenario', COALESCE(MAX(id), 0) + 1 FROM scenarios;
