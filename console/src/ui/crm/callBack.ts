import { useQueryClient } from '@tanstack/react-query';
import { useMe } from '@/access/me';
import { CLAIM_MS, type MissedCall } from '@/api/desk';
import { useT } from '@/i18n';
import { useMySlot } from '@/live/board';
import { useSlotDeeds } from '@/live/deeds';
import { useClient } from '@/providers/services';
import { Problem } from '@/providers/problem';
import { useTellProblem } from '../problems';
import { useNotify } from 'ra-core';

/** Calls that nobody answered, one for each who called: the newest of theirs, and how many there were. */
export function byCaller(calls: readonly MissedCall[]): { newest: MissedCall; times: number }[] {
    const callers = new Map<string, { newest: MissedCall; times: number }>();
    for (const call of calls) {
        const known = callers.get(call.number);
        if (!known) callers.set(call.number, { newest: call, times: 1 });
        else callers.set(call.number, { newest: known.newest.at >= call.at ? known.newest : call, times: known.times + 1 });
    }
    return [...callers.values()].toSorted((a, b) => b.newest.at - a.newest.at);
}

/** Who is about to call back, if somebody is: a claim ends by itself. */
export function claimOf(call: MissedCall, now: number): string | undefined {
    return call.claimed_by && call.claimed_at && now - call.claimed_at < CLAIM_MS ? call.claimed_by : undefined;
}

/** What is done about calls that nobody answered. */
export function useMissedDeeds() {
    const t = useT();
    const client = useClient();
    const queries = useQueryClient();
    const notify = useNotify();
    const tellProblem = useTellProblem();
    const deeds = useSlotDeeds();
    const me = useMe();
    const { slot, call } = useMySlot();
    const canCall = slot != null && slot.state === 'READY' && !call;
    const act = async (missed: MissedCall, what: 'claim' | 'dismiss') => {
        try {
            await client.post(`/missed-calls/${missed.call_id}/${what}`);
        } finally {
            void queries.invalidateQueries({ queryKey: ['missed-calls', 'getList'] });
        }
    };
    return {
        canCall,
        isMine: (missed: MissedCall, now: number) => claimOf(missed, now) === me?.id,
        /** Says to colleagues that one is about to, and calls by one's own slot. */
        callBack: async (missed: MissedCall) => {
            if (!slot || !canCall) return;
            try {
                await act(missed, 'claim');
                await deeds.call(slot, missed.number);
            } catch (problem) {
                // Somebody else was first.
                if (problem instanceof Problem && problem.code === 'wrong_state') notify(t('missed.taken_now'), { type: 'warning', messageArgs: { _: t('missed.taken_now') } });
                else tellProblem(problem);
            }
        },
        dismiss: (missed: MissedCall) => act(missed, 'dismiss').catch(tellProblem),
    };
}
