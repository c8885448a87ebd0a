import { useRecordContext } from 'ra-core';
import type { Center } from '@/api/types';
import { LANGUAGES, useT } from '@/i18n';
import { CreatePage, EditPage, Fields } from '@/ui/form/FormPage';
import { SelectInput, SwitchInput, TextInput, isCode } from '@/ui/form/inputs';
import { ZoneInput } from '@/ui/form/ZoneInput';
import { Section } from '@/ui/page';

export function CenterCreate() {
    const t = useT();
    return (
        <CreatePage<Center> resource="centers" title={t('centers.create')} about={t('centers.about')} defaults={{ locale: 'en', tz: 'UTC', settings: { login: { local: true, oidc: true } } }}>
            <CenterFields />
        </CreatePage>
    );
}

export function CenterEdit() {
    return (
        <EditPage<Center> resource="centers" title={(center) => center.name} canDelete={() => false}>
            <CenterFields />
        </EditPage>
    );
}

function CenterFields() {
    const t = useT();
    const record = useRecordContext<Center>();
    return (
        <>
            <Section>
                <Fields>
                    <TextInput source="name" label="columns.name" required maxLength={128} autoFocus={!record} />
                    <TextInput source="code" label="columns.code" required maxLength={64} validate={isCode} disabled={Boolean(record)} hint={record ? 'form.code_stays' : 'form.code_hint'} mono />
                    <SelectInput source="locale" label="columns.locale" required choices={LANGUAGES.map(({ locale, name }) => ({ id: locale, name }))} />
                    <ZoneInput source="tz" label="columns.tz" hint="centers.tz_hint" required />
                    {record && (
                        <SelectInput
                            source="state"
                            label="columns.state"
                            hint="centers.state_hint"
                            required
                            choices={[
                                { id: 'active', name: t('center_states.active') },
                                { id: 'disabled', name: t('center_states.disabled') },
                            ]}
                        />
                    )}
                </Fields>
            </Section>
            <Section title={t('centers.login')} about={t('centers.login_about')}>
                <SwitchInput source="settings.login.local" label="centers.login_local" defaultValue={true} />
                <SwitchInput source="settings.login.oidc" label="centers.login_oidc" defaultValue={true} />
            </Section>
        </>
    );
}
