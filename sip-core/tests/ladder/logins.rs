//! As a customer of a carrier: our requests are challenged (RFC 3261, 22).

use expect_test::expect;

use crate::script::{check, check_tcp, check_timed};

#[test]
fn invite_is_challenged() {
    check(
        r#"
        0 account
        0 call
        0.1 > 100
        0.2 > 407 to=p
        + Proxy-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        0.3 again 407
        0.4 > 100
        0.5 > 180
        2 > 200 sdp
        9 hangup
        9.1 > 200 BYE
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            0.2 > 407 INVITE to=p
            0.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=p
            0.2 < INVITE 2 sip:phone@192.168.1.9:5062 b2 Proxy-Authorization:"n1"/00000001 sdp
            0.3 > 407 INVITE to=p again
            0.3 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=p
            0.4 > 100 INVITE
            0.5 > 180 INVITE
            0.5 * s1 Ringing { status: 180, sdp: no }
            2.0 > 200 INVITE sdp
            2.0 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            2.0 * s1 Answered { sdp: yes }
            9.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            9.1 > 200 BYE
            9.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn invite_is_challenged_over_tcp() {
    check_tcp(
        r#"
        0 account realm=carrier
        0 call
        0.2 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth", algorithm=SHA-256
        2 > 200 sdp
        3 > BYE
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.2 > 401 INVITE
            0.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.2 < INVITE 2 sip:phone@192.168.1.9:5062 b2 Authorization:"n1"/00000001 sdp
            2.0 > 200 INVITE sdp
            2.0 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            2.0 * s1 Answered { sdp: yes }
            3.0 > BYE 1
            3.0 < 200 BYE 1 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// A proxy and the server behind it ask, then the nonce is stale, then the interval is too short: each request has all that was asked for.
#[test]
fn invite_is_challenged_by_all() {
    check_timed(
        sip_core::EndpointSettings::default(),
        r#"
        0 account
        0 call
        0.1 > 407
        + Proxy-Authenticate: Digest realm="carrier", nonce="p1", qop="auth"
        0.2 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="s1", qop="auth"
        0.3 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="s2", qop="auth", stale=true
        0.4 > 422
        + Min-SE: 3600
        0.5 > 200 sdp
        1 > BYE
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:1800 sdp
            0.1 > 407 INVITE
            0.1 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.1 < INVITE 2 sip:phone@192.168.1.9:5062 b2 Proxy-Authorization:"p1"/00000001 Session-Expires:1800 sdp
            0.2 > 401 INVITE
            0.2 < ACK 2 sip:phone@192.168.1.9:5062 b2 to=a
            0.2 < INVITE 3 sip:phone@192.168.1.9:5062 b3 Authorization:"s1"/00000001 Proxy-Authorization:"p1"/00000002 Session-Expires:1800 sdp
            0.3 > 401 INVITE
            0.3 < ACK 3 sip:phone@192.168.1.9:5062 b3 to=a
            0.3 < INVITE 4 sip:phone@192.168.1.9:5062 b4 Authorization:"s2"/00000001 Proxy-Authorization:"p1"/00000003 Session-Expires:1800 sdp
            0.4 > 422 INVITE
            0.4 < ACK 4 sip:phone@192.168.1.9:5062 b4 to=a
            0.4 < INVITE 5 sip:phone@192.168.1.9:5062 b5 Authorization:"s2"/00000002 Proxy-Authorization:"p1"/00000004 Session-Expires:3600 Min-SE:3600 sdp
            0.5 > 200 INVITE sdp
            0.5 < ACK 5 sip:a@192.168.1.9:5062 b6 to=a
            0.5 * s1 Answered { sdp: yes }
            1.0 > BYE 1
            1.0 < 200 BYE 1 to=t1
            1.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn wrong_password() {
    check(
        r#"
        0 account
        0 call
        0.1 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        0.2 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n2", qop="auth"
        1 call
        1.1 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 401 INVITE
            0.1 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.1 < INVITE 2 sip:phone@192.168.1.9:5062 b2 Authorization:"n1"/00000001 sdp
            0.2 > 401 INVITE
            0.2 < ACK 2 sip:phone@192.168.1.9:5062 b2 to=a
            0.2 * s1 Refused { status: 401 }
            1.0 < INVITE 1 sip:phone@192.168.1.9:5062 b3 sdp
            1.1 > 401 INVITE
            1.1 < ACK 1 sip:phone@192.168.1.9:5062 b3 to=a
            1.1 * s2 Refused { status: 401 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// It says `stale=true` for ever.
#[test]
fn challenged_without_end() {
    check(
        r#"
        0 account
        0 call
        1 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        2 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n2", qop="auth", stale=true
        3 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n3", qop="auth", stale=true
        4 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n4", qop="auth", stale=true
        5 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n5", qop="auth", stale=true
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            1.0 > 401 INVITE
            1.0 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            1.0 < INVITE 2 sip:phone@192.168.1.9:5062 b2 Authorization:"n1"/00000001 sdp
            1.5 < INVITE 2 sip:phone@192.168.1.9:5062 b2 Authorization:"n1"/00000001 sdp
            2.0 > 401 INVITE
            2.0 < ACK 2 sip:phone@192.168.1.9:5062 b2 to=a
            2.0 < INVITE 3 sip:phone@192.168.1.9:5062 b3 Authorization:"n2"/00000001 sdp
            2.5 < INVITE 3 sip:phone@192.168.1.9:5062 b3 Authorization:"n2"/00000001 sdp
            3.0 > 401 INVITE
            3.0 < ACK 3 sip:phone@192.168.1.9:5062 b3 to=a
            3.0 < INVITE 4 sip:phone@192.168.1.9:5062 b4 Authorization:"n3"/00000001 sdp
            3.5 < INVITE 4 sip:phone@192.168.1.9:5062 b4 Authorization:"n3"/00000001 sdp
            4.0 > 401 INVITE
            4.0 < ACK 4 sip:phone@192.168.1.9:5062 b4 to=a
            4.0 < INVITE 5 sip:phone@192.168.1.9:5062 b5 Authorization:"n4"/00000001 sdp
            4.5 < INVITE 5 sip:phone@192.168.1.9:5062 b5 Authorization:"n4"/00000001 sdp
            5.0 > 401 INVITE
            5.0 < ACK 5 sip:phone@192.168.1.9:5062 b5 to=a
            5.0 * s1 Refused { status: 401 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// B-56: whoever is called by way of the carrier asks for the carrier's password; and nobody asks whom we have no account with.
#[test]
fn challenge_of_another_realm() {
    check(
        r#"
        0 call
        0.1 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n0", qop="auth"
        1 account realm=carrier
        1 call
        1.1 > 401
        + WWW-Authenticate: Digest realm="evil", nonce="n1", qop="auth"
        2 account gone
        2 call
        2.1 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n2", qop="auth"
        3 account
        3 call
        3.1 > 401
        + WWW-Authenticate: Basic realm="carrier"
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 401 INVITE
            0.1 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.1 * s1 Refused { status: 401 }
            1.0 < INVITE 1 sip:phone@192.168.1.9:5062 b2 sdp
            1.1 > 401 INVITE
            1.1 < ACK 1 sip:phone@192.168.1.9:5062 b2 to=a
            1.1 * s2 Refused { status: 401 }
            2.0 < INVITE 1 sip:phone@192.168.1.9:5062 b3 sdp
            2.1 > 401 INVITE
            2.1 < ACK 1 sip:phone@192.168.1.9:5062 b3 to=a
            2.1 * s3 Refused { status: 401 }
            3.0 < INVITE 1 sip:phone@192.168.1.9:5062 b4 sdp
            3.1 > 401 INVITE
            3.1 < ACK 1 sip:phone@192.168.1.9:5062 b4 to=a
            3.1 * s4 Refused { status: 401 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// 9.1: nothing was heard, so the CANCEL waits; the challenge ends the call.
#[test]
fn hung_up_before_the_challenge() {
    check(
        r#"
        0 account
        0 call
        0.1 hangup
        0.2 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        1 call
        1.1 > 100
        1.2 hangup s=2
        1.3 > 401 INVITE
        + WWW-Authenticate: Digest realm="carrier", nonce="n2", qop="auth"
        1.4 > 200 CANCEL
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.2 > 401 INVITE
            0.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.2 * s1 Ended { why: HungUp }
            1.0 < INVITE 1 sip:phone@192.168.1.9:5062 b2 sdp
            1.1 > 100 INVITE
            1.2 < CANCEL 1 sip:phone@192.168.1.9:5062 b2
            1.3 > 401 INVITE
            1.3 < ACK 1 sip:phone@192.168.1.9:5062 b2 to=a
            1.3 * s2 Ended { why: HungUp }
            1.4 > 200 CANCEL
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The CANCEL is that of the INVITE that is open.
#[test]
fn hung_up_after_the_challenge() {
    check(
        r#"
        0 account
        0 call
        0.1 > 401
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        0.2 hangup
        0.3 > 100
        0.4 > 200 CANCEL
        0.5 > 487 INVITE
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 401 INVITE
            0.1 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.1 < INVITE 2 sip:phone@192.168.1.9:5062 b2 Authorization:"n1"/00000001 sdp
            0.3 > 100 INVITE
            0.3 < CANCEL 2 sip:phone@192.168.1.9:5062 b2
            0.4 > 200 CANCEL
            0.5 > 487 INVITE
            0.5 < ACK 2 sip:phone@192.168.1.9:5062 b2 to=a
            0.5 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn requests_within_are_challenged() {
    check(
        r#"
        0 account
        0 call
        0.1 > 200 sdp
        1 offer 2
        1.1 > 407 INVITE
        + Proxy-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        1.2 > 200 INVITE sdp
        2 info
        2.1 > 407 INFO
        + Proxy-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        2.2 > 200 INFO
        3 hangup
        3.1 > 407 BYE
        + Proxy-Authenticate: Digest realm="carrier", nonce="n2", qop="auth"
        3.2 > 200 BYE
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            1.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            1.1 > 407 INVITE
            1.1 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            1.1 < INVITE 3 sip:a@192.168.1.9:5062 b4 to=a Proxy-Authorization:"n1"/00000001 sdp=2
            1.2 > 200 INVITE sdp
            1.2 < ACK 3 sip:a@192.168.1.9:5062 b5 to=a
            1.2 * s1 ReofferAnswered { sdp: yes }
            2.0 < INFO 4 sip:a@192.168.1.9:5062 b6 to=a sdp
            2.1 > 407 INFO
            2.1 < INFO 5 sip:a@192.168.1.9:5062 b7 to=a Proxy-Authorization:"n1"/00000002 sdp
            2.2 > 200 INFO
            3.0 < BYE 6 sip:a@192.168.1.9:5062 b8 to=a
            3.1 > 407 BYE
            3.1 < BYE 7 sip:a@192.168.1.9:5062 b9 to=a Proxy-Authorization:"n2"/00000001
            3.2 > 200 BYE
            3.2 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Two at once: what the first was answered with is forgotten, so it stays as it was answered, however stale it is said to be.
#[test]
fn two_within_are_challenged_at_once() {
    check(
        r#"
        0 account
        0 call
        0.1 > 200 sdp
        1 info
        1 probe
        1.1 > 401 INFO
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        1.2 > 401 OPTIONS
        + WWW-Authenticate: Digest realm="carrier", nonce="n2", qop="auth"
        1.3 > 401 INFO
        + WWW-Authenticate: Digest realm="carrier", nonce="n3", qop="auth", stale=true
        1.4 > 401 OPTIONS
        + WWW-Authenticate: Digest realm="carrier", nonce="n4", qop="auth", stale=true
        1.5 > 200 OPTIONS
        2 > BYE
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            1.0 < INFO 2 sip:a@192.168.1.9:5062 b3 to=a sdp
            1.0 < OPTIONS 3 sip:a@192.168.1.9:5062 b4 to=a
            1.1 > 401 INFO
            1.1 < INFO 4 sip:a@192.168.1.9:5062 b5 to=a Authorization:"n1"/00000001 sdp
            1.2 > 401 OPTIONS
            1.2 < OPTIONS 5 sip:a@192.168.1.9:5062 b6 to=a Authorization:"n2"/00000001
            1.3 > 401 INFO
            1.4 > 401 OPTIONS
            1.4 < OPTIONS 6 sip:a@192.168.1.9:5062 b7 to=a Authorization:"n4"/00000001
            1.5 > 200 OPTIONS
            2.0 > BYE 1
            2.0 < 200 BYE 1 to=t1
            2.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// A refusal of the credentials ends what was asked; of a BYE, the session.
#[test]
fn requests_within_are_refused() {
    check(
        r#"
        0 account realm=carrier
        0 call
        0.1 > 200 sdp
        1 offer 2
        1.1 > 401 INVITE
        + WWW-Authenticate: Digest realm="evil", nonce="n1", qop="auth"
        2 offer 3
        2.1 > 401 INVITE
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        2.2 > 401 INVITE
        + WWW-Authenticate: Digest realm="carrier", nonce="n2", qop="auth"
        3 info
        3.1 > 401 INFO
        + WWW-Authenticate: Digest realm="carrier", nonce="n3", qop="auth"
        3.2 > 401 INFO
        + WWW-Authenticate: Digest realm="carrier", nonce="n4", qop="auth"
        4 hangup
        4.1 > 401 BYE
        + WWW-Authenticate: Digest realm="carrier", nonce="n5", qop="auth"
        4.2 > 401 BYE
        + WWW-Authenticate: Digest realm="carrier", nonce="n6", qop="auth"
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            1.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a sdp=2
            1.1 > 401 INVITE
            1.1 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            1.1 * s1 ReofferRefused { status: 401 }
            2.0 < INVITE 3 sip:a@192.168.1.9:5062 b4 to=a sdp=3
            2.1 > 401 INVITE
            2.1 < ACK 3 sip:a@192.168.1.9:5062 b4 to=a
            2.1 < INVITE 4 sip:a@192.168.1.9:5062 b5 to=a Authorization:"n1"/00000001 sdp=3
            2.2 > 401 INVITE
            2.2 < ACK 4 sip:a@192.168.1.9:5062 b5 to=a
            2.2 * s1 ReofferRefused { status: 401 }
            3.0 < INFO 5 sip:a@192.168.1.9:5062 b6 to=a sdp
            3.1 > 401 INFO
            3.1 < INFO 6 sip:a@192.168.1.9:5062 b7 to=a Authorization:"n3"/00000001 sdp
            3.2 > 401 INFO
            4.0 < BYE 7 sip:a@192.168.1.9:5062 b8 to=a
            4.1 > 401 BYE
            4.1 < BYE 8 sip:a@192.168.1.9:5062 b9 to=a Authorization:"n5"/00000001
            4.2 > 401 BYE
            4.2 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refresh_is_challenged() {
    check_timed(
        sip_core::EndpointSettings::default(),
        r#"
        0 account
        0 call
        0.1 > 200 sdp
        + Session-Expires: 90;refresher=uac
        + Allow: UPDATE
        45.2 > 401 UPDATE
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        45.3 > 200 UPDATE
        + Session-Expires: 90;refresher=uac
        60 > BYE
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:1800 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            45.1 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:90;refresher=uac
            45.2 > 401 UPDATE
            45.2 < UPDATE 3 sip:a@192.168.1.9:5062 b4 to=a Authorization:"n1"/00000001 Session-Expires:90;refresher=uac
            45.3 > 200 UPDATE
            60.0 > BYE 1
            60.0 < 200 BYE 1 to=t1
            60.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// B-56: the dialog leads to another host by now, and that one asks.
#[test]
fn the_peer_has_moved_to_another_host() {
    check(
        r#"
        0 account
        0 call
        0.1 > 200 sdp
        1 > INFO host=10.6.6.6
        2 hangup
        2.1 > 401 BYE
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        "#,
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            1.0 > INFO 1
            1.0 < 200 INFO 1 to=t1
            1.0 * s1 Info { content_type: b"", body: b"" }
            2.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a
            2.1 > 401 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// B-56: it was not us who called, so nobody has an account with whom to speak.
#[test]
fn the_caller_asks_who_we_are() {
    check(
        r#"
        0 account
        0 > INVITE sdp
        0.1 answer
        0.2 > ACK
        1 hangup
        1.1 > 401 BYE
        + WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"
        "#,
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.1 < 200 INVITE 1 to=t1 sdp
            0.2 > ACK 1
            0.2 * s1 Confirmed { sdp: no }
            1.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer
            1.1 > 401 BYE
            1.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}
