import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Skeleton from '@mui/material/Skeleton';
import { Form, useLocaleState } from 'ra-core';
import { useState } from 'react';
import { useFormState } from 'react-hook-form';
import { useMe, useSetMe } from '@/access/me';
import { useRoleName } from '@/access/roles';
import type { Me } from '@/api/types';
import { useChooseLanguage } from '@/app/shell/TopBar';
import { isLocale, LANGUAGES, useFormat, useT, type Locale } from '@/i18n';
import { Problem } from '@/providers/problem';
import { useClient } from '@/providers/services';
import { Fields } from '@/ui/form/FormPage';
import { SelectInput, TextInput } from '@/ui/form/inputs';
import { ZoneInput } from '@/ui/form/ZoneInput';
import { Facts, Section } from '@/ui/page';
import { useFormProblem, useTell, useTellProblem } from '@/ui/problems';
import { Nothing } from '@/ui/values';

/** One's name, language and time zone. */
export function ProfileSection() {
    const t = useT();
    const roleName = useRoleName();
    const format = useFormat();
    const me = useMe();
    const setMe = useSetMe();
    const client = useClient();
    const tell = useTell();
    const tellProblem = useTellProblem();
    const formProblem = useFormProblem();
    const [locale] = useLocaleState();
    const choose = useChooseLanguage();
    const [busy, setBusy] = useState(false);
    if (!me) return <Skeleton variant="rounded" height={220} sx={{ mb: 2 }} />;
    const save = async (values: Record<string, unknown>) => {
        setBusy(true);
        try {
            // What was not touched may be the centre's or the browser's, and stays so.
            const change = {
                ...(values.display_name === me.display_name ? {} : { display_name: String(values.display_name ?? '') }),
                ...(values.tz === me.tz ? {} : { tz: String(values.tz ?? '') }),
            };
            const next = await client.put<Me | undefined>('/me', change);
            setMe({ ...me, ...change, ...next });
            if (isLocale(values.locale as string) && values.locale !== locale) await choose(values.locale as Locale);
            tell(t('form.saved'));
            return undefined;
        } catch (problem) {
            tellProblem(formProblem(problem));
            return problem instanceof Problem ? problem.body.errors : undefined;
        } finally {
            setBusy(false);
        }
    };
    return (
        <Section title={t('settings.profile')}>
            <Box sx={{ mb: 2 }}>
                <Facts
                    rows={[
                        [t('columns.username'), <bdi>{me.username}</bdi>],
                        [t('columns.email'), me.email ? <bdi>{me.email}</bdi> : <Nothing />],
                        [t('columns.roles'), format.list(me.roles.map(roleName))],
                    ]}
                />
            </Box>
            <Form record={{ id: me.id, display_name: me.display_name, locale, tz: me.tz }} onSubmit={save} noValidate>
                <Fields>
                    <TextInput source="display_name" label="columns.display_name" maxLength={128} />
                    <SelectInput source="locale" label="columns.locale" choices={LANGUAGES.map(({ locale, name }) => ({ id: locale, name }))} />
                    <ZoneInput source="tz" label="columns.tz" hint="settings.tz_hint" />
                </Fields>
                <Save busy={busy} />
            </Form>
        </Section>
    );
}

function Save({ busy }: { busy: boolean }) {
    const t = useT();
    const { isDirty } = useFormState();
    return (
        <Button type="submit" variant="contained" loading={busy} disabled={!isDirty}>
            {t('form.save')}
        </Button>
    );
}
