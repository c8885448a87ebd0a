-- Whom calls rang at, whose they are and why, and what their scenarios are called.
-- Kept in step with migrations/postgres/0013_calls_of_people.sql: a test compares tables, columns, nullability and uniqueness.

-- JSON: a list in order, as model::Rung.
ALTER TABLE calls ADD COLUMN rung TEXT NOT NULL DEFAULT '[]';
ALTER TABLE cdrs ADD COLUMN rung TEXT NOT NULL DEFAULT '[]';

-- Bits: 1 placed or served it, 2 it is of a lead of theirs, 4 it rang at the slot that they had taken.
ALTER TABLE call_users ADD COLUMN why INTEGER NOT NULL DEFAULT 1;
-- For how long they served it, and held the other party of that.
ALTER TABLE call_users ADD COLUMN talk_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call_users ADD COLUMN hold_ms INTEGER NOT NULL DEFAULT 0;
CREATE INDEX call_users_by_call ON call_users (call_id, user_id);
UPDATE call_users SET
    talk_ms = COALESCE((SELECT SUM(MAX(json_extract(s.value, '$.to') - json_extract(s.value, '$.from'), 0)) FROM cdrs c, json_each(c.segments) s
        WHERE c.call_id = call_users.call_id AND json_extract(s.value, '$.user') = call_users.user_id), 0),
    hold_ms = COALESCE((SELECT SUM(json_extract(s.value, '$.hold_ms')) FROM cdrs c, json_each(c.segments) s
        WHERE c.call_id = call_users.call_id AND json_extract(s.value, '$.user') = call_users.user_id), 0);

-- JSON: the kinds of news that the listener wants; NULL: all.
ALTER TABLE outbox_cursors ADD COLUMN kinds TEXT;

-- Call-handling scenarios (S000-07). Calls, routes and carriers name them by their code, which is for ever.
CREATE TABLE scenarios (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    active INTEGER NOT NULL,
    -- Code and name, folded for the search; empty until a program has folded them.
    search_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT scenarios_pkey PRIMARY KEY (id),
    CONSTRAINT scenarios_center_id_code_key UNIQUE (center_id, code),
    CONSTRAINT scenarios_kind_check CHECK (kind IN ('department', 'ivr', 'queue', 'import'))
) STRICT;

CREATE INDEX scenarios_by_center ON scenarios (center_id, id);

-- Those that calls had so far, that they get by routes and numbers, and that lists of rights name.
INSERT INTO scenarios (id, center_id, code, name, kind, active, search_norm, version, created_at, updated_at)
    SELECT ROW_NUMBER() OVER (ORDER BY f.center_id, f.code), f.center_id, f.code, f.code, 'department', 1, '', 1,
        m.applied_at, m.applied_at
    FROM (
        SELECT center_id, scenario AS code FROM cdrs WHERE scenario IS NOT NULL
        UNION SELECT center_id, scenario FROM routes
        -- Settings that cannot be read name none: a carrier's row never keeps the program from starting.
        UNION SELECT COALESCE(NULLIF(CAST(t.other AS INTEGER), 0), t.center_id), t.scenario
            FROM (SELECT c.center_id, CASE n.type WHEN 'object' THEN json_extract(n.value, '$.center') END AS other,
                    CASE n.type WHEN 'object' THEN json_extract(n.value, '$.scenario') END AS scenario
                FROM carriers c, json_each(CASE WHEN json_valid(c.settings) THEN c.settings ELSE '{}' END, '$.numbers') n) t
        UNION SELECT r.center_id, l.item FROM access_lists l JOIN roles r ON r.id = l.principal_id
            WHERE l.principal_kind = 'role' AND l.kind = 'scenario'
        UNION SELECT u.center_id, l.item FROM access_lists l JOIN users u ON u.id = l.principal_id
            WHERE l.principal_kind = 'user' AND l.kind = 'scenario'
    ) f CROSS JOIN (SELECT MAX(applied_at) AS applied_at FROM schema_migrations) m
    WHERE f.code <> '';
INSERT INTO ids (kind, next) SELECT 'scenario', COALESCE(MAX(id), 0) + 1 FROM scenarios;
