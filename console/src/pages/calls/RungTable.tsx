import Box from '@mui/material/Box';
import ButtonBase from '@mui/material/ButtonBase';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import { Fragment, useState } from 'react';
import type { Tone } from '@/app/theme';
import { useFormat, useT } from '@/i18n';
import { Moment } from '@/ui/values';
import { statusClass, type Rung, type Rungs } from './rungs';

/** From when on a pause between two messages is worth a look, in milliseconds. */
const PAUSE_MS = 1000;

const TONES: Record<number, Tone> = { 1: 'off', 2: 'good', 3: 'wait', 4: 'bad', 5: 'bad', 6: 'bad' };

/** A call's messages with their times; each opens to be read whole. */
export function RungTable({ ladder }: { ladder: Rungs }) {
    const t = useT();
    const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
    const toggle = (number: number) => setOpen((old) => (old.has(number) ? new Set([...old].filter((each) => each !== number)) : new Set([...old, number])));
    return (
        <Box sx={{ overflow: 'auto', maxHeight: 'max(320px, 75vh)' }}>
            <Table stickyHeader size="small" aria-label={t('ladder.title')}>
                <TableHead>
                    <TableRow>
                        <TableCell>{t('ladder.time')}</TableCell>
                        <TableCell align="right">{t('ladder.after')}</TableCell>
                        <TableCell align="right">{t('ladder.pause')}</TableCell>
                        <TableCell>{t('ladder.between')}</TableCell>
                        <TableCell sx={{ width: '50%' }}>{t('ladder.message')}</TableCell>
                    </TableRow>
                </TableHead>
                <TableBody>
                    {ladder.rungs.map((rung, index) => (
                        <Fragment key={rung.number}>
                            <LeftOut count={rung.number - (ladder.rungs[index - 1]?.number ?? 0) - 1} />
                            <TableRow hover>
                                <TableCell sx={{ fontVariantNumeric: 'tabular-nums' }}>{ladder.beganAt === undefined ? '' : <Moment at={ladder.beganAt + rung.afterMs} show="time" />}</TableCell>
                                <TableCell align="right" sx={{ fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }}>
                                    <Milliseconds ms={rung.afterMs} />
                                </TableCell>
                                <TableCell align="right" sx={{ fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }}>
                                    {index > 0 && <Pause ms={rung.afterMs - (ladder.rungs[index - 1]?.afterMs ?? 0)} />}
                                </TableCell>
                                <TableCell sx={{ whiteSpace: 'nowrap' }}>
                                    <Between rung={rung} />
                                </TableCell>
                                <TableCell>
                                    <ButtonBase aria-expanded={open.has(rung.number)} disabled={!rung.text} onClick={() => toggle(rung.number)} sx={{ font: 'inherit', textAlign: 'left', borderRadius: 0.5, px: 0.5, mx: -0.5 }}>
                                        <Label label={rung.label} />
                                    </ButtonBase>
                                    {rung.note && (
                                        <Box component="bdi" sx={{ color: 'text.secondary', ml: 1 }}>
                                            <Note text={rung.note} />
                                        </Box>
                                    )}
                                </TableCell>
                            </TableRow>
                            {open.has(rung.number) && (
                                <TableRow>
                                    <TableCell colSpan={5} sx={{ p: '0 !important' }}>
                                        <Box component="pre" tabIndex={0} sx={{ m: 0, p: 1.5, maxHeight: 420, overflow: 'auto', bgcolor: (theme) => theme.palette.quiet, fontSize: '0.75rem !important', lineHeight: 1.5 }}>
                                            {rung.text}
                                        </Box>
                                    </TableCell>
                                </TableRow>
                            )}
                        </Fragment>
                    ))}
                </TableBody>
            </Table>
        </Box>
    );
}

/** What the drawing says beside a message. */
function Note({ text }: { text: string }) {
    const t = useT();
    const [, again, way = ''] = /^(again)? ?(.*)$/.exec(text) ?? [];
    return <>{[again && t('ladder.again'), way === 'by yet another way' ? t('ladder.another_way') : way].filter(Boolean).join(' · ')}</>;
}

/** Messages that there was no room for have numbers, too. */
function LeftOut({ count }: { count: number }) {
    const t = useT();
    if (count <= 0) return null;
    return (
        <TableRow>
            <TableCell colSpan={5} sx={{ color: 'text.secondary', textAlign: 'center', bgcolor: (theme) => theme.palette.quiet }}>
                {t('ladder.left_out', { smart_count: count })}
            </TableCell>
        </TableRow>
    );
}

function Label({ label }: { label: string }) {
    const status = statusClass(label);
    return (
        <Box component="code" sx={{ fontWeight: 600, color: (theme) => (status === undefined ? undefined : theme.palette.tones[TONES[status] ?? 'off']) }}>
            {label}
        </Box>
    );
}

function Between({ rung }: { rung: Rung }) {
    const phone = <bdi>{rung.party || '?'}</bdi>;
    return (
        <>
            {rung.isIn ? phone : 'Cordboard'} → {rung.isIn ? 'Cordboard' : phone}
        </>
    );
}

function Milliseconds({ ms }: { ms: number }) {
    const t = useT();
    const format = useFormat();
    return <>{t('ladder.ms', { ms: format.number(ms) })}</>;
}

function Pause({ ms }: { ms: number }) {
    return (
        <Box component="span" sx={{ color: ms >= PAUSE_MS ? undefined : 'text.secondary', fontWeight: ms >= PAUSE_MS ? 600 : undefined }}>
            +<Milliseconds ms={ms} />
        </Box>
    );
}
