import type { SvgIconComponent } from '@mui/icons-material';
import { lazy, type ComponentType } from 'react';
import type { MyPermissions } from '@/api/types';
import type { Guarded } from '@/access/pages';
import type { MessageKey } from '@/i18n';
import type { ResourceName } from '@/providers/resources';

/** The menu's groups, in its order. */
export const GROUPS = ['desk', 'crm', 'calls', 'slots', 'world', 'listening', 'people', 'system'] as const;

interface Common extends Guarded {
    path: string;
    /** Its place in the menu; none: it is reached from elsewhere. `when`: for whom it stands there, if not for all to whom it is open. */
    menu?: { group: (typeof GROUPS)[number]; label: MessageKey; icon: SvgIconComponent; when?: (mine: MyPermissions) => boolean };
}

/** A page of a resource (its list, its forms), or one of its own. */
export type PageSpec =
    | (Common & { resource: ResourceName; views: Partial<Record<'list' | 'create' | 'edit' | 'show', ComponentType>> })
    | (Common & { element: ComponentType });

export type Views = Record<string, ComponentType>;

/** A page out of a folder's table of contents; the folder is fetched with the first of them. */
export function from(load: () => Promise<Views>, name: string): ComponentType {
    return lazy(async () => {
        const view = (await load())[name];
        if (!view) throw new Error(`the folder has no page ${name}`);
        return { default: view };
    });
}

/** The pages of a resource, each called as what it is. */
export const crud = (load: () => Promise<Views>, ...names: ('list' | 'create' | 'edit' | 'show')[]) =>
    Object.fromEntries(names.map((name) => [name, from(load, `${name.charAt(0).toUpperCase()}${name.slice(1)}`)]));
