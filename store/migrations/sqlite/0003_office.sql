-- People, rights, audit, jobs, exports, webhooks, centres.
-- Kept in step with migrations/postgres/0003_office.sql: a test compares tables, columns, nullability and uniqueness.

INSERT INTO ids (kind, next) VALUES ('center', 2), ('role', 1), ('permission_set', 1), ('session', 1), ('api_token', 1), ('oidc_rule', 1),
    ('event', 1), ('job', 1), ('schedule', 1), ('export', 1), ('webhook', 1), ('delivery', 1);

CREATE TABLE centers (
    id INTEGER NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    locale TEXT NOT NULL,
    tz TEXT NOT NULL,
    state TEXT NOT NULL,
    -- JSON: which log-ins are allowed, how long things are kept.
    settings TEXT NOT NULL,
    search_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT centers_pkey PRIMARY KEY (id),
    CONSTRAINT centers_code_key UNIQUE (code),
    CONSTRAINT centers_code_check CHECK (length(code) BETWEEN 1 AND 64),
    CONSTRAINT centers_state_check CHECK (state IN ('active', 'disabled'))
) STRICT;

INSERT INTO centers (id, code, name, locale, tz, state, settings, search_norm, version, created_at, updated_at)
    VALUES (1, 'main', 'Main', 'en', 'UTC', 'active', '{}', 'main main', 1, 0, 0);

-- SQLite cannot take a checked column away, so the table is made anew. Nothing refers to it.
CREATE TABLE users_new (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    username TEXT NOT NULL,
    email TEXT,
    display_name TEXT NOT NULL,
    -- None: the account logs in by its provider only, or has not been accepted yet.
    password_hash TEXT,
    oidc_issuer TEXT,
    oidc_sub TEXT,
    manager_id INTEGER,
    locale TEXT,
    tz TEXT,
    state TEXT NOT NULL,
    -- What a search looks at: names and e-mail, folded.
    search_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    last_login_at INTEGER,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_username_key UNIQUE (username),
    CONSTRAINT users_oidc_issuer_oidc_sub_key UNIQUE (oidc_issuer, oidc_sub),
    CONSTRAINT users_username_check CHECK (length(username) BETWEEN 1 AND 128),
    CONSTRAINT users_state_check CHECK (state IN ('active', 'disabled', 'invited'))
) STRICT;

INSERT INTO users_new (id, center_id, username, display_name, password_hash, state, search_norm, version, created_at, updated_at, last_login_at)
    SELECT id, center_id, username, username, password_hash, state, username, 1, created_at, updated_at, last_login_at FROM users;

CREATE TABLE roles (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    -- 1: seeded; it cannot be deleted.
    builtin INTEGER NOT NULL,
    search_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT roles_pkey PRIMARY KEY (id),
    CONSTRAINT roles_center_id_code_key UNIQUE (center_id, code),
    CONSTRAINT roles_code_check CHECK (length(code) BETWEEN 1 AND 64)
) STRICT;

CREATE TABLE permission_sets (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    builtin INTEGER NOT NULL,
    search_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT permission_sets_pkey PRIMARY KEY (id),
    CONSTRAINT permission_sets_center_id_code_key UNIQUE (center_id, code),
    CONSTRAINT permission_sets_code_check CHECK (length(code) BETWEEN 1 AND 64)
) STRICT;

CREATE TABLE permission_set_items (
    set_id INTEGER NOT NULL,
    -- resource.action
    permission TEXT NOT NULL,
    -- own, team, group, center, all, list; own+list and so on.
    reach TEXT NOT NULL,
    CONSTRAINT permission_set_items_pkey PRIMARY KEY (set_id, permission, reach),
    CONSTRAINT permission_set_items_set_id_fkey FOREIGN KEY (set_id) REFERENCES permission_sets (id) ON DELETE CASCADE
) STRICT;

CREATE TABLE role_permission_sets (
    role_id INTEGER NOT NULL,
    set_id INTEGER NOT NULL,
    CONSTRAINT role_permission_sets_pkey PRIMARY KEY (role_id, set_id),
    CONSTRAINT role_permission_sets_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles (id) ON DELETE CASCADE,
    CONSTRAINT role_permission_sets_set_id_fkey FOREIGN KEY (set_id) REFERENCES permission_sets (id)
) STRICT;

CREATE TABLE user_roles (
    user_id INTEGER NOT NULL,
    role_id INTEGER NOT NULL,
    CONSTRAINT user_roles_pkey PRIMARY KEY (user_id, role_id),
    CONSTRAINT user_roles_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles (id)
) STRICT;

CREATE INDEX user_roles_by_role ON user_roles (role_id, user_id);

-- The roles of before: their sets are filled by the program at its start, which knows what they grant.
INSERT INTO roles (id, center_id, code, name, builtin, search_norm, version, created_at, updated_at)
    VALUES (1, 1, 'admin', 'admin', 1, 'admin', 1, 0, 0), (2, 1, 'operator', 'operator', 1, 'operator', 1, 0, 0);
INSERT INTO user_roles (user_id, role_id) SELECT u.id, r.id FROM users u JOIN roles r ON r.code = u.role;
UPDATE ids SET next = 3 WHERE kind = 'role';

DROP TABLE users;
ALTER TABLE users_new RENAME TO users;

CREATE INDEX users_by_center ON users (center_id, id);
CREATE INDEX users_by_name ON users (center_id, username, id);
CREATE INDEX users_by_login ON users (center_id, COALESCE(last_login_at, 0), id);
CREATE INDEX users_by_manager ON users (manager_id);
CREATE INDEX users_by_email ON users (email);

-- Lists that narrow a grant: whose, of which resource, of which kind, which ids.
CREATE TABLE access_lists (
    principal_kind TEXT NOT NULL,
    principal_id INTEGER NOT NULL,
    resource TEXT NOT NULL,
    kind TEXT NOT NULL,
    item TEXT NOT NULL,
    CONSTRAINT access_lists_pkey PRIMARY KEY (principal_kind, principal_id, resource, kind, item),
    CONSTRAINT access_lists_principal_kind_check CHECK (principal_kind IN ('role', 'user'))
) STRICT;

CREATE TABLE column_policies (
    principal_kind TEXT NOT NULL,
    principal_id INTEGER NOT NULL,
    resource TEXT NOT NULL,
    column_name TEXT NOT NULL,
    mode TEXT NOT NULL,
    CONSTRAINT column_policies_pkey PRIMARY KEY (principal_kind, principal_id, resource, column_name),
    CONSTRAINT column_policies_principal_kind_check CHECK (principal_kind IN ('role', 'user')),
    CONSTRAINT column_policies_mode_check CHECK (mode IN ('show', 'mask', 'hide'))
) STRICT;

-- A claim's value at a provider gives a role (D20).
CREATE TABLE oidc_role_map (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    issuer TEXT NOT NULL,
    -- A path into the claims: realm_access.roles
    claim TEXT NOT NULL,
    value TEXT NOT NULL,
    role_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT oidc_role_map_pkey PRIMARY KEY (id),
    CONSTRAINT oidc_role_map_center_id_issuer_claim_value_role_id_key UNIQUE (center_id, issuer, claim, value, role_id),
    CONSTRAINT oidc_role_map_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles (id) ON DELETE CASCADE
) STRICT;

-- A log-in: every access and refresh token belongs to one.
CREATE TABLE sessions (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    method TEXT NOT NULL,
    -- The provider's own session, for back-channel log-out.
    oidc_issuer TEXT,
    oidc_sid TEXT,
    source TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    end_reason TEXT,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_method_check CHECK (method IN ('password', 'oidc'))
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_oidc ON sessions (oidc_issuer, oidc_sid);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Refresh tokens of a session: each is used once; a second use ends the session.
CREATE TABLE refresh_tokens (
    -- SHA-256 of the token, in hexadecimal.
    hash TEXT NOT NULL,
    session_id INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (hash),
    CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

CREATE TABLE api_tokens (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    -- JSON: the permissions it is narrowed to; none: all that its user has.
    permissions TEXT,
    created_at INTEGER NOT NULL,
    created_by INTEGER,
    expires_at INTEGER,
    last_used_at INTEGER,
    ended_at INTEGER,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_hash_key UNIQUE (hash)
) STRICT;

CREATE INDEX api_tokens_by_user ON api_tokens (user_id, id);
CREATE INDEX api_tokens_by_center ON api_tokens (center_id, id);

-- Links that are good once: to accept an invitation, to set a new password.
CREATE TABLE one_time_links (
    hash TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by INTEGER,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    CONSTRAINT one_time_links_pkey PRIMARY KEY (hash),
    CONSTRAINT one_time_links_purpose_check CHECK (purpose IN ('invitation', 'password_reset'))
) STRICT;

CREATE INDEX one_time_links_by_user ON one_time_links (user_id);

CREATE TABLE user_settings (
    user_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT user_settings_pkey PRIMARY KEY (user_id, key)
) STRICT;

-- Who did what. Append-only; each row's hash covers the row before it.
CREATE TABLE audit_log (
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    category TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id INTEGER,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    resource TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    -- JSON: {column: [old, new]}; secrets stand as "changed".
    diff TEXT NOT NULL,
    source TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    request_id TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (seq),
    CONSTRAINT audit_log_category_check CHECK (category IN ('security', 'change', 'read')),
    CONSTRAINT audit_log_actor_kind_check CHECK (actor_kind IN ('user', 'token', 'system', 'nobody')),
    CONSTRAINT audit_log_outcome_check CHECK (outcome IN ('done', 'refused'))
) STRICT;

CREATE INDEX audit_log_by_center ON audit_log (center_id, seq);
CREATE INDEX audit_log_by_category ON audit_log (center_id, category, seq);
CREATE INDEX audit_log_by_actor ON audit_log (center_id, actor_id, seq);
CREATE INDEX audit_log_by_resource ON audit_log (center_id, resource, resource_id, seq);

CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_log_is_not_deleted BEFORE DELETE ON audit_log BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

-- The chain's end. One row, locked by whoever appends.
CREATE TABLE audit_head (
    id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT audit_head_pkey PRIMARY KEY (id),
    CONSTRAINT audit_head_id_check CHECK (id = 1)
) STRICT;

INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');

-- S004-59 names this table.
CREATE VIEW security_audit_log AS SELECT * FROM audit_log WHERE category = 'security';

-- What parts of the system report of themselves (S004-46).
CREATE TABLE events_log (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    module TEXT NOT NULL,
    severity TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    -- JSON
    data TEXT NOT NULL,
    created_by INTEGER,
    CONSTRAINT events_log_pkey PRIMARY KEY (id),
    CONSTRAINT events_log_severity_check CHECK (severity IN ('debug', 'info', 'warning', 'error', 'critical'))
) STRICT;

CREATE INDEX events_log_by_center ON events_log (center_id, id);
CREATE INDEX events_log_by_module ON events_log (center_id, module, id);
CREATE INDEX events_log_by_severity ON events_log (center_id, severity, id);

CREATE TABLE jobs (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    -- JSON: what to do.
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    -- When it is to begin, or to have its next turn.
    run_at INTEGER NOT NULL,
    -- How often in a row it failed since it last got on.
    attempts INTEGER NOT NULL,
    attempts_max INTEGER NOT NULL,
    -- Who runs it, and until when nobody else may.
    lease_owner TEXT,
    lease_until INTEGER,
    cancel_requested INTEGER NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER,
    -- JSON: where the last committed chunk ended.
    checkpoint TEXT,
    -- JSON: what has come of it so far.
    result TEXT,
    error TEXT,
    schedule_id INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    started_at INTEGER,
    ended_at INTEGER,
    CONSTRAINT jobs_pkey PRIMARY KEY (id),
    CONSTRAINT jobs_state_check CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled'))
) STRICT;

CREATE INDEX jobs_by_center ON jobs (center_id, id);
CREATE INDEX jobs_by_creator ON jobs (center_id, created_by, id);
-- What is to be done, the oldest turn first; what waits in a centre; what can be cleaned up.
CREATE INDEX jobs_open ON jobs (run_at, id) WHERE ended_at IS NULL;
CREATE INDEX jobs_open_by_center ON jobs (center_id) WHERE ended_at IS NULL;
CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE schedules (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    -- Five fields, in the centre's time zone.
    cron TEXT NOT NULL,
    tz TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    next_at INTEGER,
    last_job_id INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT schedules_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX schedules_by_center ON schedules (center_id, id);
CREATE INDEX schedules_due ON schedules (next_at) WHERE enabled = 1;

CREATE TABLE exports (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    resource TEXT NOT NULL,
    -- JSON: the list's filter.
    filter TEXT NOT NULL,
    -- JSON: the columns, in order.
    columns TEXT NOT NULL,
    format TEXT NOT NULL,
    locale TEXT NOT NULL,
    tz TEXT NOT NULL,
    state TEXT NOT NULL,
    file TEXT,
    size INTEGER,
    row_count INTEGER,
    sha256 TEXT,
    created_at INTEGER NOT NULL,
    created_by INTEGER,
    expires_at INTEGER NOT NULL,
    CONSTRAINT exports_pkey PRIMARY KEY (id),
    CONSTRAINT exports_format_check CHECK (format IN ('csv', 'xlsx')),
    CONSTRAINT exports_state_check CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'expired'))
) STRICT;

CREATE INDEX exports_by_center ON exports (center_id, id);
CREATE INDEX exports_by_creator ON exports (center_id, created_by, id);
CREATE INDEX exports_by_expiry ON exports (expires_at);

CREATE TABLE webhooks (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    -- JSON: the kinds of event; * is all.
    events TEXT NOT NULL,
    -- What deliveries are signed with; shown once.
    secret TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    -- Why the program has disabled it.
    disabled_reason TEXT,
    -- The newest row of the outbox when it was enabled: it hears of what came later.
    position INTEGER NOT NULL,
    -- Failures since the last success, and since when.
    failures INTEGER NOT NULL,
    failing_since INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT webhooks_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX webhooks_by_center ON webhooks (center_id, id);

CREATE TABLE webhook_deliveries (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    webhook_id INTEGER NOT NULL,
    -- The outbox's row; the same for each try and each replay.
    event_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER,
    last_status INTEGER,
    last_error TEXT,
    created_at INTEGER NOT NULL,
    delivered_at INTEGER,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_state_check CHECK (state IN ('pending', 'delivered', 'failed'))
) STRICT;

CREATE INDEX webhook_deliveries_by_center ON webhook_deliveries (center_id, id);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, id) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);

-- What lists of calls and records are sorted by, beside their id.
CREATE INDEX cdrs_by_talk ON cdrs (center_id, talk_ms, call_id);
