// What the server says in English sentences, in the person's language: why a carrier is passed over, why a registration failed.
// A test holds the table against the server's own sources.
import { useTranslate } from 'ra-core';
import { useCallback } from 'react';

/** The sentences by codes of ours, with what stands in them. What is called `why` is a sentence itself. */
export const SENTENCES = {
    // Why a carrier is not tried (model/src/carrier/order.rs).
    off: 'it is switched off',
    other_center: 'it belongs to another center, and is not shared',
    no_price: 'it has no price for this number, and is only used for numbers that have one',
    no_caller: 'it has no caller number verified for this center',
    no_number: 'its rules make of the number what cannot be dialled',
    misread: 'without its + it would be another number there',
    down: 'it does not answer, or is not registered',
    full: 'it has as many calls as it may',
    too_fast: 'as many calls as it may have begun in this second',
    too_many: 'as many others as can be are tried before it',
    // What was passed over on the way, and what routes name that is not there (model/src/route).
    not_used: '{name} (carrier {id}) is not used: {why}',
    not_verified: "{name} (carrier {id}) does not have the slot's number {number} verified, and is shown its own",
    no_slot: 'there is no slot {slot} in this center',
    no_carrier_here: 'there is no carrier {id} for this center',
    no_carrier: 'there is no carrier {id}',
    no_group: 'the group {group} has no carrier for this center',
    not_asked_for_help: 'nobody is asked about an emergency number: {url} is passed over',
    locked: 'numbers of this kind are refused (403 premium_not_allowed) unless a budget allows premium numbers, whatever the routes say',
    // What is set and has no effect (model/src/route/lacking.rs).
    read_otherwise: '{text} is read as {shown} before it gets here, so this never matches: write {first}',
    carries_nothing: 'it has neither numbers nor callers: no call comes by it, and none goes out',
    // Why a call goes nowhere (model/src/route/plan.rs).
    no_route: 'no route is for this call',
    route_undialable: 'the route rewrites the number to what cannot be dialled',
    carrier_undialable: "the carrier's rules make of the number what cannot be dialled",
    no_such_carrier: 'there is no such carrier',
    carrier_off: 'the carrier is switched off',
    not_brought: 'the number is none of those that the carrier brings us',
    number_elsewhere: 'the number belongs to another center',
    no_slots: 'none of the slots is there',
    no_slot_number: 'no slot of this center has this number',
    no_service: 'it is a number for services, and there is no service behind it',
    route_refuses: 'the route refuses it',
    asks_twice: 'the default of a question is another question',
    carriers_away: 'no carrier can take it now',
    carriers_not_for_it: 'none of the carriers is for this call',
    not_of_the_world: 'no number of the world is written so: + and up to 15 digits, of which the first is no 0',
    hides: 'without its * and # it is a number of the world',
    // What is left out of the plan (store/src).
    carrier_unreadable: 'its settings cannot be read by this version of the program: set it anew',
    passwords_shut: 'the passwords cannot be opened with the key of this data directory (secret.key): set them anew',
    route_unreadable: 'it cannot be read by this version of the program: set it anew',
    more_than: 'there are more than {max}',
    // Why we are not registered with a carrier (sip-core, calls/src/carriers).
    refused_because: '{status} {reason}: {why}',
    refused: '{status} {reason}',
    not_bound: 'accepted without our contact',
    no_answer: 'no answer',
    no_connection: 'no connection: {why}',
    no_answer_in_time: 'no answer in time',
    no_tls: 'no TLS came about',
    certificate_time: 'the certificate has expired, or is not good yet',
    certificate_name: 'the certificate is of another name',
    certificate_issuer: 'nobody that we believe vouches for the certificate',
    certificate: 'the certificate cannot be believed',
    too_much_at_once: 'too much at once',
    no_stream_so: 'no stream is opened that way',
    anothers: 'its address is reached under another name already, by which a connection is open',
    connection_lost: 'connection lost',
    nobody: 'nobody is there',
    unsent: 'could not be sent',
    other_registrar: 'another registrar is named, and not followed',
    challenge_unusable: 'no challenge that can be answered',
    other_realm: 'asked for another realm: {realm}',
    weaker: 'asked for a weaker algorithm than before',
    wrong_password: 'user name or password refused',
    asked_too_often: 'asked too often',
    no_such_name: 'no such name',
    dns_silent: 'no answer from DNS in time',
    nothing_spoken: 'nothing there that we speak',
    too_many_lookups: 'too many places are looked for at once',
    no_way: 'no address of ours leads there',
    not_allowed: '{address} is {kind}; whoever runs the server can allow it with sip.allow_nets',
    too_many_accounts: 'too many accounts are in use',
} as const;

export type SentenceCode = keyof typeof SENTENCES;

/** What can stand where a sentence leaves room. */
const ROOM: Record<string, string> = { status: '[1-6]\\d\\d', id: '\\d+', max: '\\d+', reason: '.*?' };

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

const PATTERNS = (Object.entries(SENTENCES) as [SentenceCode, string][]).map(([code, sentence]) => {
    const pattern = sentence.split(/\{(\w+)\}/).map((part, index) => (index % 2 === 0 ? escaped(part) : `(?<${part}>${ROOM[part] ?? '.*'})`));
    return { code, pattern: new RegExp(`^${pattern.join('')}$`, 's') };
});

/** Which sentence it is, and what stands in it; none if this console does not know it. */
export function readSentence(text: string): { code: SentenceCode; values: Record<string, string> } | undefined {
    for (const { code, pattern } of PATTERNS) {
        const found = pattern.exec(text);
        if (found) return { code, values: { ...found.groups } };
    }
    return undefined;
}

/** Says the server's sentences in the person's language. One that is not known stays as it came. */
export function useSentence(): (text: string) => string {
    const translate = useTranslate();
    return useCallback(
        (text) => {
            const say = (text: string): string => {
                const known = readSentence(text);
                if (!known) return text;
                const { why, ...values } = known.values;
                // Of a bare status a person wants to know what it means.
                const meaning = known.code === 'refused' ? translate(`register_refusals.${values.status}`, { _: '' }) : '';
                if (meaning) return translate('sentences.refused_because', { ...values, why: meaning });
                return translate(`sentences.${known.code}`, { ...values, why: why === undefined ? undefined : say(why) });
            };
            return say(text);
        },
        [translate],
    );
}

/** A sentence of the server's. */
export function Sentence({ text }: { text: string }) {
    const sentence = useSentence();
    return <bdi lang={readSentence(text) ? undefined : 'en'}>{sentence(text)}</bdi>;
}
