// A call's SIP messages, as the server draws them.
export const LADDER = `call %id%  6001 -> +74951234567  over
began 2026-11-20T06:41:07.113Z
near  6001  UDP 10.0.0.21:5060, ours 10.0.0.5:5060
far   +74951234567  UDP 203.0.113.9:5060, ours 10.0.0.5:5060

            ms   6001                           Cordboard                      +74951234567
   1         0   |- INVITE 1 sdp -------------->|                              |
   2         1   |< 100 INVITE 1 ---------------|                              |
   3         7   |                              |- INVITE 1 sdp -------------->|
   4      1289   |                              |< 180 INVITE 1 ---------------|
   5      1289   |< 180 INVITE 1 ---------------|                              |
   6      5774   |                              |< 200 INVITE 1 sdp -----------|
   7      5775   |< 200 INVITE 1 sdp -----------|                              |
   8      5808   |- ACK 1 --------------------->|                              |

--- 1  0 ms  from 6001  UDP 10.0.0.21:5060 -> 10.0.0.5:5060
INVITE sip:+74951234567@10.0.0.5 SIP/2.0
Via: SIP/2.0/UDP 10.0.0.21:5060;branch=z9hG4bK-524287-1
From: "<script>alert(1)</script>" <sip:6001@10.0.0.5>;tag=a6c85cf
To: <sip:+74951234567@10.0.0.5>
Call-ID: 843817637684230@998sdasdh09
CSeq: 1 INVITE
Authorization: Digest username="6001", response="…"


--- 2  1 ms  to 6001  UDP 10.0.0.21:5060 -> 10.0.0.5:5060
SIP/2.0 100 Trying
CSeq: 1 INVITE


--- 3  7 ms  to +74951234567  UDP 203.0.113.9:5060 -> 10.0.0.5:5060
INVITE sip:x@10.0.0.5 SIP/2.0
CSeq: 1 INVITE


--- 4  1289 ms  from +74951234567  UDP 203.0.113.9:5060 -> 10.0.0.5:5060
SIP/2.0 180 Ringing
CSeq: 1 INVITE


--- 5  1289 ms  to 6001  UDP 10.0.0.21:5060 -> 10.0.0.5:5060
SIP/2.0 180 Ringing
CSeq: 1 INVITE


--- 6  5774 ms  from +74951234567  UDP 203.0.113.9:5060 -> 10.0.0.5:5060
SIP/2.0 200 OK
CSeq: 1 INVITE


--- 7  5775 ms  to 6001  UDP 10.0.0.21:5060 -> 10.0.0.5:5060
SIP/2.0 200 OK
CSeq: 1 INVITE


--- 8  5808 ms  from 6001  UDP 10.0.0.21:5060 -> 10.0.0.5:5060
ACK sip:x@10.0.0.5 SIP/2.0
CSeq: 1 ACK
`;

/** A call that was put on hold and transferred, tried by two carriers, with keys pressed in between: more messages than a screen holds. */
export function longLadder(): string {
    const near = '6004';
    const far = '+74957771234567';
    const rungs: [number, string, 'near' | 'far', 'in' | 'out', string?][] = [
        [0, 'INVITE 1 sdp', 'far', 'in'],
        [1, '100 INVITE 1', 'far', 'out'],
        [6, 'INVITE 1 sdp', 'near', 'out'],
        [506, 'INVITE 1 sdp', 'near', 'out', 'again'],
        [561, '180 INVITE 1', 'near', 'in'],
        [562, '180 INVITE 1', 'far', 'out'],
        [4210, '200 INVITE 1 sdp', 'near', 'in'],
        [4211, '200 INVITE 1 sdp', 'far', 'out'],
        [4215, 'ACK 1', 'near', 'out'],
        [4260, 'ACK 1', 'far', 'in'],
    ];
    for (let index = 0; index < 14; index += 1) {
        const at = 9000 + index * 731;
        rungs.push([at, `INFO ${2 + index} body`, 'far', 'in'], [at + 2, `200 INFO ${2 + index}`, 'far', 'out'], [at + 5, `INFO ${2 + index} body`, 'near', 'out'], [at + 41, `200 INFO ${2 + index}`, 'near', 'in']);
    }
    rungs.push(
        [31_000, 'INVITE 40 sdp', 'near', 'in', 'udp 203.0.113.200:5060 -> 10.0.0.5:5060'],
        [31_002, '200 INVITE 40 sdp', 'near', 'out'],
        [31_040, 'ACK 40', 'near', 'in'],
        [44_870, 'REFER 41', 'near', 'in'],
        [44_871, '202 REFER 41', 'near', 'out'],
        [44_873, 'NOTIFY 17 body', 'near', 'out'],
        [44_911, '200 NOTIFY 17', 'near', 'in'],
        [45_300, '503 INVITE 2', 'far', 'in'],
        [47_012, 'NOTIFY 18 body', 'near', 'out'],
        [47_050, '200 NOTIFY 18', 'near', 'in'],
        [47_055, 'BYE 42', 'near', 'in'],
        [47_056, '200 BYE 42', 'near', 'out'],
        [93_004, 'BYE 9', 'far', 'in'],
        [93_005, '200 BYE 9', 'far', 'out'],
    );
    const arrow = (label: string, pointsRight: boolean) => (pointsRight ? `- ${label} ${'-'.repeat(26 - label.length)}>` : `< ${label} ${'-'.repeat(26 - label.length)}-`);
    const blank = ' '.repeat(30);
    // Of the keys some have had no room.
    const kept = rungs.map((rung, index) => ({ rung, number: index + 1 })).filter(({ number }) => number < 40 || number > 47);
    const drawn = kept.map(({ rung: [at, label, side, way, note], number }) => {
        const drawing = arrow(label, (side === 'near') === (way === 'in'));
        return `${String(number).padStart(4)} ${String(at).padStart(9)}   |${side === 'near' ? drawing : blank}|${side === 'near' ? blank : drawing}|${note ? ` ${note}` : ''}`;
    });
    drawn.splice(39, 0, ' ...             | 8 message(s) left out');
    const whole = kept.map(({ rung: [at, label, side, way], number }) => `--- ${number}  ${at} ms  ${way === 'in' ? 'from' : 'to'} ${side === 'near' ? near : far}  UDP 10.0.0.24:5060 -> 10.0.0.5:5060\n${label} SIP/2.0\nX-Note: <img src=x onerror=alert(1)>\n\n`);
    return `call %id%  ${near} -> ${far}  over\nbegan 2026-11-20T06:41:07.113Z\nnear  ${near}  UDP 10.0.0.24:5060, ours 10.0.0.5:5060\nfar   ${far}  UDP 203.0.113.9:5060, ours 10.0.0.5:5060\n\n            ms   ${near}\n${drawn.join('\n')}\n\n${whole.join('\n')}`;
}
