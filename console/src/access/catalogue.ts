import { useQuery } from '@tanstack/react-query';
import { useTranslate } from 'ra-core';
import { useCallback } from 'react';
import type { AuditEntry, Catalogue } from '@/api/types';
import { keyOf, useCode } from '@/i18n';
import { useClient } from '@/providers/services';
import { useCan } from './me';

/** All that can be permitted, on this server. */
export function useCatalogue(): Catalogue | undefined {
    const client = useClient();
    const can = useCan();
    return useQuery({ queryKey: ['permissions'], queryFn: () => client.get<Catalogue>('/permissions'), staleTime: Infinity, enabled: can('roles.read'), retry: false }).data;
}

type Deed = Pick<AuditEntry, 'action' | 'resource' | 'diff'>;

/** The key of what was done. An entry names the permission, which may be for several deeds: those differ in what they were done to and in what is told. */
export function deedOf({ action, resource, diff }: Deed): string {
    const says = (name: string) => diff !== null && name in diff;
    const isGone = diff !== null && Object.keys(diff).length > 0 && Object.values(diff).every(([, after]) => after === null);
    switch (`${action} ${resource}`) {
        case 'security.manage budgets':
            if (says('released')) return 'budgets_release';
            return isGone ? 'budgets_delete' : says('limits') || says('outside') ? 'budgets_set' : 'budgets_manage';
        case 'security.manage bans':
            return says('for_s') ? 'bans_create' : says('why') ? 'bans_release' : 'bans_manage';
        case 'calls.end calls':
            return says('transfer_to') ? 'calls_transfer' : 'calls_end';
        case 'trunks.create trunks':
        case 'trunks.delete trunks':
            return keyOf(says('hosts') ? action.replace('trunks', 'carriers') : action);
        default:
            return keyOf(action);
    }
}

/** What was done, in words: the past of a deed, or at least what the permission for it is called. */
export function useActionText(): (deed: Deed) => string {
    const translate = useTranslate();
    const permission = usePermissionText();
    return useCallback((deed) => translate(`audit_actions.${deedOf(deed)}`, { _: '' }) || permission(deed.action, deed.action), [translate, permission]);
}

/** What a permission allows, in words. Those of modules newer than this console are told by their parts. */
export function usePermissionText(): (permission: string, about?: string) => string {
    const translate = useTranslate();
    const code = useCode();
    return useCallback(
        (permission, about) => {
            const known = translate(`permissions.${keyOf(permission)}`, { _: '' });
            if (known) return known;
            const [resource = '', verb = ''] = permission.split('.');
            return about || `${code('resources', resource)}: ${code('verbs', verb)}`;
        },
        [translate, code],
    );
}

/** What an entry of the audit log names: a column, or a role where rights of several roles were changed at once. */
export function useFieldText(): (name: string) => string {
    const code = useCode();
    return useCallback((name) => code('columns', name, code('roles.codes', name)), [code]);
}
