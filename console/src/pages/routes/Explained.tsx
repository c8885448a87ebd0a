import CheckCircle from '@mui/icons-material/CheckCircle';
import RemoveCircleOutline from '@mui/icons-material/RemoveCircleOutlined';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Link from '@mui/material/Link';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import type { ReactNode } from 'react';
import { Link as RouterLink } from 'react-router';
import type { Explanation, Origin, Try, Way } from '@/api/plan';
import { useCan } from '@/access/me';
import { phone, useCode, useFormat, useT } from '@/i18n';
import { Facts, Section } from '@/ui/page';
import { Sentence } from '@/ui/sentences';
import { CodeBadge, Nothing, Phone } from '@/ui/values';
import { STANDING_TONES } from '../carriers/standing';
import { SlotName } from '../calls/parts';
import { PlanWarningLine, WarningBox } from './Warnings';

/** What the server says of a call: how it read the numbers, which routes it looked at, and where the call goes. */
export function Explained({ explanation }: { explanation: Explanation }) {
    const t = useT();
    const code = useCode();
    const { question, from, to, kind, country, looked, more, passed, decision, warnings } = explanation;
    return (
        <>
            {warnings.length > 0 && (
                <WarningBox>
                    {warnings.map((warning, index) => (
                        <li key={index}>
                            <PlanWarningLine warning={warning} />
                        </li>
                    ))}
                </WarningBox>
            )}
            <Section title={t('explain.goes')}>
                <Goes way={decision.way} now={explanation.now} />
                <Box sx={{ mt: 1.5 }}>
                    <Facts
                        columns={2}
                        rows={[
                            [t('explain.decided_by'), <OriginName origin={decision.origin} name={looked.find(({ miss }) => miss == null)?.name} />],
                            decision.to !== to && [t('explain.rewritten'), <Phone number={decision.to} />],
                            Boolean(decision.scenario) && [t('columns.scenario'), <bdi>{decision.scenario}</bdi>],
                            Boolean(decision.source) && [t('carriers.source'), <bdi>{decision.source}</bdi>],
                        ]}
                    />
                </Box>
            </Section>
            <Section title={t('explain.steps')}>
                <Facts
                    columns={2}
                    rows={[
                        question.caller != null && [t('explain.slot_caller'), <Phone number={question.caller} />],
                        [t('explain.read_from'), from ? <Phone number={from} /> : t('explain.withheld')],
                        [
                            t('explain.read_to'),
                            <>
                                <Phone number={to} /> ({[code('number_kinds', kind), country && code('countries', country)].filter(Boolean).join(', ')})
                            </>,
                        ],
                    ]}
                />
                <Box component="ol" aria-label={t('explain.looked')} sx={{ listStyle: 'none', m: 0, p: 0, mt: 1.5 }}>
                    {looked.map((step, index) => (
                        <Step key={index} isTaken={step.miss == null} head={<OriginName origin={step.origin} name={step.name} />}>
                            {step.miss == null ? t('explain.matches') : code('misses', missCode(step.miss), step.miss)}
                        </Step>
                    ))}
                    {more > 0 && (
                        <Step isTaken={false} head={t('explain.more', { smart_count: more })}>
                            {t('explain.more_hint')}
                        </Step>
                    )}
                </Box>
                {passed.length > 0 && (
                    <Box sx={{ mt: 1.5, fontSize: '0.8125rem' }}>
                        {t('explain.passed')}
                        <Box component="ul" sx={{ m: 0, mt: 0.5, pl: 2.5 }}>
                            {/* A carrier that is named twice was passed over twice, and is told once. */}
                            {[...new Set(passed)].map((note) => (
                                <li key={note}>
                                    <Sentence text={note} />
                                </li>
                            ))}
                        </Box>
                    </Box>
                )}
            </Section>
        </>
    );
}

/** The server's sentence as a code of ours: its letters alone. */
function missCode(words: string): string {
    return words.toLowerCase().replace(/[^a-z]+/g, '_');
}

function Step({ isTaken, head, children }: { isTaken: boolean; head: ReactNode; children: ReactNode }) {
    const t = useT();
    const Icon = isTaken ? CheckCircle : RemoveCircleOutline;
    return (
        <Box component="li" sx={{ display: 'flex', gap: 1, alignItems: 'baseline', py: 0.5, fontSize: '0.8125rem', borderBottom: 1, borderColor: 'divider', '&:last-of-type': { borderBottom: 0 }, fontWeight: isTaken ? 600 : undefined }}>
            <Icon aria-label={isTaken ? t('common.yes') : t('common.no')} sx={{ fontSize: 16, alignSelf: 'center', color: isTaken ? (theme) => theme.palette.tones.good : 'text.disabled' }} />
            <Box sx={{ flex: '0 1 45%', minWidth: 0, overflowWrap: 'anywhere' }}>{head}</Box>
            <Box sx={{ flex: 1, color: isTaken ? undefined : 'text.secondary' }}>{children}</Box>
        </Box>
    );
}

function OriginName({ origin, name }: { origin: Origin | null | undefined; name?: string }) {
    const t = useT();
    const can = useCan();
    if (origin == null) return <>{t('explain.nothing_matched')}</>;
    if (origin === 'numbering') return <>{t('explain.numbering')}</>;
    if ('number' in origin) return <>{t('explain.by_number')}</>;
    const text = <bdi>{name || `#${origin.route}`}</bdi>;
    if (!can('routes.read')) return text;
    return (
        <Link component={RouterLink} to={`/routes/${origin.route}`}>
            {text}
        </Link>
    );
}

/** A call's way. */
function Goes({ way, now }: { way: Way; now: Explanation['now'] }) {
    const t = useT();
    const code = useCode();
    if (way.carriers) return <Tries tries={way.carriers} now={now} />;
    if (way.slots) {
        return (
            <>
                {t(way.slots.ring === 'in_turn' ? 'explain.rings_in_turn' : 'explain.rings', { seconds: way.slots.ring_s, smart_count: way.slots.slots.length })}{' '}
                {way.slots.slots.map((id, index) => (
                    <span key={id}>
                        {index > 0 && ', '}
                        <SlotName id={id} />
                    </span>
                ))}
            </>
        );
    }
    if (way.service !== undefined) return <>{t('explain.to_service', { number: phone(way.service) })}</>;
    if (way.refuse) {
        return (
            <Alert severity="error">
                <strong>{t('explain.nowhere', { cause: code('causes', way.refuse.cause) })}</strong> {code('remedies', way.refuse.cause, '')}
                {way.refuse.why && (
                    <Box sx={{ opacity: 0.85 }}>
                        {t('explain.because')} <Sentence text={way.refuse.why} />.
                    </Box>
                )}
            </Alert>
        );
    }
    if (!way.ask) return null;
    return (
        <>
            {t('explain.asks', { milliseconds: way.ask.deadline_ms })} <code>{way.ask.url}</code>
            <Box sx={{ mt: 1.5, mb: 0.5, fontWeight: 600, fontSize: '0.8125rem' }}>{t('routes.otherwise')}</Box>
            <Goes way={way.ask.default} now={now} />
        </>
    );
}

function Tries({ tries, now }: { tries: Try[]; now: Explanation['now'] }) {
    const t = useT();
    const format = useFormat();
    return (
        <Box sx={{ overflowX: 'auto' }}>
            <Table size="small" aria-label={t('explain.goes')}>
                <TableHead>
                    <TableRow>
                        <TableCell sx={{ width: 32 }} />
                        <TableCell>{t('explain.carrier')}</TableCell>
                        {now && <TableCell>{t('explain.now')}</TableCell>}
                        <TableCell>{t('explain.sent_to')}</TableCell>
                        <TableCell>{t('explain.sent_caller')}</TableCell>
                        <TableCell align="right">{t('explain.price')}</TableCell>
                    </TableRow>
                </TableHead>
                <TableBody>
                    {tries.map((one, index) => (
                        <TableRow key={one.carrier}>
                            <TableCell sx={{ color: 'text.secondary' }}>{index + 1}.</TableCell>
                            <TableCell>
                                <Link component={RouterLink} to={`/carriers/${one.carrier}`}>
                                    <bdi>{one.name}</bdi>
                                </Link>
                            </TableCell>
                            {now && (
                                <TableCell>
                                    <CodeBadge prefix="carrier_standings" code={now.carriers.find(({ carrier }) => carrier === one.carrier)?.standing} tones={STANDING_TONES} />
                                </TableCell>
                            )}
                            <TableCell>
                                <code>{one.to}</code>
                            </TableCell>
                            <TableCell>
                                <code>{one.caller}</code>
                            </TableCell>
                            <TableCell align="right">{one.per_minute == null ? <Nothing /> : format.money(Number(one.per_minute), one.currency)}</TableCell>
                        </TableRow>
                    ))}
                </TableBody>
            </Table>
        </Box>
    );
}
