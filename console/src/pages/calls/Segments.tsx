import Box from '@mui/material/Box';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import type { Call } from '@/api/types';
import { useT } from '@/i18n';
import { Section } from '@/ui/page';
import { Length, Moment, Person, Ticking, useNow } from '@/ui/values';
import { SlotName } from './parts';
import { partOf } from './timeline';

/** Who served a call, one after the other: more than one if it was transferred. */
export function SegmentsSection({ call }: { call: Pick<Call, 'segments' | 'answered_at' | 'ended_at'> }) {
    const t = useT();
    const now = useNow(call.ended_at == null ? 1000 : undefined);
    const { segments } = call;
    if (!segments?.length) return null;
    const isMany = segments.length > 1;
    return (
        <Section title={t('calls.segments')} about={isMany ? t('calls.segments_many', { smart_count: segments.length - 1 }) : t('calls.segments_about')} flush>
            <Table size="small" aria-label={t('calls.segments')}>
                <TableHead>
                    <TableRow>
                        <TableCell>{t('columns.user')}</TableCell>
                        <TableCell>{t('columns.slot')}</TableCell>
                        {isMany && <TableCell sx={{ width: '28%' }}>{t('calls.when')}</TableCell>}
                        <TableCell>{t('calls.from')}</TableCell>
                        <TableCell>{t('calls.to')}</TableCell>
                        <TableCell align="right">{t('calls.served')}</TableCell>
                        <TableCell align="right">{t('calls.hold')}</TableCell>
                    </TableRow>
                </TableHead>
                <TableBody>
                    {segments.map((segment, index) => (
                        <TableRow key={index}>
                            <TableCell>
                                <Person id={segment.user} />
                            </TableCell>
                            <TableCell>
                                <SlotName id={segment.slot} />
                            </TableCell>
                            {isMany && (
                                <TableCell>
                                    <Lane {...partOf(segment, call, now)} />
                                </TableCell>
                            )}
                            <TableCell>
                                <Moment at={segment.from} show="time" />
                            </TableCell>
                            <TableCell>{segment.to == null && call.ended_at == null ? t('calls.still') : <Moment at={segment.to} show="time" />}</TableCell>
                            <TableCell align="right">
                                <Ticking since={segment.from} until={segment.to ?? call.ended_at} />
                            </TableCell>
                            <TableCell align="right">
                                <Length ms={segment.hold_ms} />
                            </TableCell>
                        </TableRow>
                    ))}
                </TableBody>
            </Table>
        </Section>
    );
}

/** A stretch of the conversation, in its place. The times beside it say the same. */
function Lane({ start, share }: { start: number; share: number }) {
    return (
        <Box aria-hidden sx={{ position: 'relative', height: 8, minWidth: 120, borderRadius: 1, overflow: 'hidden', bgcolor: (theme) => theme.palette.line }}>
            <Box sx={{ position: 'absolute', top: 0, bottom: 0, left: `${start * 100}%`, width: `${share * 100}%`, minWidth: 4, bgcolor: (theme) => theme.palette.tones.good, borderRadius: 1 }} />
        </Box>
    );
}
