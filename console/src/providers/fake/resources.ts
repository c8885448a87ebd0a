// What can be listed, with its columns.
import { columns, type FakeResource } from './lists';

const CALL_COLUMNS = 'call_id:f parent:f status:f direction:f caller:f callee:f caller_slot:f callee_slot:f user:f started_at:fs ringing_at:f answered_at:f ended_at:f outcome:f cause:f segments scenario:f source:f recording';

export const RESOURCES: Record<string, FakeResource> = {
    calls: { key: 'call_id', order: '-started_at', columns: columns(CALL_COLUMNS), search: ['caller', 'callee'] },
    cdr: { key: 'call_id', order: '-started_at', columns: columns(`${CALL_COLUMNS.replace('status:f ', '')} ring_ms:f talk_ms:fs remedy sip_status:f carrier:f tries`), search: ['caller', 'callee'] },
    slots: { key: 'id', order: 'number', columns: columns('id:fs number:fs type:f state:f status:f registered:f holder:f holder_name since epoch') },
    registrations: { key: 'id', order: 'id', columns: columns('id:fs source:f transport:f user_agent:f contact since expires_at') },
    trunks: { key: 'id', order: 'id', columns: columns('id:fs name:fs type:fs capacity:fs on:f group:f version settings') },
    routes: { key: 'id', order: 'position', columns: columns('id:fs name:fs position:fs on:f match then scenario:f source:f rewrite version') },
    users: {
        key: 'id',
        order: 'username',
        columns: columns('id:fs username:fs display_name:f email:f roles manager:f locale:f tz state:f sso:f created_at:f last_login_at:fs version lists columns'),
        search: ['username', 'display_name', 'email'],
    },
    roles: { key: 'id', order: 'code', columns: columns('id:fs code:fs name:fs builtin:f sets permissions lists columns version created_at:f updated_at:f'), search: ['code', 'name'] },
    sets: { key: 'id', order: 'code', columns: columns('id:fs code:fs name:fs builtin:f permissions version'), search: ['code', 'name'] },
    rules: { key: 'id', order: 'id', columns: columns('id:fs issuer:f claim:f value:f role:f created_at') },
    audit: { key: 'seq', order: '-seq', columns: columns('seq:fs at:f category:f actor_kind:f actor:f actor_name action:f outcome:f resource:f resource_id:f diff source:f user_agent request_id:f hash') },
    events: { key: 'id', order: '-id', columns: columns('id:fs at:f module:f severity:f code:f message data') },
    jobs: {
        key: 'id',
        order: '-id',
        columns: columns('id:fs kind:f state:f done total cancel_requested:f result error attempts attempts_max schedule_id:f run_at created_at:f created_by:f started_at updated_at ended_at:f'),
    },
    schedules: { key: 'id', order: 'id', columns: columns('id:fs kind:f payload cron tz enabled:f builtin next_at last_job_id version') },
    exports: { key: 'id', order: '-id', columns: columns('id:fs job_id resource:f filter columns format:f locale tz state:f size row_count created_at:f created_by:f expires_at') },
    bans: { key: 'id', order: 'source', columns: columns('id source:fs why:f since:s until:s times:f points note evidence') },
    budgets: { key: 'id', order: 'id', columns: columns('id:s kind:fs scope_id:f name:fs limits outside outside_now:f calls:s lines closed:f') },
    webhooks: { key: 'id', order: 'id', columns: columns('id:fs name:f url events enabled:f disabled_reason failures failing_since version created_at created_by updated_at') },
    deliveries: { key: 'id', order: '-id', columns: columns('id:fs webhook_id:f event_id kind:f state:f attempts last_status last_error created_at:f next_at delivered_at payload') },
    centers: { key: 'id', order: 'id', columns: columns('id:fs code:f name:f locale:f tz:f state:f settings version'), search: ['code', 'name'] },
};

/** What the server calls them in rights and columns, where that is not what they are called here. */
export const WIRE: Record<string, string> = { cdr: 'cdrs', sets: 'permission_sets', rules: 'oidc_role_map', audit: 'audit_log', events: 'events_log', deliveries: 'webhook_deliveries' };
/** By which right they are read, where it is not one of their own. */
export const RIGHTS: Record<string, string> = { cdr: 'calls', sets: 'roles', deliveries: 'webhooks', bans: 'security', budgets: 'security' };
