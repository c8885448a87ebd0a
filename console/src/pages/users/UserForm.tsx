import { useGetList, useRecordContext, type RaRecord } from 'ra-core';
import { useCan } from '@/access/me';
import type { Role, User } from '@/api/types';
import { useT } from '@/i18n';
import { LANGUAGES, useCode } from '@/i18n';
import { ManyInput, SelectInput, TextInput, UserInput, isEmail } from '@/ui/form/inputs';
import { Fields } from '@/ui/form/FormPage';
import { AccessSections } from '@/ui/access/AccessSections';
import { ZoneInput } from '@/ui/form/ZoneInput';
import { IfSeen } from '@/ui/form/rights';
import { Section } from '@/ui/page';

/** What there is to say of a person, whether they are new or not. */
export function UserFields() {
    const t = useT();
    const record = useRecordContext<User & RaRecord>();
    return (
        <>
            <Section title={t('users.who')}>
                <Fields>
                    <TextInput source="username" label="columns.username" required maxLength={128} hint="users.username_hint" autoFocus={!record} />
                    <TextInput source="display_name" label="columns.display_name" maxLength={128} />
                    <TextInput source="email" label="columns.email" type="email" maxLength={254} validate={isEmail} hint="users.email_hint" />
                    <UserInput source="manager" label="columns.manager" hint="users.manager_hint" without={record?.id} />
                    <SelectInput source="locale" label="columns.locale" empty="users.as_center" choices={LANGUAGES.map(({ locale, name }) => ({ id: locale, name }))} />
                    <ZoneInput source="tz" label="columns.tz" empty="users.as_center" />
                </Fields>
            </Section>
            <IfSeen column="roles">
                <Section title={t('users.rights')} about={t('users.rights_about')}>
                    <RolesInput />
                </Section>
            </IfSeen>
            <AccessSections about={t('users.access_about')} />
        </>
    );
}

function RolesInput() {
    const code = useCode();
    const can = useCan();
    const record = useRecordContext<User & RaRecord>();
    const { data } = useGetList<Role>('roles', { pagination: { page: 1, perPage: 200 }, sort: { field: 'code', order: 'ASC' }, meta: { count: 'none' } }, { enabled: can('roles.read'), onError: () => undefined });
    // Whoever may not read roles is shown those that the person has.
    const roles = data ?? record?.roles?.map((role) => ({ code: role, name: role, builtin: true })) ?? [];
    return (
        <ManyInput
            source="roles"
            label="columns.roles"
            hint="users.roles_hint"
            required
            choices={roles.map((role) => ({ id: role.code, name: role.builtin ? code('roles.codes', role.code, role.name) : role.name, about: role.code }))}
        />
    );
}

/** What the server takes: an empty text takes the old one away. What one does not see is not there, and stays as it is. */
export function toServer(data: Partial<User>): Partial<User> {
    const emptied = (['email', 'locale', 'tz', 'display_name'] as const).filter((name) => data[name] === null);
    return { ...data, ...Object.fromEntries(emptied.map((name) => [name, ''])) };
}
