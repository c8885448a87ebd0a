-- Tags on calls (S000-08…13): what people find of a call when they hear it.
-- Kept in step with migrations/postgres/0015_tags.sql: a test compares tables, columns, nullability and uniqueness.

INSERT INTO ids (kind, next) VALUES ('tag_group', 1), ('tag', 1), ('tag_event', 1);

CREATE TABLE tag_groups (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- Whether a call has at most one tag of it.
    exclusive INTEGER NOT NULL,
    colour TEXT NOT NULL,
    position INTEGER NOT NULL,
    active INTEGER NOT NULL,
    search_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT tag_groups_pkey PRIMARY KEY (id),
    CONSTRAINT tag_groups_center_id_name_key UNIQUE (center_id, name)
) STRICT;

CREATE INDEX tag_groups_by_position ON tag_groups (center_id, position, id);

CREATE TABLE tags (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    colour TEXT NOT NULL,
    position INTEGER NOT NULL,
    active INTEGER NOT NULL,
    -- What a dialer does with the number of a call that gets it.
    stop TEXT NOT NULL,
    search_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT tags_pkey PRIMARY KEY (id),
    CONSTRAINT tags_group_id_name_key UNIQUE (group_id, name),
    CONSTRAINT tags_stop_check CHECK (stop IN ('none', 'dnc'))
) STRICT;

CREATE INDEX tags_by_position ON tags (center_id, position, id);

-- Which tags a call has now. No foreign keys: calls and tags outlive one another.
CREATE TABLE taggings (
    call_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    set_by INTEGER,
    set_at INTEGER NOT NULL,
    CONSTRAINT taggings_pkey PRIMARY KEY (call_id, tag_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX taggings_by_tag ON taggings (center_id, tag_id, call_id);
CREATE INDEX taggings_by_group ON taggings (center_id, group_id, call_id);

-- The row that those who tag one call wait at, and the version that they name.
CREATE TABLE call_marks (
    call_id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT call_marks_pkey PRIMARY KEY (call_id)
) STRICT;

-- Every change of a call's tags, for ever: who, when, in which listening session.
CREATE TABLE tag_events (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    call_id INTEGER NOT NULL,
    scenario TEXT NOT NULL,
    tag_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    action TEXT NOT NULL,
    actor_id INTEGER,
    actor_kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    session_id INTEGER,
    CONSTRAINT tag_events_pkey PRIMARY KEY (id),
    CONSTRAINT tag_events_action_check CHECK (action IN ('set', 'unset', 'replaced'))
) STRICT;

CREATE INDEX tag_events_by_time ON tag_events (center_id, at, id);
CREATE INDEX tag_events_by_call ON tag_events (call_id, id);
CREATE INDEX tag_events_by_tag ON tag_events (center_id, tag_id, id);

-- Sums of these a local day of the centre, in the same transactions.
CREATE TABLE tag_days (
    center_id INTEGER NOT NULL,
    -- The centre's date as one number: 20261122.
    day INTEGER NOT NULL,
    -- 0: the program.
    user_id INTEGER NOT NULL,
    tag_id INTEGER NOT NULL,
    scenario TEXT NOT NULL,
    set_n INTEGER NOT NULL,
    unset_n INTEGER NOT NULL,
    CONSTRAINT tag_days_pkey PRIMARY KEY (center_id, day, user_id, tag_id, scenario)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tag_events_are_not_changed BEFORE UPDATE ON tag_events BEGIN
    SELECT RAISE(ABORT, 'the history of tags is append-only');
END;

CREATE TRIGGER tag_events_are_not_deleted BEFORE DELETE ON tag_events BEGIN
    SELECT RAISE(ABORT, 'the history of tags is append-only');
END;
