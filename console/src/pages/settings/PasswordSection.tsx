import Button from '@mui/material/Button';
import Typography from '@mui/material/Typography';
import { useQueryClient } from '@tanstack/react-query';
import { Form } from 'ra-core';
import { useState } from 'react';
import { useMe } from '@/access/me';
import { useT } from '@/i18n';
import { Problem } from '@/providers/problem';
import { useClient } from '@/providers/services';
import { Fields } from '@/ui/form/FormPage';
import { PasswordInput } from '@/ui/form/inputs';
import { PASSWORD_MIN, isLongEnough } from '@/ui/form/password';
import { Section } from '@/ui/page';
import { useFormProblem, useTell, useTellProblem } from '@/ui/problems';

/** Another password of one's own. */
export function PasswordSection() {
    const t = useT();
    const me = useMe();
    const client = useClient();
    const queries = useQueryClient();
    const tell = useTell();
    const tellProblem = useTellProblem();
    const formProblem = useFormProblem();
    const [busy, setBusy] = useState(false);
    const [round, setRound] = useState(0);
    if (me?.sso) {
        return (
            <Section title={t('settings.password')}>
                <Typography variant="body2" sx={{ color: 'text.secondary' }}>
                    {t('settings.password_sso')}
                </Typography>
            </Section>
        );
    }
    const change = async (values: Record<string, unknown>) => {
        setBusy(true);
        try {
            await client.put('/me/password', { old: values.old, new: values.new });
            tell(t('settings.password_changed'));
            setRound(round + 1);
            // The other sessions have ended with it.
            void queries.invalidateQueries({ queryKey: ['me', 'sessions'] });
            return undefined;
        } catch (problem) {
            if (problem instanceof Problem && problem.code === 'invalid_credentials') return { old: 'settings.password_wrong' };
            tellProblem(formProblem(problem));
            return problem instanceof Problem ? problem.body.errors : undefined;
        } finally {
            setBusy(false);
        }
    };
    return (
        <Section title={t('settings.password')} about={t('settings.password_about')}>
            <Form onSubmit={change} key={round} noValidate>
                <Fields>
                    <PasswordInput source="old" label="settings.password_old" required autoComplete="current-password" />
                    <PasswordInput source="new" label="auth.new_password" hint="form.password_hint" required validate={isLongEnough(PASSWORD_MIN)} />
                </Fields>
                <Button type="submit" variant="contained" loading={busy}>
                    {t('settings.password_change')}
                </Button>
            </Form>
        </Section>
    );
}
