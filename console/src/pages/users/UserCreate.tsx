import FormControlLabel from '@mui/material/FormControlLabel';
import Radio from '@mui/material/Radio';
import RadioGroup from '@mui/material/RadioGroup';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import type { User } from '@/api/types';
import { useT } from '@/i18n';
import { CreatePage } from '@/ui/form/FormPage';
import { PasswordInput } from '@/ui/form/inputs';
import { PASSWORD_MIN, isLongEnough } from '@/ui/form/password';
import { Section } from '@/ui/page';
import { LinkDialog } from './LinkDialog';
import { UserFields } from './UserForm';

/** A new account: its person chooses a password by a link, or is given one. */
export function UserCreate() {
    const t = useT();
    const navigate = useNavigate();
    const [invites, setInvites] = useState(true);
    const [made, setMade] = useState<User>();
    return (
        <>
            <CreatePage<User>
                resource="users"
                title={t('users.create')}
                transform={(data) => (invites ? { ...data, password: undefined } : data)}
                onDone={(user) => (invites ? setMade(user) : void navigate('/users'))}
                defaults={{ roles: ['operator'] }}
            >
                <UserFields />
                <Section title={t('users.first_login')}>
                    <RadioGroup value={invites ? 'invite' : 'password'} onChange={(_, value) => setInvites(value === 'invite')} aria-label={t('users.first_login')}>
                        <FormControlLabel value="invite" control={<Radio size="small" />} label={t('users.by_invitation')} />
                        <FormControlLabel value="password" control={<Radio size="small" />} label={t('users.by_password')} />
                    </RadioGroup>
                    {!invites && (
                        <div style={{ maxWidth: 360, marginTop: 12 }}>
                            <PasswordInput source="password" label="columns.password" hint="form.password_hint" required validate={isLongEnough(PASSWORD_MIN)} />
                        </div>
                    )}
                </Section>
            </CreatePage>
            {made && <LinkDialog user={made} purpose="invitation" onClose={() => void navigate('/users')} />}
        </>
    );
}
