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
