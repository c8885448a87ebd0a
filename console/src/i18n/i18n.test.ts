import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import openapi from '../../../api/openapi.json';
import { en } from './en';
import { keyOf } from './index';
import { ru } from './ru';

type Texts = { [key: string]: string | Texts };

const flat = (texts: Texts, prefix = ''): [string, string][] =>
    Object.entries(texts).flatMap(([name, value]) => (typeof value === 'string' ? [[prefix + name, value] as [string, string]] : flat(value, `${prefix}${name}.`)));

const english = new Map(flat(en as unknown as Texts));
const russian = new Map(flat(ru as unknown as Texts));
const places = (text: string) => [...new Set([...text.matchAll(/%\{(\w+)\}/g)].map(([, name]) => name))].sort();

function sources(folder: string): [string, string][] {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return ['fake', 'testing'].includes(entry.name) ? [] : sources(path);
        return /\.tsx?$/.test(entry.name) && !/\.(test|stories)\.|schema\.d\.ts$/.test(entry.name) ? [[path, readFileSync(path, 'utf8')] as [string, string]] : [];
    });
}

const code = sources('src');

describe('texts', () => {
    it('are the same ones in both languages', () => {
        expect([...russian.keys()].filter((key) => !english.has(key))).toEqual([]);
        expect([...english.keys()].filter((key) => !russian.has(key))).toEqual([]);
    });

    it('hold the same values', () => {
        const differ = [...english].filter(([key, text]) => {
            const other = russian.get(key) ?? '';
            // Russian says the number even of one; English may leave it out.
            const drop = (names: (string | undefined)[]) => names.filter((name) => name !== 'smart_count');
            return drop(places(text)).join() !== drop(places(other)).join();
        });
        // react-admin's own: of one thing it says the name, of many the number.
        expect(differ.map(([key]) => key).filter((key) => !key.startsWith('ra.'))).toEqual([]);
    });

    it('have all three Russian forms wherever English has two', () => {
        const wrong = [...english].filter(([key, text]) => {
            const forms = text.split('||||').length;
            return forms > 1 ? russian.get(key)?.split('||||').length !== 3 : russian.get(key)?.includes('||||');
        });
        expect(wrong.map(([key]) => key)).toEqual([]);
    });

    it('are in their own language', () => {
        const cyrillic = [...english].filter(([, text]) => /[А-Яа-яЁё]/.test(text)).map(([key]) => key);
        expect(cyrillic).toEqual([]);
        // What has no Russian letter is a name, a sign or a pattern.
        const latin = [...russian].filter(([, text]) => /[A-Za-z]{3,}/.test(text.replace(/%\{\w+\}/g, '')) && !/[А-Яа-яЁё]/.test(text)).map(([key]) => key);
        expect(latin).toEqual(['exports.xlsx', 'exports.csv', 'columns.sha256']);
    });

    it('exist for every key that the code names', () => {
        const missing: string[] = [];
        for (const [path, text] of code) {
            const named = [
                ...text.matchAll(/\b(?:t|translate)\(\s*'([a-z][\w.]+)'/g),
                ...text.matchAll(/\b(?:label|hint|empty)(?:=|: )["']([a-z]\w*\.[\w.]+)["']/g),
                ...text.matchAll(/return \{ \w+: '([a-z]\w*\.[\w.]+)' \}|message: '([a-z]\w*\.[\w.]+)'/g),
            ].map(([, a, b]) => a ?? b ?? '');
            for (const key of named) if (!english.has(key)) missing.push(`${path}: ${key}`);
            // Of keys that are put together, the beginning at least.
            for (const [, beginning = ''] of text.matchAll(/\bt\(`([\w.]+)\$\{/g)) {
                if (![...english.keys()].some((key) => key.startsWith(beginning))) missing.push(`${path}: ${beginning}…`);
            }
            for (const [, prefix = ''] of text.matchAll(/(?:\bcode\(|prefix(?:=|: ))["']([\w.]+)["']/g)) {
                if (![...english.keys()].some((key) => key.startsWith(`${prefix}.`))) missing.push(`${path}: ${prefix}.…`);
            }
        }
        expect(missing).toEqual([]);
    });

    it('exist for every column of every list', () => {
        const names = code.flatMap(([, text]) => [...text.matchAll(/\{ (?:kind: '\w+', )?name: '(\w+)'(?!, label)/g)].map(([, name]) => name ?? ''));
        expect(names.length).toBeGreaterThan(100);
        expect(names.filter((name) => !english.has(`columns.${name}`))).toEqual([]);
    });
});

describe('codes of the server', () => {
    const schemas = openapi.components.schemas as unknown as Record<string, { enum?: string[]; properties?: Record<string, { enum?: (string | null)[] }> }>;
    const codes = (schema: string, property?: string) =>
        ((property ? schemas[schema]?.properties?.[property]?.enum : schemas[schema]?.enum) ?? []).filter((each): each is string => each !== null);
    it.each([
        ['problems', 'Problem', 'code'],
        ['slot_states', 'Problem', 'state'],
        ['try_outcomes', 'PlacedTry', 'outcome'],
    ])('have texts: %s', (prefix, schema, property) => {
        const known = codes(schema, property);
        expect(known.length).toBeGreaterThan(0);
        expect(known.filter((each) => !english.has(`${prefix}.${keyOf(each)}`))).toEqual([]);
    });

    it('that calls have are those of the model', () => {
        const cause = readFileSync('../model/src/cause.rs', 'utf8');
        const causes = [...cause.matchAll(/^ {4}\w+ "(\w+)", \d+/gm)].map(([, each]) => each ?? '');
        expect(causes.length).toBeGreaterThan(20);
        const ours = (prefix: string) => [...english.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
        expect(ours('causes.')).toEqual(causes);
        expect(ours('remedies.')).toEqual(causes);
    });

    it('that can be permitted have texts', () => {
        const catalogues = ['../office/src/rights/catalogue.rs', '../crm/src/rights.rs'].map((path) => readFileSync(path, 'utf8')).join('\n');
        const permissions = [...catalogues.matchAll(/^ {4}\w+ "([a-z_]+\.[a-z_]+)" \w+ "/gm)].map(([, each]) => each ?? '');
        expect(permissions.length).toBeGreaterThan(50);
        expect(permissions.filter((each) => !english.has(`permissions.${keyOf(each)}`))).toEqual([]);
        expect([...new Set(permissions.map((each) => each.split('.')[0] ?? ''))].filter((each) => !english.has(`resources.${each}`))).toEqual([]);
    });

    it('that the audit log tells beside columns have texts', () => {
        const rust = (folder: string): string[] =>
            readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
                const path = join(folder, entry.name);
                if (entry.isDirectory()) return entry.name === 'tests' ? [] : rust(path);
                return entry.name.endsWith('.rs') && entry.name !== 'tests.rs' ? [readFileSync(path, 'utf8').split('#[cfg(test)]')[0] ?? ''] : [];
            });
        const told = ['../office/src', '../crm/src', '../api/src/routes'].flatMap(rust).flatMap((text) => [...text.matchAll(/\.(?:and|secret)\("(\w+)"/g)].map(([, name]) => name ?? ''));
        expect(told.length).toBeGreaterThan(20);
        expect([...new Set(told)].filter((name) => name.length > 1 && !english.has(`columns.${name}`))).toEqual([]);
    });
});
