import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type AudioHTMLAttributes, type RefObject } from 'react';
import type { Recording, Ticket } from '@/api/types';
import { useClient } from '@/providers/services';
import { rangesOf, union, type Range } from '../heard';

/** How often in a row a new ticket is asked for before it counts as broken. */
const RENEWALS_MAX = 2;

/** A recording that can be heard. Moments are seconds of its own time. */
export interface Sound {
    /** What plays it: `<audio ref={element} {...props} />`. */
    element: RefObject<HTMLAudioElement | null>;
    props: AudioHTMLAttributes<HTMLAudioElement>;
    /** Where it is fetched, as long as the ticket is good. */
    url: string | undefined;
    /** Why there is no ticket, if there is none. */
    refused: Error | null;
    /** Whether it cannot be played, also with a new ticket. */
    broken: boolean;
    playing: boolean;
    at: number;
    length: number;
    speed: number;
    /** What was really rendered since it was opened, over all tickets. */
    heard: readonly Range[];
    toggle: () => void;
    seek: (to: number) => void;
    jump: (by: number) => void;
    setSpeed: (speed: number) => void;
    /** Ends it for good: also what the browser has fetched already is heard no more. */
    stop: () => void;
    tryAgain: () => void;
}

/** A recording's sound: its ticket and the next one, where one is, how fast, what was heard of it, and why it stopped. */
export function useSound(callId: string, recording: Recording, { autoplay = false, speed: first = 1 }: { /** Whether it plays as soon as it is there. */ autoplay?: boolean; speed?: number } = {}): Sound {
    const client = useClient();
    const element = useRef<HTMLAudioElement>(null);
    const renewals = useRef(0);
    /** Where to go on, and whether to, when the sound has been fetched by a new ticket. */
    const resume = useRef<{ at: number; plays: boolean } | undefined>(autoplay ? { at: 0, plays: true } : undefined);
    const [playing, setPlaying] = useState(false);
    const [at, setAt] = useState(0);
    const [length, setLength] = useState(recording.duration_ms / 1000);
    const [speed, setSpeed] = useState(first);
    const [broken, setBroken] = useState(false);
    const [stopped, setStopped] = useState(false);
    const [heard, setHeard] = useState<readonly Range[]>([]);
    const ticket = useQuery({ queryKey: ['calls', callId, 'ticket', recording.state], queryFn: () => client.post<Ticket>(`/calls/${encodeURIComponent(callId)}/recording/token`), staleTime: Infinity, gcTime: 0, retry: 1, enabled: !stopped });
    const url = stopped ? undefined : ticket.data?.url;

    useEffect(() => {
        if (!element.current) return;
        element.current.playbackRate = speed;
        element.current.preservesPitch = true;
    }, [speed, url]);

    const seek = (to: number) => {
        const audio = element.current;
        if (!audio) return;
        audio.currentTime = Math.min(Math.max(0, to), Number.isFinite(audio.duration) ? audio.duration : length);
        setAt(audio.currentTime);
    };
    const play = () => {
        // A pause that comes before the sound is there ends the attempt, which is no failure.
        element.current?.play().catch((problem: unknown) => problem instanceof DOMException && problem.name !== 'AbortError' && setBroken(true));
    };
    // The element forgets what it played when it gets another source, so it is asked all the time.
    const note = () => {
        const played = element.current?.played;
        if (played) setHeard((before) => union(before, rangesOf(played)));
    };
    // A ticket runs out while one listens: with a new one it goes on where it stopped.
    const onError = () => {
        note();
        if (stopped) return;
        renewals.current += 1;
        if (renewals.current > RENEWALS_MAX) {
            setBroken(true);
            return;
        }
        resume.current = { at, plays: playing };
        void ticket.refetch();
    };
    const onLoadedMetadata = () => {
        renewals.current = 0;
        setBroken(false);
        const audio = element.current;
        if (!audio) return;
        if (Number.isFinite(audio.duration)) setLength(audio.duration);
        audio.playbackRate = speed;
        if (resume.current) {
            audio.currentTime = resume.current.at;
            if (resume.current.plays) play();
            resume.current = undefined;
        }
    };
    return {
        element,
        props: {
            src: url,
            preload: 'metadata',
            onLoadedMetadata,
            onError,
            onPlay: () => setPlaying(true),
            onPause: () => {
                setPlaying(false);
                note();
            },
            onTimeUpdate: (event) => {
                setAt(event.currentTarget.currentTime);
                note();
            },
        },
        url,
        refused: ticket.error,
        broken,
        playing,
        at,
        length,
        speed,
        heard,
        toggle: () => {
            if (element.current?.paused) play();
            else element.current?.pause();
        },
        seek,
        jump: (by) => seek((element.current?.currentTime ?? 0) + by),
        setSpeed,
        stop: () => {
            const audio = element.current;
            note();
            setStopped(true);
            if (!audio) return;
            audio.pause();
            // Without a source and loaded anew it drops what it has; by a pause alone it could go on to the end of that.
            audio.removeAttribute('src');
            audio.load();
        },
        tryAgain: () => {
            renewals.current = 0;
            setBroken(false);
            void ticket.refetch();
        },
    };
}
