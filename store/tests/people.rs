//! Whose calls are: who placed and served them, and at whose phones they rang; and who is told of what.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::BTreeSet;

use common::{Base, CENTER, at, call, call_id, cdr, numbered, recording};
use model::{CallView, Fact, RecordingState, RowPart, RowRule, Rung, Segment, SlotId, UserId};
use store::{
    Statement, Store,
    catalogue::{CALLS, CDRS, RECORDINGS},
    list::{NO_LINKS, Query},
};

/// Makes each story a test on SQLite and a test on PostgreSQL.
macro_rules! stories {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::common::Base::sqlite()).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::common::Base::postgres()).await; })*
        }
    };
}
stories! {
    a_call_is_theirs_at_whose_phones_it_rang
    what_is_known_of_a_persons_part_is_kept
    a_listener_hears_of_what_it_named
}

/// The `n`th call, which rang at the slots of these users.
fn ringing(n: i64, users: &[i64]) -> CallView {
    let rung = users.iter().map(|user| Rung { slot: SlotId(10 + user), user: Some(UserId(*user)), at: at(n * 1000) });
    CallView { rung: rung.chain([Rung { slot: SlotId(9), user: None, at: at(n * 1000 + 1) }]).collect(), ..call(n, None) }
}

fn segment(user: i64, from: i64, to: Option<i64>, hold_ms: u64) -> Segment {
    Segment { user: Some(UserId(user)), slot: SlotId(10 + user), from: at(from), to: to.map(at), hold_ms }
}

/// Everybody's part in the `n`th call: the person, why it is theirs, for how long they served it and held.
async fn parts(store: &Store, n: i64) -> Vec<(i64, i64, i64, i64)> {
    let sql = "SELECT user_id, why, talk_ms, hold_ms FROM call_users WHERE call_id = $1 ORDER BY user_id";
    store.db().all(Statement { name: "PARTS", lite: sql, pg: sql }, &[store::sql::Bind::from(call_id(n).0)]).await.unwrap()
}

fn of_user(user: i64) -> RowRule {
    let part = RowPart { users: Some(BTreeSet::from([UserId(user)])), lists: vec![] };
    RowRule { center: CENTER, any_of: vec![part] }
}

/// Whether a person reaches the only row of each: of calls, of records, of recordings; one by one and in the list.
async fn reached(store: &Store, user: i64) -> [bool; 3] {
    let rule = of_user(user);
    let mut reached = [false; 3];
    for (place, resource) in [&CALLS, &CDRS, &RECORDINGS].into_iter().enumerate() {
        let listed = store.list(&Query::new(resource, &rule, &NO_LINKS)).await.unwrap().keys == [call_id(1).0];
        let columns = resource.columns.iter().filter(|column| !column.sql.is_empty()).collect();
        let read = store.list_row(resource, &rule, columns, call_id(1).0).await.unwrap().is_some();
        assert_eq!(listed, read, "{} of {user}", resource.name);
        // Together with somebody who has none, the list is read in another way.
        let both = RowPart { users: Some(BTreeSet::from([UserId(user), UserId(99)])), lists: vec![] };
        let rule = RowRule { center: CENTER, any_of: vec![both] };
        assert_eq!(
            store.list(&Query::new(resource, &rule, &NO_LINKS)).await.unwrap().keys.len(),
            usize::from(listed),
            "{} of {user}",
            resource.name
        );
        reached[place] = listed;
    }
    reached
}

/// Three phones ring, one of them answers: the others may read of the call, and may not listen to it.
async fn a_call_is_theirs_at_whose_phones_it_rang(base: Base) {
    let store = base.open().await;
    let begun = ringing(1, &[5, 6, 7]);
    store.apply(&numbered(1, [Fact::CallStarted { call: begun.clone() }])).await.unwrap();
    assert_eq!(parts(&store, 1).await, [(5, 4, 0, 0), (6, 4, 0, 0), (7, 4, 0, 0)]);
    assert_eq!(store.call(call_id(1)).await.unwrap().unwrap().rung, begun.rung);
    let answered = Fact::CallAnswered { call: call_id(1), at: at(1_300), segments: vec![segment(6, 1_300, None, 0)] };
    store.apply(&numbered(2, [answered, Fact::Recording { row: recording(1, RecordingState::Complete) }])).await.unwrap();
    assert_eq!(parts(&store, 1).await, [(5, 4, 0, 0), (6, 5, 0, 0), (7, 4, 0, 0)]);
    assert!(store.is_call_of_user(call_id(1), UserId(6)).await.unwrap());
    assert!(!store.is_call_of_user(call_id(1), UserId(5)).await.unwrap(), "it only rang there");
    let mut record = cdr(&begun);
    record.segments = vec![segment(6, 1_300, Some(1_900), 50)];
    store.apply(&numbered(4, [Fact::CallEnded { cdr: record.clone() }])).await.unwrap();
    assert_eq!(parts(&store, 1).await, [(5, 4, 0, 0), (6, 5, 600, 50), (7, 4, 0, 0)]);
    assert_eq!(store.cdr(call_id(1)).await.unwrap(), Some(record));
    assert_eq!(store.call(call_id(1)).await.unwrap().unwrap().rung, begun.rung);
    for (user, expected) in [(5, [true, true, false]), (6, [true; 3]), (7, [true, true, false]), (8, [false; 3])] {
        assert_eq!(reached(&store, user).await, expected, "{user}");
    }
    // On the wire it is as in an event.
    let row = store.list_row(&CALLS, &of_user(5), vec![CALLS.column("rung").unwrap()], call_id(1).0).await.unwrap().unwrap();
    assert_eq!(row["rung"], serde_json::to_value(&begun.rung).unwrap());
    assert_eq!(row["rung"][0], serde_json::json!({"slot": "15", "user": "5", "at": at(1_000)}));
}

/// Sums are of each person, over all that they served; what the CRM has noted stays, whatever facts say later.
async fn what_is_known_of_a_persons_part_is_kept(base: Base) {
    let store = base.open().await;
    let begun = CallView { user: Some(UserId(3)), ..ringing(1, &[4]) };
    store.apply(&numbered(1, [Fact::CallStarted { call: begun.clone() }])).await.unwrap();
    let leads = "INSERT INTO call_users (user_id, call_id, why) VALUES (8, $1, 2)";
    let both = "UPDATE call_users SET why = why | 2 WHERE call_id = $1 AND user_id = 4";
    for sql in [leads, both] {
        let bind = store::sql::Bind::from(call_id(1).0);
        store.db().run(Statement { name: "CRM", lite: sql, pg: sql }, &[bind]).await.unwrap();
    }
    let seen = CallView { segments: vec![segment(3, 1_300, Some(1_500), 20), segment(4, 1_300, None, 0)], ..begun.clone() };
    store.apply(&numbered(2, [Fact::CallsSeen { calls: vec![seen], at: at(5_000) }])).await.unwrap();
    assert_eq!(parts(&store, 1).await, [(3, 1, 200, 20), (4, 7, 0, 0), (8, 2, 0, 0)]);
    let mut record = cdr(&begun);
    record.segments = vec![segment(3, 1_300, Some(1_500), 20), segment(4, 1_300, Some(9_000), 7), segment(3, 9_000, Some(9_900), 1)];
    // Read twice, it counts once.
    for seq in [3, 4] {
        store.apply(&numbered(seq, [Fact::CallEnded { cdr: record.clone() }])).await.unwrap();
        assert_eq!(parts(&store, 1).await, [(3, 1, 1_100, 21), (4, 7, 7_700, 7), (8, 2, 0, 0)]);
    }
}

/// Who names kinds costs only those; who names none hears all; nothing is written of what nobody wants.
async fn a_listener_hears_of_what_it_named(base: Base) {
    let store = base.open().await;
    let whole = |n: i64| {
        let begun = call(n, None);
        [Fact::CallStarted { call: begun.clone() }, Fact::CallEnded { cdr: cdr(&begun) }]
    };
    let kinds = async || -> Vec<String> {
        let rows = store.outbox_read("crm", 100).await.unwrap();
        if let Some(last) = rows.last() {
            store.outbox_ack("crm", last.id).await.unwrap();
        }
        rows.into_iter().map(|row| row.kind).collect()
    };
    store.outbox_listen_to("crm", &["cdr.created", "recording.ready"]).await.unwrap();
    store.apply(&numbered(1, whole(1))).await.unwrap();
    assert_eq!(kinds().await, ["cdr.created"]);
    store.outbox_listen_to("other", &["call.update"]).await.unwrap();
    store.apply(&numbered(3, whole(2))).await.unwrap();
    assert_eq!(kinds().await, ["call.update", "call.update", "cdr.created"], "what others want is passed over");
    store.outbox_forget("other").await.unwrap();
    store.apply(&numbered(5, whole(3))).await.unwrap();
    assert_eq!(kinds().await, ["cdr.created"]);
    // It changes its mind, and stays where it is.
    store.outbox_listen_to("crm", &["recording.ready"]).await.unwrap();
    store.apply(&numbered(7, whole(4))).await.unwrap();
    assert_eq!(kinds().await, [""; 0]);
    store.outbox_listen("webhooks").await.unwrap();
    store.apply(&numbered(9, whole(5))).await.unwrap();
    assert_eq!(kinds().await, ["call.update", "call.update", "cdr.created"]);
}
