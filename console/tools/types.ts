// Writes src/api/schema.d.ts from ../api/openapi.json. `--check` only says whether it is current.
import { readFile, writeFile } from 'node:fs/promises';
import { schema } from './schema.ts';

const target = new URL('../src/api/schema.d.ts', import.meta.url);
const text = await schema();
if (process.argv.includes('--check')) {
    if ((await readFile(target, 'utf8')) !== text) {
        console.error('src/api/schema.d.ts is not what ../api/openapi.json says: run `npm run types`');
        process.exit(1);
    }
} else {
    await writeFile(target, text);
}
