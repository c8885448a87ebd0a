// A ladder's text (GET /api/calls/{id}/ladder) in parts: what was said between whom and when, and each message whole.

/** A message of a call. */
export interface Rung {
    number: number;
    /** Milliseconds after the call began. */
    afterMs: number;
    /** Between us and the phone that called, or the far one. */
    side: 'near' | 'far';
    /** Whose phone or carrier that is: several may ring, be tried, or have the call handed on to them. */
    party: string;
    /** Whether it came to us. */
    isIn: boolean;
    /** `INVITE 1 sdp`, `200 INVITE 1`. */
    label: string;
    /** What the drawing says beside it: that it was said before, or that it went another way. */
    note: string;
    /** The message itself. */
    text: string;
}

export interface Rungs {
    /** The two parties, as the drawing names them. */
    near: string;
    far: string;
    /** Milliseconds since 1970. */
    beganAt: number | undefined;
    rungs: Rung[];
}

/** Characters between two uprights of the drawing. */
const GAP = 30;

/** Reads a ladder; none if it is drawn in a way that this console does not know. */
export function readLadder(text: string): Rungs | undefined {
    const [head = ''] = text.split(/\n--- /, 1);
    const [, near = '', far = ''] = /^call \S+ {2}(.*) -> (.*) {2}(?:over|up)$/m.exec(head) ?? [];
    const began = Date.parse(/^began (\S+)$/m.exec(head)?.[1] ?? '');
    const drawn = [...head.matchAll(new RegExp(`^ *(\\d+) +(\\d+) {3}\\|(.{${GAP}})\\|(.{${GAP}})\\|(.*)$`, 'gmu'))];
    if (drawn.length === 0) return undefined;
    const rungs = drawn.map(([, number, after, left = '', right = '', note = '']): Rung => {
        const side = left.trim() ? 'near' : 'far';
        const arrow = (side === 'near' ? left : right).trim();
        // The near phone stands left of us, the far one right.
        const pointsRight = arrow.endsWith('>');
        return { number: Number(number), afterMs: Number(after), side, party: side === 'near' ? near : far, isIn: pointsRight === (side === 'near'), label: arrow.replace(/^[-<] /, '').replace(/ -*[->]$/, ''), note: note.trim(), text: '' };
    });
    // Messages come in the order of the drawing. What looks like the head of another one within a message is only taken for one if it is the next.
    let rest = text.slice(head.length);
    rungs.forEach((rung, index) => {
        const start = headOf(rest, rung);
        if (start === undefined) return;
        const body = rest.slice(start);
        const party = headPattern(rung).exec(rest)?.[1];
        if (party && party !== near && party !== far) {
            rung.party = party;
            rung.note = rung.note.startsWith(party) ? rung.note.slice(party.length).trim() : rung.note;
        }
        const next = rungs[index + 1];
        const end = next ? endOf(body, next) : body.length;
        rung.text = body.slice(0, end).replace(/\n$/, '');
        rest = body.slice(end);
    });
    return { near, far, beganAt: Number.isNaN(began) ? undefined : began, rungs };
}

const headPattern = ({ number, afterMs, isIn }: Rung) => new RegExp(`\\n--- ${number} {2}${afterMs} ms {2}${isIn ? 'from' : 'to'} ([^\\n]*?)(?: {2}(?:UDP|TCP|TLS|WSS?) [^\\n]*)?\\n`);

function headOf(text: string, rung: Rung): number | undefined {
    const found = headPattern(rung).exec(text);
    return found ? found.index + found[0].length : undefined;
}

function endOf(text: string, next: Rung): number {
    return headPattern(next).exec(text)?.index ?? text.length;
}

/** What kind of answer a label is of, by the first digit of its status; none for a request. */
export function statusClass(label: string): number | undefined {
    const [, status] = /^(\d)\d\d /.exec(label) ?? [];
    return status === undefined ? undefined : Number(status);
}
