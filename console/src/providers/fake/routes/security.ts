// Bans.
import type { Ban } from '@/api/types';
import { check } from '../plan';
import { FakeProblem } from '../problem';
import type { FakeRoute, FakeWorld } from '../world';

export const securityRoutes = (world: FakeWorld): FakeRoute[] => [
    ['GET', /^\/security\/bans$/, world.listed('bans', () => world.data.bans, 'security.read')],
    [
        'POST',
        /^\/security\/bans$/,
        ({ body }) => {
            if (!/^[0-9a-f.:]+$/i.test(String(body.source))) check([['source', 'this is no address']]);
            const ban: Ban = { id: String(body.source), source: String(body.source), why: 'by_hand', since: world.now(), until: world.now() + Number(body.for_s) * 1000, times: 1, points: 0, note: (body.note as string | undefined) ?? null, evidence: [] };
            world.data.bans = [...world.data.bans.filter(({ source }) => source !== ban.source), ban];
            world.live.emit('source.banned', ban.source, ban);
            return ban;
        },
    ],
    [
        'DELETE',
        /^\/security\/bans\/(.+)$/,
        ({ ids: [source] }) => {
            const ban = world.data.bans.find((each) => each.source === source);
            if (!ban) throw new FakeProblem(404, 'ban_not_found');
            world.data.bans = world.data.bans.filter((each) => each !== ban);
            world.live.emit('source.released', ban.source, { source, by_hand: true });
            return ban;
        },
    ],
    ['GET', /^\/security\/status$/, () => ({ enabled: true, bans: world.data.bans.length, bans_max: 100_000, exempt: ['10.0.0.0/8'], thresholds: { ban_s: 3600, ban_longest_s: 2_592_000 } })],
];
