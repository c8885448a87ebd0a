import { createContext, useContext, useEffect, useRef, type RefObject } from 'react';
import { useLocation } from 'react-router';

/** Knows the page that somebody arrived at last. */
export class Arrivals {
    #last: string | undefined;

    /** Whether somebody has come to this page from another one just now. The first page is nobody's arrival. */
    at(path: string): boolean {
        const isNew = this.#last !== undefined && this.#last !== path;
        this.#last = path;
        return isNew;
    }
}

/** The shell keeps it over all pages. Where there is no shell, nobody arrives. */
export const ArrivalContext = createContext<Arrivals | undefined>(undefined);

/**
 * For a page's title: whoever goes to another page has the keyboard there, at its title, and who hears the page hears where they are.
 * The first page leaves the focus where browsers put it, and a field that asks for it keeps it. A dialog that is open takes it back by itself.
 */
export function useArrival(): RefObject<HTMLHeadingElement | null> {
    const title = useRef<HTMLHeadingElement>(null);
    const arrivals = useContext(ArrivalContext);
    const { pathname } = useLocation();
    useEffect(() => {
        if (!arrivals?.at(pathname)) return;
        const main = title.current?.closest('main');
        const focus = document.activeElement;
        if (focus === main || !main?.contains(focus)) title.current?.focus();
    }, [arrivals, pathname]);
    return title;
}
