import DataObject from '@mui/icons-material/DataObject';
import Button from '@mui/material/Button';
import { useGetList, useRecordContext } from 'ra-core';
import { useState } from 'react';
import { useWatch } from 'react-hook-form';
import type { GrantedPermission, PermissionSet, Role } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { AccessSections } from '@/ui/access/AccessSections';
import { PermissionTable } from '@/ui/access/PermissionTable';
import { CreatePage, EditPage, Fields } from '@/ui/form/FormPage';
import { BuiltInName, ManyInput, TextInput, isCode } from '@/ui/form/inputs';
import { Section } from '@/ui/page';
import { useSetName } from '../permission-sets/name';
import { ShapeDialog } from './ShapeDialog';

export function RoleCreate() {
    const t = useT();
    return (
        <CreatePage<Role> resource="roles" title={t('roles.create')} defaults={{ sets: [], lists: [], columns: [] }} width={1000}>
            <RoleFields />
        </CreatePage>
    );
}

export function RoleEdit() {
    const t = useT();
    const code = useCode();
    const [shape, setShape] = useState<Role>();
    return (
        <>
            <EditPage<Role>
                resource="roles"
                title={(role) => (role.builtin ? code('roles.codes', role.code, role.name) : role.name)}
                about={() => t('roles.edit_about')}
                canDelete={(role) => !role.builtin}
                actions={(role) => (
                    <Button variant="outlined" startIcon={<DataObject />} onClick={() => setShape(role)}>
                        {t('roles.shape')}
                    </Button>
                )}
                width={1000}
            >
                <RoleFields />
            </EditPage>
            {shape && <ShapeDialog role={shape} onClose={() => setShape(undefined)} />}
        </>
    );
}

function RoleFields() {
    const t = useT();
    const record = useRecordContext<Role>();
    const code = useCode();
    const setName = useSetName();
    const { data: sets } = useGetList<PermissionSet>('permission-sets', { pagination: { page: 1, perPage: 200 }, sort: { field: 'code', order: 'ASC' }, meta: { count: 'none' } }, { onError: () => undefined });
    // Until the sets are there, those that the role is made of are called as they would be if they came with the program.
    const known: Pick<PermissionSet, 'code' | 'name' | 'builtin'>[] = sets ?? (record?.sets ?? []).map((set) => ({ code: set, name: set, builtin: true }));
    const choices = known.map((set) => ({ id: set.code, name: setName(set as PermissionSet), about: set.code }));
    return (
        <>
            <Section title={t('roles.name')}>
                <Fields>
                    {record?.builtin ? <BuiltInName name={code('roles.codes', record.code, record.name)} /> : <TextInput source="name" label="columns.name" required maxLength={128} autoFocus={!record} />}
                    <TextInput source="code" label="columns.code" required maxLength={64} validate={isCode} disabled={Boolean(record)} hint={record ? 'form.code_stays' : 'form.code_hint'} mono />
                </Fields>
            </Section>
            <Section title={t('roles.grants')} about={t('roles.grants_about')}>
                <ManyInput source="sets" label="columns.sets" choices={choices} />
                <DerivedPermissions sets={sets} />
            </Section>
            <AccessSections about={t('roles.access_about')} />
        </>
    );
}

/** What the chosen sets grant together, while they are being chosen. */
function DerivedPermissions({ sets }: { sets: PermissionSet[] | undefined }) {
    const record = useRecordContext<Role>();
    const chosen = (useWatch({ name: 'sets' }) as string[] | undefined) ?? [];
    const known = sets?.filter(({ code }) => chosen.includes(code));
    const permissions: GrantedPermission[] = known && known.length === chosen.length ? known.flatMap((set) => set.permissions) : (record?.permissions ?? []);
    return <PermissionTable permissions={permissions} />;
}
