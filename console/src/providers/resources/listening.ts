import { crud, type ResourceOnWire } from './wire';

const MANAGED = { create: 'manage', update: 'manage', delete: 'manage' };

/** What calls are told apart by, and what listeners say of them. */
export const listening = {
    // The accounts of those whom one looks after, as listeners.
    listeners: crud('/users', 'users', ['username', 'password', 'email', 'display_name', 'roles', 'lists', 'columns'], [], { searchable: true, unexported: 'all' }),
    scenarios: crud('/scenarios', 'scenarios', ['name', 'kind', 'active'], ['code'], { searchable: true, unexported: 'all' }),
    'tag-groups': crud('/tag-groups', 'tags', ['name', 'exclusive', 'colour', 'position', 'active'], [], { wire: 'tag_groups', verbs: MANAGED, unexported: 'all' }),
    tags: crud('/tags', 'tags', ['name', 'colour', 'position', 'active', 'stop'], ['group_id'], { verbs: MANAGED, unexported: 'all' }),
} as const satisfies Record<string, ResourceOnWire>;
