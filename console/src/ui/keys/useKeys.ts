import { createContext, useContext, useEffect, useLayoutEffect, useRef, type RefObject } from 'react';
import { Registry, type Key } from './registry';

/** Where keys are kept, and how their help is opened. Where nobody listens (a part by itself) they do nothing. */
export const KeysContext = createContext<{ registry: Registry; help: () => void }>({ registry: new Registry({ title: '', keys: [] }), help: () => undefined });

/** Keys that do something by themselves for as long as this is on the screen. `root` is what they are for, if that is a part of the page. */
export function useKeys(title: string, keys: readonly Key[], root?: RefObject<Element | null>): void {
    const { registry } = useContext(KeysContext);
    const latest = useRef({ title, keys });
    useLayoutEffect(() => {
        latest.current = { title, keys };
    });
    useEffect(
        () =>
            registry.add({
                get title() {
                    return latest.current.title;
                },
                get keys() {
                    return latest.current.keys;
                },
                get root() {
                    return root?.current;
                },
            }),
        [registry, root],
    );
}

/** Opens the help that says which keys are in force. */
export function useKeysHelp(): () => void {
    return useContext(KeysContext).help;
}
