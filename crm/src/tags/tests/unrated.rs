//! Which calls are to be rated, whatever happens to them and in whichever order.

use office::CALLS;
use serde_json::{Value, json};
use store::binds;

use super::*;
use crate::{
    Crm,
    tags::unrated::recorded,
    testing::{HOME, list},
};

statements! {
    RECORD: both "INSERT INTO recordings (call_id, center_id, state, file, left_role, left_number, right_role, right_number, started_at, duration_ms,
        size) VALUES ($1, $2, $3, $4, 'caller', '', 'callee', '', 0, 60000, 0)
        ON CONFLICT (call_id) DO UPDATE SET state = excluded.state, file = excluded.file";
    LEFT: both "SELECT group_id, call_id FROM unrated ORDER BY group_id, call_id";
}

/// A call that began so many minutes before now.
fn before(minutes: i64) -> i64 {
    (NOW.0 - minutes * 60_000) << 22
}

async fn record(crm: &Crm, call: CallId, state: &str) {
    let file = (state != "failed").then_some("x.wav");
    crm.store().db().run(RECORD, binds![call, HOME, state, file]).await.unwrap();
}

/// As whoever follows ended calls does it.
async fn follow(crm: &Crm, calls: &[CallId]) {
    let mut tx = crm.store().db().begin().await.unwrap();
    for call in calls {
        recorded(&mut tx, *call).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn left(crm: &Crm) -> Vec<(i64, i64)> {
    crm.store().db().all(LEFT, &[]).await.unwrap()
}

impl Desk {
    async fn rate(&self, group: i64, change: TagGroupChange) {
        let may = leave(&self.root, can::TAGS_MANAGE);
        let row = self.house.office.read(&leave(&self.root, can::TAGS_READ).view(&TAG_GROUPS), &group.to_string()).await.unwrap();
        self.house.crm.update_tag_group(&may, group, row["version"].as_i64().unwrap(), &change, NOW).await.unwrap();
    }

    async fn to_rate(&self, who: &Principal, filter: Value) -> Vec<i64> {
        let view = leave(who, office::can::CALLS_READ).view(&CALLS);
        self.house.office.list(&view, &ListParams::default().filtered(filter)).await.unwrap().keys
    }
}

fn rates(rates: bool) -> TagGroupChange {
    TagGroupChange { rates: Some(rates), ..TagGroupChange::default() }
}

#[tokio::test]
async fn a_call_is_to_be_rated_until_it_has_a_tag_of_the_group() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        let crm = &desk.house.crm;
        let mut calls = Vec::new();
        for minutes in 1..=4 {
            calls.push(desk.house.call(before(minutes), if minutes < 4 { "sales" } else { "other" }, None).await);
        }
        let [one, two, three, foreign] = calls[..] else { panic!("four calls") };
        record(crm, one, "complete").await;
        follow(crm, &[one]).await;
        assert_eq!(left(crm).await, [], "no group rates");
        // It begins with what there is: that which can be heard.
        record(crm, two, "recording").await;
        record(crm, three, "failed").await;
        desk.rate(1, rates(true)).await;
        assert_eq!(left(crm).await, [(1, one.0)]);
        follow(crm, &[two, three, CallId(77)]).await;
        assert_eq!(left(crm).await, [(1, one.0)], "nothing to be heard, or not closed yet");
        record(crm, two, "partial").await;
        record(crm, foreign, "complete").await;
        for _ in 0..2 {
            follow(crm, &[one, two, foreign]).await;
            assert_eq!(left(crm).await, [(1, foreign.0), (1, two.0), (1, one.0)]);
        }
        // Newest first, of the scenarios and groups that one has.
        assert_eq!(desk.to_rate(&desk.petr, json!({"unrated_in": "1"})).await, [one.0, two.0]);
        assert_eq!(desk.to_rate(&desk.root, json!({"unrated_in": "1"})).await, [one.0, two.0, foreign.0]);
        assert_eq!(desk.to_rate(&desk.root, json!({"unrated_in": "2"})).await, Vec::<i64>::new());
        let lists = vec![list("calls", ListKind::Scenario, &["sales".to_owned()]), list("tags", ListKind::TagGroup, &["2".to_owned()])];
        let new = NewUser { username: "olga".to_owned(), roles: vec!["listener".to_owned()], lists, ..NewUser::default() };
        let olga = desk.house.person(new).await;
        assert_eq!(desk.to_rate(&olga, json!({"unrated_in": "1"})).await, Vec::<i64>::new(), "a group that she was not given");
        assert_eq!(desk.to_rate(&olga, json!({"unrated_in": null})).await, [one.0, two.0, three.0, desk.call.0]);

        // The first tag of the group takes it, and the last one gives it back; others make no difference.
        desk.set(&desk.vera, one, desk.one_room).await.unwrap();
        assert_eq!(left(crm).await.len(), 3);
        desk.set(&desk.vera, one, desk.target).await.unwrap();
        assert_eq!(left(crm).await, [(1, foreign.0), (1, two.0)]);
        desk.set(&desk.petr, one, desk.missed).await.unwrap();
        follow(crm, &[one]).await;
        assert_eq!(left(crm).await, [(1, foreign.0), (1, two.0)], "another tag has taken its place");
        desk.unset(&desk.petr, one, desk.missed).await.unwrap();
        assert_eq!(left(crm).await, [(1, foreign.0), (1, two.0), (1, one.0)]);
        // One that was tagged while it went on is rated when its recording is closed; without a recording there is nothing to give back.
        desk.set(&desk.vera, three, desk.target).await.unwrap();
        record(crm, three, "complete").await;
        follow(crm, &[three]).await;
        assert_eq!(left(crm).await.len(), 3);
        desk.set(&desk.vera, desk.call, desk.target).await.unwrap();
        desk.unset(&desk.vera, desk.call, desk.target).await.unwrap();
        assert_eq!(left(crm).await.len(), 3);

        // A group out of use rates nothing, nor one that ceases to.
        desk.rate(1, TagGroupChange { active: Some(false), ..TagGroupChange::default() }).await;
        assert_eq!(left(crm).await, []);
        desk.unset(&desk.vera, three, desk.target).await.unwrap();
        assert_eq!(left(crm).await, []);
        desk.rate(1, TagGroupChange { active: Some(true), ..TagGroupChange::default() }).await;
        assert_eq!(left(crm).await, [(1, foreign.0), (1, three.0), (1, two.0), (1, one.0)]);
        desk.rate(1, rates(false)).await;
        assert_eq!(left(crm).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_call_whose_recording_was_erased_is_not_to_be_rated() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        let crm = &desk.house.crm;
        for group in [1, 2] {
            desk.rate(group, rates(true)).await;
        }
        let (one, two) = (desk.house.call(before(1), "sales", None).await, desk.house.call(before(2), "sales", None).await);
        for call in [one, two] {
            record(crm, call, "complete").await;
        }
        follow(crm, &[one, two]).await;
        desk.set(&desk.vera, one, desk.target).await.unwrap();
        assert_eq!(left(crm).await, [(1, two.0), (2, two.0), (2, one.0)]);
        crm.begin_to_follow().await.unwrap();
        let may = leave(&desk.root, office::can::RECORDINGS_DELETE);
        desk.house.office.erase_recording(&may, one, NOW).await.unwrap();
        crm.follow(NOW).await.unwrap();
        assert_eq!(left(crm).await, [(1, two.0), (2, two.0)]);
        desk.unset(&desk.vera, one, desk.target).await.unwrap();
        desk.house.office.erase_recording(&may, two, NOW).await.unwrap();
        crm.follow(NOW).await.unwrap();
        assert_eq!(left(crm).await, []);
        assert_eq!(crm.follow_lag().await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_nobody_has_rated_for_a_month_is_let_go() {
    on_both(async |house| {
        let desk = Desk::new(house).await;
        let crm = &desk.house.crm;
        desk.rate(2, rates(true)).await;
        let month = 30 * 24 * 60;
        let (old, kept) =
            (desk.house.call(before(month + 1), "sales", None).await, desk.house.call(before(month - 1), "sales", None).await);
        let new = desk.house.call(before(0), "sales", None).await;
        for call in [old, kept, new] {
            record(crm, call, "complete").await;
        }
        follow(crm, &[old, kept]).await;
        assert_eq!(left(crm).await, [(2, old.0), (2, kept.0)]);
        follow(crm, &[new]).await;
        assert_eq!(left(crm).await, [(2, kept.0), (2, new.0)]);
        // A group that begins to rate looks back as far.
        desk.rate(1, rates(true)).await;
        assert_eq!(left(crm).await, [(1, kept.0), (1, new.0), (2, kept.0), (2, new.0)]);
    })
    .await;
}

/// Calls are tagged at the moment at which their recordings are closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_comes_first_a_call_with_a_tag_is_rated() {
    on_both(async |house| {
        let desk = std::sync::Arc::new(Desk::new(house).await);
        desk.rate(1, rates(true)).await;
        let mut calls = Vec::new();
        for minutes in 1..=30 {
            calls.push(desk.house.call(before(minutes), "sales", None).await);
            record(&desk.house.crm, calls[calls.len() - 1], "complete").await;
        }
        let mut hands = tokio::task::JoinSet::new();
        for call in calls.clone() {
            let follower = std::sync::Arc::clone(&desk);
            hands.spawn(async move { follow(&follower.house.crm, &[call]).await });
            let tagger = std::sync::Arc::clone(&desk);
            hands.spawn(async move { drop(tagger.set(&tagger.vera, call, tagger.target).await.unwrap()) });
        }
        while let Some(done) = hands.join_next().await {
            done.unwrap();
        }
        assert_eq!(left(&desk.house.crm).await, []);
    })
    .await;
}
