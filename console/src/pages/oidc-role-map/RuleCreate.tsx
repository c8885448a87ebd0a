import { useGetList } from 'ra-core';
import type { OidcRule, Role } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { CreatePage, Fields } from '@/ui/form/FormPage';
import { SelectInput, TextInput, isUrl } from '@/ui/form/inputs';
import { Section } from '@/ui/page';

export function RuleCreate() {
    const t = useT();
    const code = useCode();
    const { data: roles } = useGetList<Role>('roles', { pagination: { page: 1, perPage: 200 }, sort: { field: 'code', order: 'ASC' }, meta: { count: 'none' } }, { onError: () => undefined });
    return (
        <CreatePage<OidcRule> resource="oidc-role-map" title={t('oidc.create')} about={t('oidc.about')} defaults={{ claim: 'realm_access.roles' }}>
            <Section>
                <Fields>
                    <TextInput source="issuer" label="columns.issuer" hint="oidc.issuer_hint" required validate={isUrl} maxLength={512} autoFocus />
                    <TextInput source="claim" label="columns.claim" hint="oidc.claim_hint" required mono />
                    <TextInput source="value" label="columns.value" hint="oidc.value_hint" required mono />
                    <SelectInput source="role" label="columns.role" required choices={(roles ?? []).map((role) => ({ id: role.code, name: role.builtin ? code('roles.codes', role.code, role.name) : role.name }))} />
                </Fields>
            </Section>
        </CreatePage>
    );
}
