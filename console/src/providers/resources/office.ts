import { crud, log, type ResourceOnWire } from './wire';

const PERSON = ['username', 'password', 'email', 'display_name', 'roles', 'manager', 'locale', 'tz', 'lists', 'columns'];

/** People and what they may do, and what the program itself does. */
export const office = {
    users: crud('/users', 'users', PERSON, [], { searchable: true, unexported: ['roles', 'lists', 'columns'] }),
    roles: crud('/roles', 'roles', ['name', 'sets', 'lists', 'columns'], ['code'], { searchable: true, deleteVersion: true, unexported: ['sets', 'permissions', 'lists', 'columns'] }),
    'permission-sets': crud('/permission-sets', 'roles', ['name', 'permissions'], ['code'], { wire: 'permission_sets', searchable: true, deleteVersion: true, unexported: ['permissions'] }),
    'oidc-role-map': crud('/oidc-role-map', 'oidc_role_map', [], ['issuer', 'claim', 'value', 'role'], { versioned: false, unexported: 'all' }),
    audit: log('/audit', 'audit_log', { key: 'seq' }),
    'security-audit': log('/security-audit', 'audit_log', { key: 'seq', wire: 'security_audit', unexported: 'all' }),
    events: log('/dci/logs', 'events_log'),
    jobs: log('/jobs', 'jobs'),
    schedules: crud('/schedules', 'schedules', ['kind', 'payload', 'cron', 'tz', 'enabled'], [], { unexported: 'all' }),
    exports: log('/exports', 'exports', { unexported: 'all' }),
    webhooks: crud('/webhooks', 'webhooks', ['name', 'url', 'events', 'enabled'], []),
    'webhook-deliveries': log('/webhook-deliveries', 'webhooks', { wire: 'webhook_deliveries' }),
    bans: log('/security/bans', 'security', { wire: 'bans', unexported: 'all' }),
    budgets: log('/security/budgets', 'security', { wire: 'budgets', update: ['limits', 'outside'], placed: ['kind', 'scope_id'], verbs: { create: 'manage', update: 'manage', delete: 'manage' }, unexported: 'all' }),
    centers: crud('/centers', 'centers', ['name', 'locale', 'tz', 'state', 'settings'], ['code'], { searchable: true }),
} as const satisfies Record<string, ResourceOnWire>;
