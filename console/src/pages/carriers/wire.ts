// A carrier as the form holds it, and as it is sent.
import type { CallerNumber, Carrier, CarrierAccount, IncomingNumber, NumberForm, Rate, Rule } from '@/api/plan';
import { placeOf, rulesToSend, sent, type Blanks } from '@/ui/form/sent';
import { hostOnWire, isNoHost } from './host';

/** A carrier in its form. A new one's numbers may be its caller numbers as well, without being typed twice. */
export type CarrierForm = Carrier & { callers_too?: boolean };

/** After these answers another carrier is tried, unless it is set otherwise (docs/routes.md). */
export const NEXT_DEFAULT = [401, 402, 403, 407, 408, 488, 500, 501, 502, 503, 504, 513];

const written = (country_code: string, trunk_prefix: string, international_prefix: string, min: number, max: number): NumberForm => ({ country_code, trunk_prefix, international_prefix, national_digits: { min, max } });

/** How numbers are written in some countries. */
export const FORMS: Record<string, NumberForm> = {
    RU: written('7', '8', '810', 10, 10),
    BY: written('375', '8', '810', 9, 9),
    DE: written('49', '0', '00', 6, 11),
    FR: written('33', '0', '00', 9, 9),
    GB: written('44', '0', '00', 9, 10),
    IT: written('39', '', '00', 8, 11),
    US: written('1', '1', '011', 10, 10),
};

/** The country that writes numbers so; none if it is none of these. */
export function countryOf(form: Partial<NumberForm> | null | undefined): string | undefined {
    const is = (other: NumberForm) =>
        other.country_code === form?.country_code &&
        other.trunk_prefix === (form.trunk_prefix ?? '') &&
        other.international_prefix === (form.international_prefix ?? '') &&
        other.national_digits.min === form.national_digits?.min &&
        other.national_digits.max === form.national_digits?.max;
    return Object.keys(FORMS).find((country) => FORMS[country] && is(FORMS[country]));
}

export const NO_ACCOUNT: CarrierAccount = { username: '', password: '', realm: '', register: true, expires_s: 3600, contact_user: '' };
export const NO_NUMBER: IncomingNumber = { number: '', to: [], scenario: '', source: '', calls_max: 0 };
export const NO_RATE: Rate = { prefix: '', per_minute: '', connect: '0', first_s: 0, step_s: 60 };
export const NO_RULE: Rule = { of: 'both', starts: '', strip: 0, add: '' };

/** A new carrier: a name, a host, an account and a number make it whole. */
export function newCarrier(country: string | undefined): Partial<CarrierForm> {
    return {
        type: 'sip',
        name: '',
        on: true,
        centers: 'own',
        hosts: [''],
        networks: [],
        accounts: [NO_ACCOUNT],
        numbers: [NO_NUMBER],
        scenario: '',
        source: '',
        callers: [],
        callers_too: true,
        capacity: 30,
        calls_per_s: 0,
        health: { options_every_s: 30, off_after: 3 },
        group: '',
        priority: 100,
        weight: 100,
        currency: '',
        rates: [],
        rated_only: false,
        failover: { next: NEXT_DEFAULT, silent_s: 6 },
        form: (country && FORMS[country]) || null,
        rules_in: [],
        send: 'plus',
        rules_out: [],
        identity: { from: 'caller', asserted: false, preferred: false, remote_party: false, privacy: 'refuse', redirections: 'none', believe: false },
        early_media: 'prefer',
        redirects_max: 0,
    };
}

export const isNoRule = (rule: Rule) => !rule.starts && !rule.add && !rule.strip;

const BLANKS: Blanks = {
    hosts: isNoHost,
    accounts: (account: CarrierAccount) => !account.username && !account.password,
    numbers: ({ number }: IncomingNumber) => !number,
    callers: ({ number }: CallerNumber) => !number,
    rates: ({ prefix, per_minute }: Rate) => !prefix && (per_minute === '' || per_minute === null),
    rules_in: isNoRule,
    rules_out: isNoRule,
};

/** What is sent of it. */
export function carrierToWire(typed: Partial<CarrierForm>): Partial<Carrier> {
    const { callers_too, ...carrier } = typed;
    const numbers = carrier.numbers?.map((entry) => ({ ...entry, number: plainNumber(entry.number) }));
    const callers = callers_too ? numbers?.map(({ number, center }) => ({ number, center })) : carrier.callers?.map((entry) => ({ ...entry, number: plainNumber(entry.number) }));
    return sent({ ...carrier, numbers, callers, hosts: carrier.hosts?.map(hostOnWire), rules_in: rulesToSend(carrier.rules_in), rules_out: rulesToSend(carrier.rules_out) }, BLANKS) as Partial<Carrier>;
}

/** Where in the form a field stands that the server names. It names a price by its prefix. */
export function carrierPlace(field: string, typed: Partial<CarrierForm>): string {
    if (field.startsWith('rates.')) {
        const named = field.slice('rates.'.length);
        const index = typed.rates?.findIndex(({ prefix }) => named === prefix || named.startsWith(`${prefix}.`)) ?? -1;
        return index < 0 ? 'rates' : `rates.${index}.${named.slice((typed.rates?.[index]?.prefix.length ?? 0) + 1) || 'prefix'}`;
    }
    // Caller numbers that were never typed: their numbers were.
    return placeOf(typed.callers_too ? field.replace(/^callers\[/, 'numbers[') : field, typed, BLANKS);
}

/** A number as people write it, without what they put between its digits. */
export function plainNumber(text: string | null | undefined): string {
    return (text ?? '').replace(/[\s().-]/g, '');
}

/** A line of a price list: prefix, price of a minute, of being answered, the least that is counted, the step. */
export function readRate([prefix = '', minute = '', connect = '0', first = '0', step = '60']: string[]): Rate | undefined {
    const start = prefix.replace(/[\s().-]/g, '');
    const [perMinute, answered] = [minute, connect].map((text) => text.replace(',', '.'));
    if (!/^\+?\d*$/.test(start) || start === '' || !isPrice(perMinute) || !isPrice(answered) || !/^\d+$/.test(first) || !/^\d+$/.test(step)) return undefined;
    return { prefix: start.startsWith('+') ? start : `+${start}`, per_minute: perMinute ?? '', connect: answered ?? '0', first_s: Number(first), step_s: Number(step) };
}

const isPrice = (text: string | undefined) => text !== undefined && /^\d{1,7}(\.\d{1,4})?$/.test(text);

/** A line of a list of numbers: the number, and the slots that ring, with blanks between them. */
export function readNumber([number = '', ...slots]: string[]): IncomingNumber | undefined {
    const plain = plainNumber(number);
    if (!/^\+?\d{6,15}$/.test(plain)) return undefined;
    return { ...NO_NUMBER, number: plain.startsWith('+') ? plain : `+${plain}`, to: slots.flatMap((text) => text.split(/\s+/)).filter(Boolean) };
}
