import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { schema } from '../../tools/schema';

it('is what the server says of itself (npm run types)', async () => {
    expect(readFileSync('src/api/schema.d.ts', 'utf8') === (await schema())).toBe(true);
});
