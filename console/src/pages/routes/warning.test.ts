import { expect, it } from 'vitest';
import { readWarning } from './warning';

it('a warning says of what it is', () => {
    const cases: [string, ReturnType<typeof readWarning>][] = [
        ['route 6 (Россия): then: the group far has no carrier for this center', { what: 'route', id: '6', name: 'Россия', isLeftOut: false, says: 'the group far has no carrier for this center' }],
        ['carrier 2 (A (b)) is not used: hosts[0]: no such host', { what: 'carrier', id: '2', name: 'A (b)', isLeftOut: true, says: 'hosts[0]: no such host' }],
        [
            'carrier 3 (Volga) is not used: accounts: the passwords cannot be opened with the key of this data directory (secret.key): set them anew',
            { what: 'carrier', id: '3', name: 'Volga', isLeftOut: true, says: 'the passwords cannot be opened with the key of this data directory (secret.key): set them anew' },
        ],
        ['a hub is tired', undefined],
    ];
    for (const [text, wanted] of cases) expect(readWarning(text), text).toEqual(wanted);
});
