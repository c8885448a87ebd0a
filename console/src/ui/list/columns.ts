import { useMemo, type ReactNode } from 'react';
import type { RaRecord } from 'ra-core';
import { useSettings } from '@/access/settings';
import type { ColumnRight } from '@/api/types';
import type { MessageKey } from '@/i18n';

/** A column of a list. */
export interface ColumnSpec<T> {
    /** The server's name of it; it stands in `columns.*` of the texts unless `label` says otherwise. */
    name: keyof T & string;
    label?: MessageKey;
    /** How it looks; the plain value, if nothing is said. */
    render?: (row: T) => ReactNode;
    width?: number | string;
    align?: 'left' | 'right' | 'center';
    /** Not shown until somebody asks for it. */
    extra?: boolean;
    /** Whether it can be sorted by, where the server does not say. */
    sort?: boolean;
    /** What is in it may take several lines, where others are cut off. */
    wrap?: boolean;
    /** Figures stand under one another. */
    figures?: boolean;
}

export interface ShownColumn<T> extends ColumnSpec<T> {
    sortable: boolean;
    shown: boolean;
}

/** The columns that one may see, with the ones that one wants to see in front. */
export function useColumns<T extends RaRecord>(list: string, specs: ColumnSpec<T>[], rights: ColumnRight[] | undefined) {
    const [settings, change] = useSettings();
    const chosen = settings.columns?.[list];
    const columns = useMemo(() => arrange(specs, rights, chosen), [specs, rights, chosen]);
    const choose = (names: string[] | undefined) => {
        const { [list]: _, ...others } = settings.columns ?? {};
        change({ columns: names ? { ...others, [list]: names } : others });
    };
    return { columns, choose, isChosen: chosen !== undefined };
}

/** What the server does not name is not there; what it masks cannot be sorted by. */
export function arrange<T>(specs: ColumnSpec<T>[], rights: ColumnRight[] | undefined, chosen: string[] | undefined): ShownColumn<T>[] {
    const right = new Map(rights?.map((column) => [column.name, column]));
    const allowed = specs.filter(({ name }) => rights === undefined || rights.length === 0 || right.has(name));
    const order = (name: string) => {
        const place = chosen?.indexOf(name) ?? -1;
        return place === -1 ? Infinity : place;
    };
    return allowed
        .map((spec) => ({
            ...spec,
            sortable: right.get(spec.name)?.sort ?? (rights === undefined && Boolean(spec.sort)),
            shown: chosen ? chosen.includes(spec.name) : !spec.extra,
        }))
        .sort((a, b) => (chosen ? Math.sign(order(a.name) - order(b.name)) || 0 : 0));
}
