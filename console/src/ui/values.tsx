// How single values look: moments, lengths of time, numbers, states, people, yes and no, nothing.
import Box from '@mui/material/Box';
import Chip from '@mui/material/Chip';
import Tooltip from '@mui/material/Tooltip';
import { useGetManyAggregate } from 'ra-core';
import { useEffect, useState, type ReactNode } from 'react';
import type { Tone } from '@/app/theme';
import type { User } from '@/api/types';
import { useCan, useMe } from '@/access/me';
import { phone, useCode, useFormat } from '@/i18n';

/** Where there is nothing. Read out as nothing, too. */
export function Nothing() {
    return (
        <Box component="span" aria-hidden sx={{ color: 'text.disabled' }}>
            –
        </Box>
    );
}

/** A moment: short in a list, whole when one points at it. */
export function Moment({ at, show = 'short' }: { at: number | null | undefined; show?: 'short' | 'moment' | 'exact' | 'time' | 'ago' }) {
    const format = useFormat();
    const now = useNow(show === 'ago' ? 30_000 : undefined);
    if (at == null) return <Nothing />;
    return (
        <Tooltip title={`${format.exact(at)} ${format.zone()}`}>
            <time dateTime={new Date(at).toISOString()} style={{ whiteSpace: 'nowrap' }}>
                {show === 'ago' || show === 'short' ? format[show](at, now) : format[show](at)}
            </time>
        </Tooltip>
    );
}

/** A length of time in minutes and seconds. */
export function Length({ ms }: { ms: number | null | undefined }) {
    const format = useFormat();
    return ms == null ? <Nothing /> : <span>{format.duration(ms)}</span>;
}

/** How long something has lasted, ticking. */
export function Ticking({ since, until }: { since: number | null | undefined; until?: number | null }) {
    const format = useFormat();
    const now = useNow(since == null || until != null ? undefined : 1000);
    if (since == null) return <Nothing />;
    return <Box component="span" sx={{ fontVariantNumeric: 'tabular-nums' }}>{format.duration((until ?? now) - since)}</Box>;
}

/** What time it is, to so many milliseconds; without them, what time it was when the component came. */
export function useNow(everyMs: number | undefined): number {
    const [now, setNow] = useState(Date.now);
    useEffect(() => {
        if (everyMs === undefined) return undefined;
        setNow(Date.now());
        const timer = setInterval(() => setNow(Date.now()), everyMs);
        return () => clearInterval(timer);
    }, [everyMs]);
    return now;
}

/** A telephone number. It may come from a stranger's phone, so it is text and nothing but text; directions in it cannot turn the line. */
export function Phone({ number }: { number: string | null | undefined }) {
    if (!number) return <Nothing />;
    return (
        <bdi style={{ whiteSpace: 'nowrap' }} title={number}>
            {phone(number)}
        </bdi>
    );
}

export function Bytes({ value }: { value: number | null | undefined }) {
    const format = useFormat();
    return value == null ? <Nothing /> : <span>{format.bytes(value)}</span>;
}

export function Count({ value }: { value: number | null | undefined }) {
    const format = useFormat();
    return value == null ? <Nothing /> : <span>{format.number(value)}</span>;
}

/** A state in a word with its colour. The word alone says it all: colour is never the only sign. */
export function Badge({ tone, children, title }: { tone: Tone; children: ReactNode; title?: string }) {
    const chip = (
        <Chip
            size="small"
            label={children}
            sx={(theme) => ({
                height: 20,
                fontSize: '0.75rem',
                color: theme.palette.tones[tone],
                // No veil: the word can be read as well in a row that is picked or pointed at.
                bgcolor: `color-mix(in srgb, ${theme.palette.tones[tone]} ${theme.palette.mode === 'dark' ? 16 : 10}%, ${theme.palette.background.paper})`,
                '& .MuiChip-label': { px: '7px' },
            })}
        />
    );
    return title ? <Tooltip title={title}>{chip}</Tooltip> : chip;
}

/** A state by its code: the word from the texts under `prefix`, the colour from the table. */
export function CodeBadge({ prefix, code, tones }: { prefix: string; code: string | null | undefined; tones: Partial<Record<string, Tone>> }) {
    const text = useCode();
    if (!code) return <Nothing />;
    return <Badge tone={tones[code] ?? 'off'}>{text(prefix, code)}</Badge>;
}

/** A code in words. */
export function Code({ prefix, code }: { prefix: string; code: string | null | undefined }) {
    const text = useCode();
    if (!code) return <Nothing />;
    const words = text(prefix, code);
    return <span title={words.length > 24 ? words : undefined}>{words}</span>;
}

/** A person by their id: the name, if one may read people. */
export function Person({ id, name }: { id: string | null | undefined; name?: string | null }) {
    const can = useCan();
    const me = useMe();
    const isMe = Boolean(id) && id === me?.id;
    const ask = Boolean(id) && !name && !isMe && can('users.read');
    // Those of one page of a list are asked for together.
    const { data } = useGetManyAggregate<User>('users', { ids: [id ?? ''] }, { enabled: ask, retry: false, staleTime: 300_000, onError: () => undefined });
    const user = data?.[0];
    if (!id && !name) return <Nothing />;
    return <bdi>{name || (isMe && (me?.display_name || me?.username)) || user?.display_name || user?.username || `#${id}`}</bdi>;
}
