/** How a host is spoken to; `automatic` is as its name's records say. */
export type HostTransport = 'automatic' | 'udp' | 'tcp' | 'tls';

export interface HostParts {
    /** A name or an address, with a port behind it if it has one. */
    place: string;
    transport: HostTransport;
}

/** A host's URI in the two parts that a person thinks in. Whatever is no URI is taken for a place. */
export function readHost(uri: string): HostParts {
    const [, scheme, place = '', parameter] = /^(sips?):([^;]*)(?:;transport=(\w+))?$/i.exec(uri.trim()) ?? [];
    if (!scheme) return { place: uri.trim(), transport: 'automatic' };
    const named = parameter?.toLowerCase();
    if (scheme.toLowerCase() === 'sips' || named === 'tls') return { place, transport: 'tls' };
    return { place, transport: named === 'udp' || named === 'tcp' ? named : 'automatic' };
}

/** The URI that holds both. Without a place it keeps the transport, until there is one. */
export function writeHost({ place, transport }: HostParts): string {
    if (!place && transport === 'automatic') return '';
    return `${transport === 'tls' ? 'sips' : 'sip'}:${place}${transport === 'udp' || transport === 'tcp' ? `;transport=${transport}` : ''}`;
}

/** The URI, as the server takes it: a bare address of IPv6 gets its brackets. */
export function hostOnWire(uri: string): string {
    const { place, transport } = readHost(uri);
    return writeHost({ place: /^[0-9a-f.]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(place) ? `[${place}]` : place, transport });
}

/** Whether it says nothing yet. */
export function isNoHost(uri: unknown): boolean {
    return typeof uri !== 'string' || readHost(uri).place === '';
}
