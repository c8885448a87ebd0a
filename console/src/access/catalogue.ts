import { useQuery } from '@tanstack/react-query';
import { useTranslate } from 'ra-core';
import { useCallback } from 'react';
import type { Catalogue } from '@/api/types';
import { keyOf, useCode } from '@/i18n';
import { useClient } from '@/providers/services';
import { useCan } from './me';

/** All that can be permitted, on this server. */
export function useCatalogue(): Catalogue | undefined {
    const client = useClient();
    const can = useCan();
    return useQuery({ queryKey: ['permissions'], queryFn: () => client.get<Catalogue>('/permissions'), staleTime: Infinity, enabled: can('roles.read'), retry: false }).data;
}

/** What was done, in words: the past of a deed, or at least what the permission for it is called. */
export function useActionText(): (action: string) => string {
    const translate = useTranslate();
    const permission = usePermissionText();
    return useCallback((action) => translate(`audit_actions.${keyOf(action)}`, { _: '' }) || permission(action, action), [translate, permission]);
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
