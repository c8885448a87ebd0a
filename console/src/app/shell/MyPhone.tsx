import Call from '@mui/icons-material/Call';
import CallEnd from '@mui/icons-material/CallEnd';
import DialpadOutlined from '@mui/icons-material/DialpadOutlined';
import ExpandMore from '@mui/icons-material/ExpandMore';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import InputBase from '@mui/material/InputBase';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import Stack from '@mui/material/Stack';
import Typography from '@mui/material/Typography';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useCan } from '@/access/me';
import type { Call as CallType, Page, Slot } from '@/api/types';
import { phone, useCode, useT } from '@/i18n';
import { useMySlot } from '@/live/board';
import { isCallable, useSlotDeeds } from '@/live/deeds';
import { useClient } from '@/providers/services';
import { SLOT_TONES } from '@/ui/tones';
import { useTellProblem } from '@/ui/problems';
import { Badge, Ticking } from '@/ui/values';

/** One's own slot, wherever one is in the console: take it, call, hang up, let it go. */
export function MyPhone() {
    const can = useCan();
    const { slot, call } = useMySlot();
    if (!can('calls.start') || slot === undefined) return null;
    if (slot === null) return <TakeSlot />;
    return call ? <InCall slot={slot} call={call} /> : <Idle slot={slot} />;
}

function TakeSlot() {
    const t = useT();
    const client = useClient();
    const deeds = useSlotDeeds();
    const tellProblem = useTellProblem();
    const [anchor, setAnchor] = useState<HTMLElement | null>(null);
    const free = useQuery({
        queryKey: ['board', 'free'],
        queryFn: () => client.get<Page<Slot>>('/slots', { filter: JSON.stringify({ status: 'free' }), limit: 100, count: 'none' }),
        enabled: Boolean(anchor),
        staleTime: 0,
    });
    return (
        <>
            <Button variant="outlined" startIcon={<DialpadOutlined />} endIcon={<ExpandMore />} onClick={(event) => setAnchor(event.currentTarget)} aria-haspopup="menu">
                {t('my_phone.take')}
            </Button>
            <Menu anchorEl={anchor} open={Boolean(anchor)} onClose={() => setAnchor(null)} slotProps={{ paper: { sx: { minWidth: 240, maxHeight: 420 } } }}>
                {free.data?.items.map((slot) => (
                    <MenuItem
                        key={slot.id}
                        onClick={() => {
                            setAnchor(null);
                            deeds.take(slot).catch(tellProblem);
                        }}
                    >
                        <Box component="span" sx={{ flex: 1, fontWeight: 600 }}>
                            {slot.number}
                        </Box>
                        <Box component="span" sx={{ color: 'text.secondary' }}>
                            {t(`trunk_types.${slot.type}`)}
                        </Box>
                    </MenuItem>
                ))}
                {free.data?.items.length === 0 && (
                    <Typography variant="body2" sx={{ px: 2, py: 1, maxWidth: 260, color: 'text.secondary' }}>
                        {t('my_phone.none_free')}
                    </Typography>
                )}
                {free.isPending && <MenuItem disabled>{t('common.loading')}</MenuItem>}
            </Menu>
        </>
    );
}

function Idle({ slot }: { slot: Slot }) {
    const t = useT();
    const deeds = useSlotDeeds();
    const tellProblem = useTellProblem();
    const [number, setNumber] = useState('');
    const [busy, setBusy] = useState(false);
    const place = async () => {
        setBusy(true);
        try {
            await deeds.call(slot, number.trim());
            setNumber('');
        } catch (problem) {
            tellProblem(problem);
        } finally {
            setBusy(false);
        }
    };
    return (
        <Frame>
            <SlotMenu slot={slot} />
            <Box
                component="form"
                onSubmit={(event) => {
                    event.preventDefault();
                    if (isCallable(number)) void place();
                }}
                sx={{ display: 'flex', flex: 1, minWidth: 0 }}
            >
                <InputBase
                    value={number}
                    onChange={(event) => setNumber(event.target.value)}
                    placeholder={t('my_phone.number')}
                    inputProps={{ 'data-my-number': true, 'aria-label': t('my_phone.number'), inputMode: 'tel', maxLength: 40, autoComplete: 'off' }}
                    sx={{ flex: 1, minWidth: 0, width: 170, px: 1, fontSize: '0.875rem' }}
                />
                <Button type="submit" variant="contained" color="success" startIcon={<Call />} disabled={!isCallable(number)} loading={busy} sx={{ borderRadius: 0, flexShrink: 0 }}>
                    {t('my_phone.call')}
                </Button>
            </Box>
        </Frame>
    );
}

function InCall({ slot, call }: { slot: Slot; call: CallType }) {
    const t = useT();
    const code = useCode();
    const deeds = useSlotDeeds();
    const navigate = useNavigate();
    const tellProblem = useTellProblem();
    const [ending, setEnding] = useState(false);
    const other = call.caller_slot === slot.id ? call.callee : call.caller;
    return (
        <Frame>
            <SlotMenu slot={slot} />
            <Button color="inherit" onClick={() => void navigate(`/calls/${call.call_id}/show`)} sx={{ borderRadius: 0, gap: 1, minWidth: 0, overflow: 'hidden' }} title={t('my_phone.open_call')}>
                <bdi>{phone(other)}</bdi>
                {/* On a phone there is room for the number alone; the slot's own badge says how the call is. */}
                <Box component="span" sx={{ color: 'text.secondary', fontWeight: 450, display: { xs: 'none', sm: 'inline' } }}>
                    {code('call_statuses', call.status)}
                </Box>
                <Ticking since={call.answered_at ?? call.started_at} />
            </Button>
            <Button
                variant="contained"
                color="error"
                aria-label={t('my_phone.end')}
                startIcon={<CallEnd />}
                loading={ending}
                sx={{ borderRadius: 0, flexShrink: 0, minWidth: 44, '& .MuiButton-startIcon': { mr: { xs: 0, sm: 1 } } }}
                onClick={() => {
                    setEnding(true);
                    deeds
                        .end(call.call_id)
                        .catch(tellProblem)
                        .finally(() => setEnding(false));
                }}
            >
                <Box component="span" sx={{ display: { xs: 'none', sm: 'inline' } }}>
                    {t('my_phone.end')}
                </Box>
            </Button>
        </Frame>
    );
}

function SlotMenu({ slot }: { slot: Slot }) {
    const t = useT();
    const code = useCode();
    const deeds = useSlotDeeds();
    const navigate = useNavigate();
    const tellProblem = useTellProblem();
    const [anchor, setAnchor] = useState<HTMLElement | null>(null);
    return (
        <>
            <Button color="inherit" onClick={(event) => setAnchor(event.currentTarget)} aria-haspopup="menu" endIcon={<ExpandMore sx={{ ml: -0.5 }} />} sx={{ borderRadius: 0, gap: 0.75, flexShrink: 0 }}>
                {slot.number}
                <Badge tone={SLOT_TONES[slot.state]}>{code('slot_states', slot.state)}</Badge>
            </Button>
            <Menu anchorEl={anchor} open={Boolean(anchor)} onClose={() => setAnchor(null)}>
                <MenuItem
                    onClick={() => {
                        setAnchor(null);
                        void navigate(`/slots/${slot.id}/show`);
                    }}
                >
                    {t('my_phone.open_slot')}
                </MenuItem>
                <MenuItem
                    onClick={() => {
                        setAnchor(null);
                        deeds.release(slot).catch(tellProblem);
                    }}
                >
                    {t('my_phone.release')}
                </MenuItem>
            </Menu>
        </>
    );
}

function Frame({ children }: { children: React.ReactNode }) {
    const t = useT();
    return (
        <Stack
            direction="row"
            role="group"
            aria-label={t('my_phone.title')}
            sx={{ border: 1, borderColor: 'divider', borderRadius: 1, overflow: 'hidden', alignItems: 'stretch', height: 34, maxWidth: '100%', '& .MuiButton-root': { minHeight: 0, whiteSpace: 'nowrap' } }}
        >
            {children}
        </Stack>
    );
}
