import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

function files(folder: string): string[] {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)]));
}

const code = files('src')
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.test.ts') && !path.endsWith('.test.tsx') && !path.endsWith('schema.d.ts'))
    .map((path) => [path, readFileSync(path, 'utf8')] as const);

const holding = (pattern: RegExp, except: RegExp = /$^/) => code.filter(([path, text]) => !except.test(path) && pattern.test(text)).map(([path]) => path);

it('what callers send is never taken for markup', () => {
    expect(holding(/dangerouslySetInnerHTML|\.innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function\(/)).toEqual([]);
});

it('nothing is fetched from elsewhere', () => {
    // What the page's policy refuses is better not even tried.
    expect(holding(/['"`](https?:)?\/\/(?!login\.example|cordboard\.example|www\.linphone\.org\/xsds)[a-z0-9.-]+\.[a-z]{2,}/i, /providers\/fake|testing/)).toEqual([]);
});

it('no token is kept where a script of somebody else finds it', () => {
    const keys = code.flatMap(([, text]) => [...text.matchAll(/(?:localStorage|sessionStorage)\.setItem\(([^,]+),/g)].map(([, key]) => key));
    expect(keys.sort()).toEqual(["'cordboard.locale'", 'KEY', 'REFRESH_KEY']);
});
