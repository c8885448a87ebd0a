//! Every input in every state: the whole machine as one table.

use std::fmt::Write;

use expect_test::expect;

use super::story::{Story, line};

/// How to get slot 6001 into each state, all at second 0.
const STATES: [(&str, &[&str]); 12] = [
    ("IDLE, no phone", &[]),
    ("IDLE", &["registered 6001"]),
    ("REGISTERING", &["take ann 6001"]),
    ("READY", &["registered 6001", "take ann 6001"]),
    ("READY, grace", &["registered 6001", "take ann 6001", "unregistered 6001"]),
    ("CALLING, not taken", &["dial 6001 1"]),
    ("CALLING", &["registered 6001", "start ann 6001 1"]),
    ("ACTIVE_CALL", &["registered 6001", "start ann 6001 1", "answered 1"]),
    ("ACTIVE_CALL, consulting", &["registered 6001", "start ann 6001 1", "answered 1", "dial 6001 2"]),
    ("ACTIVE_CALL, consultation left", &["registered 6001", "start ann 6001 1", "answered 1", "dial 6001 2", "ended 6001 1"]),
    ("FAULT", &["service 6001 FAULT"]),
    ("DISABLED", &["service 6001 DISABLED"]),
];

const INPUTS: [&str; 24] = [
    "1 take ann 6001",
    "1 take bob 6001",
    "1 release ann 6001",
    "1 release bob 6001",
    "1 admin-release bob 6001",
    "1 release ann 6001 9",
    "1 registered 6001",
    "1 unregistered 6001",
    "1 start ann 6001 8",
    "1 start bob 6001 8",
    "1 dial 6001 8",
    "1 ring 6001 8",
    "1 answered 1",
    "1 answered 2",
    "1 ended 6001 1",
    "1 ended 6001 2",
    "1 ended 6001 8",
    "1 service 6001 IDLE",
    "1 service 6001 FAULT",
    "1 service 6001 DISABLED",
    "1 retire 6001",
    "1 directory 6001 6002",
    "60 wait",
    "90 wait",
];

#[test]
fn every_input_in_every_state() {
    let mut table = String::new();
    for (state, way) in STATES {
        writeln!(table, "{state}").unwrap();
        for input in INPUTS {
            let mut story = Story::new();
            for step in way {
                story.tell(&format!("0 {step}"));
            }
            let before = story.seats.views()[0].clone();
            story.text.clear();
            story.tell(input);
            let after = story.seats.views().into_iter().find(|view| view.id == before.id);
            let refusal = story.text.lines().find_map(|line| line.strip_prefix("    = ")).filter(|answer| !answer.starts_with("6001"));
            let outcome = match (&after, refusal) {
                (Some(after), None) if *after == before => "-".into(),
                (Some(after), None | Some("done")) => line(after),
                (Some(after), Some(said)) if said.starts_with("consultation") => format!("{} ({said})", line(after)),
                (Some(after), Some(refusal)) => {
                    assert_eq!(*after, before, "a refusal changes nothing");
                    format!("! {refusal}")
                }
                (None, _) => "gone".into(),
            };
            if !input.ends_with("wait") {
                let events = story.text.matches("event 6001").count();
                assert_eq!(events, usize::from(after.as_ref() != Some(&before)), "one event a change: {state}: {}", story.text);
            }
            let input = input.strip_prefix("1 ").unwrap_or(input);
            writeln!(table, "    {input:24} {outcome}").unwrap();
        }
    }
    expect![[r#"
        IDLE, no phone
            take ann 6001            6001 REGISTERING no-phone ann#1 since 1
            take bob 6001            6001 REGISTERING no-phone bob#1 since 1
            release ann 6001         -
            release bob 6001         -
            admin-release bob 6001   -
            release ann 6001 9       ! the lease has changed: its epoch is 0
            registered 6001          6001 IDLE phone nobody#0 since 0
            unregistered 6001        -
            start ann 6001 8         ! slot 6001 has no registered phone
            start bob 6001 8         ! slot 6001 has no registered phone
            dial 6001 8              6001 CALLING no-phone nobody#0 since 1
            ring 6001 8              ! slot 6001 has no registered phone
            answered 1               -
            answered 2               -
            ended 6001 1             -
            ended 6001 2             -
            ended 6001 8             -
            service 6001 IDLE        -
            service 6001 FAULT       6001 FAULT no-phone nobody#0 since 1
            service 6001 DISABLED    6001 DISABLED no-phone nobody#0 since 1
            retire 6001              gone
            directory 6001 6002      -
            60 wait                  -
            90 wait                  -
        IDLE
            take ann 6001            6001 READY phone ann#1 since 1
            take bob 6001            6001 READY phone bob#1 since 1
            release ann 6001         -
            release bob 6001         -
            admin-release bob 6001   -
            release ann 6001 9       ! the lease has changed: its epoch is 0
            registered 6001          -
            unregistered 6001        6001 IDLE no-phone nobody#0 since 0
            start ann 6001 8         6001 CALLING phone ann#1 since 1
            start bob 6001 8         6001 CALLING phone bob#1 since 1
            dial 6001 8              6001 CALLING phone nobody#0 since 1
            ring 6001 8              6001 CALLING phone nobody#0 since 1
            answered 1               -
            answered 2               -
            ended 6001 1             -
            ended 6001 2             -
            ended 6001 8             -
            service 6001 IDLE        -
            service 6001 FAULT       6001 FAULT phone nobody#0 since 1
            service 6001 DISABLED    6001 DISABLED phone nobody#0 since 1
            retire 6001              gone
            directory 6001 6002      -
            60 wait                  -
            90 wait                  -
        REGISTERING
            take ann 6001            -
            take bob 6001            ! slot 6001 is taken by somebody else
            release ann 6001         6001 IDLE no-phone nobody#1 since 1
            release bob 6001         ! slot 6001 is not yours to release
            admin-release bob 6001   6001 IDLE no-phone nobody#1 since 1
            release ann 6001 9       ! the lease has changed: its epoch is 1
            registered 6001          6001 READY phone ann#1 since 1
            unregistered 6001        -
            start ann 6001 8         ! slot 6001 has no registered phone
            start bob 6001 8         ! slot 6001 is taken by somebody else
            dial 6001 8              ! slot 6001 cannot call while it is REGISTERING
            ring 6001 8              ! slot 6001 has no registered phone
            answered 1               -
            answered 2               -
            ended 6001 1             -
            ended 6001 2             -
            ended 6001 8             -
            service 6001 IDLE        -
            service 6001 FAULT       6001 FAULT no-phone nobody#1 since 1
            service 6001 DISABLED    6001 DISABLED no-phone nobody#1 since 1
            retire 6001              gone
            directory 6001 6002      -
            60 wait                  -
            90 wait                  6001 IDLE no-phone nobody#1 since 90
        READY
            take ann 6001            -
            take bob 6001            ! slot 6001 is taken by somebody else
            release ann 6001         6001 IDLE phone nobody#1 since 1
            release bob 6001         ! slot 6001 is not yours to release
            admin-release bob 6001   6001 IDLE phone nobody#1 since 1
            release ann 6001 9       ! the lease has changed: its epoch is 1
            registered 6001          -
            unregistered 6001        6001 READY no-phone ann#1 since 0
            start ann 6001 8         6001 CALLING phone ann#1 since 1
            start bob 6001 8         ! slot 6001 is taken by somebody else
            dial 6001 8              6001 CALLING phone ann#1 since 1
            ring 6001 8              6001 CALLING phone ann#1 since 1
            answered 1               -
            answered 2               -
            ended 6001 1             -
            ended 6001 2             -
            ended 6001 8             -
            service 6001 IDLE        -
            service 6001 FAULT       6001 FAULT phone nobody#1 since 1
            service 6001 DISABLED    6001 DISABLED phone nobody#1 since 1
            retire 6001              gone
            directory 6001 6002      -
            60 wait                  -
            90 wait                  6001 IDLE phone nobody#1 since 90
        READY, grace
            take ann 6001            -
            take bob 6001            ! slot 6001 is taken by somebody else
            release ann 6001         6001 IDLE no-phone nobody#1 since 1
            release bob 6001         ! slot 6001 is not yours to release
            admin-release bob 6001   6001 IDLE no-phone nobody#1 since 1
            release ann 6001 9       ! the lease has changed: its epoch is 1
            registered 6001          6001 READY phone ann#1 since 0
            unregistered 6001        -
            start ann 6001 8         ! slot 6001 has no registered phone
            start bob 6001 8         ! slot 6001 is taken by somebody else
            dial 6001 8              6001 CALLING no-phone ann#1 since 1
            ring 6001 8              ! slot 6001 has no registered phone
            answered 1               -
            answered 2               -
            ended 6001 1             -
            ended 6001 2             -
            ended 6001 8             -
            service 6001 IDLE        -
            service 6001 FAULT       6001 FAULT no-phone nobody#1 since 1
            service 6001 DISABLED    6001 DISABLED no-phone nobody#1 since 1
            retire 6001              gone
            directory 6001 6002      -
            60 wait                  6001 REGISTERING no-phone ann#1 since 60
            90 wait                  6001 IDLE no-phone nobody#1 since 90
        CALLING, not taken
            take ann 6001            ! slot 6001 is in a call
            take bob 6001            ! slot 6001 is in a call
            release ann 6001         -
            release bob 6001         -
            admin-release bob 6001   -
            release ann 6001 9       ! the lease has changed: its epoch is 0
            registered 6001          6001 CALLING phone nobody#0 since 0
            unregistered 6001        -
            start ann 6001 8         ! slot 6001 cannot call while it is CALLING
            start bob 6001 8         ! slot 6001 cannot call while it is CALLING
            dial 6001 8              ! slot 6001 cannot call while it is CALLING
            ring 6001 8              ! slot 6001 cannot call while it is CALLING
            answered 1               6001 ACTIVE_CALL no-phone nobody#0 since 1
            answered 2               -
            ended 6001 1             6001 IDLE no-phone nobody#0 since 1
            ended 6001 2             -
            ended 6001 8             -
            service 6001 IDLE        -
            service 6001 FAULT       ! slot 6001 is in a call
            service 6001 DISABLED    ! slot 6001 is in a call
            retire 6001              ! slot 6001 is in a call
            directory 6001 6002      -
            60 wait                  -
            90 wait                  -
        CALLING
            take ann 6001            -
            take bob 6001            ! slot 6001 is taken by somebody else
            release ann 6001         ! slot 6001 is in a call
            release bob 6001         ! slot 6001 is not yours to release
            admin-release bob 6001   ! slot 6001 is in a call
            release ann 6001 9       ! the lease has changed: its epoch is 1
            registered 6001          -
            unregistered 6001        6001 CALLING no-phone ann#1 since 0
            start ann 6001 8         ! slot 6001 cannot call while it is CALLING
            start bob 6001 8         ! slot 6001 is taken by somebody else
            dial 6001 8              ! slot 6001 cannot call while it is CALLING
            ring 6001 8              ! slot 6001 cannot call while it is CALLING
            answered 1               6001 ACTIVE_CALL phone ann#1 since 1
            answered 2               -
            ended 6001 1             6001 READY phone ann#1 since 1
            ended 6001 2             -
            ended 6001 8             -
            service 6001 IDLE        -
            service 6001 FAULT       ! slot 6001 is in a call
            service 6001 DISABLED    ! slot 6001 is in a call
            retire 6001              ! slot 6001 is in a call
            directory 6001 6002      -
            60 wait                  -
            90 wait                  -
        ACTIVE_CALL
            take ann 6001            -
            take bob 6001            ! slot 6001 is taken by somebody else
            release ann 6001         ! slot 6001 is in a call
            release bob 6001         ! slot 6001 is not yours to release
            admin-release bob 6001   ! slot 6001 is in a call
            release ann 6001 9       ! the lease has changed: its epoch is 1
            registered 6001          -
            unregistered 6001        6001 ACTIVE_CALL no-phone ann#1 since 0
            start ann 6001 8         ! slot 6001 cannot call while it is ACTIVE_CALL
            start bob 6001 8         ! slot 6001 is taken by somebody else
            dial 6001 8              6001 ACTIVE_CALL phone ann#1 since 0 (consultation about 1)
            ring 6001 8              ! slot 6001 cannot call while it is ACTIVE_CALL
            answered 1               -
            answered 2               -
            ended 6001 1             6001 READY phone ann#1 since 1
            ended 6001 2             -
            ended 6001 8             -
            service 6001 IDLE        -
            service 6001 FAULT       ! slot 6001 is in a call
            service 6001 DISABLED    ! slot 6001 is in a call
            retire 6001              ! slot 6001 is in a call
            directory 6001 6002      -
            60 wait                  -
            90 wait                  -
        ACTIVE_CALL, consulting
            take ann 6001            -
            take bob 6001            ! slot 6001 is taken by somebody else
            release ann 6001         ! slot 6001 is in a call
            release bob 6001         ! slot 6001 is not yours to release
            admin-release bob 6001   ! slot 6001 is in a call
            release ann 6001 9       ! the lease has changed: its epoch is 1
            registered 6001          -
            unregistered 6001        6001 ACTIVE_CALL no-phone ann#1 since 0
            start ann 6001 8         ! slot 6001 cannot call while it is ACTIVE_CALL
            start bob 6001 8         ! slot 6001 is taken by somebody else
            dial 6001 8              ! slot 6001 cannot call while it is ACTIVE_CALL
            ring 6001 8              ! slot 6001 cannot call while it is ACTIVE_CALL
            answered 1               -
            answered 2               -
            ended 6001 1             -
            ended 6001 2             -
            ended 6001 8             -
            service 6001 IDLE        -
            service 6001 FAULT       ! slot 6001 is in a call
            service 6001 DISABLED    ! slot 6001 is in a call
            retire 6001              ! slot 6001 is in a call
            directory 6001 6002      -
            60 wait                  -
            90 wait                  -
        ACTIVE_CALL, consultation left
            take ann 6001            -
            take bob 6001            ! slot 6001 is taken by somebody else
            release ann 6001         ! slot 6001 is in a call
            release bob 6001         ! slot 6001 is not yours to release
            admin-release bob 6001   ! slot 6001 is in a call
            release ann 6001 9       ! the lease has changed: its epoch is 1
            registered 6001          -
            unregistered 6001        6001 ACTIVE_CALL no-phone ann#1 since 0
            start ann 6001 8         ! slot 6001 cannot call while it is ACTIVE_CALL
            start bob 6001 8         ! slot 6001 is taken by somebody else
            dial 6001 8              ! slot 6001 cannot call while it is ACTIVE_CALL
            ring 6001 8              ! slot 6001 cannot call while it is ACTIVE_CALL
            answered 1               -
            answered 2               -
            ended 6001 1             -
            ended 6001 2             6001 READY phone ann#1 since 1
            ended 6001 8             -
            service 6001 IDLE        -
            service 6001 FAULT       ! slot 6001 is in a call
            service 6001 DISABLED    ! slot 6001 is in a call
            retire 6001              ! slot 6001 is in a call
            directory 6001 6002      -
            60 wait                  -
            90 wait                  -
        FAULT
            take ann 6001            ! slot 6001 cannot call while it is FAULT
            take bob 6001            ! slot 6001 cannot call while it is FAULT
            release ann 6001         -
            release bob 6001         -
            admin-release bob 6001   -
            release ann 6001 9       ! the lease has changed: its epoch is 0
            registered 6001          6001 FAULT phone nobody#0 since 0
            unregistered 6001        -
            start ann 6001 8         ! slot 6001 cannot call while it is FAULT
            start bob 6001 8         ! slot 6001 cannot call while it is FAULT
            dial 6001 8              ! slot 6001 cannot call while it is FAULT
            ring 6001 8              ! slot 6001 cannot call while it is FAULT
            answered 1               -
            answered 2               -
            ended 6001 1             -
            ended 6001 2             -
            ended 6001 8             -
            service 6001 IDLE        6001 IDLE no-phone nobody#0 since 1
            service 6001 FAULT       -
            service 6001 DISABLED    6001 DISABLED no-phone nobody#0 since 1
            retire 6001              gone
            directory 6001 6002      -
            60 wait                  -
            90 wait                  -
        DISABLED
            take ann 6001            ! slot 6001 cannot call while it is DISABLED
            take bob 6001            ! slot 6001 cannot call while it is DISABLED
            release ann 6001         -
            release bob 6001         -
            admin-release bob 6001   -
            release ann 6001 9       ! the lease has changed: its epoch is 0
            registered 6001          6001 DISABLED phone nobody#0 since 0
            unregistered 6001        -
            start ann 6001 8         ! slot 6001 cannot call while it is DISABLED
            start bob 6001 8         ! slot 6001 cannot call while it is DISABLED
            dial 6001 8              ! slot 6001 cannot call while it is DISABLED
            ring 6001 8              ! slot 6001 cannot call while it is DISABLED
            answered 1               -
            answered 2               -
            ended 6001 1             -
            ended 6001 2             -
            ended 6001 8             -
            service 6001 IDLE        6001 IDLE no-phone nobody#0 since 1
            service 6001 FAULT       6001 FAULT no-phone nobody#0 since 1
            service 6001 DISABLED    -
            retire 6001              gone
            directory 6001 6002      -
            60 wait                  -
            90 wait                  -
    "#]]
    .assert_eq(&table);
}
