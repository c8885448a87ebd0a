// Where the phones of a small call centre are.
import type { Registration, Slot } from '@/api/types';
import type { Chance } from './chance';

const PHONES = ['Yealink SIP-T31P 124.86.0.40', 'Grandstream GXP1620 1.0.7.49', 'MicroSIP/3.21.5', 'baresip v3.10.1 (x86_64/Linux)', 'Linphone-Desktop/5.2.4 (Windows)'];

export function makeRegistrations(chance: Chance, slots: Slot[], now: number): Registration[] {
    const made = slots
        .filter(({ registered }) => registered)
        .map((slot, index): Registration => {
            const source = index % 11 === 4 ? `[2001:db8:7::${index.toString(16)}]:5060` : `10.0.${chance.whole(0, 3)}.${20 + index}:${chance.one([5060, 5060, 40_112])}`;
            const transport = chance.one(['udp', 'udp', 'udp', 'tcp', 'tls']);
            return { id: slot.id, source, transport, user_agent: chance.one(PHONES), contact: `sip:${slot.number}@${source}`, since: now - chance.whole(5, 4000) * 60_000, expires_at: now + chance.whole(20, 280) * 1000 };
        });
    // What a stranger's phone says that it is has to come out as text.
    const strange = made[1];
    if (strange) Object.assign(strange, { user_agent: '<img src=x onerror=alert(1)> friendly-scanner', transport: 'wss' });
    return made;
}
