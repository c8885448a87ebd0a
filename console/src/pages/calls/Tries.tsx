import Link from '@mui/material/Link';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import { useGetList } from 'ra-core';
import { Link as RouterLink } from 'react-router';
import { useCan } from '@/access/me';
import type { CdrRecord } from '@/api/types';
import type { Tone } from '@/app/theme';
import { useCode, useT } from '@/i18n';
import { Section } from '@/ui/page';
import { Badge, Moment, Nothing } from '@/ui/values';
import { useCarriers } from '../routes/names';

type Placed = CdrRecord['tries'][number];

const TONES: Partial<Record<string, Tone>> = {
    answered: 'good',
    refused: 'bad',
    redirected: 'wait',
    silent: 'bad',
    no_answer: 'wait',
    unreachable: 'bad',
    not_found: 'bad',
    full: 'wait',
    not_withheld: 'wait',
    budget: 'wait',
    given_up: 'off',
};

/** For how long the record of a call that has ended is waited for, and how often it is asked for, in milliseconds. */
const PATIENCE_MS = 30_000;
const EVERY_MS = 2000;

/** The record of a call, once it has ended; the database knows it a moment later. */
export function useRecord(callId: string, endedAt: number | null | undefined): CdrRecord | undefined {
    const { data } = useGetList<CdrRecord & { id: string }>(
        'cdr',
        { filter: { call_id: callId }, sort: { field: 'started_at', order: 'DESC' }, pagination: { page: 1, perPage: 1 }, meta: { count: 'none' } },
        {
            enabled: endedAt != null,
            retry: false,
            onError: () => undefined,
            refetchInterval: ({ state }) => (state.data?.data.length === 0 && endedAt != null && Date.now() - endedAt < PATIENCE_MS ? EVERY_MS : false),
        },
    );
    return data?.[0];
}

/** By which carriers a call was placed, one after the other, and what came of each. */
export function TriesSection({ tries }: { tries: Placed[] | undefined }) {
    const t = useT();
    if (!tries?.length) return null;
    return (
        <Section title={t('tries.title')} about={t('tries.about')} flush>
            <Table size="small" aria-label={t('tries.title')}>
                <TableHead>
                    <TableRow>
                        <TableCell sx={{ width: 32 }} />
                        <TableCell>{t('explain.carrier')}</TableCell>
                        <TableCell>{t('tries.at')}</TableCell>
                        <TableCell>{t('tries.outcome')}</TableCell>
                        <TableCell>{t('tries.called')}</TableCell>
                        <TableCell>{t('explain.sent_caller')}</TableCell>
                        <TableCell>{t('tries.target')}</TableCell>
                    </TableRow>
                </TableHead>
                <TableBody>
                    {tries.map((one, index) => (
                        <TableRow key={index}>
                            <TableCell sx={{ color: 'text.secondary' }}>{index + 1}.</TableCell>
                            <TableCell>
                                <CarrierName id={one.carrier} />
                            </TableCell>
                            <TableCell>
                                <Moment at={one.at} show="time" />
                            </TableCell>
                            <TableCell>
                                <Outcome one={one} />
                            </TableCell>
                            <TableCell>{one.called ? <code>{one.called}</code> : <Nothing />}</TableCell>
                            <TableCell>{one.caller ? <code>{one.caller}</code> : <Nothing />}</TableCell>
                            <TableCell sx={{ overflowWrap: 'anywhere' }}>{one.target ? <code>{one.target}</code> : <Nothing />}</TableCell>
                        </TableRow>
                    ))}
                </TableBody>
            </Table>
        </Section>
    );
}

/** What came of a try, in words. */
function Outcome({ one: { outcome, status } }: { one: Placed }) {
    const t = useT();
    const code = useCode();
    if (outcome == null) return <Badge tone="busy">{t('tries.lasts')}</Badge>;
    const meaning = status == null ? '' : code('sip_statuses', String(status), '');
    return (
        <>
            <Badge tone={TONES[outcome] ?? 'off'}>{code('try_outcomes', outcome)}</Badge>
            {status != null && outcome !== 'answered' && <span> {meaning ? t('tries.because', { meaning, status }) : status}</span>}
        </>
    );
}

/** A carrier by its name, with the way there for who may read it. */
export function CarrierName({ id }: { id: string | null | undefined }) {
    const can = useCan();
    const carriers = useCarriers();
    if (!id) return <Nothing />;
    const name = <bdi>{carriers.find((carrier) => carrier.id === id)?.name ?? `#${id}`}</bdi>;
    if (!can('trunks.read')) return name;
    return (
        <Link component={RouterLink} to={`/carriers/${id}`}>
            {name}
        </Link>
    );
}
