import Box from '@mui/material/Box';
import Tab from '@mui/material/Tab';
import Tabs from '@mui/material/Tabs';
import { useState } from 'react';
import { phone, useT } from '@/i18n';
import { useMySlot } from '@/live/board';
import { useSlotDeeds } from '@/live/deeds';
import { useCallCard, useCards } from '@/live/useCards';
import type { Card } from '@/live/cards';
import { Confirm } from '@/ui/confirm';
import { useWho } from '@/ui/crm/who';
import { useKeys } from '@/ui/keys/useKeys';
import { PageHead } from '@/ui/page';
import { Before } from './Before';
import { CallCardView } from './CallCardView';
import { Idle } from './Idle';
import { NoLive } from './NoLive';
import { Promised } from './Promised';
import { SlotBox } from './SlotBox';
import { ToCallBack } from './ToCallBack';

/** Where an operator works: the calls that they have, whom these are with, and whom to call back. */
export function DeskPage() {
    const t = useT();
    const { all, current, cards } = useCards();
    const { call } = useMySlot();
    const deeds = useSlotDeeds();
    const [ending, setEnding] = useState(false);
    const { data, error, refetch } = useCallCard(current);
    useKeys(t('nav.desk'), [
        { on: 'KeyD', what: t('my_phone.number'), do: () => document.querySelector<HTMLElement>('[data-my-number]')?.focus() },
        ...(call ? [{ on: 'KeyE', what: t('my_phone.end'), do: () => setEnding(true) }] : []),
        ...(all.length > 1 ? all.map((card, index) => ({ on: `Digit${index + 1}`, what: t('desk.card_of', { number: phone(card.number) || '–' }), do: () => cards.select(card.callId) })) : []),
    ]);
    return (
        <Box sx={{ height: '100%', overflow: 'auto', p: { xs: 1.5, md: 2 }, pb: 1 }}>
            <PageHead title={t('nav.desk')} />
            <NoLive />
            <Box sx={{ display: 'grid', gap: 1.5, alignItems: 'start', gridTemplateColumns: { xs: 'minmax(0, 1fr)', md: 'minmax(220px, 264px) minmax(0, 1fr)', lg: 'minmax(220px, 264px) minmax(0, 1fr) minmax(240px, 300px)' } }}>
                <Box sx={{ order: { xs: 2, md: 0 } }}>
                    <SlotBox />
                    <ToCallBack />
                    <Promised />
                </Box>
                <Box sx={{ minWidth: 0 }}>
                    {all.length > 1 && current && (
                        <Tabs value={current.callId} onChange={(_, callId: string) => cards.select(callId)} variant="scrollable" aria-label={t('desk.cards')} sx={{ mb: 1 }}>
                            {all.map((card, index) => (
                                <Tab key={card.callId} value={card.callId} label={<CardName card={card} index={index} />} id={`card-${card.callId}`} />
                            ))}
                        </Tabs>
                    )}
                    {current ? <CallCardView key={current.callId} card={current} data={data} error={error} onRetry={() => void refetch()} /> : <Idle />}
                </Box>
                <Box sx={{ gridColumn: { md: '2', lg: '3' }, minWidth: 0 }}>{current && <Before key={current.callId} card={current} data={data} />}</Box>
            </Box>
            <Confirm open={ending && call !== undefined} danger title={t('calls.end_title')} action={t('my_phone.end')} onClose={() => setEnding(false)} onConfirm={() => (call ? deeds.end(call.call_id) : Promise.resolve())}>
                {t('calls.end_text')}
            </Confirm>
        </Box>
    );
}

function CardName({ card, index }: { card: Card; index: number }) {
    const t = useT();
    const who = useWho();
    const name = card.candidates.map(who).find(Boolean);
    return (
        <span>
            <Box component="kbd" aria-hidden sx={{ mr: 0.75, color: 'text.secondary' }}>
                {index + 1}
            </Box>
            <bdi>{name ?? (phone(card.number) || t('desk.no_number'))}</bdi>
            <Box component="span" sx={{ color: 'text.secondary', ml: 0.75 }}>
                {t(`card_states.${card.state}`)}
            </Box>
        </span>
    );
}
