-- Listening plans: which calls are judged, by whom, and what was found by which scorecard (requirements, 1.3 and 1.5).
-- Kept in step with migrations/postgres/0021_listening_plans.sql: a test compares tables, columns, nullability and uniqueness.

INSERT INTO ids (kind, next) VALUES
    ('scorecard', 1), ('scorecard_item', 1), ('listening_plan', 1), ('listening_task', 1), ('evaluation', 1);

CREATE TABLE scorecards (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    active INTEGER NOT NULL,
    -- The one that calls are judged by now.
    revision INTEGER NOT NULL,
    search_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT scorecards_pkey PRIMARY KEY (id),
    CONSTRAINT scorecards_center_id_name_key UNIQUE (center_id, name)
) STRICT;

-- What a card asked at a time. One by which a call was judged stays as it is for ever.
CREATE TABLE scorecard_revisions (
    scorecard_id INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    pass_percent INTEGER NOT NULL,
    -- JSON: the questions, in order.
    items TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT scorecard_revisions_pkey PRIMARY KEY (scorecard_id, revision),
    CONSTRAINT scorecard_revisions_scorecard_id_fkey FOREIGN KEY (scorecard_id) REFERENCES scorecards (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE listening_plans (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Why the program paused it.
    reason TEXT,
    -- JSON: as lists of calls have it.
    filter TEXT NOT NULL,
    -- Whoever set the filter: calls are taken of those that they may see.
    maker_id INTEGER NOT NULL,
    -- JSON.
    sample TEXT NOT NULL,
    seed INTEGER NOT NULL,
    double_percent INTEGER NOT NULL,
    assign TEXT NOT NULL,
    -- JSON: ids of accounts, as texts.
    assignees TEXT NOT NULL,
    claim_limit INTEGER NOT NULL,
    lease_s INTEGER NOT NULL,
    due_at INTEGER,
    scorecard_id INTEGER,
    note TEXT NOT NULL,
    sampled_at INTEGER,
    search_norm TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER,
    CONSTRAINT listening_plans_pkey PRIMARY KEY (id),
    CONSTRAINT listening_plans_center_id_name_key UNIQUE (center_id, name),
    CONSTRAINT listening_plans_state_check CHECK (state IN ('draft', 'active', 'paused')),
    CONSTRAINT listening_plans_assign_check CHECK (assign IN ('queue', 'named')),
    CONSTRAINT listening_plans_scorecard_id_fkey FOREIGN KEY (scorecard_id) REFERENCES scorecards (id)
) STRICT;

CREATE INDEX listening_plans_by_center ON listening_plans (center_id, id);
CREATE INDEX listening_plans_by_scorecard ON listening_plans (scorecard_id);

-- A call that somebody is to listen to, once a plan and a round. No foreign key to calls: they go first.
CREATE TABLE listening_tasks (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    plan_id INTEGER NOT NULL,
    call_id INTEGER NOT NULL,
    scenario TEXT,
    -- 1, and 2 for calls that two people listen to.
    round INTEGER NOT NULL,
    state TEXT NOT NULL,
    assignee INTEGER,
    claimed_at INTEGER,
    lease_until INTEGER,
    done_at INTEGER,
    reason TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT listening_tasks_pkey PRIMARY KEY (id),
    CONSTRAINT listening_tasks_plan_id_call_id_round_key UNIQUE (plan_id, call_id, round),
    CONSTRAINT listening_tasks_state_check CHECK (state IN ('new', 'claimed', 'done', 'skipped')),
    CONSTRAINT listening_tasks_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES listening_plans (id)
) STRICT;

CREATE INDEX listening_tasks_by_center ON listening_tasks (center_id, id);
CREATE INDEX listening_tasks_open ON listening_tasks (center_id, id) WHERE state = 'new';
CREATE INDEX listening_tasks_open_of_plan ON listening_tasks (plan_id, id) WHERE state = 'new';
CREATE INDEX listening_tasks_claimed ON listening_tasks (assignee, plan_id) WHERE state = 'claimed';
CREATE INDEX listening_tasks_leased ON listening_tasks (lease_until) WHERE state = 'claimed';
CREATE INDEX listening_tasks_by_scenario ON listening_tasks (center_id, scenario, id);

-- Calls among which a sample is being taken; they go with the job that takes it.
CREATE TABLE listening_candidates (
    job_id INTEGER NOT NULL,
    call_id INTEGER NOT NULL,
    agent_id INTEGER,
    scenario TEXT,
    outcome TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    CONSTRAINT listening_candidates_pkey PRIMARY KEY (job_id, call_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE evaluations (
    id INTEGER NOT NULL,
    center_id INTEGER NOT NULL,
    call_id INTEGER NOT NULL,
    scenario TEXT,
    plan_id INTEGER,
    task_id INTEGER,
    scorecard_id INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    listener_id INTEGER NOT NULL,
    -- Who served the call; of several the one who talked the longest.
    agent_id INTEGER,
    score_percent INTEGER,
    passed INTEGER NOT NULL,
    -- JSON: the answers.
    items TEXT NOT NULL,
    comment TEXT NOT NULL,
    -- Whether it is kept from others until the second listener has judged the call, too.
    sealed INTEGER NOT NULL,
    at INTEGER NOT NULL,
    CONSTRAINT evaluations_pkey PRIMARY KEY (id),
    CONSTRAINT evaluations_task_id_key UNIQUE (task_id),
    CONSTRAINT evaluations_scorecard_id_fkey FOREIGN KEY (scorecard_id) REFERENCES scorecards (id)
) STRICT;

CREATE INDEX evaluations_by_center ON evaluations (center_id, id);
CREATE INDEX evaluations_by_agent ON evaluations (center_id, agent_id, id);
CREATE INDEX evaluations_by_call ON evaluations (call_id, id);
CREATE INDEX evaluations_by_scorecard ON evaluations (scorecard_id, revision);
CREATE INDEX evaluations_of_plan ON evaluations (plan_id, call_id);
