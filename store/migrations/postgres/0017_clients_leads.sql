-- Leads, clients and notes (S004-13…19, S004-103…108): whom people call, what becomes of them, and what was said.
-- Kept in step with migrations/sqlite/0017_clients_leads.sql: a test compares tables, columns, nullability and uniqueness.

INSERT INTO ids (kind, next) VALUES ('client', 1), ('client_phone', 1), ('lead', 1), ('lead_event', 1), ('note', 1);

CREATE TABLE clients (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    first_name TEXT,
    last_name TEXT,
    patronymic TEXT,
    org_name TEXT,
    inn TEXT,
    email TEXT,
    owner_user_id BIGINT,
    search_norm TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    CONSTRAINT clients_pkey PRIMARY KEY (id),
    CONSTRAINT clients_kind_check CHECK (kind IN ('person', 'company'))
);

CREATE INDEX clients_by_center ON clients (center_id, id);
CREATE INDEX clients_by_change ON clients (center_id, updated_at, id);
CREATE INDEX clients_by_owner ON clients (owner_user_id, id);

-- A number belongs to one client of a centre, so that who calls is known.
CREATE TABLE client_phones (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    client_id BIGINT NOT NULL,
    e164 TEXT NOT NULL,
    kind TEXT NOT NULL,
    is_primary BIGINT NOT NULL,
    CONSTRAINT client_phones_pkey PRIMARY KEY (id),
    CONSTRAINT client_phones_center_id_e164_key UNIQUE (center_id, e164),
    CONSTRAINT client_phones_kind_check CHECK (kind IN ('mobile', 'work', 'home', 'other'))
);

CREATE INDEX client_phones_by_client ON client_phones (client_id, id);

CREATE TABLE leads (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    client_name TEXT NOT NULL,
    phone TEXT,
    email TEXT,
    status TEXT NOT NULL,
    source TEXT,
    assigned_seller BIGINT,
    assigned_operator BIGINT,
    client_id BIGINT,
    next_action_at BIGINT,
    next_action TEXT,
    lost_reason TEXT,
    search_norm TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by BIGINT,
    CONSTRAINT leads_pkey PRIMARY KEY (id),
    CONSTRAINT leads_status_check CHECK (status IN ('new', 'assigned', 'contacted', 'qualified', 'converted', 'lost', 'dnc'))
);

CREATE INDEX leads_by_center ON leads (center_id, id);
CREATE INDEX leads_by_change ON leads (center_id, updated_at, id);
CREATE INDEX leads_by_status ON leads (center_id, status, id);
CREATE INDEX leads_by_phone ON leads (center_id, phone, id);
-- Those with no next action come behind all that have one.
CREATE INDEX leads_by_next_action ON leads (center_id, COALESCE(next_action_at, 9007199254740991), id);
CREATE INDEX leads_by_client ON leads (client_id);

-- Whose a lead is: what a right to one's own reaches. Written together with the two columns of leads, by one function.
CREATE TABLE lead_users (
    user_id BIGINT NOT NULL,
    lead_id BIGINT NOT NULL,
    -- Bits: 1 its seller, 2 its operator.
    why BIGINT NOT NULL,
    CONSTRAINT lead_users_pkey PRIMARY KEY (user_id, lead_id)
);

CREATE INDEX lead_users_by_lead ON lead_users (lead_id, user_id);

-- What became of leads, for ever: it outlives the lead, and names nobody but those who work here.
CREATE TABLE lead_events (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    lead_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    from_status TEXT,
    to_status TEXT,
    actor_id BIGINT,
    actor_kind TEXT NOT NULL,
    seller BIGINT,
    operator BIGINT,
    at BIGINT NOT NULL,
    CONSTRAINT lead_events_pkey PRIMARY KEY (id)
);

CREATE INDEX lead_events_by_lead ON lead_events (lead_id, id);
CREATE INDEX lead_events_by_time ON lead_events (center_id, at, id);

CREATE FUNCTION lead_events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of leads is append-only';
END
$$;

CREATE TRIGGER lead_events_are_not_changed BEFORE UPDATE OR DELETE ON lead_events
    FOR EACH ROW EXECUTE FUNCTION lead_events_are_append_only();

-- A note is on a call, a lead, a client, or several of these. No foreign keys: calls are others' rows.
CREATE TABLE notes (
    id BIGINT NOT NULL,
    center_id BIGINT NOT NULL,
    call_id BIGINT,
    lead_id BIGINT,
    client_id BIGINT,
    text TEXT NOT NULL,
    author_id BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT notes_pkey PRIMARY KEY (id)
);

CREATE INDEX notes_by_call ON notes (call_id, id);
CREATE INDEX notes_by_lead ON notes (lead_id, id);
CREATE INDEX notes_by_client ON notes (client_id, id);

-- What a note said before each change.
CREATE TABLE note_texts (
    note_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    text TEXT NOT NULL,
    at BIGINT NOT NULL,
    by_user BIGINT,
    CONSTRAINT note_texts_pkey PRIMARY KEY (note_id, version)
);
