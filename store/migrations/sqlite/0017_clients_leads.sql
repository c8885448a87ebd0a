-- Leads, clients and notes (S004-13…19, S004-103…108): whom people call, what becomes of them, and what was said.
-- Kept in step with migrations/postgres/0017_clients_leads.sql: a test compares tables, columns, nullability and uniqueness.

INSERT INTO ids (kind, next) VALUES ('client', 1), ('client_phone', 1), ('lead', 1), ('lead_event', 1), ('note', 1);

CREATE TABLE clients (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    first_name TEXT,
    last_name TEXT,
    patronymic TEXT,
    org_name TEXT,
    inn TEXT,
    email TEXT,
    owner_user_id INTEGER,
    search_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT clients_pkey PRIMARY KEY (id),
    CONSTRAINT clients_kind_check CHECK (kind IN ('person', 'company'))
) STRICT;

CREATE INDEX clients_by_center ON clients (center_id, id);
CREATE INDEX clients_by_change ON clients (center_id, updated_at, id);
CREATE INDEX clients_by_owner ON clients (owner_user_id, id);

-- A number belongs to one client of a centre, so that who calls is known.
CREATE TABLE client_phones (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    client_id INTEGER NOT NULL,
    e164 TEXT NOT NULL,
    kind TEXT NOT NULL,
    is_primary INTEGER NOT NULL,
    CONSTRAINT client_phones_pkey PRIMARY KEY (id),
    CONSTRAINT client_phones_center_id_e164_key UNIQUE (center_id, e164),
    CONSTRAINT client_phones_kind_check CHECK (kind IN ('mobile', 'work', 'home', 'other'))
) STRICT;

CREATE INDEX client_phones_by_client ON client_phones (client_id, id);

CREATE TABLE leads (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    client_name TEXT NOT NULL,
    phone TEXT,
    email TEXT,
    status TEXT NOT NULL,
    source TEXT,
    assigned_seller INTEGER,
    assigned_operator INTEGER,
    client_id INTEGER,
    next_action_at INTEGER,
    next_action TEXT,
    lost_reason TEXT,
    search_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT leads_pkey PRIMARY KEY (id),
    CONSTRAINT leads_status_check CHECK (status IN ('new', 'assigned', 'contacted', 'qualified', 'converted', 'lost', 'dnc'))
) STRICT;

CREATE INDEX leads_by_center ON leads (center_id, id);
CREATE INDEX leads_by_change ON leads (center_id, updated_at, id);
CREATE INDEX leads_by_status ON leads (center_id, status, id);
CREATE INDEX leads_by_phone ON leads (center_id, phone, id);
-- Those with no next action come behind all that have one.
CREATE INDEX leads_by_next_action ON leads (center_id, COALESCE(next_action_at, 9007199254740991), id);
CREATE INDEX leads_by_client ON leads (client_id);

-- Whose a lead is: what a right to one's own reaches. Written together with the two columns of leads, by one function.
CREATE TABLE lead_users (
    user_id INTEGER NOT NULL,
    lead_id INTEGER NOT NULL,
    -- Bits: 1 its seller, 2 its operator.
    why INTEGER NOT NULL,
    CONSTRAINT lead_users_pkey PRIMARY KEY (user_id, lead_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX lead_users_by_lead ON lead_users (lead_id, user_id);

-- What became of leads, for ever: it outlives the lead, and names nobody but those who work here.
CREATE TABLE lead_events (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    lead_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    from_status TEXT,
    to_status TEXT,
    actor_id INTEGER,
    actor_kind TEXT NOT NULL,
    seller INTEGER,
    operator INTEGER,
    at INTEGER NOT NULL,
    CONSTRAINT lead_events_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX lead_events_by_lead ON lead_events (lead_id, id);
CREATE INDEX lead_events_by_time ON lead_events (center_id, at, id);

CREATE TRIGGER lead_events_are_not_changed BEFORE UPDATE ON lead_events BEGIN
    SELECT RAISE(ABORT, 'the history of leads is append-only');
END;

CREATE TRIGGER lead_events_are_not_deleted BEFORE DELETE ON lead_events BEGIN
    SELECT RAISE(ABORT, 'the history of leads is append-only');
END;

-- A note is on a call, a lead, a client, or several of these. No foreign keys: calls are others' rows.
CREATE TABLE notes (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    call_id INTEGER,
    lead_id INTEGER,
    client_id INTEGER,
    text TEXT NOT NULL,
    author_id INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT notes_pkey PRIMARY KEY (id)
) STRICT;

CREATE INDEX notes_by_call ON notes (call_id, id);
CREATE INDEX notes_by_lead ON notes (lead_id, id);
CREATE INDEX notes_by_client ON notes (client_id, id);

-- What a note said before each change.
CREATE TABLE note_texts (
    note_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL,
    by_user INTEGER,
    CONSTRAINT note_texts_pkey PRIMARY KEY (note_id, version)
) STRICT, WITHOUT ROWID;
