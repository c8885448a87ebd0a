-- People, rights, audit, jobs, exports, webhooks, centres.
-- Kept in step with migrations/sqlite/0003_office.sql: a test compares tables, columns, nullability and uniqueness.

INSERT INTO ids (kind, next) VALUES ('center', 2), ('role', 1), ('permission_set', 1), ('session', 1), ('api_token', 1), ('oidc_rule', 1),
    ('event', 1), ('job', 1), ('schedule', 1), ('export', 1), ('webhook', 1), ('delivery', 1);

CREATE TABLE centers (
    id BIGINT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    locale TEXT NOT NULL,
    tz TEXT NOT NULL,
    state TEXT NOT NULL,
    -- JSON: which log-ins are allowed, how long things are kept.
    settings TEXT NOT NULL,
    search_norm TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    CONSTRAINT centers_pkey PRIMARY KEY (id),
    CONSTRAINT centers_code_key UNIQUE (code),
    CONSTRAINT centers_code_check CHECK (length(code) BETWEEN 1 AND 64),
    CONSTRAINT centers_state_check CHECK (state IN ('active', 'disabled'))
);

INSERT INTO centers (id, code, name, locale, tz, state, settings, search_norm, version, created_at, updated_at)
    VALUES (1, 'main', 'Main', 'en', 'UTC', 'active', '{}', 'main main', 1, 0, 0);

ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN display_name TEXT;
ALTER TABLE users ADD COLUMN oidc_issuer TEXT;
ALTER TABLE users ADD COLUMN oidc_sub TEXT;
ALTER TABLE users ADD COLUMN manager_id BIGINT;
ALTER TABLE users ADD COLUMN locale TEXT;
ALTER TABLE users ADD COLUMN tz TEXT;
-- What a search looks at: names and e-mail, folded.
ALTER TABLE users ADD COLUMN search_norm TEXT;
ALTER TABLE users ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN created_by BIGINT;
UPDATE users SET display_name = username, search_norm = username;
ALTER TABLE users ALTER COLUMN display_name SET NOT NULL;
ALTER TABLE users ALTER COLUMN search_norm SET NOT NULL;
ALTER TABLE users ALTER COLUMN version DROP DEFAULT;
-- None: the account logs in by its provider only, or has not been accepted yet.
ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL;
ALTER TABLE users DROP CONSTRAINT users_state_check;
ALTER TABLE users ADD CONSTRAINT users_state_check CHECK (state IN ('active', 'disabled', 'invited'));
ALTER TABLE users ADD CONSTRAINT users_oidc_issuer_oidc_sub_key UNIQUE (oidc_issuer, oidc_sub);

CREATE TABLE roles (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    -- 1: seeded; it cannot be deleted.
    builtin BIGINT NOT NULL,
    search_norm TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    CONSTRAINT roles_pkey PRIMARY KEY (id),
    CONSTRAINT roles_center_id_code_key UNIQUE (center_id, code),
    CONSTRAINT roles_code_check CHECK (length(code) BETWEEN 1 AND 64)
);

CREATE TABLE permission_sets (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    builtin BIGINT NOT NULL,
    search_norm TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    CONSTRAINT permission_sets_pkey PRIMARY KEY (id),
    CONSTRAINT permission_sets_center_id_code_key UNIQUE (center_id, code),
    CONSTRAINT permission_sets_code_check CHECK (length(code) BETWEEN 1 AND 64)
);

CREATE TABLE permission_set_items (
    set_id BIGINT NOT NULL,
    -- resource.action
    permission TEXT NOT NULL,
    -- own, team, group, center, all, list; own+list and so on.
    reach TEXT NOT NULL,
    CONSTRAINT permission_set_items_pkey PRIMARY KEY (set_id, permission, reach),
    CONSTRAINT permission_set_items_set_id_fkey FOREIGN KEY (set_id) REFERENCES permission_sets (id) ON DELETE CASCADE
);

CREATE TABLE role_permission_sets (
    role_id BIGINT NOT NULL,
    set_id BIGINT NOT NULL,
    CONSTRAINT role_permission_sets_pkey PRIMARY KEY (role_id, set_id),
    CONSTRAINT role_permission_sets_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles (id) ON DELETE CASCADE,
    CONSTRAINT role_permission_sets_set_id_fkey FOREIGN KEY (set_id) REFERENCES permission_sets (id)
);

CREATE TABLE user_roles (
    user_id BIGINT NOT NULL,
    role_id BIGINT NOT NULL,
    CONSTRAINT user_roles_pkey PRIMARY KEY (user_id, role_id),
    CONSTRAINT user_roles_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles (id)
);

CREATE INDEX user_roles_by_role ON user_roles (role_id, user_id);

-- The roles of before: their sets are filled by the program at its start, which knows what they grant.
INSERT INTO roles (id, center_id, code, name, builtin, search_norm, version, created_at, updated_at)
    VALUES (1, 1, 'admin', 'admin', 1, 'admin', 1, 0, 0), (2, 1, 'operator', 'operator', 1, 'operator', 1, 0, 0);
INSERT INTO user_roles (user_id, role_id) SELECT u.id, r.id FROM users u JOIN roles r ON r.code = u.role;
UPDATE ids SET next = 3 WHERE kind = 'role';

ALTER TABLE users DROP COLUMN role;

CREATE INDEX users_by_center ON users (center_id, id);
CREATE INDEX users_by_name ON users (center_id, username, id);
CREATE INDEX users_by_login ON users (center_id, COALESCE(last_login_at, 0), id);
CREATE INDEX users_by_manager ON users (manager_id);
CREATE INDEX users_by_email ON users (email);

-- Lists that narrow a grant: whose, of which resource, of which kind, which ids.
CREATE TABLE access_lists (
    principal_kind TEXT NOT NULL,
    principal_id BIGINT NOT NULL,
    resource TEXT NOT NULL,
    kind TEXT NOT NULL,
    item TEXT NOT NULL,
    CONSTRAINT access_lists_pkey PRIMARY KEY (principal_kind, principal_id, resource, kind, item),
    CONSTRAINT access_lists_principal_kind_check CHECK (principal_kind IN ('role', 'user'))
);

CREATE TABLE column_policies (
    principal_kind TEXT NOT NULL,
    principal_id BIGINT NOT NULL,
    resource TEXT NOT NULL,
    column_name TEXT NOT NULL,
    mode TEXT NOT NULL,
    CONSTRAINT column_policies_pkey PRIMARY KEY (principal_kind, principal_id, resource, column_name),
    CONSTRAINT column_policies_principal_kind_check CHECK (principal_kind IN ('role', 'user')),
    CONSTRAINT column_policies_mode_check CHECK (mode IN ('show', 'mask', 'hide'))
);

-- A claim's value at a provider gives a role (D20).
CREATE TABLE oidc_role_map (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    issuer TEXT NOT NULL,
    -- A path into the claims: realm_access.roles
    claim TEXT NOT NULL,
    value TEXT NOT NULL,
    role_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT oidc_role_map_pkey PRIMARY KEY (id),
    CONSTRAINT oidc_role_map_center_id_issuer_claim_value_role_id_key UNIQUE (center_id, issuer, claim, value, role_id),
    CONSTRAINT oidc_role_map_role_id_fkey FOREIGN KEY (role_id) REFERENCES roles (id) ON DELETE CASCADE
);

-- A log-in: every access and refresh token belongs to one.
CREATE TABLE sessions (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    method TEXT NOT NULL,
    -- The provider's own session, for back-channel log-out.
    oidc_issuer TEXT,
    oidc_sid TEXT,
    source TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_method_check CHECK (method IN ('password', 'oidc'))
);

CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_oidc ON sessions (oidc_issuer, oidc_sid);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Refresh tokens of a session: each is used once; a second use ends the session.
CREATE TABLE refresh_tokens (
    -- SHA-256 of the token, in hexadecimal.
    hash TEXT NOT NULL,
    session_id BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (hash),
    CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
);

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

CREATE TABLE api_tokens (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    -- JSON: the permissions it is narrowed to; none: all that its user has.
    permissions TEXT,
    created_at BIGINT NOT NULL,
    created_by BIGINT,
    expires_at BIGINT,
    last_used_at BIGINT,
    ended_at BIGINT,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_hash_key UNIQUE (hash)
);

CREATE INDEX api_tokens_by_user ON api_tokens (user_id, id);
CREATE INDEX api_tokens_by_center ON api_tokens (center_id, id);

-- Links that are good once: to accept an invitation, to set a new password.
CREATE TABLE one_time_links (
    hash TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by BIGINT,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    CONSTRAINT one_time_links_pkey PRIMARY KEY (hash),
    CONSTRAINT one_time_links_purpose_check CHECK (purpose IN ('invitation', 'password_reset'))
);

CREATE INDEX one_time_links_by_user ON one_time_links (user_id);

CREATE TABLE user_settings (
    user_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT user_settings_pkey PRIMARY KEY (user_id, key)
);

-- Who did what. Append-only; each row's hash covers the row before it.
CREATE TABLE audit_log (
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    category TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id BIGINT,
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
);

CREATE INDEX audit_log_by_center ON audit_log (center_id, seq);
CREATE INDEX audit_log_by_category ON audit_log (center_id, category, seq);
CREATE INDEX audit_log_by_actor ON audit_log (center_id, actor_id, seq);
CREATE INDEX audit_log_by_resource ON audit_log (center_id, resource, resource_id, seq);

CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;

CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only();
CREATE TRIGGER audit_log_is_not_emptied BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();

-- The chain's end. One row, locked by whoever appends.
CREATE TABLE audit_head (
    id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT audit_head_pkey PRIMARY KEY (id),
    CONSTRAINT audit_head_id_check CHECK (id = 1)
);

INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');

-- S004-59 names this table.
CREATE VIEW security_audit_log AS SELECT * FROM audit_log WHERE category = 'security';

-- What parts of the system report of themselves (S004-46).
CREATE TABLE events_log (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    module TEXT NOT NULL,
    severity TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    -- JSON
    data TEXT NOT NULL,
    created_by BIGINT,
    CONSTRAINT events_log_pkey PRIMARY KEY (id),
    CONSTRAINT events_log_severity_check CHECK (severity IN ('debug', 'info', 'warning', 'error', 'critical'))
);

CREATE INDEX events_log_by_center ON events_log (center_id, id);
CREATE INDEX events_log_by_module ON events_log (center_id, module, id);
CREATE INDEX events_log_by_severity ON events_log (center_id, severity, id);

CREATE TABLE jobs (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- JSON: what to do.
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    -- When it is to begin, or to have its next turn.
    run_at BIGINT NOT NULL,
    -- How often in a row it failed since it last got on.
    attempts BIGINT NOT NULL,
    attempts_max BIGINT NOT NULL,
    -- Who runs it, and until when nobody else may.
    lease_owner TEXT,
    lease_until BIGINT,
    cancel_requested BIGINT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT,
    -- JSON: where the last committed chunk ended.
    checkpoint TEXT,
    -- JSON: what has come of it so far.
    result TEXT,
    error TEXT,
    schedule_id BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    CONSTRAINT jobs_pkey PRIMARY KEY (id),
    CONSTRAINT jobs_state_check CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled'))
);

CREATE INDEX jobs_by_center ON jobs (center_id, id);
CREATE INDEX jobs_by_creator ON jobs (center_id, created_by, id);
-- What is to be done, the oldest turn first; what waits in a centre; what can be cleaned up.
CREATE INDEX jobs_open ON jobs (run_at, id) WHERE ended_at IS NULL;
CREATE INDEX jobs_open_by_center ON jobs (center_id) WHERE ended_at IS NULL;
CREATE INDEX jobs_by_end ON jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE schedules (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    -- Five fields, in the centre's time zone.
    cron TEXT NOT NULL,
    tz TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    next_at BIGINT,
    last_job_id BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    CONSTRAINT schedules_pkey PRIMARY KEY (id)
);

CREATE INDEX schedules_by_center ON schedules (center_id, id);
CREATE INDEX schedules_due ON schedules (next_at) WHERE enabled = 1;

CREATE TABLE exports (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
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
    size BIGINT,
    row_count BIGINT,
    sha256 TEXT,
    created_at BIGINT NOT NULL,
    created_by BIGINT,
    expires_at BIGINT NOT NULL,
    CONSTRAINT exports_pkey PRIMARY KEY (id),
    CONSTRAINT exports_format_check CHECK (format IN ('csv', 'xlsx')),
    CONSTRAINT exports_state_check CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'expired'))
);

CREATE INDEX exports_by_center ON exports (center_id, id);
CREATE INDEX exports_by_creator ON exports (center_id, created_by, id);
CREATE INDEX exports_by_expiry ON exports (expires_at);

CREATE TABLE webhooks (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    -- JSON: the kinds of event; * is all.
    events TEXT NOT NULL,
    -- What deliveries are signed with; shown once.
    secret TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    -- Why the program has disabled it.
    disabled_reason TEXT,
    -- The newest row of the outbox when it was enabled: it hears of what came later.
    position BIGINT NOT NULL,
    -- Failures since the last success, and since when.
    failures BIGINT NOT NULL,
    failing_since BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    CONSTRAINT webhooks_pkey PRIMARY KEY (id)
);

CREATE INDEX webhooks_by_center ON webhooks (center_id, id);

CREATE TABLE webhook_deliveries (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    webhook_id BIGINT NOT NULL,
    -- The outbox's row; the same for each try and each replay.
    event_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT,
    last_status BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    delivered_at BIGINT,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_state_check CHECK (state IN ('pending', 'delivered', 'failed'))
);

CREATE INDEX webhook_deliveries_by_center ON webhook_deliveries (center_id, id);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, id) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);

-- What lists of calls and records are sorted by, beside their id.
CREATE INDEX cdrs_by_talk ON cdrs (center_id, talk_ms, call_id);
