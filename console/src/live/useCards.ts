import { useQuery } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useSyncExternalStore } from 'react';
import { useCan, useMe } from '@/access/me';
import type { CallCard, ScreenGone, ScreenPop } from '@/api/desk';
import type { Call, LiveEvent } from '@/api/types';
import { useClient } from '@/providers/services';
import { DraftsContext } from '@/ui/crm/drafts';
import { useMySlot } from './board';
import { Cards, type Card } from './cards';
import { useResync, useTopic } from './hooks';

/** How long a card that rings here no more is still seen, in milliseconds. */
const ANSWERED_MS = 3_000;
const GIVEN_UP_MS = 5_000;

export const CardsContext = createContext(new Cards());

/** The cards that there are, the one that is looked at, and what can be done with them. */
export function useCards() {
    const cards = useContext(CardsContext);
    const shot = useSyncExternalStore(cards.onChange, cards.snapshot);
    return { ...shot, cards };
}

/** Under which key of the drafts the note on a call is kept. */
export const draftOf = (callId: string) => `call:${callId}`;

/** Whether somebody works at the desk: whoever calls, and writes down what came of it. */
export function useHasDesk(): boolean {
    const can = useCan();
    return can('calls.start') && can('calls.read') && can('notes.create');
}

/** Keeps the cards in step with what happens; one of these is there for the whole console. */
export function useFollowCards(cards: Cards): void {
    const client = useClient();
    const me = useMe();
    const { slot, call } = useMySlot();
    const drafts = useContext(DraftsContext);
    const mine = { slot: slot?.id, user: me?.id };
    useTopic('screens', (event: LiveEvent) => {
        if (event.type === 'screen.pop' && event.data) cards.pop(event.data as ScreenPop, event.ts);
        if (event.type === 'screen.gone' && event.data) cards.gone(event.data as ScreenGone, event.ts);
    });
    useTopic('calls', (event: LiveEvent) => {
        if (event.type === 'call.update' && event.data) cards.call(event.data as Call, mine, event.ts);
    });
    // A call that was there before the page was.
    useEffect(() => {
        if (call) cards.call(call, { slot: slot?.id, user: me?.id }, Date.now());
    }, [cards, call, slot?.id, me?.id]);
    // What has become of calls while nothing was heard.
    useResync(() => {
        for (const { callId, state } of cards.all) {
            if (state !== 'after') client.get<Call>(`/calls/${callId}`).then((now) => cards.call(now, mine, Date.now())).catch(() => undefined);
        }
    });
    const { all } = useSyncExternalStore(cards.onChange, cards.snapshot);
    const gone = all.filter(({ state }) => state === 'gone').map(({ callId, why }) => `${callId} ${why}`).join();
    useEffect(() => {
        const timers = gone.split(',').flatMap((each) => {
            const [callId, why] = each.split(' ');
            if (!callId) return [];
            return [setTimeout(() => (drafts.get(draftOf(callId)).trim() ? cards.keep(callId) : cards.finish(callId)), why === 'answered' ? ANSWERED_MS : GIVEN_UP_MS)];
        });
        return () => timers.forEach(clearTimeout);
    }, [gone, cards, drafts]);
}

/** Whom a call is with: each part by one's own right. Asked for again when it was looked up. */
export function useCallCard(card: Card | undefined) {
    const client = useClient();
    return useQuery({
        queryKey: ['crm', 'card', card?.callId, card?.complete],
        queryFn: ({ signal }) => client.get<CallCard>(`/calls/${card?.callId}/card`, undefined, signal),
        enabled: card !== undefined && card.state !== 'gone',
        placeholderData: (before) => (before?.call_id === card?.callId ? before : undefined),
        staleTime: 10_000,
        retry: 1,
    });
}
