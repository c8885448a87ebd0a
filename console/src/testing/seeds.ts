import { readFileSync } from 'node:fs';
import type { MyPermissions } from '@/api/types';

/** The rights of each role that comes with the program, by its code, as the server's own table of them says (office/src/rights/seed.rs). */
export function seededRights(): Map<string, MyPermissions> {
    const text = readFileSync('../office/src/rights/seed.rs', 'utf8').replaceAll(/^\s*\/\/.*$/gm, '');
    const catalogue = readFileSync('../office/src/rights/catalogue.rs', 'utf8');
    const roles = new Map<string, MyPermissions>();
    const everything = new Set([...catalogue.matchAll(/^ {4}\w+ "([a-z_]+\.[a-z_]+)" \w+ "/gm)].map(([, name]) => name ?? ''));
    roles.set('admin', of([]));
    for (const [, code = '', lines = ''] of text.matchAll(/"(\w+)",\s*"[\w ]+",\s*&\[([^\]]*)\]/g)) {
        const granted = [...lines.matchAll(/\("(\w+)", "([^"]+)"\)/g)].flatMap(([, resource = '', words = '']) =>
            words.split(' ').map((word) => {
                const [verb, reach = 'center'] = word.split('@');
                return [`${resource}.${verb}`, reach] as const;
            }),
        );
        for (const [permission] of granted) everything.add(permission);
        roles.set(code, of(granted));
    }
    // The administrator's line is empty, and means everything.
    roles.set('admin', of([...everything].map((permission) => [permission, 'all'] as const)));
    return roles;
}

/** Somebody's rights: permissions, each with its reaches. */
export function of(granted: readonly (readonly [permission: string, reach: string])[]): MyPermissions {
    const scopes = new Map<string, string[]>();
    for (const [permission, reach] of granted) scopes.set(permission, [...(scopes.get(permission) ?? []), reach]);
    return { permissions: [...scopes].map(([permission, reaches]) => ({ permission, scopes: reaches })), resources: {} } as MyPermissions;
}
