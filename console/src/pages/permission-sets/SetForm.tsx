import { useRecordContext } from 'ra-core';
import type { PermissionSet } from '@/api/types';
import { useT } from '@/i18n';
import { CreatePage, EditPage, Fields } from '@/ui/form/FormPage';
import { BuiltInName, TextInput, isCode } from '@/ui/form/inputs';
import { IfSeen } from '@/ui/form/rights';
import { Section } from '@/ui/page';
import { MatrixInput } from './MatrixInput';
import { useSetName } from './name';

export function SetCreate() {
    const t = useT();
    return (
        <CreatePage<PermissionSet> resource="permission-sets" title={t('sets.create')} defaults={{ permissions: [] }} width={1060}>
            <SetFields />
        </CreatePage>
    );
}

export function SetEdit() {
    const t = useT();
    const name = useSetName();
    return (
        <EditPage<PermissionSet> resource="permission-sets" title={name} about={() => t('sets.edit_about')} canDelete={(set) => !set.builtin} width={1060}>
            <SetFields />
        </EditPage>
    );
}

function SetFields() {
    const t = useT();
    const name = useSetName();
    const record = useRecordContext<PermissionSet>();
    return (
        <>
            <Section title={t('roles.name')}>
                <Fields>
                    {record?.builtin ? <BuiltInName name={name(record)} /> : <TextInput source="name" label="columns.name" required maxLength={128} autoFocus={!record} />}
                    <TextInput source="code" label="columns.code" required maxLength={64} validate={isCode} disabled={Boolean(record)} hint={record ? 'form.code_stays' : 'form.code_hint'} mono />
                </Fields>
            </Section>
            <IfSeen column="permissions">
                <Section title={t('sets.matrix')} about={t('sets.matrix_about')} flush>
                    <MatrixInput source="permissions" />
                </Section>
            </IfSeen>
        </>
    );
}
