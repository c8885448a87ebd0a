-- Sources that are not heard. A ban that has ended stays for a while: the next one of its source lasts longer.
-- Kept in step with migrations/postgres/0005_bans.sql: a test compares tables, columns, nullability and uniqueness.

CREATE TABLE bans (
    -- An address, or a network of IPv6: 2001:db8:1:2::/64.
    source TEXT NOT NULL,
    why TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    times INTEGER NOT NULL,
    points INTEGER NOT NULL,
    note TEXT,
    -- JSON: [{"kind": "wrong_password", "count": 10}].
    evidence TEXT NOT NULL,
    CONSTRAINT bans_pkey PRIMARY KEY (source)
) STRICT;

CREATE INDEX bans_by_end ON bans (until);
