import { useCallback, useEffect, useEffectEvent, useMemo, useRef, useState, type ReactNode } from 'react';
import { useSettings } from '@/access/settings';
import { useT } from '@/i18n';
import { KeysHelp } from './KeysHelp';
import { Registry, type Key, type Scope } from './registry';
import { KeysContext } from './useKeys';

/** Listens for the keys of everything in it. `always` are those that there are on every page; the help is one more. */
export function Keys({ always, children }: { always: readonly Key[]; children: ReactNode }) {
    const t = useT();
    const letters = useSettings()[0].letterKeys !== false;
    const [shown, setShown] = useState<{ open: boolean; scopes: Scope[] }>({ open: false, scopes: [] });
    const base = useRef<Scope>({ title: '', keys: [] });
    const [registry] = useState(
        () =>
            new Registry({
                get title() {
                    return base.current.title;
                },
                get keys() {
                    return base.current.keys;
                },
            }),
    );
    const help = useCallback(() => setShown({ open: true, scopes: registry.inForce(letters) }), [registry, letters]);
    useEffect(() => {
        base.current = { title: t('keys.everywhere'), keys: [...always, { on: 'Question', what: t('keys.help'), do: help }] };
    });
    const onKey = useEffectEvent((event: KeyboardEvent) => {
        if (event.defaultPrevented) return;
        const key = registry.find(event, letters);
        if (!key) return;
        event.preventDefault();
        if (!event.repeat || key.repeats) key.do();
    });
    useEffect(() => {
        const listen = (event: KeyboardEvent) => onKey(event);
        document.addEventListener('keydown', listen);
        return () => document.removeEventListener('keydown', listen);
    }, []);
    const value = useMemo(() => ({ registry, help }), [registry, help]);
    return (
        <KeysContext value={value}>
            {children}
            <KeysHelp {...shown} letters={letters} onClose={() => setShown({ ...shown, open: false })} />
        </KeysContext>
    );
}
