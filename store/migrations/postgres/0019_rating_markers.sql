-- Calls that nobody has rated yet (S000-09): what "the next one" is found by, without a look at the calls that were. And markers on calls.
-- Kept in step with migrations/sqlite/0019_rating_markers.sql: a test compares tables, columns, nullability and uniqueness.

-- Whether a call with a tag of the group counts as rated by it.
ALTER TABLE tag_groups ADD COLUMN rates BIGINT NOT NULL DEFAULT 0;

-- Calls with a recording and without a tag of a group that rates; a row for each such group.
CREATE TABLE unrated (
    center_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    call_id BIGINT NOT NULL,
    scenario TEXT,
    CONSTRAINT unrated_pkey PRIMARY KEY (center_id, group_id, call_id)
);

CREATE INDEX unrated_by_call ON unrated (call_id, group_id);

INSERT INTO ids (kind, next) VALUES ('call_marker', 1);

-- What people mark of a call that they hear, and where in its recording.
CREATE TABLE call_markers (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    call_id BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    text TEXT NOT NULL,
    created_by BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT call_markers_pkey PRIMARY KEY (id)
);

CREATE INDEX call_markers_by_call ON call_markers (call_id, at_ms, id);
