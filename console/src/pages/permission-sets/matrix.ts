import type { Catalogue, GrantedPermission } from '@/api/types';

/** The columns of the matrix, from narrow to wide. `list` is `center+list`. */
export const SCOPES = ['own', 'team', 'group', 'center', 'all'] as const;

export interface MatrixRow {
    permission: string;
    about: string;
    /** Which cells there are. */
    scopes: Set<string>;
    /** Whether lists can narrow it. */
    listed: boolean;
}

export interface MatrixGroup {
    resource: string;
    rows: MatrixRow[];
}

/** How a scope is written with lists: the wire calls `center+list` just `list`. */
export function withList(scope: string): string {
    return scope === 'center' ? 'list' : `${scope}+list`;
}

export function splitScope(text: string): { scope: string; listed: boolean } {
    if (text === 'list') return { scope: 'center', listed: true };
    return text.endsWith('+list') ? { scope: text.slice(0, -'+list'.length), listed: true } : { scope: text, listed: false };
}

/** The catalogue by resource; what is granted and not in it (a module that is gone) has rows too. */
export function groupsOf(catalogue: Catalogue | undefined, granted: GrantedPermission[]): MatrixGroup[] {
    const rows = new Map<string, MatrixRow>();
    for (const { permission, about, scopes } of catalogue?.permissions ?? []) {
        rows.set(permission, { permission, about, scopes: new Set(scopes.map((text) => splitScope(text).scope)), listed: scopes.some((text) => splitScope(text).listed) });
    }
    for (const { permission, scope } of granted) {
        const row = rows.get(permission) ?? { permission, about: '', scopes: new Set<string>(), listed: false };
        const split = splitScope(scope);
        row.scopes.add(split.scope);
        row.listed ||= split.listed;
        rows.set(permission, row);
    }
    const groups = new Map<string, MatrixRow[]>();
    for (const row of rows.values()) {
        const resource = row.permission.split('.')[0] ?? '';
        groups.set(resource, [...(groups.get(resource) ?? []), row]);
    }
    return [...groups].map(([resource, its]) => ({ resource, rows: its }));
}

/** Grants a permission at a scope, or takes it away. */
export function toggle(granted: GrantedPermission[], permission: string, scope: string): GrantedPermission[] {
    const isIt = (one: GrantedPermission) => one.permission === permission && one.scope === scope;
    return granted.some(isIt) ? granted.filter((one) => !isIt(one)) : [...granted, { permission, scope }];
}

/** Narrows all that is granted of a permission by lists, or no longer. */
export function toggleList(granted: GrantedPermission[], permission: string): GrantedPermission[] {
    const its = granted.filter((one) => one.permission === permission);
    const listed = its.every(({ scope }) => splitScope(scope).listed);
    const next = new Set(its.map(({ scope }) => (listed ? splitScope(scope).scope : withList(splitScope(scope).scope))));
    return [...granted.filter((one) => one.permission !== permission), ...[...next].map((scope) => ({ permission, scope }))];
}
