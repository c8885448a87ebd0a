// Puts a small form of each file beside it, in two codings, so that the server need not make them: app.js.br, app.js.gz.
// The first page is not among them, because the server writes a nonce into it.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** What is shorter is not worth a second file. */
const SMALLEST = 1024;

const folder = new URL('../dist', import.meta.url).pathname;
const codings = {
    br: (data: Buffer) => promisify(brotliCompress)(data, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }),
    gz: (data: Buffer) => promisify(gzip)(data, { level: 9 }),
};

for (const entry of await readdir(folder, { recursive: true })) {
    if (!/\.(js|css|svg)$/.test(entry)) continue;
    const path = join(folder, entry);
    const data = await readFile(path);
    if (data.length < SMALLEST) continue;
    for (const [ending, make] of Object.entries(codings)) {
        const small = await make(data);
        if (small.length < data.length * 0.9) await writeFile(`${path}.${ending}`, small);
    }
}
