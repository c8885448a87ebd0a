import { useLocaleState, useTranslate, type I18nProvider } from 'ra-core';
import polyglot from 'ra-i18n-polyglot';
import { useMemo } from 'react';
import { useMe } from '@/access/me';
import type { en } from './en';
import { createFormat, type Format } from './format';

export { dayStart, fromWall, phone, toWall, type Format } from './format';

/** The languages of the console, by the name that each gives itself. */
export const LANGUAGES = [
    { locale: 'en', name: 'English' },
    { locale: 'ru', name: 'Русский' },
] as const;

export type Locale = (typeof LANGUAGES)[number]['locale'];

/** The names of all texts: `users.title`. */
export type MessageKey = Names<typeof en>;

type Names<T> = { [K in keyof T & string]: T[K] extends string ? K : `${K}.${Names<T[K]>}` }[keyof T & string];

/** What can stand in a text: `%{count}`. */
export type Values = Record<string, string | number | undefined> & { smart_count?: number };

export type Translate = (key: MessageKey, values?: Values) => string;

/** Texts by name. A name that does not exist does not compile. */
export function useT(): Translate {
    return useTranslate() as Translate;
}

/** Texts for codes that come from the server, which may be newer than the console: an unknown code is shown as it is. */
export function useCode(): (prefix: string, code: string | null | undefined, otherwise?: string) => string {
    const translate = useTranslate();
    return useMemo(
        () => (prefix, code, otherwise) => (code == null || code === '' ? '' : translate(`${prefix}.${keyOf(code)}`, { _: otherwise ?? code })),
        [translate],
    );
}

/** A dot in a code would be taken for a step down. */
export function keyOf(code: string): string {
    return code.replaceAll('.', '_').replaceAll('-', '_').replaceAll('+', '_').replaceAll(':', '_').replaceAll('*', '_').replaceAll(' ', '_');
}

export function useFormat(): Format {
    const [locale] = useLocaleState();
    const tz = useMe()?.tz ?? undefined;
    return useMemo(() => createFormat(regional(locale), tz), [locale, tz]);
}

/** English is the world's here, not America's: 24 hours, the day before the month. */
function regional(locale: string): string {
    return locale === 'en' ? 'en-GB' : locale;
}

const known = (text: string | null | undefined) => LANGUAGES.find(({ locale }) => text?.toLowerCase().startsWith(locale))?.locale;

/** The language that the browser speaks, as far as we do. */
export function browserLocale(): Locale {
    const own = typeof navigator === 'undefined' ? [] : navigator.languages;
    return own?.map(known).find(Boolean) ?? 'en';
}

/** Which language to begin with, before it is known who is there: the last one at this desk. */
export function firstLocale(): Locale {
    return known(remembered()) ?? browserLocale();
}

export function isLocale(text: string | null | undefined): text is Locale {
    return LANGUAGES.some(({ locale }) => locale === text);
}

function remembered(): string | null {
    try {
        return localStorage.getItem('cordboard.locale');
    } catch {
        return null;
    }
}

export function rememberLocale(locale: string): void {
    document.documentElement.lang = locale;
    try {
        localStorage.setItem('cordboard.locale', locale);
    } catch {
        // A browser that keeps nothing asks anew each time.
    }
}

const load = async (locale: string) => (locale === 'ru' ? (await import('./ru')).ru : (await import('./en')).en);

/** The provider, when its first language is there. */
export async function createI18n(locale: Locale = firstLocale()): Promise<I18nProvider> {
    const first = await load(locale);
    rememberLocale(locale);
    return polyglot((wanted) => (wanted === locale ? first : load(wanted)), locale, [...LANGUAGES], { allowMissing: false });
}
