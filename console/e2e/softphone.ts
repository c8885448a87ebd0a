// A page of the console's host registers as a phone over WSS, with the client that most pages use (RFC 7118). A page of another origin may not.
import { fileURLToPath } from 'node:url';

import { build } from 'vite';

import { check, same, story, until, type World } from './lib.ts';

interface Phone {
    on: (event: string, told: (about: { cause?: string }) => void) => void;
    start: () => void;
}

declare const JsSIP: {
    WebSocketInterface: new (url: string) => unknown;
    UA: new (settings: object) => Phone;
};

/** The library as one script for a page. */
async function bundled(): Promise<string> {
    const made = await build({
        configFile: false,
        logLevel: 'silent',
        define: { 'process.env.NODE_ENV': '"production"' },
        build: { write: false, minify: false, lib: { entry: fileURLToPath(import.meta.resolve('jssip')), name: 'JsSIP', formats: ['iife'] } },
    });
    const [first] = Array.isArray(made) ? made : [made];
    check(first && 'output' in first, 'JsSIP was bundled');
    return first.output[0].code;
}

await story<World & { account: { username: string; password: string; id: string }; domain: string }>(async ({ world, open }) => {
    const script = await bundled();
    const url = `${world.base.replace('https:', 'wss:')}/sip`;
    const { page } = await open({ stranger: true });
    await page.goto('/');
    await page.addScriptTag({ content: script });

    const told = await page.evaluate(
        async ({ url, account, domain }) => {
            const phone = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(url)], uri: `sip:${account.username}@${domain}`, password: account.password, register_expires: 60 });
            return new Promise<string>((done) => {
                phone.on('registered', () => done('registered'));
                phone.on('registrationFailed', ({ cause }) => done(`failed: ${cause}`));
                phone.on('disconnected', () => done('disconnected'));
                phone.start();
            });
        },
        { url, account: world.account, domain: world.domain },
    );

    same(told, 'registered', 'JsSIP says');
    const token = await page.evaluate(async (person) => {
        const answer = await fetch('/api/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(person) });
        return ((await answer.json()) as { access_token: string }).access_token;
    }, world.admin);
    const isBound = () =>
        page.evaluate(
            async ({ id, token }) => {
                const answer = await fetch(`/api/slots/${id}`, { headers: { Authorization: `Bearer ${token}` } });
                return ((await answer.json()) as { registered: boolean }).registered;
            },
            { id: world.account.id, token },
        );
    check(await isBound(), 'the slot is registered');
    // What is bound by a stream goes with it, though the page says no farewell.
    await page.goto('/healthz');
    await until('the slot is free of its phone', async () => !(await isBound()));

    const foreign = await open({ stranger: true, forgive: /./ });
    const answered = await foreign.page.evaluate(
        (url) =>
            new Promise<string>((done) => {
                const socket = new WebSocket(url, 'sip');
                socket.addEventListener('open', () => done('let in'));
                socket.addEventListener('error', () => done('refused'));
            }),
        url,
    );
    return { foreign: answered };
});
