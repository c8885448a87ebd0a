// What each role finds in its menu, as the matrix of the requirements (1.4) has it. It is asked neither of the server nor of the console.

/** Every page of the menu, in its order. */
export const ALL = ['/desk', '/missed-calls', '/today', '/leads', '/clients', '/live', '/calls', '/cdr', '/slots', '/registrations', '/trunks', '/carriers', '/routes', '/routes/explain', '/listening', '/tag-statistics', '/tag-groups', '/users', '/roles', '/permission-sets', '/oidc-role-map', '/status', '/jobs', '/schedules', '/exports', '/webhooks', '/events', '/audit', '/security-audit', '/bans', '/budgets', '/centers'];

/** Everybody has jobs of their own; who reads calls reads their records. */
export const MENUS: Record<string, string[]> = {
    admin: ALL,
    // Accounts of listeners, calls of the centre and their export, tags, the centre's own audit log.
    client_admin: ['/calls', '/cdr', '/listening', '/tag-statistics', '/tag-groups', '/listeners', '/jobs', '/exports', '/audit', '/security-audit'],
    // Reads everything that is no secret of the system, changes nothing; of the system only its logs.
    supervisor: ['/missed-calls', '/leads', '/clients', '/live', '/calls', '/cdr', '/slots', '/registrations', '/trunks', '/carriers', '/routes', '/routes/explain', '/tag-statistics', '/users', '/roles', '/permission-sets', '/jobs', '/exports', '/webhooks', '/events'],
    // Slots to use; hubs are for who makes them.
    operator: ['/desk', '/missed-calls', '/leads', '/clients', '/live', '/calls', '/cdr', '/slots', '/registrations', '/jobs'],
    seller: ['/today', '/leads', '/clients', '/calls', '/cdr', '/jobs'],
    // The cabinet, and nothing else.
    listener: ['/listening', '/tag-statistics'],
    HelpDeskUser: ['/leads', '/clients', '/calls', '/cdr', '/jobs'],
    // The people of the team.
    HelpDeskManager: ['/leads', '/clients', '/calls', '/cdr', '/users', '/jobs'],
    SL3User: ['/clients', '/calls', '/cdr', '/jobs'],
    SL3Manager: ['/clients', '/calls', '/cdr', '/users', '/jobs'],
    // Own entries of the audit log, exports of the list.
    number_manager: ['/calls', '/cdr', '/jobs', '/exports', '/audit', '/security-audit'],
    viewer: ['/leads', '/clients', '/calls', '/cdr', '/jobs'],
    analyst: ['/leads', '/clients', '/calls', '/cdr', '/jobs', '/exports'],
};
