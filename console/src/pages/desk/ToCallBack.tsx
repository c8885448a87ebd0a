import PhoneCallbackOutlined from '@mui/icons-material/PhoneCallbackOutlined';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import Link from '@mui/material/Link';
import Typography from '@mui/material/Typography';
import { useGetList } from 'ra-core';
import { useRef } from 'react';
import { Link as RouterLink } from 'react-router';
import type { MissedCall } from '@/api/desk';
import { phone, useT } from '@/i18n';
import { useLiveList } from '@/live/hooks';
import { byCaller, claimOf, useMissedDeeds } from '@/ui/crm/callBack';
import { Colleague } from '@/ui/crm/Colleague';
import { useKeys } from '@/ui/keys/useKeys';
import { Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { Moment, Phone, useNow } from '@/ui/values';

/** How many callers are named; the page of missed calls has them all. */
const SHOWN_MAX = 7;

/** Whom to call back: those whom nobody has answered. B calls the first who is free. */
export function ToCallBack() {
    const t = useT();
    const now = useNow(30_000);
    const list = useRef<HTMLUListElement>(null);
    useLiveList('missed-calls', 'misseds');
    const { canCall, callBack, isMine } = useMissedDeeds();
    const { data, error, refetch } = useGetList<MissedCall>(
        'missed-calls',
        { filter: { state: 'open' }, sort: { field: 'at', order: 'DESC' }, pagination: { page: 1, perPage: 100 } },
        { retry: false, onError: () => undefined },
    );
    const callers = byCaller(data ?? []);
    const free = callers.find(({ newest }) => claimOf(newest, now) === undefined || isMine(newest, now));
    useKeys(t('nav.desk'), free && canCall ? [{ on: 'KeyB', what: t('missed.next'), do: () => void callBack(free.newest) }] : []);
    return (
        <Section
            flush
            title={t('desk.to_call_back', { count: callers.length })}
            actions={
                <Link component={RouterLink} to="/missed-calls" variant="body2">
                    {t('desk.all')}
                </Link>
            }
        >
            {error && !data ? (
                <Box sx={{ px: 1 }}>
                    <ProblemBox error={error} onRetry={() => void refetch()} />
                </Box>
            ) : data?.length === 0 ? (
                <Typography variant="body2" sx={{ color: 'text.secondary', px: 2, pb: 1 }}>
                    {t('missed.none')}
                </Typography>
            ) : (
                <Box component="ul" ref={list} aria-label={t('nav.missed')} sx={{ listStyle: 'none', m: 0, p: 0 }}>
                    {callers.slice(0, SHOWN_MAX).map(({ newest, times }) => {
                        const claimed = claimOf(newest, now);
                        return (
                            <Box component="li" key={newest.call_id} sx={{ display: 'flex', alignItems: 'center', gap: 0.75, px: 1.5, py: 0.25, fontSize: '0.8125rem' }}>
                                <Box sx={{ flex: 1, minWidth: 0 }}>
                                    <Phone number={newest.number} />
                                    {times > 1 && <Box component="span" sx={{ fontWeight: 650 }}>{` ×${times}`}</Box>}
                                    <Box component="span" sx={{ display: 'block', color: 'text.secondary', fontSize: '0.75rem' }}>
                                        <Moment at={newest.at} />
                                        {claimed && ' · '}
                                        {claimed && (isMine(newest, now) ? t('missed.mine') : t('missed.taken'))} {claimed && !isMine(newest, now) && <Colleague id={claimed} />}
                                    </Box>
                                </Box>
                                <IconButton
                                    aria-label={t('missed.call_back_to', { number: phone(newest.number) })}
                                    disabled={!canCall || (claimed !== undefined && !isMine(newest, now))}
                                    onClick={() => void callBack(newest)}
                                    sx={{ p: 0.5 }}
                                >
                                    <PhoneCallbackOutlined sx={{ fontSize: 17 }} />
                                </IconButton>
                            </Box>
                        );
                    })}
                </Box>
            )}
        </Section>
    );
}
