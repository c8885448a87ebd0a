import { useEffect, useState, useSyncExternalStore } from 'react';
import type { HeardAnswer, ListenSession } from '@/api/listening';
import { useClient } from '@/providers/services';
import { Hearing, type Gone, type HearingState } from './Hearing';
import type { Sound } from './sound/useSound';

/** How much of a call somebody has heard, told to the server while they listen. */
export interface Heard extends HearingState {
    /** Tells it now. */
    report: () => void;
    stop: (gone: Gone) => void;
}

/** Reports what is heard of a call: every few seconds while it plays, when it stops, when the tab is hidden, and when the page or the call is left. */
export function useHeard(callId: string, sound: Sound, taskId?: string): Heard {
    const client = useClient();
    const [hearing] = useState(
        () =>
            new Hearing({
                open: () => client.post<ListenSession>('/listening/sessions', { call_id: callId, ...(taskId !== undefined && { task_id: taskId }) }),
                report: (session, report, last) => client.put<HeardAnswer>(`/listening/sessions/${encodeURIComponent(session)}`, report, { last }),
            }),
    );
    const state = useSyncExternalStore(hearing.subscribe, () => hearing.state);
    const { heard, at, speed, playing } = sound;
    useEffect(() => {
        hearing.enter();
        const onHide = () => document.visibilityState === 'hidden' && void hearing.report();
        const onLeave = () => hearing.leave();
        // The page that was left may be gone back to as it was.
        const onBack = (event: PageTransitionEvent) => event.persisted && hearing.enter();
        document.addEventListener('visibilitychange', onHide);
        window.addEventListener('pagehide', onLeave);
        window.addEventListener('pageshow', onBack);
        return () => {
            document.removeEventListener('visibilitychange', onHide);
            window.removeEventListener('pagehide', onLeave);
            window.removeEventListener('pageshow', onBack);
            hearing.leave();
        };
    }, [hearing]);
    useEffect(() => hearing.note(heard, at * 1000, speed), [hearing, heard, at, speed]);
    useEffect(() => {
        if (!playing) return undefined;
        const timer = setInterval(() => void hearing.report(), hearing.everyMs);
        return () => {
            clearInterval(timer);
            void hearing.report();
        };
    }, [hearing, playing]);
    // What nobody has answered is told again also when nothing plays.
    const isAway = state.waitingMs > 0;
    useEffect(() => {
        if (!isAway || playing) return undefined;
        const timer = setInterval(() => void hearing.report(), hearing.everyMs);
        return () => clearInterval(timer);
    }, [hearing, isAway, playing]);
    return { ...state, report: () => void hearing.report(), stop: (gone) => hearing.stop(gone) };
}
