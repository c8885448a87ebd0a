// What somebody reaches who has been given lists: calls of scenarios, tags of groups.
import type { TagGroup } from '@/api/listening';
import type { User } from '@/api/types';
import type { FakeCall } from '../data';
import type { FakeWorld } from '../world';

/** The ids that a right is narrowed to; undefined: it is not narrowed. */
export function listOf(world: FakeWorld, user: User, permission: string, kind: string): string[] | undefined {
    const scopes = [...(world.permissions(user).get(permission) ?? [])];
    if (scopes.length === 0 || scopes.some((scope) => !scope.endsWith('list'))) return undefined;
    const resource = permission.split('.')[0];
    const lists = [...user.lists, ...world.data.roles.filter(({ code }) => user.roles.includes(code)).flatMap((role) => role.lists)];
    return lists.filter((list) => list.resource === resource && list.kind === kind).flatMap(({ ids }) => ids);
}

/** The groups of tags that somebody sees, in their order. */
export function groupsOf(world: FakeWorld, user: User): TagGroup[] {
    const given = listOf(world, user, 'tags.read', 'tag_group');
    return world.data.listening.groups.filter(({ id }) => !given || given.includes(id)).toSorted((a, b) => a.position - b.position);
}

/** The people whom somebody sees. */
export function usersOf(world: FakeWorld, user: User): User[] {
    const given = listOf(world, user, 'users.read', 'role');
    return given ? world.data.users.filter(({ roles }) => roles.length > 0 && roles.every((role) => given.includes(role))) : world.data.users;
}

/** The calls that somebody sees. */
export function callsOf(world: FakeWorld, user: User): FakeCall[] {
    const given = listOf(world, user, 'calls.read', 'scenario');
    return given ? world.data.calls.filter(({ scenario }) => given.includes(scenario ?? '')) : world.data.calls;
}

/** A call that somebody sees. */
export function callOf(world: FakeWorld, user: User, id: string | undefined): FakeCall {
    return world.one(callsOf(world, user), ({ call_id }) => call_id === id);
}

/** The tags of a call that somebody sees. */
export function tagsOf(world: FakeWorld, user: User, call: string) {
    const { listening } = world.data;
    const groups = groupsOf(world, user);
    return (listening.taggings.get(call) ?? [])
        .flatMap((tagging) => {
            const tag = listening.tags.find(({ id }) => id === tagging.tag_id);
            const at = groups.findIndex(({ id }) => id === tag?.group_id);
            if (!tag || at === -1) return [];
            const by = world.data.users.find(({ id }) => id === tagging.set_by);
            return [{ at, position: tag.position, answer: { ...tagging, group_id: tag.group_id, name: tag.name, colour: tag.colour, set_by_name: by?.display_name ?? null } }];
        })
        .toSorted((a, b) => a.at - b.at || a.position - b.position)
        .map(({ answer }) => answer);
}

/** What lists of calls tell of one to whoever asks: its tags, and the groups that rate and of which it has none. */
export function toldOf(world: FakeWorld, user: User, call: FakeCall) {
    const tags = tagsOf(world, user, call.call_id);
    const rating = call.recording ? groupsOf(world, user).filter(({ id, rates, active }) => rates && active && !tags.some(({ group_id }) => group_id === id)) : [];
    return { tags: tags.map(({ tag_id, group_id, name, colour }) => ({ id: tag_id, group_id, name, colour })), unrated_in: rating.map(({ id }) => ({ id })) };
}
