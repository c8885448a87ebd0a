import { useQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import { useCan } from '@/access/me';
import type { Tag, TagGroup } from '@/api/listening';
import type { Page } from '@/api/types';
import type { Client } from '@/providers/rest/client';
import { LIMIT_MAX } from '@/providers/rest/dataProvider';
import { useClient } from '@/providers/services';

/** A group with its tags, both in their order. */
export interface GroupOfTags extends TagGroup {
    tags: Tag[];
}

/** The groups of tags that one sees. It is asked for anew with one's rights, for groups are given and taken away. */
export function useTagGroups() {
    const client = useClient();
    const can = useCan();
    const query = useQuery({
        queryKey: ['tag-groups', 'all'],
        queryFn: async () => together(await all<TagGroup>(client, '/tag-groups'), await all<Tag>(client, '/tags')),
        enabled: can('tags.read'),
        staleTime: 60_000,
    });
    const { refetch } = query;
    return { groups: query.data, error: query.error, reload: useCallback(() => refetch(), [refetch]) };
}

/** Every row of a short list. */
async function all<T>(client: Client, path: string): Promise<T[]> {
    const rows: T[] = [];
    let cursor: string | null | undefined;
    do {
        const page: Page<T> = await client.get<Page<T>>(path, { limit: LIMIT_MAX, count: 'none', cursor });
        rows.push(...page.items);
        cursor = page.next;
    } while (cursor);
    return rows;
}

/** Groups with their tags. */
export function together(groups: readonly TagGroup[], tags: readonly Tag[]): GroupOfTags[] {
    return inOrder(groups).map((group) => ({ ...group, tags: inOrder(tags.filter(({ group_id }) => group_id === group.id)) }));
}

/** The least place first; of two with the same the older one. */
function inOrder<T extends { id: string; position: number }>(rows: readonly T[]): T[] {
    return rows.toSorted((a, b) => a.position - b.position || Number(a.id) - Number(b.id));
}

/** The places that have to be changed to put one row before or behind its neighbour. */
export function moved<T extends { id: string; position: number }>(rows: readonly T[], id: string, by: -1 | 1): { row: T; position: number }[] {
    const at = rows.findIndex((row) => row.id === id);
    const row = rows[at];
    const to = at + by;
    if (!row || to < 0 || to >= rows.length) return [];
    const order = rows.toSpliced(at, 1).toSpliced(to, 0, row);
    const places = rows.map(({ position }) => position);
    // Of places that are the same nobody could say which comes first: then all are dealt anew.
    const isClear = new Set(places).size === places.length;
    return order.map((each, index) => ({ row: each, position: isClear ? (places[index] ?? 0) : index + 1 })).filter(({ row: each, position }) => each.position !== position);
}
