//! Transfers: REFER within a session (RFC 3515). B-51.

use expect_test::{Expect, expect};
use sip_core::endpoint::{EndpointSettings, Extras};

use crate::script::{check, check_with_showing};

pub(crate) fn check_transfer(script: &str, ladder: Expect) {
    let extras = Extras { transfers: true, ..Extras::default() };
    let shown = &["Event", "Subscription-State", "Refer-Sub", "Allow-Events", "Expires"];
    check_with_showing(EndpointSettings { extras, ..EndpointSettings::default() }, shown, script, ladder);
}

/// B-51: 202, and a NOTIFY for each step, the last of which ends it. The session is as it was.
#[test]
fn blind_transfer() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: <sip:6002@10.0.0.1>
        + Referred-By: <sip:6001@10.0.0.1>;cid=\"x@y\"
        5.1 refer ok
        5.2 > 200 NOTIFY
        6 notify 180
        6.1 > 200 NOTIFY
        8 notify 200
        8.1 > 200 NOTIFY
        8.2 notify 486
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: Some(b"sip:6001@10.0.0.1") }
            5.1 < 202 REFER 2 to=t1
            5.1 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.2 > 200 NOTIFY
            6.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 180 Ringing
            6.1 > 200 NOTIFY
            8.0 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 200 OK
            8.1 > 200 NOTIFY
            9.0 > BYE 3
            9.0 < 200 BYE 3 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn transfer_of_whom_we_called() {
    check_transfer(
        "
        0 call
        1 > 200 to=a sdp
        5 > REFER
        + Refer-To: \"Who\" <sip:6002@10.0.0.1;user=phone?Subject=x>
        5.1 refer ok
        5.2 > 200 NOTIFY
        6 notify 603
        6.1 > 200 NOTIFY
        9 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 200 INVITE to=a sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            5.0 > REFER 1
            5.0 * s1 Referred { refer: ReferId(1), to: b"sip:6002@10.0.0.1;user=phone", replaces: no, referred_by: no }
            5.1 < 202 REFER 1 to=t1
            5.1 < NOTIFY 2 sip:a@192.168.1.9:5062 b3 to=a Event:refer;id=1 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.2 > 200 NOTIFY
            6.0 < NOTIFY 3 sip:a@192.168.1.9:5062 b4 to=a Event:refer;id=1 Subscription-State:terminated;reason=noresource frag=SIP/2.0 603 Decline
            6.1 > 200 NOTIFY
            9.0 > BYE 2
            9.0 < 200 BYE 2 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// RFC 5589, 7: whom the peer speaks with already, by another dialog with us; also while it still rings there, and who names no dialog of ours.
#[test]
fn attended_transfer() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        1 > INVITE call=call-2 from=other to=none sdp
        1 ring 180 s=2
        1.2 > REFER
        + Refer-To: <sip:6002@10.0.0.1?Replaces=call-2%3Bto-tag%3D{t2}%3Bfrom-tag%3Dother>
        1.3 refer 486
        1.4 answer s=2
        1.5 > ACK call=call-2 from=other to=t2 cseq=2
        2 > REFER call=call-2 from=other to=t2
        + Refer-To: <sip:6001@10.0.0.1?Require=replaces&Replaces=call-1%3Bfrom-tag%3Dpeer%3Bto-tag%3D{t1}>
        2.1 refer ok s=2
        2.2 > 200 NOTIFY
        2.3 notify 200 s=2
        2.4 > 200 NOTIFY
        3 > REFER
        + Refer-To: <sip:6002@10.0.0.1?Replaces=call-9%3Bto-tag%3D{t2}%3Bfrom-tag%3Dother>
        3.1 refer 404
        4 > BYE call=call-2 from=other to=t2
        4.1 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > INVITE 2 sdp
            1.0 * s2 Invited
            1.0 < 100 INVITE 2
            1.0 < 180 INVITE 2 to=t2
            1.2 > REFER 3
            1.2 * s1 Referred { refer: ReferId(3), to: b"sip:6002@10.0.0.1", replaces: Some(Replaces { call_id: b"call-2", to_tag: b"dba204587fa4dda0", from_tag: b"other", early_only: false }), referred_by: no } in place of s2
            1.3 < 486 REFER 3 to=t1
            1.4 < 200 INVITE 2 to=t2 sdp
            1.5 > ACK 2
            1.5 * s2 Confirmed { sdp: no }
            2.0 > REFER 4
            2.0 * s2 Referred { refer: ReferId(4), to: b"sip:6001@10.0.0.1", replaces: Some(Replaces { call_id: b"call-1", to_tag: b"20f4cfa13df98881", from_tag: b"peer", early_only: false }), referred_by: no } in place of s1
            2.1 < 202 REFER 4 to=t2
            2.1 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=other Event:refer;id=4 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            2.2 > 200 NOTIFY
            2.3 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=other Event:refer;id=4 Subscription-State:terminated;reason=noresource frag=SIP/2.0 200 OK
            2.4 > 200 NOTIFY
            3.0 > REFER 5
            3.0 * s1 Referred { refer: ReferId(5), to: b"sip:6002@10.0.0.1", replaces: Some(Replaces { call_id: b"call-9", to_tag: b"dba204587fa4dda0", from_tag: b"other", early_only: false }), referred_by: no }
            3.1 < 404 REFER 5 to=t1
            4.0 > BYE 6
            4.0 < 200 BYE 6 to=t2
            4.0 * s2 Ended { why: Bye }
            4.1 > BYE 7
            4.1 < 200 BYE 7 to=t1
            4.1 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What fails gives the parties back (B-51): nothing of the session has changed.
#[test]
fn refused_transfer() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: sip:6002@10.0.0.1
        5.1 again REFER
        5.1 refer 603
        5.2 again REFER
        6 > REFER
        + Refer-To: sip:6003@10.0.0.1
        6 refer ok
        6.1 > 200 NOTIFY
        7 notify 486
        7.1 > 200 NOTIFY
        8 > INVITE sdp=2
        8 reoffer ok
        8.1 > ACK
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.1 > REFER 2 again
            5.1 < 603 REFER 2 to=t1
            5.2 > REFER 2 again
            5.2 < 603 REFER 2 to=t1
            6.0 > REFER 3
            6.0 * s1 Referred { refer: ReferId(3), to: b"sip:6003@10.0.0.1", replaces: no, referred_by: no }
            6.0 < 202 REFER 3 to=t1
            6.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=3 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            6.1 > 200 NOTIFY
            7.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=3 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            7.1 > 200 NOTIFY
            8.0 > INVITE 4 sdp=2
            8.0 * s1 Reoffered { sdp: 2 }
            8.0 < 100 INVITE 4 to=t1
            8.0 < 200 INVITE 4 to=t1 sdp
            8.1 > ACK 4
            8.1 * s1 Reconfirmed { sdp: no }
            9.0 > BYE 5
            9.0 < 200 BYE 5 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// One at a time; the next once the first is over.
#[test]
fn second_transfer() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: sip:6002@10.0.0.1
        5.1 > REFER
        + Refer-To: sip:6003@10.0.0.1
        5.2 refer ok
        5.3 > 200 NOTIFY
        5.4 > REFER
        + Refer-To: sip:6003@10.0.0.1
        6 notify 486
        6.1 > REFER
        + Refer-To: sip:6003@10.0.0.1
        6.2 refer 500
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.1 > REFER 3
            5.1 < 491 REFER 3 to=t1
            5.2 < 202 REFER 2 to=t1
            5.2 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.3 > 200 NOTIFY
            5.4 > REFER 4
            5.4 < 491 REFER 4 to=t1
            6.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            6.1 > REFER 5
            6.1 * s1 Referred { refer: ReferId(5), to: b"sip:6003@10.0.0.1", replaces: no, referred_by: no }
            6.2 < 500 REFER 5 to=t1
            6.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            7.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            9.0 > BYE 6
            9.0 < 200 BYE 6 to=t1
            9.0 * s1 Ended { why: Bye }
            9.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            13.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            17.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            21.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            25.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            29.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            33.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            37.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 486 Busy Here
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// While a NOTIFY is on its way the newest waits, and what is final is not lost.
#[test]
fn notifies_in_a_row() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: sip:6002@10.0.0.1
        5 refer ok
        5.1 notify 180
        5.2 notify 183
        5.3 notify 200
        5.4 notify 180
        5.6 > 200 NOTIFY
        5.7 > 200 NOTIFY
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.0 < 202 REFER 2 to=t1
            5.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.6 > 200 NOTIFY
            5.6 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 200 OK
            5.7 > 200 NOTIFY
            9.0 > BYE 3
            9.0 < 200 BYE 3 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// RFC 5057, 5.1: who knows nothing of the transfer any more ends that, and not the session.
#[test]
fn notify_meets_481() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: sip:6002@10.0.0.1
        5 refer ok
        5.1 > 481 NOTIFY
        5.2 notify 200
        6 > REFER
        + Refer-To: sip:6003@10.0.0.1
        6 refer ok
        6.1 > 500 NOTIFY
        6.2 notify 200
        6.3 > 200 NOTIFY
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.0 < 202 REFER 2 to=t1
            5.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.1 > 481 NOTIFY
            6.0 > REFER 3
            6.0 * s1 Referred { refer: ReferId(3), to: b"sip:6003@10.0.0.1", replaces: no, referred_by: no }
            6.0 < 202 REFER 3 to=t1
            6.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=3 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            6.1 > 500 NOTIFY
            6.2 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:refer;id=3 Subscription-State:terminated;reason=noresource frag=SIP/2.0 200 OK
            6.3 > 200 NOTIFY
            9.0 > BYE 4
            9.0 < 200 BYE 4 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn notify_meets_silence() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: sip:6002@10.0.0.1
        5 refer ok
        5.1 icmp
        5.2 notify 200
        5.3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.0 < 202 REFER 2 to=t1
            5.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.3 > BYE 3
            5.3 < 200 BYE 3 to=t1
            5.3 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// A quarter of an hour, and the peer is told that there will be no more.
#[test]
fn transfer_without_end() {
    let mut script = "0 > INVITE sdp\n0 answer\n0.1 > ACK\n5 > REFER\n+ Refer-To: sip:6002@10.0.0.1\n5 refer ok\n5.1 > 200 NOTIFY\n\
        100 notify 180\n100.1 > 200 NOTIFY\n"
        .to_owned();
    // It is renewed.
    for place in 0..5 {
        script += &format!("{}.1 > 200 NOTIFY\n", 170 + 165 * place);
    }
    script += "900.1 > 200 INVITE sdp\n905.1 > 200 NOTIFY\n906 notify 200\n910 > BYE";
    check_transfer(
        &script,
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.0 < 202 REFER 2 to=t1
            5.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.1 > 200 NOTIFY
            100.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:active;expires=85 frag=SIP/2.0 180 Ringing
            100.1 > 200 NOTIFY
            170.0 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 180 Ringing
            170.1 > 200 NOTIFY
            335.0 < NOTIFY 4 sip:peer@192.168.1.9:5062 b4 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 180 Ringing
            335.1 > 200 NOTIFY
            500.0 < NOTIFY 5 sip:peer@192.168.1.9:5062 b5 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 180 Ringing
            500.1 > 200 NOTIFY
            665.0 < NOTIFY 6 sip:peer@192.168.1.9:5062 b6 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 180 Ringing
            665.1 > 200 NOTIFY
            830.0 < NOTIFY 7 sip:peer@192.168.1.9:5062 b7 to=peer Event:refer;id=2 Subscription-State:active;expires=75 frag=SIP/2.0 180 Ringing
            830.1 > 200 NOTIFY
            900.0 < INVITE 8 sip:peer@192.168.1.9:5062 b8 to=peer sdp
            900.1 > 200 INVITE sdp
            900.1 < ACK 8 sip:a@192.168.1.9:5062 b9 to=peer
            905.0 < NOTIFY 9 sip:a@192.168.1.9:5062 b10 to=peer Event:refer;id=2 Subscription-State:terminated;reason=timeout frag=SIP/2.0 180 Ringing
            905.1 > 200 NOTIFY
            910.0 > BYE 3
            910.0 < 200 BYE 3 to=t1
            910.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// An owner who takes longer than the peer waits (64*T1) has promised nothing.
#[test]
fn owner_is_late() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: sip:6002@10.0.0.1
        40 refer ok
        41 notify 200
        42 > REFER
        + Refer-To: sip:6003@10.0.0.1
        75 > REFER
        + Refer-To: sip:6004@10.0.0.1
        75 refer ok
        75.1 > 200 NOTIFY
        76 > BYE
        76.1 > 481 NOTIFY
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            40.0 * too late
            42.0 > REFER 3
            42.0 * s1 Referred { refer: ReferId(3), to: b"sip:6003@10.0.0.1", replaces: no, referred_by: no }
            75.0 > REFER 4
            75.0 * s1 Referred { refer: ReferId(4), to: b"sip:6004@10.0.0.1", replaces: no, referred_by: no }
            75.0 < 202 REFER 4 to=t1
            75.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=4 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            75.1 > 200 NOTIFY
            76.0 > BYE 5
            76.0 < 200 BYE 5 to=t1
            76.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=4 Subscription-State:terminated;reason=noresource frag=SIP/2.0 100 Trying
            76.0 * s1 Ended { why: Bye }
            76.1 > 481 NOTIFY
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// RFC 4488: who wants to hear nothing of it.
#[test]
fn transfer_without_a_subscription() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: sip:6002@10.0.0.1
        + Refer-Sub: false
        + Require: norefersub
        5 refer ok
        5.1 notify 200
        5.2 > REFER
        + Refer-To: sip:6002@10.0.0.1
        + Require: multiple-refer
        9 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.0 < 200 REFER 2 to=t1 Refer-Sub:false
            5.2 > REFER 3
            5.2 < 420 REFER 3 to=t1 Unsupported:multiple-refer
            9.0 > BYE 4
            9.0 < 200 BYE 4 to=t1
            9.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Who is transferred hangs up at once, as phones do: the dialog lives on for one more NOTIFY (RFC 5057, 4).
#[test]
fn bye_right_after_the_refer() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: sip:6002@10.0.0.1
        5 refer ok
        5.1 > BYE
        5.2 notify 200
        5.3 > 200 NOTIFY
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.0 < 202 REFER 2 to=t1
            5.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.1 > BYE 3
            5.1 < 200 BYE 3 to=t1
            5.1 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 100 Trying
            5.1 * s1 Ended { why: Bye }
            5.3 > 200 NOTIFY
            5.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            6.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            8.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            12.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            16.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            20.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            24.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            28.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            32.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            36.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn session_ends_before_the_decision() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: sip:6002@10.0.0.1
        5.1 > BYE
        5.2 refer ok
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.1 > BYE 3
            5.1 < 200 BYE 3 to=t1
            5.1 < 487 REFER 2 to=t1
            5.1 * s1 Ended { why: Bye }
            5.2 * too late
            left: 0 sessions, 0 transactions
        "#]],
    );
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: sip:6002@10.0.0.1
        5 refer ok
        5.1 > 200 NOTIFY
        5.2 hangup
        5.3 > 200 NOTIFY
        5.4 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.0 < 202 REFER 2 to=t1
            5.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.1 > 200 NOTIFY
            5.2 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 100 Trying
            5.2 < BYE 3 sip:peer@192.168.1.9:5062 b3 to=peer
            5.3 > 200 NOTIFY
            5.4 > 200 BYE
            5.4 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// 2.4.4, and RFC 6665: the implicit subscription is asked about, ended by its subscriber, and there is no other.
#[test]
fn subscribe_within_a_session() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        4 > SUBSCRIBE
        + Event: refer
        5 > REFER
        + Refer-To: sip:6002@10.0.0.1
        5 refer ok
        5.1 > 200 NOTIFY
        6 > SUBSCRIBE
        + Event: refer;id=3
        + Expires: 3600
        6.1 > 200 NOTIFY
        7 > SUBSCRIBE
        + Event: refer;id=99
        8 > SUBSCRIBE
        + Event: presence
        9 > SUBSCRIBE
        + Event: refer
        + Expires: 0
        9.1 > 200 NOTIFY
        10 notify 200
        11 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            4.0 > SUBSCRIBE 2
            4.0 < 481 SUBSCRIBE 2 to=t1
            5.0 > REFER 3
            5.0 * s1 Referred { refer: ReferId(3), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.0 < 202 REFER 3 to=t1
            5.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=3 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.1 > 200 NOTIFY
            6.0 > SUBSCRIBE 4
            6.0 < 200 SUBSCRIBE 4 to=t1 Expires:179
            6.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=3 Subscription-State:active;expires=179 frag=SIP/2.0 100 Trying
            6.1 > 200 NOTIFY
            7.0 > SUBSCRIBE 5
            7.0 < 481 SUBSCRIBE 5 to=t1
            8.0 > SUBSCRIBE 6
            8.0 < 489 SUBSCRIBE 6 to=t1 Allow-Events:refer
            9.0 > SUBSCRIBE 7
            9.0 < 200 SUBSCRIBE 7 to=t1 Expires:0
            9.0 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:refer;id=3 Subscription-State:terminated;reason=timeout frag=SIP/2.0 100 Trying
            9.1 > 200 NOTIFY
            11.0 > BYE 8
            11.0 < 200 BYE 8 to=t1
            11.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What cannot be carried out is refused before anybody is asked.
#[test]
fn hostile_refers() {
    check_transfer(
        "
        0 > INVITE sdp
        0 > REFER to=none
        + Refer-To: sip:6002@10.0.0.1
        0.1 ring 180
        0.2 > REFER
        + Refer-To: sip:6002@10.0.0.1
        0.3 answer
        0.4 > ACK cseq=1
        1 > REFER
        2 > REFER
        + Refer-To: sip:a@h
        + Refer-To: sip:b@h
        3 > REFER
        + Refer-To: <sip:a@h>, <sip:b@h>
        4 > REFER
        + Refer-To: <sip:a@h
        5 > REFER
        + Refer-To: http://h/
        6 > REFER
        + Refer-To: <sip:a@h;method=SUBSCRIBE>
        7 > REFER
        + Refer-To: <sip:a@h?Replaces=junk>
        8 > REFER sdp=hostile type=message/sipfrag
        + Refer-To: <sip:a@h>
        + Referred-By: <<<
        + Content-Encoding: gzip
        8 refer 403
        9 > REFER cseq=3
        + Refer-To: sip:a@h
        10 > REFER from=other
        + Refer-To: sip:a@h
        11 > BYE
        11.1 > REFER
        + Refer-To: sip:a@h
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 > REFER 2
            0.0 < 403 REFER 2 to=t1
            0.1 < 180 INVITE 1 to=t2
            0.2 > REFER 3
            0.2 < 491 REFER 3 to=t2
            0.3 < 200 INVITE 1 to=t2 sdp
            0.4 > ACK 1
            0.4 * s1 Confirmed { sdp: no }
            1.0 > REFER 4
            1.0 < 400 REFER 4 to=t2
            2.0 > REFER 5
            2.0 < 400 REFER 5 to=t2
            3.0 > REFER 6
            3.0 < 400 REFER 6 to=t2
            4.0 > REFER 7
            4.0 < 400 REFER 7 to=t2
            5.0 > REFER 8
            5.0 < 416 REFER 8 to=t2
            6.0 > REFER 9
            6.0 < 403 REFER 9 to=t2
            7.0 > REFER 10
            7.0 < 400 REFER 10 to=t2
            8.0 > REFER 11 sdp=hostile
            8.0 * s1 Referred { refer: ReferId(11), to: b"sip:a@h", replaces: no, referred_by: no }
            8.0 < 403 REFER 11 to=t2
            9.0 > REFER 3
            9.0 < 500 REFER 3 to=t2
            10.0 > REFER 12
            10.0 < 481 REFER 12 to=t2
            11.0 > BYE 13
            11.0 < 200 BYE 13 to=t2
            11.0 * s1 Ended { why: Bye }
            11.1 > REFER 14
            11.1 < 481 REFER 14 to=t2
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Switched off there is no such method, and Replaces means nothing.
#[test]
fn without_transfers() {
    check(
        "
        0 > INVITE sdp
        0 > REFER to=none
        + Refer-To: sip:6002@10.0.0.1
        0 answer
        0.1 > ACK cseq=1
        1 > REFER
        + Refer-To: sip:6002@10.0.0.1
        2 > SUBSCRIBE
        + Event: refer
        3 > INVITE call=other from=other to=none sdp
        + Replaces: junk
        3 refuse 486 s=2
        3.1 > ACK branch=invite call=other from=other
        4 > INVITE call=other2 from=other to=none sdp
        + Replaces: call-1;to-tag={tag};from-tag=peer
        + Require: replaces
        5 > BYE cseq=9
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 > REFER 2
            0.0 < 405 REFER 2 to=t1 Allow
            0.0 < 200 INVITE 1 to=t2 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            1.0 > REFER 3
            1.0 < 405 REFER 3 to=t2 Allow
            2.0 > SUBSCRIBE 4
            2.0 < 405 SUBSCRIBE 4 to=t2 Allow
            3.0 > INVITE 5 sdp
            3.0 * s2 Invited
            3.0 < 100 INVITE 5
            3.0 < 486 INVITE 5 to=t3
            3.0 * s2 Ended { why: HungUp }
            3.1 > ACK 5
            4.0 > INVITE 6 sdp
            4.0 < 420 INVITE 6 to=t4 Unsupported:replaces
            5.0 > BYE 9
            5.0 < 200 BYE 9 to=t2
            5.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Phones that ring one after another take longer than a subscription lasts: it is renewed (RFC 3515, 2.4.4).
#[test]
fn a_long_transfer_is_told_to_its_end() {
    check_transfer(
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        5 > REFER
        + Refer-To: <sip:6002@10.0.0.1>
        5 refer ok
        5.1 > 200 NOTIFY
        6 notify 180
        6.1 > 200 NOTIFY
        170.1 > 200 NOTIFY
        335.1 > 200 NOTIFY
        480 notify 200
        480.1 > 200 NOTIFY
        490 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            5.0 > REFER 2
            5.0 * s1 Referred { refer: ReferId(2), to: b"sip:6002@10.0.0.1", replaces: no, referred_by: no }
            5.0 < 202 REFER 2 to=t1
            5.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 100 Trying
            5.1 > 200 NOTIFY
            6.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:refer;id=2 Subscription-State:active;expires=179 frag=SIP/2.0 180 Ringing
            6.1 > 200 NOTIFY
            170.0 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 180 Ringing
            170.1 > 200 NOTIFY
            335.0 < NOTIFY 4 sip:peer@192.168.1.9:5062 b4 to=peer Event:refer;id=2 Subscription-State:active;expires=180 frag=SIP/2.0 180 Ringing
            335.1 > 200 NOTIFY
            480.0 < NOTIFY 5 sip:peer@192.168.1.9:5062 b5 to=peer Event:refer;id=2 Subscription-State:terminated;reason=noresource frag=SIP/2.0 200 OK
            480.1 > 200 NOTIFY
            490.0 > BYE 3
            490.0 < 200 BYE 3 to=t1
            490.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}
