import Button from '@mui/material/Button';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRefresh } from 'ra-core';
import { useState } from 'react';
import { useCan, useMe } from '@/access/me';
import type { ApiToken, Items, LinkPurpose, User } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Confirm } from '@/ui/confirm';
import { EditPage } from '@/ui/form/FormPage';
import { Facts, Section } from '@/ui/page';
import { useTell } from '@/ui/problems';
import { TokenTable } from '@/ui/TokenTable';
import { USER_TONES } from '@/ui/tones';
import { CodeBadge, Moment } from '@/ui/values';
import { LinkDialog } from './LinkDialog';
import { UserFields, toServer } from './UserForm';
import { YesNo } from './UserList';

/** A person's account: who they are, what they may do, how they log in. */
export function UserEdit() {
    const t = useT();
    const me = useMe();
    return (
        <EditPage<User>
            resource="users"
            title={(user) => user.display_name || user.username}
            transform={toServer}
            canDelete={(user) => user.id !== me?.id}
            deleteText={(user) => t('users.delete_text', { name: user.username })}
            actions={(user) => <UserDeeds user={user} />}
            after={(user) => <UserFacts user={user} />}
        >
            <UserFields />
        </EditPage>
    );
}

/** What can be done with an account beside changing it: a link, logging out, switching it off. */
export function UserDeeds({ user }: { user: User }) {
    const t = useT();
    const me = useMe();
    const can = useCan();
    const client = useClient();
    const refresh = useRefresh();
    const tell = useTell();
    const [link, setLink] = useState<LinkPurpose>();
    const [asking, setAsking] = useState<'disable' | 'enable' | 'logout'>();
    if (!can('users.update')) return null;
    const isMe = me?.id === user.id;
    const change = (state: 'active' | 'disabled') => client.put(`/users/${user.id}`, { state, version: user.version });
    const deeds = { disable: () => change('disabled'), enable: () => change('active'), logout: () => client.post(`/users/${user.id}/logout`) };
    return (
        <>
            {!user.sso && user.state !== 'disabled' && (
                <Button variant="outlined" onClick={() => setLink(user.state === 'invited' ? 'invitation' : 'password_reset')}>
                    {user.state === 'invited' ? t('users.link.invitation') : t('users.link.password_reset')}
                </Button>
            )}
            {user.state !== 'invited' && (
                <Button variant="outlined" onClick={() => setAsking('logout')}>
                    {t('users.bulk.logout')}
                </Button>
            )}
            {!isMe && (
                <Button variant="outlined" color={user.state === 'disabled' ? 'primary' : 'error'} onClick={() => setAsking(user.state === 'disabled' ? 'enable' : 'disable')}>
                    {user.state === 'disabled' ? t('users.bulk.enable') : t('users.bulk.disable')}
                </Button>
            )}
            {link && <LinkDialog user={user} purpose={link} onClose={() => setLink(undefined)} />}
            <Confirm
                open={asking !== undefined}
                danger={asking === 'disable'}
                title={asking ? t(`users.bulk.${asking}_title`, { smart_count: 1 }) : ''}
                action={asking ? t(`users.bulk.${asking}`) : ''}
                onClose={() => setAsking(undefined)}
                onConfirm={async () => {
                    if (!asking) return;
                    await deeds[asking]();
                    tell(t('form.saved'));
                    refresh();
                }}
            >
                {asking && t(`users.bulk.${asking}_text`)}
            </Confirm>
        </>
    );
}

function UserFacts({ user }: { user: User }) {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const queries = useQueryClient();
    const tokens = useQuery({
        queryKey: ['users', user.id, 'tokens'],
        queryFn: async () => (await client.get<Items<ApiToken>>(`/users/${user.id}/tokens`)).items,
        enabled: can('tokens.read'),
        retry: false,
    });
    return (
        <>
            <Section title={t('users.account')}>
                <Facts
                    columns={2}
                    rows={[
                        'state' in user && [t('columns.state'), <CodeBadge prefix="user_states" code={user.state} tones={USER_TONES} />],
                        'sso' in user && [t('columns.sso'), <YesNo value={user.sso} />],
                        'last_login_at' in user && [t('columns.last_login_at'), <Moment at={user.last_login_at} show="moment" />],
                        'created_at' in user && [t('columns.created_at'), <Moment at={user.created_at} show="moment" />],
                    ]}
                />
            </Section>
            {tokens.data && tokens.data.length > 0 && (
                <Section title={t('tokens.title')} flush>
                    <TokenTable
                        tokens={tokens.data}
                        onEnd={
                            can('tokens.delete')
                                ? async (token) => {
                                      await client.delete(`/tokens/${token.id}`);
                                      await queries.invalidateQueries({ queryKey: ['users', user.id, 'tokens'] });
                                  }
                                : undefined
                        }
                    />
                </Section>
            )}
        </>
    );
}
