-- Tags on calls (S000-08…13): what people find of a call when they hear it.
-- Kept in step with migrations/sqlite/0015_tags.sql: a test compares tables, columns, nullability and uniqueness.

INSERT INTO ids (kind, next) VALUES ('tag_group', 1), ('tag', 1), ('tag_event', 1);

CREATE TABLE tag_groups (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- Whether a call has at most one tag of it.
    exclusive BIGINT NOT NULL,
    colour TEXT NOT NULL,
    position BIGINT NOT NULL,
    active BIGINT NOT NULL,
    search_norm TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    CONSTRAINT tag_groups_pkey PRIMARY KEY (id),
    CONSTRAINT tag_groups_center_id_name_key UNIQUE (center_id, name)
);

CREATE INDEX tag_groups_by_position ON tag_groups (center_id, position, id);

CREATE TABLE tags (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    colour TEXT NOT NULL,
    position BIGINT NOT NULL,
    active BIGINT NOT NULL,
    -- What a dialer does with the number of a call that gets it.
    stop TEXT NOT NULL,
    search_norm TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    CONSTRAINT tags_pkey PRIMARY KEY (id),
    CONSTRAINT tags_group_id_name_key UNIQUE (group_id, name),
    CONSTRAINT tags_stop_check CHECK (stop IN ('none', 'dnc'))
);

CREATE INDEX tags_by_position ON tags (center_id, position, id);

-- Which tags a call has now. No foreign keys: calls and tags outlive one another.
CREATE TABLE taggings (
    call_id BIGINT NOT NULL,
    tag_id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    set_by BIGINT,
    set_at BIGINT NOT NULL,
    CONSTRAINT taggings_pkey PRIMARY KEY (call_id, tag_id)
);

CREATE INDEX taggings_by_tag ON taggings (center_id, tag_id, call_id);
CREATE INDEX taggings_by_group ON taggings (center_id, group_id, call_id);

-- The row that those who tag one call wait at, and the version that they name.
CREATE TABLE call_marks (
    call_id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT call_marks_pkey PRIMARY KEY (call_id)
);

-- Every change of a call's tags, for ever: who, when, in which listening session.
CREATE TABLE tag_events (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    call_id BIGINT NOT NULL,
    scenario TEXT NOT NULL,
    tag_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    action TEXT NOT NULL,
    actor_id BIGINT,
    actor_kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    session_id BIGINT,
    CONSTRAINT tag_events_pkey PRIMARY KEY (id),
    CONSTRAINT tag_events_action_check CHECK (action IN ('set', 'unset', 'replaced'))
);

CREATE INDEX tag_events_by_time ON tag_events (center_id, at, id);
CREATE INDEX tag_events_by_call ON tag_events (call_id, id);
CREATE INDEX tag_events_by_tag ON tag_events (center_id, tag_id, id);

-- Sums of these a local day of the centre, in the same transactions.
CREATE TABLE tag_days (
    center_id BIGINT NOT NULL,
    -- The centre's date as one number: 20261122.
    day BIGINT NOT NULL,
    -- 0: the program.
    user_id BIGINT NOT NULL,
    tag_id BIGINT NOT NULL,
    scenario TEXT NOT NULL,
    set_n BIGINT NOT NULL,
    unset_n BIGINT NOT NULL,
    CONSTRAINT tag_days_pkey PRIMARY KEY (center_id, day, user_id, tag_id, scenario)
);

CREATE FUNCTION tag_events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of tags is append-only';
END
$$;

CREATE TRIGGER tag_events_are_not_changed BEFORE UPDATE OR DELETE ON tag_events
    FOR EACH ROW EXECUTE FUNCTION tag_events_are_append_only();
