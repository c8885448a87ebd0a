// Logs, jobs, schedules, exports, webhooks, and how the server is.
import type { Export, Webhook } from '@/api/types';
import type { FakeData } from '../data';
import { FakeProblem } from '../problem';
import type { FakeRoute, FakeWorld } from '../world';

export const officeRoutes = (world: FakeWorld): FakeRoute[] => [
    ['GET', /^\/audit$/, world.listed('audit', () => world.data.audit, 'audit_log.read')],
    ['GET', /^\/security-audit$/, world.listed('audit', () => world.data.audit.filter(({ category }) => category === 'security'), 'audit_log.read')],
    ['POST', /^\/audit\/verify$/, ({ user }) => ({ job_id: world.newJob('audit.verify', 9000, user.id).id })],
    ['GET', /^\/dci\/logs$/, world.listed('events', () => world.data.events, 'events_log.read')],

    ['GET', /^\/jobs$/, world.listed('jobs', () => world.data.jobs, 'jobs.read')],
    ['GET', /^\/jobs\/(\d+)$/, ({ ids: [id] }) => world.one(world.data.jobs, (job) => job.id === id)],
    ['POST', /^\/jobs\/(\d+)\/cancel$/, ({ ids: [id] }) => void world.job(world.one(world.data.jobs, (job) => job.id === id), { cancel_requested: true })],
    ['GET', /^\/schedules$/, world.listed('schedules', () => world.data.schedules, 'schedules.read')],
    [
        'POST',
        /^\/schedules$/,
        ({ body }) => {
            const schedule = { payload: {}, tz: 'Europe/Moscow', ...(body as object), id: world.newId(), builtin: false, next_at: world.now() + 3_600_000, last_job_id: null, version: 1 } as FakeData['schedules'][number];
            world.data.schedules.push(schedule);
            return schedule;
        },
    ],
    ['GET', /^\/schedules\/(\d+)$/, ({ ids: [id] }) => world.one(world.data.schedules, (schedule) => schedule.id === id)],
    ['PUT', /^\/schedules\/(\d+)$/, ({ ids: [id], body }) => world.change(world.one(world.data.schedules, (schedule) => schedule.id === id), body)],
    ['DELETE', /^\/schedules\/(\d+)$/, ({ ids: [id] }) => void (world.data.schedules = world.data.schedules.filter((schedule) => schedule.id !== id))],

    ['GET', /^\/exports$/, world.listed('exports', () => world.data.exports, 'exports.read')],
    [
        'POST',
        /^\/exports$/,
        ({ body, user }) => {
            const job = world.newJob('exports.run', 48_000, user.id);
            const made = { filter: {}, locale: 'ru', tz: 'Europe/Moscow', ...body, id: world.newId(), job_id: job.id, state: 'running', size: null, row_count: null, created_at: world.now(), created_by: user.id, expires_at: world.now() + 604_800_000 } as unknown as Export;
            world.data.exports.unshift(made);
            return { id: made.id, job_id: job.id };
        },
    ],
    ['POST', /^\/exports\/(\d+)\/file\/token$/, () => ({ token: 't', url: URL.createObjectURL(new Blob(['started_at,caller\r\n'])), expires_in: 300 })],
    ['DELETE', /^\/exports\/(\d+)$/, ({ ids: [id] }) => void (world.data.exports = world.data.exports.filter((each) => each.id !== id))],

    ['GET', /^\/webhooks$/, world.listed('webhooks', () => world.data.webhooks, 'webhooks.read')],
    [
        'POST',
        /^\/webhooks$/,
        ({ body }) => {
            const hook = { ...(body as unknown as Webhook), id: world.newId(), failures: 0, version: 1 };
            world.data.webhooks.push(hook);
            return { ...hook, secret: 'whsec_7Yk2pQm9vT4xZb1cWn8dRf5sLa3hGe6u' };
        },
    ],
    ['GET', /^\/webhooks\/(\d+)$/, ({ ids: [id] }) => world.one(world.data.webhooks, (hook) => hook.id === id)],
    ['PUT', /^\/webhooks\/(\d+)$/, ({ ids: [id], body }) => world.change(world.one(world.data.webhooks, (hook) => hook.id === id), body)],
    ['DELETE', /^\/webhooks\/(\d+)$/, ({ ids: [id] }) => void (world.data.webhooks = world.data.webhooks.filter((hook) => hook.id !== id))],
    ['POST', /^\/webhooks\/(\d+)\/secret$/, () => ({ secret: 'whsec_1Aa2Bb3Cc4Dd5Ee6Ff7Gg8Hh9Ii0Jj' })],
    ['POST', /^\/webhooks\/(\d+)\/test$/, ({ ids: [id] }) => (id === '1' ? { delivery_id: '701', delivered: true, status: 204, error: null } : { delivery_id: '702', delivered: false, status: null, error: 'connection refused' })],
    ['GET', /^\/webhook-deliveries$/, world.listed('deliveries', () => world.data.deliveries, 'webhooks.read')],
    ['GET', /^\/webhook-deliveries\/(\d+)$/, ({ ids: [id] }) => world.one(world.data.deliveries, (delivery) => delivery.id === id)],
    [
        'POST',
        /^\/webhook-deliveries\/(\d+)\/replay$/,
        ({ ids: [id] }) => {
            const { kind, state } = world.one(world.data.deliveries, (delivery) => delivery.id === id);
            if (kind === 'ping') throw new FakeProblem(409, 'wrong_state', undefined, { detail: 'a test is not delivered again: make a new one' });
            if (state === 'pending') throw new FakeProblem(409, 'wrong_state', undefined, { detail: 'it waits to be delivered anyway' });
        },
    ],

    [
        'GET',
        /^\/monitor\/system$/,
        () => ({
            version: '0.4.0',
            uptime_s: 788_400,
            draining: false,
            database: { engine: 'postgres', ok: true, answer_ms: 3 },
            journal_lag: 0,
            calls: world.data.calls.filter(({ status }) => status !== 'ended').length,
            slots: world.data.slots.length,
            slots_registered: world.data.slots.filter(({ registered }) => registered).length,
            sockets: 17,
            disk_free: 61_203_283_968,
            disk_total: 107_374_182_400,
        }),
    ],
    ['POST', /^\/system\/reload$/, () => ({ changed: ['log.filter'], warnings: ['the limit of open files (1024) allows 96 calls at once'] })],
];
