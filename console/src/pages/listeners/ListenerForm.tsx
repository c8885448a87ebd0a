import FormControlLabel from '@mui/material/FormControlLabel';
import Radio from '@mui/material/Radio';
import RadioGroup from '@mui/material/RadioGroup';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import type { User } from '@/api/types';
import { useT } from '@/i18n';
import { ColumnsInput } from '@/ui/access/ColumnsInput';
import { CreatePage, EditPage, Fields } from '@/ui/form/FormPage';
import { PasswordInput, TextInput, isEmail } from '@/ui/form/inputs';
import { PASSWORD_MIN, isLongEnough } from '@/ui/form/password';
import { IfSeen } from '@/ui/form/rights';
import { Section } from '@/ui/page';
import { UserDeeds } from '../users/UserEdit';
import { LinkDialog } from '../users/LinkDialog';
import { toServer } from '../users/UserForm';
import { GivenInput } from './Given';
import { Preview } from './Preview';

/** The role of whoever listens; it comes with the program. */
const ROLE = 'listener';

/** A listener's account: who it is, what they hear, what they say of it, and how much of a call they see. */
function ListenerFields({ isNew }: { isNew?: boolean }) {
    const t = useT();
    return (
        <>
            <Section title={t('users.who')}>
                <Fields>
                    <TextInput source="username" label="columns.username" required maxLength={128} hint="users.username_hint" autoFocus={isNew} />
                    <TextInput source="display_name" label="columns.display_name" maxLength={128} />
                    <TextInput source="email" label="columns.email" type="email" maxLength={254} validate={isEmail} hint="users.email_hint" />
                </Fields>
            </Section>
            <IfSeen column="lists">
                <GivenInput source="lists" />
            </IfSeen>
            <IfSeen column="columns">
                <Section title={t('listeners.columns')} about={t('listeners.columns_about')}>
                    <ColumnsInput source="columns" only="calls" />
                </Section>
            </IfSeen>
            <Section title={t('listeners.preview')} about={t('listeners.preview_about')}>
                <Preview />
            </Section>
        </>
    );
}

/** A new listener, who chooses a password by a link or is given one. */
export function ListenerCreate() {
    const t = useT();
    const navigate = useNavigate();
    const [invites, setInvites] = useState(true);
    const [made, setMade] = useState<User>();
    return (
        <>
            <CreatePage<User>
                resource="listeners"
                title={t('listeners.create')}
                transform={(data) => ({ ...data, roles: [ROLE], ...(invites && { password: undefined }) })}
                onDone={(user) => (invites ? setMade(user) : void navigate('/listeners'))}
                defaults={{ roles: [ROLE], lists: [], columns: [] }}
            >
                <ListenerFields isNew />
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
            {made && <LinkDialog user={made} purpose="invitation" onClose={() => void navigate('/listeners')} />}
        </>
    );
}

export function ListenerEdit() {
    const t = useT();
    return (
        <EditPage<User> resource="listeners" title={(user) => user.display_name || user.username} transform={toServer} deleteText={(user) => t('users.delete_text', { name: user.username })} actions={(user) => <UserDeeds user={user} />}>
            <ListenerFields />
        </EditPage>
    );
}
