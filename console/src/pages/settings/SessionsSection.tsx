import Button from '@mui/material/Button';
import Skeleton from '@mui/material/Skeleton';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useLogout } from 'ra-core';
import { useState } from 'react';
import type { Items, MySession } from '@/api/types';
import { useT } from '@/i18n';
import { Problem } from '@/providers/problem';
import { useClient } from '@/providers/services';
import { Confirm } from '@/ui/confirm';
import { Section } from '@/ui/page';
import { ProblemBox, useTellProblem } from '@/ui/problems';
import { Badge, Code, Moment } from '@/ui/values';
import { deviceOf } from './device';

/** Where one is signed in. */
export function SessionsSection() {
    const t = useT();
    const client = useClient();
    const queries = useQueryClient();
    const logout = useLogout();
    const tellProblem = useTellProblem();
    const [everywhere, setEverywhere] = useState(false);
    const sessions = useQuery({
        queryKey: ['me', 'sessions'],
        queryFn: async () => (await client.get<Items<MySession>>('/me/sessions')).items,
        staleTime: 0,
    });
    const end = async (session: MySession) => {
        try {
            await client.delete(`/me/sessions/${session.id}`);
        } catch (problem) {
            // One that is no longer there has ended already.
            if (!(problem instanceof Problem && problem.status === 404)) return tellProblem(problem);
        }
        return queries.invalidateQueries({ queryKey: ['me', 'sessions'] });
    };
    return (
        <Section
            title={t('settings.sessions')}
            about={t('settings.sessions_about')}
            flush
            actions={
                <Button variant="outlined" color="error" onClick={() => setEverywhere(true)}>
                    {t('settings.everywhere')}
                </Button>
            }
        >
            {sessions.error && <ProblemBox error={sessions.error} onRetry={() => void sessions.refetch()} />}
            {sessions.isPending && <Skeleton variant="rounded" height={100} sx={{ m: 2 }} />}
            {sessions.data && (
                <Table size="small">
                    <TableHead>
                        <TableRow>
                            <TableCell>{t('settings.device')}</TableCell>
                            <TableCell>{t('columns.source')}</TableCell>
                            <TableCell>{t('settings.method')}</TableCell>
                            <TableCell>{t('columns.created_at')}</TableCell>
                            <TableCell>{t('columns.last_used_at')}</TableCell>
                            <TableCell />
                        </TableRow>
                    </TableHead>
                    <TableBody>
                        {sessions.data.map((session) => (
                            <TableRow key={session.id}>
                                <TableCell title={session.user_agent}>
                                    <bdi>{deviceOf(session.user_agent) || t('settings.unknown_device')}</bdi>
                                </TableCell>
                                <TableCell>
                                    <bdi>{session.source}</bdi>
                                </TableCell>
                                <TableCell>
                                    <Code prefix="login_methods" code={session.method} />
                                </TableCell>
                                <TableCell>
                                    <Moment at={session.created_at} />
                                </TableCell>
                                <TableCell>
                                    <Moment at={session.last_used_at} show="ago" />
                                </TableCell>
                                <TableCell align="right">
                                    {session.current ? (
                                        <Badge tone="good">{t('settings.this_session')}</Badge>
                                    ) : (
                                        <Button color="error" onClick={() => void end(session)}>
                                            {t('settings.end_session')}
                                        </Button>
                                    )}
                                </TableCell>
                            </TableRow>
                        ))}
                    </TableBody>
                </Table>
            )}
            <Confirm open={everywhere} danger title={t('settings.everywhere_title')} action={t('settings.everywhere')} onClose={() => setEverywhere(false)} onConfirm={() => logout({ everywhere: true })}>
                {t('settings.everywhere_text')}
            </Confirm>
        </Section>
    );
}
