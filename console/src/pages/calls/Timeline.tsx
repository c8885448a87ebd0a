import Box from '@mui/material/Box';
import Tooltip from '@mui/material/Tooltip';
import { alpha } from '@mui/material/styles';
import type { Call } from '@/api/types';
import type { Tone } from '@/app/theme';
import { useFormat, useT } from '@/i18n';
import { Moment, useNow } from '@/ui/values';
import { stretches, type Stretch } from './timeline';

const TONES: Record<Stretch['kind'], Tone> = { dialing: 'off', ringing: 'wait', talking: 'good' };

/** How a call went, drawn to scale: dialling, ringing, talking. */
export function Timeline({ call }: { call: Call }) {
    const t = useT();
    const format = useFormat();
    const parts = stretches(call, useNow(call.ended_at == null ? 1000 : undefined));
    const total = parts.reduce((sum, { from, to }) => sum + to - from, 0) || 1;
    return (
        <Box>
            <Box sx={{ display: 'flex', gap: '2px', height: 30, borderRadius: 1, overflow: 'hidden' }} role="img" aria-label={parts.map(({ kind, from, to }) => `${t(`calls.stretches.${kind}`)} ${format.duration(to - from)}`).join(', ')}>
                {parts.map(({ kind, from, to }) => (
                    <Tooltip key={kind} title={`${t(`calls.stretches.${kind}`)}: ${format.duration(to - from)}`}>
                        <Box
                            aria-hidden
                            sx={(theme) => ({
                                // However short, a stretch can be seen and pointed at.
                                flex: `${Math.max((to - from) / total, 0.02)} 1 0`,
                                minWidth: 8,
                                bgcolor: alpha(theme.palette.tones[TONES[kind]], theme.palette.mode === 'dark' ? 0.4 : 0.28),
                                borderLeft: `3px solid ${theme.palette.tones[TONES[kind]]}`,
                                display: 'flex',
                                alignItems: 'center',
                                px: 1,
                                fontSize: '0.75rem',
                                fontWeight: 600,
                                whiteSpace: 'nowrap',
                                overflow: 'hidden',
                            })}
                        >
                            {(to - from) / total > 0.16 && `${t(`calls.stretches.${kind}`)} ${format.duration(to - from)}`}
                        </Box>
                    </Tooltip>
                ))}
            </Box>
            <Box sx={{ display: 'flex', flexWrap: 'wrap', columnGap: 3, rowGap: 0.5, mt: 1, fontSize: '0.8125rem', color: 'text.secondary' }}>
                {(
                    [
                        ['columns.started_at', call.started_at],
                        ['columns.ringing_at', call.ringing_at],
                        ['columns.answered_at', call.answered_at],
                        ['columns.ended_at', call.ended_at],
                    ] as const
                ).map(
                    ([label, at]) =>
                        at != null && (
                            <span key={label}>
                                {t(label)}{' '}
                                <Box component="span" sx={{ color: 'text.primary' }}>
                                    <Moment at={at} show="time" />
                                </Box>
                            </span>
                        ),
                )}
            </Box>
        </Box>
    );
}
