// Hubs, carriers and routes.
import type { Carrier, Explanation, Inquiry, Route } from '@/api/plan';
import type { Trunk } from '@/api/types';
import { checkRoute, explain, routeOf, warningsOf } from '../plan';
import { FakeProblem } from '../problem';
import type { FakeRoute, FakeWorld } from '../world';

/** With how carriers stand, and by which number the slot calls that asks. */
function explained(world: FakeWorld, inquiry: Inquiry): Explanation {
    const found = explain(world.data, inquiry, world.now());
    const slot = (inquiry.came_by ?? 'slot') === 'slot' ? world.data.slots.find(({ number }) => number === inquiry.from) : undefined;
    const { way } = found.decision;
    const tries = way.carriers ?? way.ask?.default.carriers ?? [];
    const stand = world.carriersNow();
    return {
        ...found,
        question: { ...found.question, caller: (slot && world.data.callers.get(slot.id)) ?? null },
        now: { at: world.now(), carriers: tries.map(({ carrier }) => ({ carrier, standing: stand.find(({ id }) => id === carrier)?.standing ?? null })) },
    };
}

export const planRoutes = (world: FakeWorld): FakeRoute[] => [
    ['GET', /^\/trunks$/, world.listed('trunks', () => [...world.data.trunks.map((trunk) => ({ ...trunk, on: true })), ...world.data.carriers], 'trunks.read')],
    [
        'POST',
        /^\/trunks$/,
        ({ body }) => {
            if (body.type === 'sip') return world.newCarrier(body as Partial<Carrier>);
            const trunk = { id: world.newId(), name: String(body.name), type: body.type as Trunk['type'], capacity: Number(body.capacity) };
            world.data.trunks.push(trunk);
            return { ...trunk, slots: world.grow(trunk, trunk.capacity).map((slot) => world.account(slot)) };
        },
    ],
    ['GET', /^\/trunks\/(\d+)$/, ({ ids: [id] }) => world.one<object>([...world.data.trunks, ...world.data.carriers], (trunk) => (trunk as Trunk).id === id)],
    [
        'PUT',
        /^\/trunks\/(\d+)$/,
        ({ ids: [id], body }) => {
            const carrier = world.data.carriers.find((each) => each.id === id);
            if (carrier) return world.changeCarrier(carrier, body as Partial<Carrier>);
            const trunk = world.one(world.data.trunks, (each) => each.id === id);
            const more = Number(body.capacity ?? trunk.capacity) - trunk.capacity;
            Object.assign(trunk, body);
            const made = new Set(more > 0 ? world.grow(trunk, more) : []);
            return { ...trunk, slots: world.slotsOf(trunk).map((slot) => (made.has(slot) ? world.account(slot) : { id: slot.id, number: slot.number, username: slot.number })) };
        },
    ],
    [
        'DELETE',
        /^\/trunks\/(\d+)$/,
        ({ ids: [id] }) => {
            const naming = world.data.routes.filter(({ match, then }) => JSON.stringify([match, then]).includes(`"${id}"`));
            if (naming.length > 0 && world.data.carriers.some((carrier) => carrier.id === id)) throw new FakeProblem(409, 'in_use', undefined, { detail: naming.map((route) => `route ${route.id} (${route.name})`).join(', ') });
            world.data.trunks = world.data.trunks.filter((trunk) => trunk.id !== id);
            world.data.carriers = world.data.carriers.filter((carrier) => carrier.id !== id);
        },
    ],

    ['GET', /^\/routes$/, world.listed('routes', () => world.data.routes, 'routes.read')],
    [
        'POST',
        /^\/routes$/,
        ({ body }) => {
            checkRoute(body as Partial<Route>);
            const route = routeOf(world.newId(), body as Partial<Route>);
            world.data.routes.push(route);
            return route;
        },
    ],
    ['POST', /^\/routes\/explain$/, ({ body }) => explained(world, body as unknown as Inquiry)],
    [
        'GET',
        /^\/routes\/(\d+)$/,
        ({ ids: [id] }) => {
            const route = world.one(world.data.routes, (each) => each.id === id);
            return { ...route, warnings: warningsOf(world.data.carriers, route) };
        },
    ],
    [
        'PUT',
        /^\/routes\/(\d+)$/,
        ({ ids: [id = ''], body }) => {
            const route = world.one(world.data.routes, (each) => each.id === id);
            checkRoute(body as Partial<Route>);
            return world.change(route, { ...routeOf(id, body as Partial<Route>), version: body.version });
        },
    ],
    ['DELETE', /^\/routes\/(\d+)$/, ({ ids: [id] }) => void (world.data.routes = world.data.routes.filter((route) => route.id !== id))],

    [
        'GET',
        /^\/pbx\/status$/,
        () => ({
            domain: 'pbx.example.org',
            server: '10.0.0.5:5070',
            transport: 'udp',
            transports: ['udp', 'tcp', 'tls', 'websocket'],
            calls: world.data.calls.filter(({ status }) => status !== 'ended').length,
            slots: world.counts(world.data.slots),
            carriers: world.carriersNow(),
            trunks: world.data.trunks.map((trunk) => ({ ...trunk, slots: world.counts(world.slotsOf(trunk)) })),
        }),
    ],
];
