//! Session timers (RFC 4028; B-49): each session refreshes, or is refreshed, by itself.

use expect_test::expect;
use sip_core::endpoint::EndpointSettings;

use crate::script::{check_tcp, check_timed};

fn settings(session_expires_s: u32, session_min_s: u32) -> EndpointSettings {
    EndpointSettings { session_expires_s, session_min_s, ..EndpointSettings::default() }
}

#[test]
fn callee_refreshes_by_update() {
    check_timed(
        settings(180, 90),
        "
        0 > INVITE sdp
        + Supported: timer
        + Allow: INVITE, UPDATE
        0 answer
        0.1 > ACK
        91 > 200 UPDATE
        + Session-Expires: 180;refresher=uac
        182 > 200 UPDATE
        + Session-Expires: 180;refresher=uac
        200 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 Session-Expires:180;refresher=uas Require:timer sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            90.0 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer Session-Expires:180;refresher=uac
            90.5 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer Session-Expires:180;refresher=uac
            91.0 > 200 UPDATE
            181.0 < UPDATE 2 sip:a@192.168.1.9:5062 b2 to=peer Session-Expires:180;refresher=uac
            181.5 < UPDATE 2 sip:a@192.168.1.9:5062 b2 to=peer Session-Expires:180;refresher=uac
            182.0 > 200 UPDATE
            200.0 > BYE 2
            200.0 < 200 BYE 2 to=t1
            200.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn callee_refreshes_by_reinvite_of_what_is_agreed() {
    check_timed(
        settings(180, 90),
        "
        0 > INVITE sdp
        + Supported: timer
        0 answer
        0.1 > ACK
        90.1 > 200 INVITE sdp
        + Session-Expires: 180;refresher=uac
        90.6 again 200
        100 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 Session-Expires:180;refresher=uas Require:timer sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            90.0 < INVITE 1 sip:peer@192.168.1.9:5062 b1 to=peer Session-Expires:180;refresher=uac sdp
            90.1 > 200 INVITE sdp
            90.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=peer
            90.6 > 200 INVITE sdp again
            90.6 < ACK 1 sip:a@192.168.1.9:5062 b2 to=peer
            100.0 > BYE 2
            100.0 < 200 BYE 2 to=t1
            100.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn caller_refreshes() {
    check_timed(
        settings(180, 90),
        "
        0 call
        1 > 200 sdp
        + Session-Expires: 180;refresher=uac
        + Require: timer
        + Allow: UPDATE
        91.1 > 200 UPDATE
        + Session-Expires: 180;refresher=uac
        100 hangup
        100.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            91.0 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            91.1 > 200 UPDATE
            100.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            100.1 > 200 BYE
            100.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn peer_refreshes() {
    check_timed(
        settings(180, 90),
        "
        0 > INVITE sdp
        + Supported: timer
        + Session-Expires: 180;refresher=uac
        0 answer
        0.1 > ACK
        90 > UPDATE
        + Supported: timer
        + Session-Expires: 180;refresher=uac
        180 > INVITE sdp
        + Supported: timer
        + Session-Expires: 180
        180.1 > ACK
        270 > INVITE sdp=2
        + Supported: timer
        + Session-Expires: 180;refresher=uac
        270.1 reoffer ok
        270.2 > ACK
        300 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 Session-Expires:180;refresher=uac Require:timer sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            90.0 > UPDATE 2
            90.0 < 200 UPDATE 2 to=t1 Session-Expires:180;refresher=uac Require:timer
            180.0 > INVITE 3 sdp
            180.0 < 200 INVITE 3 to=t1 Session-Expires:180;refresher=uac Require:timer sdp
            180.1 > ACK 3
            270.0 > INVITE 4 sdp=2
            270.0 * s1 Reoffered { sdp: 2 }
            270.0 < 100 INVITE 4 to=t1
            270.1 < 200 INVITE 4 to=t1 Session-Expires:180;refresher=uac Require:timer sdp
            270.2 > ACK 4
            270.2 * s1 Reconfirmed { sdp: no }
            300.0 > BYE 5
            300.0 < 200 BYE 5 to=t1
            300.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn peer_forgets_to_refresh() {
    check_timed(
        settings(180, 90),
        "
        0 > INVITE sdp
        + Supported: timer
        + Session-Expires: 180;refresher=uac
        0 answer
        0.1 > ACK
        90 > UPDATE
        + Supported: timer
        + Session-Expires: 180;refresher=uac
        239 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 Session-Expires:180;refresher=uac Require:timer sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            90.0 > UPDATE 2
            90.0 < 200 UPDATE 2 to=t1 Session-Expires:180;refresher=uac Require:timer
            238.0 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer Reason:Q.850;cause=102;text="Session expired"
            238.0 * s1 Ended { why: Expired }
            238.5 < BYE 1 sip:peer@192.168.1.9:5062 b1 to=peer Reason:Q.850;cause=102;text="Session expired"
            239.0 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn called_peer_forgets_to_refresh() {
    check_timed(
        settings(180, 90),
        "
        0 call
        1 > 200 sdp
        + Session-Expires: 90;refresher=uas
        + Require: timer
        61.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            61.0 < BYE 2 sip:a@192.168.1.9:5062 b3 to=a Reason:Q.850;cause=102;text="Session expired"
            61.0 * s1 Ended { why: Expired }
            61.1 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refresh_answered_by_nobody() {
    check_timed(
        settings(180, 90),
        "
        0 call
        1 > 200 sdp
        + Session-Expires: 180;refresher=uac
        + Allow: UPDATE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            91.0 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            91.5 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            92.5 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            94.5 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            98.5 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            102.5 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            106.5 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            110.5 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            114.5 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            118.5 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            122.5 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            123.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            123.0 * s1 Ended { why: DialogLost }
            123.5 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            124.5 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            126.5 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            130.5 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            134.5 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            138.5 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            142.5 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            146.5 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            150.5 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            154.5 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The peer only ever says that it is at it, and then nothing is left of it all the same.
#[test]
fn refresh_never_decided_until_it_expires() {
    check_timed(
        settings(180, 90),
        "
        0 call
        0.1 > 200 sdp
        + Session-Expires: 180;refresher=uac
        91 > 100 INVITE
        150 > 180 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.1 > 200 INVITE sdp
            0.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            0.1 * s1 Answered { sdp: yes }
            90.1 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac sdp
            90.6 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac sdp
            91.0 > 100 INVITE
            148.1 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a Reason:Q.850;cause=102;text="Session expired"
            148.1 * s1 Ended { why: Expired }
            148.6 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a Reason:Q.850;cause=102;text="Session expired"
            149.6 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a Reason:Q.850;cause=102;text="Session expired"
            150.0 > 180 INVITE
            151.6 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a Reason:Q.850;cause=102;text="Session expired"
            155.6 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a Reason:Q.850;cause=102;text="Session expired"
            159.6 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a Reason:Q.850;cause=102;text="Session expired"
            163.6 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a Reason:Q.850;cause=102;text="Session expired"
            167.6 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a Reason:Q.850;cause=102;text="Session expired"
            171.6 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a Reason:Q.850;cause=102;text="Session expired"
            175.6 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a Reason:Q.850;cause=102;text="Session expired"
            179.6 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a Reason:Q.850;cause=102;text="Session expired"
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refresh_of_a_lost_dialog() {
    check_timed(
        settings(180, 90),
        "
        0 call
        1 > 200 sdp
        + Session-Expires: 180;refresher=uac
        + Allow: UPDATE
        91.1 > 481 UPDATE
        91.2 > 481 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            91.0 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            91.1 > 481 UPDATE
            91.1 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            91.1 * s1 Ended { why: DialogLost }
            91.2 > 481 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refresh_refused_until_it_expires() {
    check_timed(
        settings(180, 90),
        "
        0 call
        1 > 200 sdp
        + Session-Expires: 90;refresher=uac
        + Allow: UPDATE
        46.1 > 500 UPDATE
        55.2 > 503 UPDATE
        + Retry-After: 3
        58.3 > 500 UPDATE
        61.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            46.0 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:90;refresher=uac
            46.1 > 500 UPDATE
            55.1 < UPDATE 3 sip:a@192.168.1.9:5062 b4 to=a Session-Expires:90;refresher=uac
            55.2 > 503 UPDATE
            58.2 < UPDATE 4 sip:a@192.168.1.9:5062 b5 to=a Session-Expires:90;refresher=uac
            58.3 > 500 UPDATE
            61.0 < BYE 5 sip:a@192.168.1.9:5062 b6 to=a Reason:Q.850;cause=102;text="Session expired"
            61.0 * s1 Ended { why: Expired }
            61.1 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refresh_meets_glare() {
    check_timed(
        settings(180, 90),
        "
        0 call
        1 > 200 sdp
        + Session-Expires: 180;refresher=uac
        91.1 > 491 INVITE
        96 > 200 INVITE sdp
        + Session-Expires: 180;refresher=uac
        100 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            91.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac sdp
            91.1 > 491 INVITE
            91.1 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            94.7 < INVITE 3 sip:a@192.168.1.9:5062 b4 to=a Session-Expires:180;refresher=uac sdp
            95.2 < INVITE 3 sip:a@192.168.1.9:5062 b4 to=a Session-Expires:180;refresher=uac sdp
            96.0 > 200 INVITE sdp
            96.0 < ACK 3 sip:a@192.168.1.9:5062 b5 to=a
            100.0 > BYE 1
            100.0 < 200 BYE 1 to=t1
            100.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refresh_wants_a_longer_interval() {
    check_timed(
        settings(180, 90),
        "
        0 call
        1 > 200 sdp
        + Session-Expires: 180;refresher=uac
        + Allow: UPDATE
        91.1 > 422 UPDATE
        + Min-SE: 600
        91.2 > 200 UPDATE
        + Session-Expires: 600;refresher=uac
        391.3 > 200 UPDATE
        + Session-Expires: 600;refresher=uac
        400 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            91.0 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            91.1 > 422 UPDATE
            91.1 < UPDATE 3 sip:a@192.168.1.9:5062 b4 to=a Session-Expires:600;refresher=uac Min-SE:600
            91.2 > 200 UPDATE
            391.2 < UPDATE 4 sip:a@192.168.1.9:5062 b5 to=a Session-Expires:600;refresher=uac Min-SE:600
            391.3 > 200 UPDATE
            400.0 > BYE 1
            400.0 < 200 BYE 1 to=t1
            400.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn update_is_refused_so_reinvite() {
    check_timed(
        settings(180, 90),
        "
        0 call
        1 > 200 sdp
        + Session-Expires: 180;refresher=uac
        + Allow: UPDATE
        91.1 > 405 UPDATE
        91.2 > 200 INVITE sdp
        + Session-Expires: 180;refresher=uac
        181.3 > 200 INVITE sdp
        + Session-Expires: 180;refresher=uac
        190 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            91.0 < UPDATE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac
            91.1 > 405 UPDATE
            91.1 < INVITE 3 sip:a@192.168.1.9:5062 b4 to=a Session-Expires:180;refresher=uac sdp
            91.2 > 200 INVITE sdp
            91.2 < ACK 3 sip:a@192.168.1.9:5062 b5 to=a
            181.2 < INVITE 4 sip:a@192.168.1.9:5062 b6 to=a Session-Expires:180;refresher=uac sdp
            181.3 > 200 INVITE sdp
            181.3 < ACK 4 sip:a@192.168.1.9:5062 b7 to=a
            190.0 > BYE 1
            190.0 < 200 BYE 1 to=t1
            190.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refresh_changes_the_answer() {
    check_timed(
        settings(180, 90),
        "
        0 call
        1 > 200 sdp
        + Session-Expires: 180;refresher=uac
        91.1 > 200 INVITE sdp=2
        + Session-Expires: 180;refresher=uac
        100 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            91.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac sdp
            91.1 > 200 INVITE sdp=2
            91.1 < ACK 2 sip:a@192.168.1.9:5062 b4 to=a
            91.1 * s1 ReofferAnswered { sdp: 2 }
            100.0 > BYE 1
            100.0 < 200 BYE 1 to=t1
            100.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn peer_without_timer_is_asked_all_the_same() {
    check_timed(
        settings(180, 90),
        "
        0 call
        1 > 200 sdp
        91.1 > 488 INVITE
        181.2 > 200 INVITE sdp
        271.3 > 500 INVITE
        361.4 > 408 INVITE
        361.5 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            91.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180 sdp
            91.1 > 488 INVITE
            91.1 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            181.1 < INVITE 3 sip:a@192.168.1.9:5062 b4 to=a Session-Expires:180 sdp
            181.2 > 200 INVITE sdp
            181.2 < ACK 3 sip:a@192.168.1.9:5062 b5 to=a
            271.2 < INVITE 4 sip:a@192.168.1.9:5062 b6 to=a Session-Expires:180 sdp
            271.3 > 500 INVITE
            271.3 < ACK 4 sip:a@192.168.1.9:5062 b6 to=a
            361.3 < INVITE 5 sip:a@192.168.1.9:5062 b7 to=a Session-Expires:180 sdp
            361.4 > 408 INVITE
            361.4 < ACK 5 sip:a@192.168.1.9:5062 b7 to=a
            361.4 < BYE 6 sip:a@192.168.1.9:5062 b8 to=a
            361.4 * s1 Ended { why: DialogLost }
            361.5 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn caller_without_timer_is_asked_all_the_same() {
    check_timed(
        settings(180, 90),
        "
        0 > INVITE sdp
        0 answer
        0.1 > ACK
        91 > 200 INVITE sdp
        181.1 > 481 INVITE
        181.2 > 481 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            90.0 < INVITE 1 sip:peer@192.168.1.9:5062 b1 to=peer Session-Expires:180 sdp
            90.5 < INVITE 1 sip:peer@192.168.1.9:5062 b1 to=peer Session-Expires:180 sdp
            91.0 > 200 INVITE sdp
            91.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=peer
            181.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=peer Session-Expires:180 sdp
            181.1 > 481 INVITE
            181.1 < ACK 2 sip:a@192.168.1.9:5062 b3 to=peer
            181.1 < BYE 3 sip:a@192.168.1.9:5062 b4 to=peer
            181.1 * s1 Ended { why: DialogLost }
            181.2 > 481 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn nobody_asks_for_a_timer() {
    check_timed(
        settings(0, 90),
        "
        0 > INVITE sdp
        + Supported: timer
        0 answer
        0.1 > ACK
        3000 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            3000.0 > BYE 2
            3000.0 < 200 BYE 2 to=t1
            3000.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn interval_too_small() {
    check_timed(
        settings(1_800, 120),
        "
        0 > INVITE sdp
        + Supported: timer
        + Session-Expires: 100
        0.1 > ACK branch=invite
        0.2 > INVITE sdp
        + Supported: timer
        + Session-Expires: 120
        + Min-SE: 120
        0.2 answer
        0.3 > ACK
        1 > UPDATE
        + Supported: timer
        + Session-Expires: 60
        2 > INVITE sdp=2
        + Supported: timer
        + Session-Expires: 60
        2.1 > ACK branch=invite
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 < 422 INVITE 1 to=t1 Min-SE:120
            0.1 > ACK 1
            0.2 > INVITE 2 sdp
            0.2 * s1 Invited
            0.2 < 100 INVITE 2
            0.2 < 200 INVITE 2 to=t2 Session-Expires:120;refresher=uas Require:timer sdp
            0.3 > ACK 2
            0.3 * s1 Confirmed { sdp: no }
            1.0 > UPDATE 3
            1.0 < 422 UPDATE 3 to=t2 Min-SE:120
            2.0 > INVITE 4 sdp=2
            2.0 < 422 INVITE 4 to=t2 Min-SE:120
            2.1 > ACK 4
            3.0 > BYE 5
            3.0 < 200 BYE 5 to=t2
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn interval_too_small_of_a_proxy() {
    check_timed(
        settings(1_800, 120),
        "
        0 > INVITE sdp
        + Session-Expires: 100
        0 answer
        0.1 > ACK
        3 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 Session-Expires:100;refresher=uas sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            3.0 > BYE 2
            3.0 < 200 BYE 2 to=t1
            3.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn our_interval_is_too_small() {
    check_timed(
        settings(1_800, 90),
        "
        0 call
        0.1 > 100
        0.2 > 422 INVITE
        + Min-SE: 3600
        0.3 > 180
        1 > 200 sdp
        + Session-Expires: 3600;refresher=uac
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:1800 sdp
            0.1 > 100 INVITE
            0.2 > 422 INVITE
            0.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.2 < INVITE 2 sip:phone@192.168.1.9:5062 b2 Session-Expires:3600 Min-SE:3600 sdp
            0.3 > 180 INVITE
            0.3 * s1 Ringing { status: 180, sdp: no }
            1.0 > 200 INVITE sdp
            1.0 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            1.0 * s1 Answered { sdp: yes }
            2.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn our_interval_is_too_small_over_tcp() {
    check_tcp(
        "
        0 call
        0.1 > 100
        0.2 > 422 INVITE
        + Min-SE: 3600
        0.3 > 180
        1 > 200 sdp
        + Session-Expires: 3600;refresher=uac
        2 hangup
        2.1 > 200 BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 sdp
            0.1 > 100 INVITE
            0.2 > 422 INVITE
            0.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.2 < INVITE 2 sip:phone@192.168.1.9:5062 b2 sdp
            0.3 > 180 INVITE
            0.3 * s1 Ringing { status: 180, sdp: no }
            1.0 > 200 INVITE sdp
            1.0 < ACK 2 sip:a@192.168.1.9:5062 b3 to=a
            1.0 * s1 Answered { sdp: yes }
            2.0 < BYE 3 sip:a@192.168.1.9:5062 b4 to=a
            2.1 > 200 BYE
            2.1 * s1 Ended { why: HungUp }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn our_interval_is_never_long_enough() {
    check_timed(
        settings(1_800, 90),
        "
        0 call
        0.2 > 422 INVITE
        + Min-SE: 2000
        0.3 > 422 INVITE
        + Min-SE: 3000
        0.4 > 422 INVITE
        + Min-SE: 4000
        0.5 > 422 INVITE
        + Min-SE: 5000
        1 call
        1.1 > 422 INVITE
        + Min-SE: 1800
        2 call
        2.1 > 422 INVITE
        3 call
        3.1 > 422 INVITE
        + Min-SE: 86401
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:1800 sdp
            0.2 > 422 INVITE
            0.2 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.2 < INVITE 2 sip:phone@192.168.1.9:5062 b2 Session-Expires:2000 Min-SE:2000 sdp
            0.3 > 422 INVITE
            0.3 < ACK 2 sip:phone@192.168.1.9:5062 b2 to=a
            0.3 < INVITE 3 sip:phone@192.168.1.9:5062 b3 Session-Expires:3000 Min-SE:3000 sdp
            0.4 > 422 INVITE
            0.4 < ACK 3 sip:phone@192.168.1.9:5062 b3 to=a
            0.4 < INVITE 4 sip:phone@192.168.1.9:5062 b4 Session-Expires:4000 Min-SE:4000 sdp
            0.5 > 422 INVITE
            0.5 < ACK 4 sip:phone@192.168.1.9:5062 b4 to=a
            0.5 * s1 Refused { status: 422 }
            1.0 < INVITE 1 sip:phone@192.168.1.9:5062 b5 Session-Expires:1800 sdp
            1.1 > 422 INVITE
            1.1 < ACK 1 sip:phone@192.168.1.9:5062 b5 to=a
            1.1 * s2 Refused { status: 422 }
            2.0 < INVITE 1 sip:phone@192.168.1.9:5062 b6 Session-Expires:1800 sdp
            2.1 > 422 INVITE
            2.1 < ACK 1 sip:phone@192.168.1.9:5062 b6 to=a
            2.1 * s3 Refused { status: 422 }
            3.0 < INVITE 1 sip:phone@192.168.1.9:5062 b7 Session-Expires:1800 sdp
            3.1 > 422 INVITE
            3.1 < ACK 1 sip:phone@192.168.1.9:5062 b7 to=a
            3.1 * s4 Refused { status: 422 }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancelled_before_422() {
    check_timed(
        settings(1_800, 90),
        "
        0 call
        0.1 > 100
        0.2 hangup
        0.3 > 422 INVITE
        + Min-SE: 3600
        0.4 > 200 CANCEL
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:1800 sdp
            0.1 > 100 INVITE
            0.2 < CANCEL 1 sip:phone@192.168.1.9:5062 b1
            0.3 > 422 INVITE
            0.3 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.3 * s1 Ended { why: HungUp }
            0.4 > 200 CANCEL
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn cancelled_after_422() {
    check_timed(
        settings(1_800, 90),
        "
        0 call
        0.1 > 422 INVITE
        + Min-SE: 3600
        0.2 > 180
        0.3 hangup
        0.4 > 200 CANCEL
        0.5 > 487 INVITE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:1800 sdp
            0.1 > 422 INVITE
            0.1 < ACK 1 sip:phone@192.168.1.9:5062 b1 to=a
            0.1 < INVITE 2 sip:phone@192.168.1.9:5062 b2 Session-Expires:3600 Min-SE:3600 sdp
            0.2 > 180 INVITE
            0.2 * s1 Ringing { status: 180, sdp: no }
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
fn offer_is_a_refresh() {
    check_timed(
        settings(180, 90),
        "
        0 call
        1 > 200 sdp
        + Session-Expires: 180;refresher=uac
        + Allow: UPDATE
        80 offer 2
        80.1 > 200 INVITE sdp=3
        + Session-Expires: 180;refresher=uac
        100 nothing
        171 > 200 UPDATE
        + Session-Expires: 180;refresher=uac
        180 > BYE
        ",
        expect![[r#"
            0.0 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            0.5 < INVITE 1 sip:phone@192.168.1.9:5062 b1 Session-Expires:180 sdp
            1.0 > 200 INVITE sdp
            1.0 < ACK 1 sip:a@192.168.1.9:5062 b2 to=a
            1.0 * s1 Answered { sdp: yes }
            80.0 < INVITE 2 sip:a@192.168.1.9:5062 b3 to=a Session-Expires:180;refresher=uac sdp=2
            80.1 > 200 INVITE sdp=3
            80.1 < ACK 2 sip:a@192.168.1.9:5062 b4 to=a
            80.1 * s1 ReofferAnswered { sdp: 3 }
            170.1 < UPDATE 3 sip:a@192.168.1.9:5062 b5 to=a Session-Expires:180;refresher=uac
            170.6 < UPDATE 3 sip:a@192.168.1.9:5062 b5 to=a Session-Expires:180;refresher=uac
            171.0 > 200 UPDATE
            180.0 > BYE 1
            180.0 < 200 BYE 1 to=t1
            180.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn offer_keeps_the_peer_as_refresher() {
    check_timed(
        settings(180, 90),
        "
        0 > INVITE sdp
        + Supported: timer
        + Session-Expires: 180;refresher=uac
        0 answer
        0.1 > ACK
        80 offer 2
        80.1 > 200 INVITE sdp=3
        + Session-Expires: 180;refresher=uas
        + Require: timer
        228.2 > 200 BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 Session-Expires:180;refresher=uac Require:timer sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            80.0 < INVITE 1 sip:peer@192.168.1.9:5062 b1 to=peer Session-Expires:180;refresher=uas sdp=2
            80.1 > 200 INVITE sdp=3
            80.1 < ACK 1 sip:a@192.168.1.9:5062 b2 to=peer
            80.1 * s1 ReofferAnswered { sdp: 3 }
            228.1 < BYE 2 sip:a@192.168.1.9:5062 b3 to=peer Reason:Q.850;cause=102;text="Session expired"
            228.1 * s1 Ended { why: Expired }
            228.2 > 200 BYE
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn refresh_waits_for_their_offer() {
    check_timed(
        settings(180, 90),
        "
        0 > INVITE sdp
        + Supported: timer
        + Allow: UPDATE
        0 answer
        0.1 > ACK
        89 > INVITE sdp=2
        + Supported: timer
        91 reoffer 488
        91.1 > ACK branch=invite
        92 > 200 UPDATE
        + Session-Expires: 180;refresher=uac
        100 > BYE
        ",
        expect![[r#"
            0.0 > INVITE 1 sdp
            0.0 * s1 Invited
            0.0 < 100 INVITE 1
            0.0 < 200 INVITE 1 to=t1 Session-Expires:180;refresher=uas Require:timer sdp
            0.1 > ACK 1
            0.1 * s1 Confirmed { sdp: no }
            89.0 > INVITE 2 sdp=2
            89.0 * s1 Reoffered { sdp: 2 }
            89.0 < 100 INVITE 2 to=t1
            91.0 < 488 INVITE 2 to=t1
            91.1 > ACK 2
            91.1 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer Session-Expires:180;refresher=uac
            91.6 < UPDATE 1 sip:peer@192.168.1.9:5062 b1 to=peer Session-Expires:180;refresher=uac
            92.0 > 200 UPDATE
            100.0 > BYE 3
            100.0 < 200 BYE 3 to=t1
            100.0 * s1 Ended { why: Bye }
            left: 0 sessions, 0 transactions
        "#]],
    );
}
