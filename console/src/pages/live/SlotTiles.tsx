import DialpadOutlined from '@mui/icons-material/DialpadOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import ButtonBase from '@mui/material/ButtonBase';
import Skeleton from '@mui/material/Skeleton';
import { alpha } from '@mui/material/styles';
import { memo } from 'react';
import { Link, useNavigate } from 'react-router';
import { useCan, useMe } from '@/access/me';
import type { Call, Slot, TrunkType } from '@/api/types';
import { phone, useCode, useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { Section } from '@/ui/page';
import { SLOT_STATUS_TONES } from '@/ui/tones';
import { Ticking } from '@/ui/values';
import { useSlotStatus } from '../slots/status';

const TYPES: TrunkType[] = ['auto', 'mf', 'ls'];

/** Every slot as a tile, by kind of hub. */
export function SlotTiles({ slots, calls, isNarrowed }: { slots: Slot[] | undefined; calls: Call[] | undefined; isNarrowed: boolean }) {
    const t = useT();
    const code = useCode();
    const can = useCan();
    if (!slots) {
        return (
            <Section title={t('nav.slots')}>
                <Grid>
                    {Array.from({ length: 24 }, (_, index) => (
                        <Skeleton key={index} variant="rounded" height={64} />
                    ))}
                </Grid>
            </Section>
        );
    }
    if (slots.length === 0) {
        return (
            <Section>
                <Empty
                    icon={DialpadOutlined}
                    title={isNarrowed ? t('list.nothing_matches') : t('slots.empty')}
                    hint={isNarrowed ? undefined : t('slots.empty_hint')}
                    action={
                        !isNarrowed &&
                        can('trunks.create') && (
                            <Button component={Link} to="/trunks/create" variant="contained">
                                {t('trunks.create')}
                            </Button>
                        )
                    }
                />
            </Section>
        );
    }
    const callOf = new Map<string, Call>();
    for (const call of calls ?? []) {
        for (const slot of [call.caller_slot, call.callee_slot]) if (slot) callOf.set(slot, call);
    }
    return TYPES.map((type) => {
        const its = slots.filter((slot) => slot.type === type);
        if (its.length === 0) return null;
        return (
            <Section key={type} title={code('trunk_types', type)}>
                <Grid>
                    {its.map((slot) => (
                        <Tile key={slot.id} slot={slot} call={callOf.get(slot.id)} />
                    ))}
                </Grid>
            </Section>
        );
    });
}

function Grid({ children }: { children: React.ReactNode }) {
    return <Box sx={{ display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(168px, 1fr))', gap: 1 }}>{children}</Box>;
}

const Tile = memo(function Tile({ slot, call }: { slot: Slot; call: Call | undefined }) {
    const t = useT();
    const code = useCode();
    const me = useMe();
    const status = useSlotStatus();
    const navigate = useNavigate();
    const tone = SLOT_STATUS_TONES[slot.status];
    const isMine = slot.holder != null && slot.holder === me?.id;
    const other = call && (call.caller_slot === slot.id ? call.callee : call.caller);
    return (
        <ButtonBase
            onClick={() => void navigate(call ? `/calls/${call.call_id}/show` : `/slots/${slot.id}/show`)}
            sx={(theme) => ({
                display: 'block',
                textAlign: 'left',
                p: '7px 10px',
                minHeight: 66,
                borderRadius: 1,
                border: '1px solid',
                borderColor: isMine ? theme.palette.primary.main : theme.palette.divider,
                borderLeft: `4px solid ${alpha(theme.palette.tones[tone], tone === 'off' ? 0.45 : 1)}`,
                bgcolor: slot.status === 'busy' ? alpha(theme.palette.tones.busy, theme.palette.mode === 'dark' ? 0.16 : 0.07) : 'background.paper',
                '&:hover': { bgcolor: 'action.hover' },
            })}
        >
            <Box sx={{ display: 'flex', alignItems: 'baseline', gap: 1 }}>
                <Box component="span" sx={{ fontWeight: 680, fontSize: '0.9375rem', color: slot.status === 'disabled' ? 'text.secondary' : undefined }}>
                    {slot.number}
                </Box>
                {isMine && (
                    <Box component="span" sx={{ fontSize: '0.6875rem', fontWeight: 650, color: 'primary.main' }}>
                        {t('live.mine')}
                    </Box>
                )}
                {/* What stands here is the button's name; a clock that runs is none of it. */}
                <Box component="span" aria-hidden sx={{ ml: 'auto', fontSize: '0.75rem', color: 'text.secondary' }}>
                    <Ticking since={call ? (call.answered_at ?? call.started_at) : slot.since} />
                </Box>
            </Box>
            <Box sx={{ fontSize: '0.75rem', color: (theme) => theme.palette.tones[tone], fontWeight: 600, whiteSpace: 'nowrap', overflow: 'hidden', textOverflow: 'ellipsis' }}>
                {call ? (
                    <bdi>
                        {call.caller_slot === slot.id ? '→' : '←'} {phone(other ?? '')}
                    </bdi>
                ) : (
                    code('slot_statuses', status(slot))
                )}
            </Box>
            <Box sx={{ fontSize: '0.75rem', color: 'text.secondary', minHeight: '1.4em', whiteSpace: 'nowrap', overflow: 'hidden', textOverflow: 'ellipsis' }}>
                <bdi>{slot.holder_name ?? ''}</bdi>
            </Box>
        </ButtonBase>
    );
});
