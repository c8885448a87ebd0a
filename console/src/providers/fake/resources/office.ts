import { columns, type FakeResource } from '../lists';

export const office: Record<string, FakeResource> = {
    users: {
        key: 'id',
        order: 'username',
        columns: columns('id:fs username:fs display_name:f email:f roles manager:f locale:f tz state:f sso:f created_at:f last_login_at:fs version lists columns'),
        search: ['username', 'display_name', 'email'],
    },
    roles: { key: 'id', order: 'code', columns: columns('id:fs code:fs name:fs builtin:f sets permissions lists columns version created_at:f updated_at:f'), search: ['code', 'name'] },
    sets: { wire: 'permission_sets', right: 'roles', key: 'id', order: 'code', columns: columns('id:fs code:fs name:fs builtin:f permissions version'), search: ['code', 'name'] },
    rules: { wire: 'oidc_role_map', key: 'id', order: 'id', columns: columns('id:fs issuer:f claim:f value:f role:f created_at') },
    audit: { wire: 'audit_log', key: 'seq', order: '-seq', columns: columns('seq:fs at:f category:f actor_kind:f actor:f actor_name action:f outcome:f resource:f resource_id:f diff source:f user_agent request_id:f hash') },
    events: { wire: 'events_log', key: 'id', order: '-id', columns: columns('id:fs at:f module:f severity:f code:f message data') },
    jobs: {
        key: 'id',
        order: '-id',
        columns: columns('id:fs kind:f state:f done total cancel_requested:f result error attempts attempts_max schedule_id:f run_at created_at:f created_by:f started_at updated_at ended_at:f'),
    },
    schedules: { key: 'id', order: 'id', columns: columns('id:fs kind:f payload cron tz enabled:f builtin next_at last_job_id version') },
    exports: { key: 'id', order: '-id', columns: columns('id:fs job_id resource:f filter columns format:f locale tz state:f size row_count created_at:f created_by:f expires_at') },
    bans: { right: 'security', key: 'id', order: 'source', columns: columns('id source:fs why:f since:s until:s times:f points note evidence') },
    budgets: { right: 'security', key: 'id', order: 'id', columns: columns('id:s kind:fs scope_id:f name:fs limits outside outside_now:f calls:s lines closed:f') },
    webhooks: { key: 'id', order: 'id', columns: columns('id:fs name:f url events enabled:f disabled_reason failures failing_since version created_at created_by updated_at') },
    deliveries: { wire: 'webhook_deliveries', right: 'webhooks', key: 'id', order: '-id', columns: columns('id:fs webhook_id:f event_id kind:f state:f attempts last_status last_error created_at:f next_at delivered_at payload') },
    centers: { key: 'id', order: 'id', columns: columns('id:fs code:f name:f locale:f tz:f state:f settings version'), search: ['code', 'name'] },
};
