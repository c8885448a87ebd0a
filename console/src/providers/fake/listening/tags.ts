// Groups of tags, tags, and those of calls.
import type { Tag, TagGroup } from '@/api/listening';
import type { User } from '@/api/types';
import { FakeProblem } from '../problem';
import type { FakeRoute, FakeWorld } from '../world';
import { callOf, groupsOf, tagsOf } from './reach';

export const tagRoutes = (world: FakeWorld): FakeRoute[] => {
    const { listening } = world.data;
    const group = (id: string | undefined) => world.one(listening.groups, (each) => each.id === id);
    const tag = (id: string | undefined) => world.one(listening.tags, (each) => each.id === id);
    const name = (body: Record<string, unknown>, others: { id: string; name: string }[], own?: string) => {
        if (body.name !== undefined && !String(body.name).trim()) throw new FakeProblem(422, 'invalid_field', 'name');
        if (others.some((other) => other.id !== own && other.name === body.name)) throw new FakeProblem(409, 'name_taken', 'name');
    };
    const behind = (others: { position: number }[]) => Math.max(0, ...others.map(({ position }) => position)) + 1;
    const made = () => ({ id: world.newId(), active: true, version: 1, created_at: world.now(), updated_at: world.now() });
    const inGroup = (id: string) => listening.tags.filter(({ group_id }) => group_id === id);
    const isUsed = (id: string) => [...listening.taggings.values()].some((all) => all.some(({ tag_id }) => tag_id === id));
    /** A tag that somebody may set here: any other does not exist for them. */
    const reached = (user: User, id: string | undefined) => {
        const found = tag(id);
        const of = world.one(groupsOf(world, user), (each) => each.id === found.group_id);
        return { tag: found, group: of };
    };
    const answer = (user: User, call: string, changed: boolean, replaced: string[]) => ({ version: listening.versions.get(call) ?? 0, tags: tagsOf(world, user, call), changed, replaced });

    return [
        ['GET', /^\/scenarios$/, world.listed('scenarios', () => listening.scenarios, 'scenarios.read')],
        ['GET', /^\/tag-groups$/, world.listed('tag-groups', ({ user }) => groupsOf(world, user), 'tags.read')],
        ['GET', /^\/tags$/, world.listed('tags', ({ user }) => listening.tags.filter(({ group_id }) => groupsOf(world, user).some(({ id }) => id === group_id)), 'tags.read')],
        [
            'POST',
            /^\/tag-groups$/,
            (context) => {
                world.need(context, 'tags.manage');
                name(context.body, listening.groups);
                const row = { exclusive: false, rates: false, colour: 'grey', position: behind(listening.groups), ...context.body, ...made() } as unknown as TagGroup;
                listening.groups.push(row);
                return row;
            },
        ],
        [
            'PUT',
            /^\/tag-groups\/(\d+)$/,
            (context) => {
                world.need(context, 'tags.manage');
                const row = group(context.ids[0]);
                name(context.body, listening.groups, row.id);
                return world.change(row, context.body);
            },
        ],
        [
            'DELETE',
            /^\/tag-groups\/(\d+)$/,
            (context) => {
                world.need(context, 'tags.manage');
                const row = group(context.ids[0]);
                if (inGroup(row.id).length > 0) throw new FakeProblem(409, 'in_use');
                listening.groups.splice(listening.groups.indexOf(row), 1);
            },
        ],
        [
            'POST',
            /^\/tags$/,
            (context) => {
                world.need(context, 'tags.manage');
                const of = group(String(context.body.group_id));
                name(context.body, inGroup(of.id));
                const row = { colour: of.colour, stop: 'none', position: behind(inGroup(of.id)), ...context.body, ...made() } as unknown as Tag;
                listening.tags.push(row);
                return row;
            },
        ],
        [
            'PUT',
            /^\/tags\/(\d+)$/,
            (context) => {
                world.need(context, 'tags.manage');
                const row = tag(context.ids[0]);
                name(context.body, inGroup(row.group_id), row.id);
                return world.change(row, context.body);
            },
        ],
        [
            'DELETE',
            /^\/tags\/(\d+)$/,
            (context) => {
                world.need(context, 'tags.manage');
                const row = tag(context.ids[0]);
                if (isUsed(row.id)) throw new FakeProblem(409, 'in_use');
                listening.tags.splice(listening.tags.indexOf(row), 1);
            },
        ],

        [
            'GET',
            /^\/calls\/([\w-]+)\/tags$/,
            ({ ids: [id], user }) => {
                const { call_id } = callOf(world, user, id);
                return { version: listening.versions.get(call_id) ?? 0, tags: tagsOf(world, user, call_id) };
            },
        ],
        [
            'PUT',
            /^\/calls\/([\w-]+)\/tags\/(\d+)$/,
            (context) => {
                world.need(context, 'tags.set');
                const { user, request, ids } = context;
                const { call_id } = callOf(world, user, ids[0]);
                const { tag: set, group: of } = reached(user, ids[1]);
                if (!set.active || !of.active) throw new FakeProblem(409, 'wrong_state');
                seenIs(request.query?.seen, call_id);
                const had = listening.taggings.get(call_id) ?? [];
                if (had.some(({ tag_id }) => tag_id === set.id)) return answer(user, call_id, false, []);
                const replaced = of.exclusive ? had.filter(({ tag_id }) => tag(tag_id).group_id === of.id).map(({ tag_id }) => tag_id) : [];
                change(user, call_id, replaced, [set.id]);
                return answer(user, call_id, true, replaced);
            },
        ],
        [
            'DELETE',
            /^\/calls\/([\w-]+)\/tags\/(\d+)$/,
            (context) => {
                world.need(context, 'tags.unset');
                const { user, request, ids } = context;
                const { call_id } = callOf(world, user, ids[0]);
                const { tag: unset } = reached(user, ids[1]);
                seenIs(request.query?.seen, call_id);
                const isThere = (listening.taggings.get(call_id) ?? []).some(({ tag_id }) => tag_id === unset.id);
                if (isThere) change(user, call_id, [unset.id], []);
                return answer(user, call_id, isThere, []);
            },
        ],
    ];

    /** Refuses what was decided by an older state of the call's tags. */
    function seenIs(seen: unknown, call: string): void {
        const version = listening.versions.get(call) ?? 0;
        if (seen !== undefined && seen !== null && Number(seen) < version) throw new FakeProblem(409, 'version_conflict', undefined, { version });
    }

    function change(user: User, call: string, off: string[], on: string[]): void {
        const had = listening.taggings.get(call) ?? [];
        listening.taggings.set(call, [...had.filter(({ tag_id }) => !off.includes(tag_id)), ...on.map((tag_id) => ({ tag_id, set_at: world.now(), set_by: user.id }))]);
        listening.versions.set(call, (listening.versions.get(call) ?? 0) + 1);
        const [at, by] = [world.now(), user.id];
        listening.deeds.push(...off.map((id) => ({ at, user: by, tag: id, sign: -1 as const })), ...on.map((id) => ({ at, user: by, tag: id, sign: 1 as const })));
        // Whoever takes a tag's place replaces it; alone it is taken off.
        const told = [...off.map((id) => [id, on.length > 0 ? 'replaced' : 'unset']), ...on.map((id) => [id, 'set'])];
        for (const [tag_id = '', action] of told) world.live.emit('call.tagged', call, { event_id: world.newId(), call_id: call, tag_id, group_id: tag(tag_id).group_id, action, actor: user.id, actor_name: user.display_name, at: world.now(), stop: 'none' });
    }
};
