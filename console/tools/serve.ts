// Serves a built console as the server does (api/src/console.rs): a nonce for each page, its policy, index.html for every place inside.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Record<string, string> = {
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.svg': 'image/svg+xml',
    '.woff2': 'font/woff2',
};

export function policy(nonce: string): string {
    return [
        "default-src 'none'",
        "script-src 'self'",
        `style-src 'self' 'nonce-${nonce}'`,
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ].join('; ');
}

/** Serves a folder at a free port; gives its address and how to end it. */
export async function serve(folder: string): Promise<{ url: string; close: () => void }> {
    const server = createServer((request, response) => {
        void (async () => {
            const path = normalize(new URL(request.url ?? '/', 'http://x').pathname);
            const file = await readFile(join(folder, path)).catch(() => undefined);
            if (file && path !== '/' && path !== '/index.html') {
                response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' }).end(file);
                return;
            }
            if (path.startsWith('/assets/') || path.startsWith('/api/')) {
                response.writeHead(404).end();
                return;
            }
            const nonce = randomBytes(16).toString('base64');
            const html = (await readFile(join(folder, 'index.html'), 'utf8')).replaceAll('__CSP_NONCE__', nonce);
            response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy(nonce) }).end(html);
        })();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}
