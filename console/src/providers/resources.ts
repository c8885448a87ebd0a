/** How a resource of the console stands on the wire. */
export interface ResourceOnWire {
    /** Below `/api`. */
    path: string;
    /** The member that names a row; the console calls it `id`. */
    key: string;
    /** What its rights are called: `users` of `users.read`. */
    right: string;
    /** What it is called in rights, exports, audit and the catalogue of columns. */
    wire: string;
    /** Rights of its own for what is done with it, where they are not called as everywhere: `{ update: 'manage' }`. */
    verbs?: Partial<Record<string, string>>;
    /** Its id is a place: `slot:44` stands at `slot/44`. It is made by being put there, and read out of the list. */
    placed?: readonly string[];
    /** What is sent of a record when it is made, and when it is changed; none: all of it. */
    create?: readonly string[];
    update?: readonly string[];
    /** Whether a change carries the version that it started from. */
    versioned?: boolean;
    /** Whether it is deleted by its version, too. */
    deleteVersion?: boolean;
    /** Whether lists can be searched with `q`. */
    searchable?: boolean;
    /** Its column that stands for all members which have none of their own. */
    rest?: { column: string; except: readonly string[] };
    /** What cannot be written to a file: columns that no table of the database holds, or the whole of it. */
    unexported?: 'all' | readonly string[];
}

const log = (path: string, right: string, more: Partial<ResourceOnWire> = {}): ResourceOnWire => ({ path, key: 'id', right, wire: right, ...more });

/** What can be made and changed; a code, once given, stays. */
const crud = (path: string, right: string, update: readonly string[], create: readonly string[], more: Partial<ResourceOnWire> = {}): ResourceOnWire =>
    log(path, right, { create: [...create, ...update], update, versioned: true, ...more });

/** All that is set of a carrier and of a route. */
const CARRIER = [
    'name',
    'on',
    'centers',
    'hosts',
    'networks',
    'accounts',
    'numbers',
    'callers',
    'capacity',
    'calls_per_s',
    'health',
    'group',
    'priority',
    'weight',
    'currency',
    'rates',
    'rated_only',
    'failover',
    'form',
    'rules_in',
    'send',
    'rules_out',
    'identity',
    'early_media',
    'redirects_max',
];
const ROUTE = ['name', 'position', 'on', 'match', 'then', 'scenario', 'source', 'rewrite'];

const PERSON = ['username', 'password', 'email', 'display_name', 'roles', 'manager', 'locale', 'tz', 'lists', 'columns'];

/** Every resource that the console lists, by the name that stands in the browser's address. */
export const RESOURCES = {
    calls: log('/calls', 'calls', { key: 'call_id', searchable: true, unexported: ['recording', 'remedy', 'served_by'] }),
    cdr: log('/cdr/records', 'calls', { key: 'call_id', wire: 'cdrs', searchable: true, unexported: ['recording', 'remedy', 'served_by'] }),
    slots: log('/slots', 'slots', { unexported: 'all' }),
    trunks: crud('/trunks', 'trunks', ['name', 'capacity'], ['type'], { versioned: false, unexported: 'all' }),
    carriers: crud('/trunks', 'trunks', CARRIER, ['type'], { wire: 'trunks', rest: { column: 'settings', except: ['id', 'name', 'type', 'capacity', 'on', 'group', 'version'] }, unexported: 'all' }),
    routes: crud('/routes', 'routes', ROUTE, [], { unexported: 'all' }),
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

export type ResourceName = keyof typeof RESOURCES;

/** The right to do something with what a resource lists: `users.update`. */
export function rightTo(verb: string, resource: string): string {
    const { right, verbs } = onWire(resource);
    return `${right}.${verbs?.[verb] ?? verb}`;
}

/** The column that a member of a record stands in. */
export function columnOf(resource: string, member: string): string {
    const { rest } = onWire(resource);
    return !rest || rest.except.includes(member) ? member : rest.column;
}

export function onWire(resource: string): ResourceOnWire {
    const known = (RESOURCES as Record<string, ResourceOnWire>)[resource];
    if (!known) throw new Error(`no resource is called ${resource}`);
    return known;
}
