//! Stories of leases, registrations and calls.

use expect_test::expect;

use super::story::check;

#[test]
fn taking_a_registered_slot_leads_to_ready_in_one_event() {
    check(
        "1 registered 6001
           2 take ann 6001
           3 release ann 6001",
        expect![[r#"
               1 registered 6001
                   event 6001 IDLE phone nobody#0 since 0
               2 take ann 6001
                   = 6001 READY phone ann#1 since 2
                   fact  6001 leased ann#1
                   event 6001 READY phone ann#1 since 2
               3 release ann 6001
                   = 6001 IDLE phone nobody#1 since 3
                   fact  6001 leased nobody#1
                   event 6001 IDLE phone nobody#1 since 3
           "#]],
    );
}

#[test]
fn taking_an_unregistered_slot_waits_for_its_phone() {
    check(
        "1 take ann 6001
           2 registered 6001",
        expect![[r#"
               1 take ann 6001
                   = 6001 REGISTERING no-phone ann#1 since 1
                   fact  6001 leased ann#1
                   event 6001 REGISTERING no-phone ann#1 since 1
               2 registered 6001
                   event 6001 READY phone ann#1 since 2
           "#]],
    );
}

#[test]
fn a_lease_ends_90_s_after_the_last_sign_of_life() {
    check(
        "0 take ann 6001
           60 alive ann
           100 take ann 6001
           200 take bob 6001",
        expect![[r#"
               0 take ann 6001
                   = 6001 REGISTERING no-phone ann#1 since 0
                   fact  6001 leased ann#1
                   event 6001 REGISTERING no-phone ann#1 since 0
               60 alive ann
               100 take ann 6001
                   = 6001 REGISTERING no-phone ann#1 since 0
               190 timer: slot lease
                   fact  6001 leased nobody#1
                   event 6001 IDLE no-phone nobody#1 since 190
               200 take bob 6001
                   = 6001 REGISTERING no-phone bob#2 since 200
                   fact  6001 leased bob#2
                   event 6001 REGISTERING no-phone bob#2 since 200
           "#]],
    );
}

#[test]
fn a_lease_never_ends_during_a_call_but_right_after_it() {
    check(
        "0 registered 6001
           0 take ann 6001
           50 start ann 6001 1
           60 answered 1
           300 wait
           400 ended 6001 1",
        expect![[r#"
               0 registered 6001
                   event 6001 IDLE phone nobody#0 since 0
               0 take ann 6001
                   = 6001 READY phone ann#1 since 0
                   fact  6001 leased ann#1
                   event 6001 READY phone ann#1 since 0
               50 start ann 6001 1
                   = done
                   event 6001 CALLING phone ann#1 since 50
               60 answered 1
                   event 6001 ACTIVE_CALL phone ann#1 since 60
               300 wait
               400 ended 6001 1
                   fact  6001 leased nobody#1
                   event 6001 IDLE phone nobody#1 since 400
           "#]],
    );
}

#[test]
fn whatever_happens_in_a_long_call_the_lease_stays() {
    check(
        "0 registered 6001
           0 start ann 6001 1
           100 answered 1
           110 unregistered 6001
           120 registered 6001
           130 dial 6001 2
           140 ended 6001 2
           150 directory 6001 6002",
        expect![[r#"
            0 registered 6001
                event 6001 IDLE phone nobody#0 since 0
            0 start ann 6001 1
                = done
                fact  6001 leased ann#1
                event 6001 CALLING phone ann#1 since 0
            100 answered 1
                event 6001 ACTIVE_CALL phone ann#1 since 100
            110 unregistered 6001
                event 6001 ACTIVE_CALL no-phone ann#1 since 100
            120 registered 6001
                event 6001 ACTIVE_CALL phone ann#1 since 100
            130 dial 6001 2
                = consultation about 1
            140 ended 6001 2
            150 directory 6001 6002
        "#]],
    );
}

#[test]
fn a_holder_who_spoke_up_during_the_call_keeps_the_lease() {
    check(
        "0 registered 6001
           0 start ann 6001 1
           200 alive ann
           250 ended 6001 1
           300 wait",
        expect![[r#"
               0 registered 6001
                   event 6001 IDLE phone nobody#0 since 0
               0 start ann 6001 1
                   = done
                   fact  6001 leased ann#1
                   event 6001 CALLING phone ann#1 since 0
               200 alive ann
               250 ended 6001 1
                   event 6001 READY phone ann#1 since 250
               290 timer: slot lease
                   fact  6001 leased nobody#1
                   event 6001 IDLE phone nobody#1 since 290
               300 wait
           "#]],
    );
}

#[test]
fn a_lapsed_binding_has_60_s_of_grace() {
    check(
        "0 registered 6001
           0 take ann 6001
           10 unregistered 6001
           20 start ann 6001 1
           30 unregistered 6001
           50 alive ann
           71 registered 6001
           80 unregistered 6001
           90 registered 6001
           139 wait",
        expect![[r#"
               0 registered 6001
                   event 6001 IDLE phone nobody#0 since 0
               0 take ann 6001
                   = 6001 READY phone ann#1 since 0
                   fact  6001 leased ann#1
                   event 6001 READY phone ann#1 since 0
               10 unregistered 6001
                   event 6001 READY no-phone ann#1 since 0
               20 start ann 6001 1
                   = slot 6001 has no registered phone
               30 unregistered 6001
               50 alive ann
               70 timer: slot registration grace
                   event 6001 REGISTERING no-phone ann#1 since 70
               71 registered 6001
                   event 6001 READY phone ann#1 since 71
               80 unregistered 6001
                   event 6001 READY no-phone ann#1 since 71
               90 registered 6001
                   event 6001 READY phone ann#1 since 71
               139 wait
           "#]],
    );
}

#[test]
fn grace_belongs_to_the_lease_under_which_the_binding_lapsed() {
    check(
        "0 registered 6001
           0 take ann 6001
           1 unregistered 6001
           2 release ann 6001
           3 take bob 6001",
        expect![[r#"
               0 registered 6001
                   event 6001 IDLE phone nobody#0 since 0
               0 take ann 6001
                   = 6001 READY phone ann#1 since 0
                   fact  6001 leased ann#1
                   event 6001 READY phone ann#1 since 0
               1 unregistered 6001
                   event 6001 READY no-phone ann#1 since 0
               2 release ann 6001
                   = 6001 IDLE no-phone nobody#1 since 2
                   fact  6001 leased nobody#1
                   event 6001 IDLE no-phone nobody#1 since 2
               3 take bob 6001
                   = 6001 REGISTERING no-phone bob#2 since 3
                   fact  6001 leased bob#2
                   event 6001 REGISTERING no-phone bob#2 since 3
           "#]],
    );
}

#[test]
fn a_binding_that_lapses_in_a_call_shows_after_it() {
    check(
        "0 registered 6001
           0 start ann 6001 1
           1 answered 1
           2 unregistered 6001
           80 alive ann
           81 ended 6001 1",
        expect![[r#"
               0 registered 6001
                   event 6001 IDLE phone nobody#0 since 0
               0 start ann 6001 1
                   = done
                   fact  6001 leased ann#1
                   event 6001 CALLING phone ann#1 since 0
               1 answered 1
                   event 6001 ACTIVE_CALL phone ann#1 since 1
               2 unregistered 6001
                   event 6001 ACTIVE_CALL no-phone ann#1 since 1
               80 alive ann
               81 ended 6001 1
                   event 6001 REGISTERING no-phone ann#1 since 81
           "#]],
    );
}

#[test]
fn an_old_epoch_is_refused() {
    check(
        "0 take ann 6001
           1 release ann 6001 1
           2 release ann 6001 1
           3 take bob 6001
           4 release ann 6001 1
           5 release ann 6001 2
           6 release bob 6001 2",
        expect![[r#"
               0 take ann 6001
                   = 6001 REGISTERING no-phone ann#1 since 0
                   fact  6001 leased ann#1
                   event 6001 REGISTERING no-phone ann#1 since 0
               1 release ann 6001 1
                   = 6001 IDLE no-phone nobody#1 since 1
                   fact  6001 leased nobody#1
                   event 6001 IDLE no-phone nobody#1 since 1
               2 release ann 6001 1
                   = 6001 IDLE no-phone nobody#1 since 1
               3 take bob 6001
                   = 6001 REGISTERING no-phone bob#2 since 3
                   fact  6001 leased bob#2
                   event 6001 REGISTERING no-phone bob#2 since 3
               4 release ann 6001 1
                   = the lease has changed: its epoch is 2
               5 release ann 6001 2
                   = slot 6001 is not yours to release
               6 release bob 6001 2
                   = 6001 IDLE no-phone nobody#2 since 6
                   fact  6001 leased nobody#2
                   event 6001 IDLE no-phone nobody#2 since 6
           "#]],
    );
}

#[test]
fn a_person_holds_one_slot() {
    check(
        "0 registered 6001
           0 registered 6002
           1 take ann 6001
           2 take ann 6002
           3 start ann 6002 1
           4 start ann 6001 2",
        expect![[r#"
               0 registered 6001
                   event 6001 IDLE phone nobody#0 since 0
               0 registered 6002
                   event 6002 IDLE phone nobody#0 since 0
               1 take ann 6001
                   = 6001 READY phone ann#1 since 1
                   fact  6001 leased ann#1
                   event 6001 READY phone ann#1 since 1
               2 take ann 6002
                   = you already hold slot 6001; release it first
               3 start ann 6002 1
                   = you already hold slot 6001; release it first
               4 start ann 6001 2
                   = done
                   event 6001 CALLING phone ann#1 since 4
           "#]],
    );
}

#[test]
fn one_consultation_beside_a_call() {
    check(
        "0 registered 6001
           0 start ann 6001 1
           1 dial 6001 2
           2 answered 1
           3 dial 6001 2
           4 dial 6001 3
           5 ring 6001 4
           6 ended 6001 2
           7 dial 6001 5
           8 ended 6001 1
           9 dial 6001 6
           10 answered 5
           11 dial 6001 7
           12 ended 6001 5
           13 ended 6001 7",
        expect![[r#"
               0 registered 6001
                   event 6001 IDLE phone nobody#0 since 0
               0 start ann 6001 1
                   = done
                   fact  6001 leased ann#1
                   event 6001 CALLING phone ann#1 since 0
               1 dial 6001 2
                   = slot 6001 cannot call while it is CALLING
               2 answered 1
                   event 6001 ACTIVE_CALL phone ann#1 since 2
               3 dial 6001 2
                   = consultation about 1
               4 dial 6001 3
                   = slot 6001 cannot call while it is ACTIVE_CALL
               5 ring 6001 4
                   = slot 6001 cannot call while it is ACTIVE_CALL
               6 ended 6001 2
               7 dial 6001 5
                   = consultation about 1
               8 ended 6001 1
               9 dial 6001 6
                   = slot 6001 cannot call while it is ACTIVE_CALL
               10 answered 5
               11 dial 6001 7
                   = consultation about 5
               12 ended 6001 5
               13 ended 6001 7
                   event 6001 READY phone ann#1 since 13
           "#]],
    );
}

#[test]
fn both_slots_of_an_internal_call_are_active_at_the_answer() {
    check(
        "0 registered 6001
           0 registered 6002
           1 dial 6001 1
           2 ring 6002 1
           3 answered 1
           4 ended 6002 1
           5 ended 6001 1",
        expect![[r#"
               0 registered 6001
                   event 6001 IDLE phone nobody#0 since 0
               0 registered 6002
                   event 6002 IDLE phone nobody#0 since 0
               1 dial 6001 1
                   = done
                   event 6001 CALLING phone nobody#0 since 1
               2 ring 6002 1
                   = done
                   event 6002 CALLING phone nobody#0 since 2
               3 answered 1
                   event 6001 ACTIVE_CALL phone nobody#0 since 3
                   event 6002 ACTIVE_CALL phone nobody#0 since 3
               4 ended 6002 1
                   event 6002 IDLE phone nobody#0 since 4
               5 ended 6001 1
                   event 6001 IDLE phone nobody#0 since 5
           "#]],
    );
}

#[test]
fn out_of_service_ends_the_lease_and_leads_back_to_idle() {
    check(
        "0 registered 6001
           0 take ann 6001
           1 service 6001 DISABLED
           2 service 6001 DISABLED
           3 take ann 6001
           4 service 6001 IDLE
           5 service 6001 READY
           6 dial 6001 1
           7 service 6001 FAULT",
        expect![[r#"
               0 registered 6001
                   event 6001 IDLE phone nobody#0 since 0
               0 take ann 6001
                   = 6001 READY phone ann#1 since 0
                   fact  6001 leased ann#1
                   event 6001 READY phone ann#1 since 0
               1 service 6001 DISABLED
                   = 6001 DISABLED phone nobody#1 since 1
                   fact  6001 leased nobody#1
                   fact  6001 service DISABLED
                   event 6001 DISABLED phone nobody#1 since 1
               2 service 6001 DISABLED
                   = 6001 DISABLED phone nobody#1 since 1
               3 take ann 6001
                   = slot 6001 cannot call while it is DISABLED
               4 service 6001 IDLE
                   = 6001 IDLE phone nobody#1 since 4
                   fact  6001 service IDLE
                   event 6001 IDLE phone nobody#1 since 4
               5 service 6001 READY
                   = slot 6001 cannot call while it is READY
               6 dial 6001 1
                   = done
                   event 6001 CALLING phone nobody#1 since 6
               7 service 6001 FAULT
                   = slot 6001 is in a call
           "#]],
    );
}

#[test]
fn slots_come_and_go_with_the_directory_alone() {
    check(
        "0 take ann 6001
           1 directory 6002 6003
           2 take ann 6002
           3 take ann 6001
           4 registered 6001
           5 directory 6002 6003",
        expect![[r#"
               0 take ann 6001
                   = 6001 REGISTERING no-phone ann#1 since 0
                   fact  6001 leased ann#1
                   event 6001 REGISTERING no-phone ann#1 since 0
               1 directory 6002 6003
                   event 6001 removed
                   event 6003 IDLE no-phone nobody#0 since 1
               2 take ann 6002
                   = 6002 REGISTERING no-phone ann#1 since 2
                   fact  6002 leased ann#1
                   event 6002 REGISTERING no-phone ann#1 since 2
               3 take ann 6001
                   = no such slot
               4 registered 6001
               5 directory 6002 6003
           "#]],
    );
}

#[test]
fn retired_slots_are_gone_at_once_and_keep_their_epoch_if_they_stay() {
    check(
        "0 take ann 6001
           0 registered 6002
           0 dial 6002 1
           1 retire 6001 6002
           2 retire 6001
           3 take ann 6001
           4 registered 6001
           5 directory 6001 6002
           6 take ann 6001
           7 retire 6001
           8 directory 6002",
        expect![[r#"
               0 take ann 6001
                   = 6001 REGISTERING no-phone ann#1 since 0
                   fact  6001 leased ann#1
                   event 6001 REGISTERING no-phone ann#1 since 0
               0 registered 6002
                   event 6002 IDLE phone nobody#0 since 0
               0 dial 6002 1
                   = done
                   event 6002 CALLING phone nobody#0 since 0
               1 retire 6001 6002
                   = slot 6002 is in a call
               2 retire 6001
                   = done
                   fact  6001 leased nobody#1
                   event 6001 removed
               3 take ann 6001
                   = no such slot
               4 registered 6001
               5 directory 6001 6002
                   event 6001 IDLE phone nobody#1 since 5
               6 take ann 6001
                   = 6001 READY phone ann#2 since 6
                   fact  6001 leased ann#2
                   event 6001 READY phone ann#2 since 6
               7 retire 6001
                   = done
                   fact  6001 leased nobody#2
                   event 6001 removed
               8 directory 6002
           "#]],
    );
}

#[test]
fn a_slot_may_leave_the_directory_in_a_call() {
    check(
        "0 registered 6001
           0 start ann 6001 1
           1 directory 6002
           2 answered 1
           3 ended 6001 1
           4 directory 6001 6002
           5 take ann 6001",
        expect![[r#"
               0 registered 6001
                   event 6001 IDLE phone nobody#0 since 0
               0 start ann 6001 1
                   = done
                   fact  6001 leased ann#1
                   event 6001 CALLING phone ann#1 since 0
               1 directory 6002
                   event 6001 removed
               2 answered 1
               3 ended 6001 1
               4 directory 6001 6002
                   event 6001 IDLE no-phone nobody#0 since 4
               5 take ann 6001
                   = 6001 REGISTERING no-phone ann#1 since 5
                   fact  6001 leased ann#1
                   event 6001 REGISTERING no-phone ann#1 since 5
           "#]],
    );
}

#[test]
fn leases_come_back_after_a_restart() {
    check(
        "0 restore 6001 ann 7
           0 restore 6002 ann 3
           1 registered 6001
           50 release ann 6001 7
           51 take bob 6002
           52 restore 6003 cid 1",
        expect![[r#"
               0 restore 6001 ann 7
                   event 6001 REGISTERING no-phone ann#7 since 0
               0 restore 6002 ann 3
                   fact  6002 leased nobody#3
                   event 6002 IDLE no-phone nobody#3 since 0
               1 registered 6001
                   event 6001 READY phone ann#7 since 1
               50 release ann 6001 7
                   = 6001 IDLE phone nobody#7 since 50
                   fact  6001 leased nobody#7
                   event 6001 IDLE phone nobody#7 since 50
               51 take bob 6002
                   = 6002 REGISTERING no-phone bob#4 since 51
                   fact  6002 leased bob#4
                   event 6002 REGISTERING no-phone bob#4 since 51
               52 restore 6003 cid 1
           "#]],
    );
}

/// An attended transfer: who was consulted is in the other call from now on, and nothing else is to be seen of it.
#[test]
fn a_part_is_handed_over_to_another_call() {
    check(
        "0 registered 6001
           0 registered 6002
           0 dial 6001 1
           1 answered 1
           2 dial 6001 2
           3 ring 6002 2
           4 answered 2
           5 joined 6002 2 1
           5 ended 6001 2
           5 ended 6001 1
           6 ended 6002 2
           7 dial 6002 3
           8 joined 6002 9 8
           9 ended 6002 1
           10 ended 6002 3",
        expect![[r#"
            0 registered 6001
                event 6001 IDLE phone nobody#0 since 0
            0 registered 6002
                event 6002 IDLE phone nobody#0 since 0
            0 dial 6001 1
                = done
                event 6001 CALLING phone nobody#0 since 0
            1 answered 1
                event 6001 ACTIVE_CALL phone nobody#0 since 1
            2 dial 6001 2
                = consultation about 1
            3 ring 6002 2
                = done
                event 6002 CALLING phone nobody#0 since 3
            4 answered 2
                event 6002 ACTIVE_CALL phone nobody#0 since 4
            5 joined 6002 2 1
            5 ended 6001 2
            5 ended 6001 1
                event 6001 IDLE phone nobody#0 since 5
            6 ended 6002 2
            7 dial 6002 3
                = consultation about 1
            8 joined 6002 9 8
            9 ended 6002 1
            10 ended 6002 3
                event 6002 IDLE phone nobody#0 since 10
        "#]],
    );
}
