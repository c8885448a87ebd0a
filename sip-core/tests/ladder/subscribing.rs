//! Who is told what others do: SUBSCRIBE and NOTIFY (RFC 6665) of the packages `dialog` (RFC 4235) and `message-summary` (RFC 3842).

use bytes::Bytes;
use expect_test::{Expect, expect};
use sip_core::{
    Flow, Replaces, Transport,
    endpoint::{Endpoint, EndpointOutput, EndpointSettings, Extras},
    notifier::{MessageSummary, Notice, NotifierSettings},
};

use crate::script::{check, check_with_showing, start};

const SHOWN: &[&str] = &["Event", "Subscription-State", "Expires", "Min-Expires", "Allow-Events"];

fn settings(notifier: NotifierSettings) -> EndpointSettings {
    EndpointSettings { extras: Extras { events: true, ..Extras::default() }, notifier, ..EndpointSettings::default() }
}

fn check_events(script: &str, ladder: Expect) {
    check_with_showing(settings(NotifierSettings::default()), SHOWN, script, ladder);
}

/// The lamp of a phone: on, off, refreshed, and let go.
#[test]
fn lamp() {
    check_events(
        "
        0 > SUBSCRIBE
        + Event: dialog
        + Expires: 600
        + Accept: application/dialog-info+xml
        0 subscribe 1 7 idle
        0.1 > 200 NOTIFY
        5 publish 7 early
        5.1 > 200 NOTIFY
        8 publish 7 confirmed
        8.1 > 200 NOTIFY
        9 publish 7 confirmed
        9.1 publish 8 early
        300 > SUBSCRIBE to=t1
        + Event: dialog
        + Expires: 900
        300 subscribe 1 7 confirmed
        300.1 > 200 NOTIFY
        400 > SUBSCRIBE to=t1
        + Event: dialog
        + Expires: 0
        400 subscribe 1 7 idle
        400.1 > 200 NOTIFY
        401 publish 7 early
        402 > SUBSCRIBE to=t1
        + Event: dialog
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 * request SUBSCRIBE
            0.0 < 200 SUBSCRIBE 1 to=t1 Expires:600
            0.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=600 v0 idle
            0.1 > 200 NOTIFY
            5.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:active;expires=595 v1 early
            5.1 > 200 NOTIFY
            8.0 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:dialog Subscription-State:active;expires=592 v2 confirmed
            8.1 > 200 NOTIFY
            300.0 > SUBSCRIBE 2
            300.0 * request SUBSCRIBE
            300.0 < 200 SUBSCRIBE 2 to=t1 Expires:900
            300.0 < NOTIFY 4 sip:peer@192.168.1.9:5062 b4 to=peer Event:dialog Subscription-State:active;expires=900 v3 confirmed
            300.1 > 200 NOTIFY
            400.0 > SUBSCRIBE 3
            400.0 * request SUBSCRIBE
            400.0 * no subscription
            400.0 < 200 SUBSCRIBE 3 to=t1 Expires:0
            400.0 < NOTIFY 5 sip:peer@192.168.1.9:5062 b5 to=peer Event:dialog Subscription-State:terminated;reason=timeout v4 idle
            400.1 > 200 NOTIFY
            402.0 > SUBSCRIBE 4
            402.0 < 481 SUBSCRIBE 4 to=t1
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn messages_wait() {
    check_events(
        "
        0 > SUBSCRIBE
        + o: message-summary;id=a
        0 subscribe 1 7 0
        0.1 > 200 NOTIFY
        5 publish 7 2
        5.1 > 200 NOTIFY
        6 > SUBSCRIBE to=t1
        + Event: message-summary
        6 subscribe 1 7 2
        7 > SUBSCRIBE to=t1
        + Event: message-summary;id=a
        + Expires: 0
        7 subscribe 1 7 2
        7.1 > 200 NOTIFY
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 * request SUBSCRIBE
            0.0 < 200 SUBSCRIBE 1 to=t1 Expires:3600
            0.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:message-summary;id=a Subscription-State:active;expires=3600 Voice-Message: 0/0 (0/0)
            0.1 > 200 NOTIFY
            5.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:message-summary;id=a Subscription-State:active;expires=3595 Voice-Message: 2/0 (0/0)
            5.1 > 200 NOTIFY
            6.0 > SUBSCRIBE 2
            6.0 * request SUBSCRIBE
            6.0 * no subscription
            6.0 < 481 SUBSCRIBE 2 to=t1
            7.0 > SUBSCRIBE 3
            7.0 * request SUBSCRIBE
            7.0 * no subscription
            7.0 < 200 SUBSCRIBE 3 to=t1 Expires:0
            7.0 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:message-summary;id=a Subscription-State:terminated;reason=timeout Voice-Message: 2/0 (0/0)
            7.1 > 200 NOTIFY
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Who refreshes nothing is told that there will be no more.
#[test]
fn lapses() {
    check_events(
        "
        0 > SUBSCRIBE
        + Event: dialog
        + Expires: 60
        0 subscribe 1 7 early
        0.1 > 200 NOTIFY
        60.1 > 200 NOTIFY
        61 publish 7 idle
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 * request SUBSCRIBE
            0.0 < 200 SUBSCRIBE 1 to=t1 Expires:60
            0.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 early
            0.1 > 200 NOTIFY
            60.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=timeout v1 early
            60.1 > 200 NOTIFY
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Expires 0 outside of a subscription: once (4.4.3).
#[test]
fn only_once() {
    check_events(
        "
        0 > SUBSCRIBE
        + Event: dialog
        + Expires: 0
        0 subscribe 1 7 early
        0.1 > 200 NOTIFY
        1 publish 7 idle
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 * request SUBSCRIBE
            0.0 * no subscription
            0.0 < 200 SUBSCRIBE 1 to=t1 Expires:0
            0.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:terminated;reason=timeout v0 early
            0.1 > 200 NOTIFY
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What is wrong whoever sent it is refused before anybody is asked; and the intervals (4.2.1.1).
#[test]
fn refused() {
    check_events(
        "
        0 > SUBSCRIBE
        1 > SUBSCRIBE
        + Event: presence
        2 > SUBSCRIBE
        + Event: dialog
        + Event: dialog
        3 > SUBSCRIBE
        + Event: dialog
        + Contact: *
        4 > SUBSCRIBE
        + Event: dialog
        + Contact: <sip:a@h>, <sip:b@h>
        5 > SUBSCRIBE
        + Event: dialog
        + Accept: application/pidf+xml
        6 > SUBSCRIBE
        + Event: dialog
        + Require: eventlist
        7 > SUBSCRIBE to=0123456789abcdef
        + Event: dialog
        8 > SUBSCRIBE
        + Event: dialog
        + Expires: 59
        8 subscribe 1 7 idle
        9 > SUBSCRIBE
        + Event: dialog
        + Expires: 4294967296
        + Accept: */*
        9 subscribe 1 7 2
        10 > SUBSCRIBE
        + Event: dialog
        10 respond 404
        11 > SUBSCRIBE
        + Event: dialog
        + Expires: 99999
        11 subscribe 1 7 idle
        11.1 > 481 NOTIFY
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 < 489 SUBSCRIBE 1 to=t1 Allow-Events:message-summary, dialog
            1.0 > SUBSCRIBE 2
            1.0 < 489 SUBSCRIBE 2 to=t2 Allow-Events:message-summary, dialog
            2.0 > SUBSCRIBE 3
            2.0 < 489 SUBSCRIBE 3 to=t3 Allow-Events:message-summary, dialog
            3.0 > SUBSCRIBE 4
            3.0 < 400 SUBSCRIBE 4 to=t4
            4.0 > SUBSCRIBE 5
            4.0 < 400 SUBSCRIBE 5 to=t5
            5.0 > SUBSCRIBE 6
            5.0 < 406 SUBSCRIBE 6 to=t6 Accept:application/dialog-info+xml
            6.0 > SUBSCRIBE 7
            6.0 < 420 SUBSCRIBE 7 to=t7 Unsupported:eventlist
            7.0 > SUBSCRIBE 8
            7.0 < 481 SUBSCRIBE 8 to=t8
            8.0 > SUBSCRIBE 9
            8.0 * request SUBSCRIBE
            8.0 * no subscription
            8.0 < 423 SUBSCRIBE 9 to=t9 Min-Expires:60
            9.0 > SUBSCRIBE 10
            9.0 * request SUBSCRIBE
            9.0 * no subscription
            9.0 < 489 SUBSCRIBE 10 to=t10 Allow-Events:message-summary, dialog
            10.0 > SUBSCRIBE 11
            10.0 * request SUBSCRIBE
            10.0 < 404 SUBSCRIBE 11 to=t11
            11.0 > SUBSCRIBE 12
            11.0 * request SUBSCRIBE
            11.0 < 200 SUBSCRIBE 12 to=t12 Expires:3600
            11.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=3600 v0 idle
            11.1 > 481 NOTIFY
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Nothing is kept of who has proven nothing, and nothing is sent to where he points.
#[test]
fn stranger() {
    check_events(
        "
        0 strangers
        0 > SUBSCRIBE
        + Event: dialog
        0.1 again SUBSCRIBE
        0.2 count
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 * request SUBSCRIBE
            0.0 < 401 SUBSCRIBE 1 to=t1
            0.1 > SUBSCRIBE 1 again
            0.1 * request SUBSCRIBE
            0.1 < 401 SUBSCRIBE 1 to=t1
            0.2 = 0 transactions
            left: 0 sessions, 0 transactions
        "#]],
    );
    check(
        "
        0 > SUBSCRIBE
        + Event: dialog
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 < 405 SUBSCRIBE 1 to=t1 Allow
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// At most one a second, one on its way at a time, and the newest counts.
#[test]
fn much_happens() {
    check_events(
        "
        0 > SUBSCRIBE
        + Event: dialog
        + Expires: 60
        0 subscribe 1 7 idle
        0.1 > 200 NOTIFY
        0.2 publish 7 early
        0.3 publish 7 confirmed
        0.4 publish 7 idle
        0.5 publish 7 confirmed
        1.1 > 200 NOTIFY
        5 publish 7 early
        5.1 publish 7 idle
        9 > 200 NOTIFY
        9.1 > 200 NOTIFY
        12 > SUBSCRIBE to=t1
        + Event: dialog
        + Expires: 60
        12 subscribe 1 7 idle
        12.1 > 200 NOTIFY
        12.2 > SUBSCRIBE to=t1
        + Event: dialog
        + Expires: 60
        12.2 subscribe 1 7 idle
        13.1 > 200 NOTIFY
        13.2 > SUBSCRIBE to=t1
        + Event: dialog
        + Expires: 0
        13.2 subscribe 1 7 early
        13.3 > 200 NOTIFY
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 * request SUBSCRIBE
            0.0 < 200 SUBSCRIBE 1 to=t1 Expires:60
            0.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            0.1 > 200 NOTIFY
            1.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:active;expires=59 v1 confirmed
            1.1 > 200 NOTIFY
            5.0 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:dialog Subscription-State:active;expires=55 v2 early
            5.5 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:dialog Subscription-State:active;expires=55 v2 early
            6.5 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:dialog Subscription-State:active;expires=55 v2 early
            8.5 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:dialog Subscription-State:active;expires=55 v2 early
            9.0 > 200 NOTIFY
            9.0 < NOTIFY 4 sip:peer@192.168.1.9:5062 b4 to=peer Event:dialog Subscription-State:active;expires=51 v3 idle
            9.1 > 200 NOTIFY
            12.0 > SUBSCRIBE 2
            12.0 * request SUBSCRIBE
            12.0 < 200 SUBSCRIBE 2 to=t1 Expires:60
            12.0 < NOTIFY 5 sip:peer@192.168.1.9:5062 b5 to=peer Event:dialog Subscription-State:active;expires=60 v4 idle
            12.1 > 200 NOTIFY
            12.2 > SUBSCRIBE 3
            12.2 * request SUBSCRIBE
            12.2 < 200 SUBSCRIBE 3 to=t1 Expires:60
            13.0 < NOTIFY 6 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=60 v5 idle
            13.1 > 200 NOTIFY
            13.2 > SUBSCRIBE 4
            13.2 * request SUBSCRIBE
            13.2 * no subscription
            13.2 < 200 SUBSCRIBE 4 to=t1 Expires:0
            13.2 < NOTIFY 7 sip:peer@192.168.1.9:5062 b7 to=peer Event:dialog Subscription-State:terminated;reason=timeout v6 early
            13.3 > 200 NOTIFY
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// Nobody listens there any more: that ends it, and what says something else does not.
#[test]
fn nobody_listens() {
    for (answer, rest) in [
        ("0.1 > 481 NOTIFY", false),
        ("0.1 > 489 NOTIFY", false),
        ("0.1 icmp", false),
        ("0.1 closed", false),
        ("0.1 > 500 NOTIFY", true),
        ("0.1 > 401 NOTIFY", true),
    ] {
        let script = format!("0 > SUBSCRIBE\n+ Event: dialog\n0 subscribe 1 7 idle\n{answer}\n50 publish 7 early");
        let ladder = crate::script::run(Transport::Udp, settings(NotifierSettings::default()), &script);
        assert_eq!(ladder.contains("v1 early"), rest, "{answer}: {ladder}");
    }
    check_events(
        "
        0 > SUBSCRIBE
        + Event: dialog
        + Expires: 60
        0 subscribe 1 7 idle
        40 publish 7 early
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 * request SUBSCRIBE
            0.0 < 200 SUBSCRIBE 1 to=t1 Expires:60
            0.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            0.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            1.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            3.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            7.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            11.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            15.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            19.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            23.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            27.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            31.5 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            left: 0 sessions, 0 transactions
        "#]],
    );
}

#[test]
fn later_please() {
    check_events(
        "
        0 > SUBSCRIBE
        + Event: dialog
        + Expires: 60
        0 subscribe 1 7 idle
        0.1 > 503 NOTIFY
        + Retry-After: 10
        1 publish 7 early
        10.2 > 200 NOTIFY
        20 withdraw 7
        20.1 > 200 NOTIFY
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 * request SUBSCRIBE
            0.0 < 200 SUBSCRIBE 1 to=t1 Expires:60
            0.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            0.1 > 503 NOTIFY
            10.1 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:active;expires=50 v1 early
            10.2 > 200 NOTIFY
            20.0 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:dialog Subscription-State:terminated;reason=noresource v2 early
            20.1 > 200 NOTIFY
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// It goes on where its phone is to be found now; as a session does.
#[test]
fn phone_moves() {
    check_events(
        "
        0 > SUBSCRIBE
        + Event: dialog
        0 subscribe 1 7 idle
        0.1 > 200 NOTIFY
        5 moved 7777
        6 publish 7 early
        6.1 > 200 NOTIFY
        7 > SUBSCRIBE to=t1 port=8888
        + Event: dialog
        + Contact: <sip:elsewhere@192.168.1.9>
        7 subscribe 1 7 early
        7.1 > 200 NOTIFY
        8 unsubscribe 1
        8.1 > 200 NOTIFY
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 * request SUBSCRIBE
            0.0 < 200 SUBSCRIBE 1 to=t1 Expires:3600
            0.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=3600 v0 idle
            0.1 > 200 NOTIFY
            6.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:active;expires=3594 v1 early port=7777
            6.1 > 200 NOTIFY
            7.0 > SUBSCRIBE 2
            7.0 * request SUBSCRIBE
            7.0 < 200 SUBSCRIBE 2 to=t1 Expires:3600 port=8888
            7.0 < NOTIFY 3 sip:elsewhere@192.168.1.9 b3 to=peer Event:dialog Subscription-State:active;expires=3600 v2 early port=8888
            7.1 > 200 NOTIFY
            8.0 < NOTIFY 4 sip:elsewhere@192.168.1.9 b4 to=peer Event:dialog Subscription-State:terminated;reason=rejected v3 early port=8888
            8.1 > 200 NOTIFY
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What happens while its stream is gone is told by the next one; and who never comes back lapses without a word.
#[test]
fn stream_is_gone() {
    let notifier = NotifierSettings::default();
    let ladder = crate::script::run(
        Transport::Tcp,
        settings(notifier),
        "
        0 > SUBSCRIBE
        + Event: dialog
        + Expires: 60
        0 subscribe 1 7 idle
        0.1 > 200 NOTIFY
        5 publish 7 early
        5.1 closed
        6 publish 7 confirmed
        9 moved 7777
        9.1 > 200 NOTIFY
        11 publish 7 idle
        11.1 > 200 NOTIFY
        12 closed port=7777
        13 publish 7 early
        61 publish 7 idle
        ",
    );
    expect![[r#"
        0.0 > SUBSCRIBE 1
        0.0 * request SUBSCRIBE
        0.0 < 200 SUBSCRIBE 1 to=t1
        0.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer v0 idle
        0.1 > 200 NOTIFY
        5.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer v1 early
        9.0 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer v2 confirmed port=7777
        9.1 > 200 NOTIFY
        11.0 < NOTIFY 4 sip:peer@192.168.1.9:5062 b4 to=peer v3 idle port=7777
        11.1 > 200 NOTIFY
        left: 0 sessions, 0 transactions
    "#]]
    .assert_eq(&ladder);
}

/// Another subscriber's, another event's, another dialog's, an older request's.
#[test]
fn not_his_own() {
    check_events(
        "
        0 > SUBSCRIBE
        + Event: dialog
        + Expires: 60
        0 subscribe 1 7 idle
        0.1 > 200 NOTIFY
        1 > SUBSCRIBE to=t1
        + Event: dialog
        + Expires: 0
        1 subscribe 2 7 idle
        2 > SUBSCRIBE to=t1
        + Event: dialog
        + Expires: 0
        2 subscribe 1 8 idle
        3 > SUBSCRIBE to=t1
        + Event: dialog;id=1
        + Expires: 0
        3 subscribe 1 7 idle
        4 > SUBSCRIBE to=t1 from=other
        + Event: dialog
        5 > SUBSCRIBE to=t1 call=other
        + Event: dialog
        6 > SUBSCRIBE to=t1 cseq=1 branch=z9hG4bK-again
        + Event: dialog
        + Expires: 0
        6 subscribe 1 7 idle
        7 > BYE to=t1
        8 > NOTIFY to=t1
        9 publish 7 early
        9.1 > 200 NOTIFY
        60.1 > 200 NOTIFY
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 * request SUBSCRIBE
            0.0 < 200 SUBSCRIBE 1 to=t1 Expires:60
            0.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            0.1 > 200 NOTIFY
            1.0 > SUBSCRIBE 2
            1.0 * request SUBSCRIBE
            1.0 * no subscription
            1.0 < 481 SUBSCRIBE 2 to=t1
            2.0 > SUBSCRIBE 3
            2.0 * request SUBSCRIBE
            2.0 * no subscription
            2.0 < 481 SUBSCRIBE 3 to=t1
            3.0 > SUBSCRIBE 4
            3.0 * request SUBSCRIBE
            3.0 * no subscription
            3.0 < 481 SUBSCRIBE 4 to=t1
            4.0 > SUBSCRIBE 5
            4.0 < 481 SUBSCRIBE 5 to=t1
            5.0 > SUBSCRIBE 6
            5.0 < 481 SUBSCRIBE 6 to=t1
            6.0 > SUBSCRIBE 1
            6.0 * request SUBSCRIBE
            6.0 * no subscription
            6.0 < 500 SUBSCRIBE 1 to=t1
            7.0 > BYE 7
            7.0 < 481 BYE 7 to=t1
            8.0 > NOTIFY 8
            8.0 < 481 NOTIFY 8 to=t1
            9.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:active;expires=51 v1 early
            9.1 > 200 NOTIFY
            60.0 < NOTIFY 3 sip:peer@192.168.1.9:5062 b3 to=peer Event:dialog Subscription-State:terminated;reason=timeout v2 early
            60.1 > 200 NOTIFY
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// The limits: of one subscriber, of all, of what is on its way.
#[test]
fn limits() {
    let notifier = NotifierSettings { subscriber_max: 1, subscriptions_max: 2, notifies_max: 2, ..NotifierSettings::default() };
    check_with_showing(
        settings(notifier),
        SHOWN,
        "
        0 > SUBSCRIBE call=a
        + Event: dialog
        + Expires: 60
        0 subscribe 1 7 idle
        0.1 > 200 NOTIFY
        10 > SUBSCRIBE call=b
        + Event: dialog
        + Expires: 60
        10 subscribe 1 7 idle
        10.1 > 200 NOTIFY
        20 > SUBSCRIBE call=c
        + Event: dialog
        + Expires: 60
        20 subscribe 2 7 idle
        20.1 > 200 NOTIFY
        30 > SUBSCRIBE call=d
        + Event: dialog
        + Expires: 60
        30 subscribe 3 7 idle
        40 publish 7 early
        40.1 > 200 NOTIFY
        41.2 publish 7 idle
        45.3 > 200 NOTIFY
        65 withdraw 7
        ",
        expect![[r#"
            0.0 > SUBSCRIBE 1
            0.0 * request SUBSCRIBE
            0.0 < 200 SUBSCRIBE 1 to=t1 Expires:60
            0.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b1 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            0.1 > 200 NOTIFY
            10.0 > SUBSCRIBE 2
            10.0 * request SUBSCRIBE
            10.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=rejected v1 idle
            10.0 < 200 SUBSCRIBE 2 to=t2 Expires:60
            10.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b3 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            10.1 > 200 NOTIFY
            10.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=rejected v1 idle
            11.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=rejected v1 idle
            13.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=rejected v1 idle
            17.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=rejected v1 idle
            20.0 > SUBSCRIBE 3
            20.0 * request SUBSCRIBE
            20.0 < 200 SUBSCRIBE 3 to=t3 Expires:60
            20.0 < NOTIFY 1 sip:peer@192.168.1.9:5062 b4 to=peer Event:dialog Subscription-State:active;expires=60 v0 idle
            20.1 > 200 NOTIFY
            21.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=rejected v1 idle
            25.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=rejected v1 idle
            29.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=rejected v1 idle
            30.0 > SUBSCRIBE 4
            30.0 * request SUBSCRIBE
            30.0 * no subscription
            30.0 < 503 SUBSCRIBE 4 to=t4 Retry-After:18
            33.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=rejected v1 idle
            37.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=rejected v1 idle
            40.0 < NOTIFY 2 sip:peer@192.168.1.9:5062 b5 to=peer Event:dialog Subscription-State:active;expires=40 v1 early
            40.1 > 200 NOTIFY
            41.5 < NOTIFY 2 sip:peer@192.168.1.9:5062 b2 to=peer Event:dialog Subscription-State:terminated;reason=rejected v1 idle
            42.2 < NOTIFY 3 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=38 v2 idle
            42.7 < NOTIFY 3 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=38 v2 idle
            43.7 < NOTIFY 3 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=38 v2 idle
            45.2 < NOTIFY 2 sip:peer@192.168.1.9:5062 b7 to=peer Event:dialog Subscription-State:active;expires=25 v1 idle
            45.3 > 200 NOTIFY
            45.7 < NOTIFY 3 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=38 v2 idle
            49.7 < NOTIFY 3 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=38 v2 idle
            53.7 < NOTIFY 3 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=38 v2 idle
            57.7 < NOTIFY 3 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=38 v2 idle
            61.7 < NOTIFY 3 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=38 v2 idle
            65.0 < NOTIFY 4 sip:peer@192.168.1.9:5062 b8 to=peer Event:dialog Subscription-State:terminated;reason=noresource v3 idle
            65.5 < NOTIFY 4 sip:peer@192.168.1.9:5062 b8 to=peer Event:dialog Subscription-State:terminated;reason=noresource v3 idle
            65.7 < NOTIFY 3 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=38 v2 idle
            66.5 < NOTIFY 4 sip:peer@192.168.1.9:5062 b8 to=peer Event:dialog Subscription-State:terminated;reason=noresource v3 idle
            68.5 < NOTIFY 4 sip:peer@192.168.1.9:5062 b8 to=peer Event:dialog Subscription-State:terminated;reason=noresource v3 idle
            69.7 < NOTIFY 3 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=38 v2 idle
            72.5 < NOTIFY 4 sip:peer@192.168.1.9:5062 b8 to=peer Event:dialog Subscription-State:terminated;reason=noresource v3 idle
            73.7 < NOTIFY 3 sip:peer@192.168.1.9:5062 b6 to=peer Event:dialog Subscription-State:active;expires=38 v2 idle
            76.5 < NOTIFY 4 sip:peer@192.168.1.9:5062 b8 to=peer Event:dialog Subscription-State:terminated;reason=noresource v3 idle
            80.5 < NOTIFY 4 sip:peer@192.168.1.9:5062 b8 to=peer Event:dialog Subscription-State:terminated;reason=noresource v3 idle
            84.5 < NOTIFY 4 sip:peer@192.168.1.9:5062 b8 to=peer Event:dialog Subscription-State:terminated;reason=noresource v3 idle
            88.5 < NOTIFY 4 sip:peer@192.168.1.9:5062 b8 to=peer Event:dialog Subscription-State:terminated;reason=noresource v3 idle
            92.5 < NOTIFY 4 sip:peer@192.168.1.9:5062 b8 to=peer Event:dialog Subscription-State:terminated;reason=noresource v3 idle
            96.5 < NOTIFY 4 sip:peer@192.168.1.9:5062 b8 to=peer Event:dialog Subscription-State:terminated;reason=noresource v3 idle
            left: 0 sessions, 0 transactions
        "#]],
    );
}

/// What a watched call says of itself names its session in a Replaces header, so that whoever sees the lamp may take the call up.
#[test]
fn a_lamp_names_its_call() {
    let now = start();
    let mut endpoint = Endpoint::new(EndpointSettings::default(), [1; 32]);
    let flow = Flow { transport: Transport::Udp, local: "10.0.0.1:5060".parse().unwrap(), remote: "10.0.0.9:5060".parse().unwrap() };
    let text = "INVITE sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=theirs\r\nTo: <sip:a@h>\r\n\
                Call-ID: c@d\r\nCSeq: 1 INVITE\r\nContact: <sip:a@h>\r\n\r\n";
    endpoint.received(now, flow, Bytes::from(text));
    let session = std::iter::from_fn(|| endpoint.poll()).find_map(|output| match output {
        EndpointOutput::Invited { session, .. } => Some(session),
        _ => None,
    });
    let session = session.unwrap();
    let tags = endpoint.tags_of(session).unwrap();
    assert_eq!((&*tags.call_id, &*tags.local_tag), ("c@d", "theirs"));
    let replaces = format!("{};to-tag={};from-tag={}", tags.call_id, tags.remote_tag, tags.local_tag);
    assert_eq!(endpoint.session_named(&Replaces::parse(replaces.as_bytes()).unwrap()), Some(session));
}

/// FT-12: twenty thousand SUBSCRIBEs leave what the limits allow, and nothing once they have lapsed.
#[test]
fn flood() {
    let now = start();
    let mut endpoint = Endpoint::new(settings(NotifierSettings { subscriptions_max: 500, ..NotifierSettings::default() }), [1; 32]);
    let flow = Flow { transport: Transport::Tcp, local: "10.0.0.1:5060".parse().unwrap(), remote: "10.0.0.9:5060".parse().unwrap() };
    let notice = || Notice::MessageSummary(MessageSummary::default());
    let mut sent = 0;
    for number in 0..20_000_u64 {
        let text = format!(
            "SUBSCRIBE sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK{number}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\n\
             Call-ID: {number}\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:a@h>\r\nEvent: message-summary\r\n\r\n"
        );
        endpoint.received(now, flow, Bytes::from(text));
        while let Some(output) = endpoint.poll() {
            match output {
                EndpointOutput::Request { tx, .. } => drop(endpoint.subscribe(now, tx, number % 10, number % 7, notice())),
                EndpointOutput::Transmit { .. } => sent += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(endpoint.subscriptions() <= 500 && endpoint.transactions() <= NotifierSettings::default().notifies_max);
    }
    // An answer each, and no more than what was taken, let go and could be on its way.
    assert!(endpoint.subscriptions() == 500 && sent <= 20_000 + NotifierSettings::default().notifies_max, "{sent}");
    while let Some((at, _)) = endpoint.timeout() {
        endpoint.wake(at);
        while endpoint.poll().is_some() {}
    }
    assert_eq!((endpoint.subscriptions(), endpoint.transactions()), (0, 0));
}
