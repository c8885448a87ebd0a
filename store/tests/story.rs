//! One story, told to SQLite and to PostgreSQL: whatever the store promises, it promises on both.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::BTreeSet;

use common::{Base, CENTER, actor, at, binding, call, call_id, cdr, cdrs, credentials, numbered, recording};
use model::{
    Actor, CallStatus, CarrierId, CenterId, Fact, HubId, HubKind, Number, RecordingState, Segment, SlotId, SlotLimits, SlotState, UserId,
    WallTime,
};
use serde_json::json;
use store::{Applied, Db, Idempotency, NewTrunk, OutboxPruned, Store, StoreError, TrunkChange, statements};

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
    every_statement_is_understood
    the_realm_is_drawn_once
    a_hub_gets_the_lowest_free_block
    hubs_grow_and_shrink_at_their_end
    what_is_not_agreed_to_is_not_done
    hubs_made_at_once_share_no_number
    a_slot_has_limits
    a_slot_has_a_number_to_call_by
    many_facts_of_many_slots_and_calls_are_one_transaction
    a_call_becomes_rows_and_a_replay_changes_nothing
    an_ended_call_stays_ended
    records_cannot_be_changed
    calls_left_behind_are_known_with_their_last_sign_of_life
    facts_about_what_is_gone_are_skipped
    a_fact_that_cannot_be_stored_is_put_aside_alone
    a_slot_has_one_binding_one_lease_one_service_state
    bans_are_kept_until_nobody_needs_them
    budgets_are_kept_with_what_they_have_used
    a_call_has_one_recording
    the_outbox_delivers_at_least_once
    an_idempotency_key_is_one_request
    a_newer_schema_is_refused
    a_dropped_request_leaves_nothing_behind
}

async fn every_statement_is_understood(base: Base) {
    use sqlx::Executor;
    let store = base.open().await;
    let mut count = 0;
    for statement in statements() {
        let prepared = match store.db() {
            Db::Lite { write, .. } => {
                write.acquire().await.unwrap().prepare(sqlx::SqlSafeStr::into_sql_str(statement.lite)).await.map(drop)
            }
            Db::Pg(pool) => pool.acquire().await.unwrap().prepare(sqlx::SqlSafeStr::into_sql_str(statement.pg)).await.map(drop),
        };
        assert!(prepared.is_ok(), "{}: {}", statement.name, prepared.unwrap_err());
        count += 1;
    }
    assert!(count > 60, "only {count} statements are registered");
}

async fn the_realm_is_drawn_once(base: Base) {
    let store = base.open().await;
    assert_eq!(store.directory().await.unwrap().realm, "");
    assert_eq!(store.realm("first.example").await.unwrap(), "first.example");
    assert_eq!(store.realm("second.example").await.unwrap(), "first.example");
    assert_eq!(store.directory().await.unwrap().realm, "first.example");
    assert_eq!(store.setting("other").await.unwrap(), None);
    store.put_setting("other", "1").await.unwrap();
    store.put_setting("other", "2").await.unwrap();
    assert_eq!(store.setting("other").await.unwrap().as_deref(), Some("2"));
    store.ping().await.unwrap();
    // What was stored is there for the next start.
    store.close().await;
    assert!(store.ping().await.unwrap_err().is_unavailable());
    assert_eq!(base.open().await.realm("third.example").await.unwrap(), "first.example");
}

fn trunk(kind: HubKind, capacity: u16) -> NewTrunk {
    NewTrunk { name: "Hub".to_owned(), kind, capacity }
}

fn capacity(capacity: u16) -> TrunkChange {
    TrunkChange { name: None, capacity: Some(capacity) }
}

/// Nobody minds.
async fn agreed(_: Vec<SlotId>) -> Result<(), StoreError> {
    Ok(())
}

async fn numbers(store: &Store, hub: HubId) -> Vec<String> {
    store.trunk_slots(hub).await.unwrap().into_iter().map(|slot| slot.number.to_string()).collect()
}

async fn a_hub_gets_the_lowest_free_block(base: Base) {
    let store = base.open().await;
    let (a, slots) = store.create_trunk(&actor(), trunk(HubKind::Auto, 3), credentials).await.unwrap();
    assert_eq!(numbers(&store, a.id).await, ["6001", "6002", "6003"]);
    assert_eq!(slots, store.trunk_slots(a.id).await.unwrap());
    assert_eq!((slots[2].username.as_str(), slots[2].service, slots[2].kind), ("6003", SlotState::Idle, HubKind::Auto));
    assert_eq!(slots[2].ha1, credentials(&slots[2].number).1);
    let (b, _) = store.create_trunk(&actor(), trunk(HubKind::Auto, 2), credentials).await.unwrap();
    let (c, _) = store.create_trunk(&actor(), trunk(HubKind::Mf, 1), credentials).await.unwrap();
    assert_eq!(numbers(&store, b.id).await, ["6004", "6005"]);
    assert_eq!(numbers(&store, c.id).await, ["7001"]);

    // Gaps are filled when they are wide enough.
    let gone = store.delete_trunk(&actor(), a.id, agreed).await.unwrap();
    assert_eq!(gone, slots.iter().map(|slot| slot.id).collect::<Vec<_>>());
    let (d, _) = store.create_trunk(&actor(), trunk(HubKind::Auto, 4), credentials).await.unwrap();
    assert_eq!(numbers(&store, d.id).await, ["6006", "6007", "6008", "6009"]);
    let (e, again) = store.create_trunk(&actor(), trunk(HubKind::Auto, 3), credentials).await.unwrap();
    assert_eq!(numbers(&store, e.id).await, ["6001", "6002", "6003"]);
    assert!(again.iter().all(|slot| !gone.contains(&slot.id)), "a slot's id never comes back");

    // The rest of the kind, one too many, and all of another kind.
    let refused = store.create_trunk(&actor(), trunk(HubKind::Auto, 991), credentials).await;
    assert!(matches!(refused, Err(StoreError::NumbersExhausted { first: 6001, wanted: 991 })), "{refused:?}");
    let (f, _) = store.create_trunk(&actor(), trunk(HubKind::Auto, 990), credentials).await.unwrap();
    assert_eq!(numbers(&store, f.id).await.last().unwrap(), "6999");
    assert!(matches!(store.create_trunk(&actor(), trunk(HubKind::Auto, 1), credentials).await, Err(StoreError::NumbersExhausted { .. })));
    let (g, _) = store.create_trunk(&actor(), trunk(HubKind::Ls, 999), credentials).await.unwrap();
    assert_eq!(numbers(&store, g.id).await.len(), 999);
    for wrong in [0, 1000, u16::MAX] {
        assert!(
            matches!(store.create_trunk(&actor(), trunk(HubKind::Mf, wrong), credentials).await, Err(StoreError::Capacity(_))),
            "{wrong}"
        );
    }
    // What was refused has left nothing behind.
    assert_eq!(store.trunks(CENTER).await.unwrap().len(), 6);
    let directory = store.directory().await.unwrap();
    assert_eq!(directory.slots().count(), 999 + 999 + 1);
    assert_eq!(directory.slot_by_number("7001").unwrap().hub, c.id);
    assert_eq!(directory.hub(g.id).unwrap().capacity, 999);

    assert!(matches!(store.delete_trunk(&actor(), HubId(99), agreed).await, Err(StoreError::NotFound("trunk"))));
    let taken = store.set_slot_credentials(&actor(), again[0].id, "7001", &again[0].ha1, agreed(vec![])).await;
    assert!(matches!(&taken, Err(StoreError::Constraint { name }) if name == "slots_username_key"), "{taken:?}");
    store.set_slot_credentials(&actor(), again[0].id, "new", &again[1].ha1, agreed(vec![])).await.unwrap();
    let changed = store.slot(again[0].id).await.unwrap().unwrap();
    assert_eq!((changed.username.as_str(), &changed.ha1), ("new", &again[1].ha1));
}

async fn hubs_grow_and_shrink_at_their_end(base: Base) {
    let store = base.open().await;
    let (a, slots) = store.create_trunk(&actor(), trunk(HubKind::Auto, 3), credentials).await.unwrap();
    // Free behind it: grows.
    let grown = store.change_trunk(&actor(), a.id, capacity(5), credentials, agreed).await.unwrap();
    assert_eq!(grown.hub.capacity, 5);
    assert_eq!(numbers(&store, a.id).await, ["6001", "6002", "6003", "6004", "6005"]);
    assert_eq!(store.trunk(a.id).await.unwrap().unwrap(), grown.hub);
    assert_eq!(store.trunk_slots(a.id).await.unwrap(), grown.slots);
    assert_eq!(grown.slots[3..].iter().map(|slot| slot.id).collect::<Vec<_>>(), grown.added);
    // Another hub behind it: does not grow, not even by a part.
    let (b, _) = store.create_trunk(&actor(), trunk(HubKind::Auto, 2), credentials).await.unwrap();
    let refused = store.change_trunk(&actor(), a.id, capacity(7), credentials, agreed).await;
    assert!(matches!(refused, Err(StoreError::NumbersExhausted { first: 6006, wanted: 2 })), "{refused:?}");
    assert_eq!(store.trunk(a.id).await.unwrap().unwrap().capacity, 5);
    // Shrinks by the highest numbers, whose bindings go too.
    store.apply(&numbered(1, [Fact::Bound { binding: binding(grown.added[1].0, "192.0.2.9:5060") }])).await.unwrap();
    assert_eq!(store.bindings().await.unwrap().len(), 1);
    let beyond = vec![slots[2].id, grown.added[0], grown.added[1]];
    let shrunk = store.change_trunk(&actor(), a.id, capacity(2), credentials, agreed).await.unwrap();
    assert_eq!((shrunk.removed, shrunk.added), (beyond, vec![]));
    assert_eq!(numbers(&store, a.id).await, ["6001", "6002"]);
    assert_eq!(store.bindings().await.unwrap(), []);
    // The same size changes nothing; the room is free for itself and for others.
    let same = store.change_trunk(&actor(), a.id, capacity(2), credentials, agreed).await.unwrap();
    assert_eq!((same.added, same.removed), (vec![], vec![]));
    let (c, _) = store.create_trunk(&actor(), trunk(HubKind::Auto, 3), credentials).await.unwrap();
    assert_eq!(numbers(&store, c.id).await, ["6003", "6004", "6005"]);
    // Not beyond the kind's last number.
    assert!(matches!(
        store.change_trunk(&actor(), b.id, capacity(995), credentials, agreed).await,
        Err(StoreError::NumbersExhausted { .. })
    ));
    assert_eq!(
        store.change_trunk(&actor(), b.id, capacity(994), credentials, agreed).await.unwrap().slots.last().unwrap().number.as_str(),
        "6999"
    );
    assert!(matches!(store.change_trunk(&actor(), HubId(99), capacity(5), credentials, agreed).await, Err(StoreError::NotFound("trunk"))));
    assert!(matches!(store.change_trunk(&actor(), a.id, capacity(0), credentials, agreed).await, Err(StoreError::Capacity(0))));
    let name = TrunkChange { name: Some("Ферма 1".to_owned()), capacity: None };
    let renamed = store.change_trunk(&actor(), a.id, name, credentials, agreed).await.unwrap();
    assert_eq!(store.trunk(a.id).await.unwrap().unwrap(), renamed.hub);
    assert_eq!((renamed.hub.name.as_str(), renamed.hub.capacity, renamed.slots.len()), ("Ферма 1", 2, 2));
}

/// Whoever is asked before the commit may refuse, and then nothing has changed.
async fn what_is_not_agreed_to_is_not_done(base: Base) {
    let store = base.open().await;
    let (hub, slots) = store.create_trunk(&actor(), trunk(HubKind::Auto, 3), credentials).await.unwrap();
    let asked = std::sync::Mutex::new(vec![]);
    let refuse = |slots: Vec<SlotId>| {
        asked.lock().unwrap().push(slots);
        std::future::ready(Err(StoreError::UsernameTaken))
    };
    let change = TrunkChange { name: Some("Other".to_owned()), capacity: Some(1) };
    assert!(matches!(store.change_trunk(&actor(), hub.id, change, credentials, refuse).await, Err(StoreError::UsernameTaken)));
    assert!(matches!(store.change_trunk(&actor(), hub.id, capacity(5), credentials, refuse).await, Err(StoreError::UsernameTaken)));
    assert!(matches!(store.delete_trunk(&actor(), hub.id, refuse).await, Err(StoreError::UsernameTaken)));
    let refused = store.set_slot_credentials(&actor(), slots[0].id, "new", &slots[1].ha1, async { refuse(vec![]).await }).await;
    assert!(matches!(refused, Err(StoreError::UsernameTaken)));
    let all: Vec<SlotId> = slots.iter().map(|slot| slot.id).collect();
    assert_eq!(asked.into_inner().unwrap(), [all[1..].to_vec(), vec![], all, vec![]]);
    assert_eq!(store.trunk(hub.id).await.unwrap().unwrap(), hub);
    assert_eq!(store.trunk_slots(hub.id).await.unwrap(), slots);

    // Nobody is asked about what the store itself refuses.
    let never = |_: Vec<SlotId>| async { panic!("asked") };
    assert!(matches!(store.change_trunk(&actor(), hub.id, capacity(1000), credentials, never).await, Err(StoreError::Capacity(1000))));
    let gone = store.change_trunk(&actor(), HubId(99), TrunkChange::default(), credentials, never).await;
    assert!(matches!(gone, Err(StoreError::NotFound("trunk"))));
    assert!(matches!(store.delete_trunk(&actor(), HubId(99), never).await, Err(StoreError::NotFound("trunk"))));

    // Name and capacity change together or not at all.
    let (_, _) = store.create_trunk(&actor(), trunk(HubKind::Auto, 1), credentials).await.unwrap();
    let both = TrunkChange { name: Some("Other".to_owned()), capacity: Some(5) };
    assert!(matches!(store.change_trunk(&actor(), hub.id, both, credentials, never).await, Err(StoreError::NumbersExhausted { .. })));
    assert_eq!(store.trunk(hub.id).await.unwrap().unwrap(), hub);
}

async fn hubs_made_at_once_share_no_number(base: Base) {
    let store = base.open().await;
    let made: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.create_trunk(&actor(), trunk(HubKind::Auto, 7), credentials).await.unwrap().1 })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for slots in made {
        let own: Vec<u16> = slots.await.unwrap().iter().map(|slot| slot.number.as_str().parse().unwrap()).collect();
        assert!(own.windows(2).all(|pair| pair[1] == pair[0] + 1), "not contiguous: {own:?}");
        numbers.extend(own);
    }
    assert_eq!(numbers, (6001..6001 + 56).collect());
}

async fn a_slot_has_limits(base: Base) {
    let store = base.open().await;
    let (_, slots) = store.create_trunk(&actor(), trunk(HubKind::Auto, 2), credentials).await.unwrap();
    let (one, two) = (slots[0].id, slots[1].id);
    assert_eq!(slots[0].limits, SlotLimits::default());
    assert_eq!(store.slot_limits(one).await.unwrap(), SlotLimits::default());
    let limits = SlotLimits { calls_max: 1, destinations: vec!["6001".parse().unwrap(), "+7 495*".parse().unwrap(), "*".parse().unwrap()] };
    store.set_slot_limits(&actor(), one, &limits).await.unwrap();
    assert_eq!(store.slot_limits(one).await.unwrap(), limits);
    let directory = store.directory().await.unwrap();
    assert_eq!(directory.slot(one).unwrap().limits, limits);
    assert_eq!(directory.slot(two).unwrap().limits, SlotLimits::default());
    // Whatever else happens to the slot leaves them.
    store.set_slot_credentials(&actor(), one, "other", &slots[0].ha1, async { Ok::<_, StoreError>(()) }).await.unwrap();
    store.apply(&numbered(1, [Fact::ServiceSet { slot: one, state: SlotState::Disabled, at: at(0) }])).await.unwrap();
    assert_eq!(base.open().await.slot(one).await.unwrap().unwrap().limits, limits);
    for calls_max in [0, SlotLimits::CALLS_MAX + 1] {
        let refused = store.set_slot_limits(&actor(), one, &SlotLimits { calls_max, ..SlotLimits::default() }).await;
        assert!(matches!(refused, Err(StoreError::Limits)), "{refused:?}");
    }
    let many = SlotLimits { destinations: vec!["1*".parse().unwrap(); SlotLimits::DESTINATIONS_MAX + 1], ..SlotLimits::default() };
    assert!(matches!(store.set_slot_limits(&actor(), one, &many).await, Err(StoreError::Limits)));
    assert_eq!(store.slot_limits(one).await.unwrap(), limits);
    assert!(matches!(store.slot_limits(SlotId(99)).await, Err(StoreError::NotFound("slot"))));
    assert!(matches!(store.set_slot_limits(&actor(), SlotId(99), &limits).await, Err(StoreError::NotFound("slot"))));
}

async fn a_slot_has_a_number_to_call_by(base: Base) {
    let store = base.open().await;
    let (_, slots) = store.create_trunk(&actor(), trunk(HubKind::Auto, 2), credentials).await.unwrap();
    let (one, two) = (slots[0].id, slots[1].id);
    assert_eq!(slots[0].caller, None);
    let number: Number = "+74951234567".parse().unwrap();
    store.set_slot_caller(&actor(), one, Some(&number)).await.unwrap();
    let directory = base.open().await.directory().await.unwrap();
    assert_eq!(directory.slot(one).unwrap().caller, Some(number.clone()));
    assert_eq!(directory.slot(two).unwrap().caller, None);
    // Whatever else happens to the slot leaves it.
    store.set_slot_limits(&actor(), one, &SlotLimits { calls_max: 1, ..SlotLimits::default() }).await.unwrap();
    assert_eq!(store.slot_numbered(CenterId::DEFAULT, &"6001".parse().unwrap()).await.unwrap().unwrap().caller, Some(number.clone()));
    assert!(store.slot_numbered(CenterId(2), &"6001".parse().unwrap()).await.unwrap().is_none(), "another centre's is not there");
    let elsewhere = Actor { center: CenterId(2), ..actor() };
    for (actor, slot) in [(&elsewhere, one), (&actor(), SlotId(99))] {
        assert!(matches!(store.set_slot_caller(actor, slot, None).await, Err(StoreError::NotFound("slot"))));
    }
    store.set_slot_caller(&actor(), one, None).await.unwrap();
    assert_eq!(store.slot(one).await.unwrap().unwrap().caller, None);
}

/// More rows than one statement of SQLite has, and facts of which each takes back the one before.
async fn many_facts_of_many_slots_and_calls_are_one_transaction(base: Base) {
    let store = base.open().await;
    store.create_trunk(&actor(), trunk(HubKind::Auto, 100), credentials).await.unwrap();
    let mut facts = Vec::new();
    for round in 1..=3 {
        for slot in 1..=101 {
            facts.push(Fact::Bound { binding: binding(slot, &format!("192.0.2.{round}:5060")) });
        }
    }
    facts.extend((1..=40).map(|slot| Fact::Unbound { slot: SlotId(slot), at: at(0) }));
    facts.push(Fact::Bound { binding: binding(1, "192.0.2.9:5060") });
    for n in 1..=75 {
        let one = call(n, Some(n % 3 + 1));
        facts.push(Fact::CallStarted { call: one.clone() });
        facts.push(Fact::CallRinging { call: one.call_id, at: at(n * 1000 + 1) });
        if n % 2 == 0 {
            facts.push(Fact::CallEnded { cdr: cdr(&one) });
        }
    }
    let facts = numbered(1, facts);
    // Slot 101 does not exist: each of its three facts is skipped.
    let count = u64::try_from(facts.len()).unwrap();
    assert_eq!(store.apply(&facts).await.unwrap(), Applied { applied: count - 3, skipped: 3, ..Applied::default() });
    let bindings = store.bindings().await.unwrap();
    let shown: Vec<_> = bindings.iter().map(|binding| (binding.slot.0, binding.remote.as_str())).collect();
    let wanted: Vec<_> = std::iter::once((1, "192.0.2.9:5060")).chain((41..=100).map(|slot| (slot, "192.0.2.3:5060"))).collect();
    assert_eq!(shown, wanted);
    assert_eq!(cdrs(&store).await, 37);
    let unfinished = store.unfinished_calls().await.unwrap();
    assert_eq!(unfinished.len(), 38);
    assert!(unfinished.iter().all(|(call, _)| call.status == CallStatus::Ringing));
    for user in 1..=3 {
        let mut calls = 0;
        for n in 1..=75 {
            calls += usize::from(store.is_call_of_user(call_id(n), UserId(user)).await.unwrap());
        }
        assert_eq!(calls, 25);
    }
    // Calls that are seen as they were known are only marked.
    let seen: Vec<_> = unfinished.iter().map(|(call, _)| call.clone()).collect();
    store.apply(&numbered(count + 1, [Fact::CallsSeen { calls: seen.clone(), at: at(500_000) }])).await.unwrap();
    assert_eq!(store.unfinished_calls().await.unwrap(), seen.into_iter().map(|call| (call, at(500_000))).collect::<Vec<_>>());
    assert_eq!(store.apply(&facts).await.unwrap(), Applied { old: count, ..Applied::default() });
}

async fn a_call_becomes_rows_and_a_replay_changes_nothing(base: Base) {
    let store = base.open().await;
    let started = call(1, Some(7));
    let record = cdr(&started);
    let facts = numbered(
        1,
        [
            Fact::CallStarted { call: started.clone() },
            Fact::CallRinging { call: started.call_id, at: record.ringing_at.unwrap() },
            Fact::CallAnswered { call: started.call_id, at: record.answered_at.unwrap(), segments: vec![] },
            Fact::CallEnded { cdr: record.clone() },
        ],
    );
    store.outbox_listen("console").await.unwrap();
    let statuses = [CallStatus::Dialing, CallStatus::Ringing, CallStatus::Answered, CallStatus::Ended];
    for (fact, status) in facts.iter().zip(statuses) {
        let applied = store.apply(std::slice::from_ref(fact)).await.unwrap();
        assert_eq!(applied, Applied { applied: 1, ..Applied::default() });
        assert_eq!(store.call(started.call_id).await.unwrap().unwrap().status, status);
        assert_eq!(store.cursor().await.unwrap(), fact.0);
    }
    let ended = store.call(started.call_id).await.unwrap().unwrap();
    assert_eq!((ended.ended_at, ended.outcome, ended.cause), (Some(record.ended_at), Some(record.outcome), Some(record.cause)));
    assert_eq!((ended.ringing_at, ended.answered_at, &ended.segments), (record.ringing_at, record.answered_at, &record.segments));
    assert_eq!(store.cdr(started.call_id).await.unwrap(), Some(record.clone()));
    assert!(store.is_call_of_user(started.call_id, UserId(7)).await.unwrap());
    assert!(!store.is_call_of_user(started.call_id, UserId(8)).await.unwrap());
    let told = store.outbox_read("console", 100).await.unwrap();
    let kinds: Vec<_> = told.iter().map(|row| (row.kind.as_str(), row.seq.unwrap())).collect();
    assert_eq!(kinds, [("call.update", 1), ("call.update", 2), ("call.update", 3), ("call.update", 4), ("cdr.created", 4)]);
    assert_eq!(told[0].payload, serde_json::to_value(&started).unwrap());
    assert_eq!(told[2].payload["status"], "answered");
    assert_eq!(told[4].payload, serde_json::to_value(&record).unwrap());

    // A fact that is about no row is told all the same.
    let turned = |is_up| Fact::CarrierTurned { carrier: CarrierId(101), center: CENTER, name: "North".to_owned(), is_up, at: at(9_000) };
    store.apply(&numbered(5, [turned(false), turned(true)])).await.unwrap();
    let more = store.outbox_read("console", 100).await.unwrap();
    let turns: Vec<_> = more[told.len()..].iter().map(|row| (row.kind.as_str(), row.center, row.created_at, row.payload.clone())).collect();
    let picture = json!({"id": "101", "name": "North"});
    assert_eq!(turns, [("carrier.down", CENTER, at(9_000), picture.clone()), ("carrier.up", CENTER, at(9_000), picture)]);
    let told = more;

    // The journal is read again from its start: nothing changes, however the batches are cut.
    assert_eq!(store.apply(&facts).await.unwrap(), Applied { old: 4, ..Applied::default() });
    for fact in &facts {
        assert_eq!(store.apply(std::slice::from_ref(fact)).await.unwrap(), Applied { old: 1, ..Applied::default() });
    }
    assert_eq!(store.cursor().await.unwrap(), 6);
    assert_eq!(store.outbox_read("console", 100).await.unwrap(), told);
    // Old and new in one batch; and a second end of the same call, which must not be.
    let next = call(2, None);
    let mut both = facts.clone();
    both.extend(numbered(7, [Fact::CallStarted { call: next.clone() }, Fact::CallEnded { cdr: cdr(&next) }]));
    let mut second_end = record.clone();
    second_end.talk_ms = 1;
    both.extend(numbered(9, [Fact::CallEnded { cdr: second_end }]));
    assert_eq!(store.apply(&both).await.unwrap(), Applied { old: 4, applied: 2, skipped: 1, rejected: 0 });
    assert_eq!(cdrs(&store).await, 2);
    assert_eq!(store.cdr(started.call_id).await.unwrap(), Some(record));
    assert_eq!(store.apply(&[]).await.unwrap(), Applied::default());
}

async fn an_ended_call_stays_ended(base: Base) {
    let store = base.open().await;
    let one = call(1, Some(7));
    let facts = numbered(
        1,
        [
            // The end is all that was left of it: start and end may even be in one batch, or the start be lost to damage.
            Fact::CallEnded { cdr: cdr(&one) },
            Fact::CallsSeen { calls: vec![one.clone()], at: at(50_000) },
            Fact::CallStarted { call: one.clone() },
        ],
    );
    store.apply(&facts).await.unwrap();
    let late = numbered(
        4,
        [Fact::CallRinging { call: one.call_id, at: at(0) }, Fact::CallAnswered { call: one.call_id, at: at(0), segments: vec![] }],
    );
    assert_eq!(store.apply(&late).await.unwrap().skipped, 2);
    let call = store.call(one.call_id).await.unwrap().unwrap();
    assert_eq!((call.status, call.answered_at), (CallStatus::Ended, cdr(&one).answered_at));
    assert_eq!(store.unfinished_calls().await.unwrap(), []);
}

async fn records_cannot_be_changed(base: Base) {
    let store = base.open().await;
    store.apply(&numbered(1, [Fact::CallEnded { cdr: cdr(&call(1, None)) }])).await.unwrap();
    let changed = match store.db() {
        Db::Lite { write, .. } => sqlx::query("UPDATE cdrs SET talk_ms = 0").execute(write).await.map(drop),
        Db::Pg(pool) => sqlx::query("UPDATE cdrs SET talk_ms = 0").execute(pool).await.map(drop),
    };
    assert!(changed.unwrap_err().to_string().contains("a CDR is immutable"));
}

async fn calls_left_behind_are_known_with_their_last_sign_of_life(base: Base) {
    let store = base.open().await;
    let (one, two, three) = (call(1, Some(7)), call(2, None), call(3, None));
    let mut held = one.clone();
    held.status = CallStatus::Held;
    held.answered_at = Some(at(1500));
    held.segments = cdr(&one).segments;
    let seen = |calls: &[&model::CallView], ms| Fact::CallsSeen { calls: calls.iter().map(|call| (*call).clone()).collect(), at: at(ms) };
    let facts = numbered(
        1,
        [
            Fact::CallStarted { call: one.clone() },
            Fact::CallStarted { call: two.clone() },
            seen(&[&one, &two], 5_000),
            Fact::CallEnded { cdr: cdr(&two) },
            seen(&[&held], 10_000),
            Fact::CallStarted { call: three.clone() },
            Fact::CallRinging { call: three.call_id, at: at(12_000) },
        ],
    );
    store.apply(&facts).await.unwrap();
    let mut ringing = three.clone();
    ringing.status = CallStatus::Ringing;
    ringing.ringing_at = Some(at(12_000));
    assert_eq!(store.unfinished_calls().await.unwrap(), [(held, at(10_000)), (ringing, at(12_000))]);
    // A picture from before the ringing was noted does not take it back.
    store.apply(&numbered(8, [seen(&[&three], 15_000)])).await.unwrap();
    let (again, last_seen) = store.unfinished_calls().await.unwrap().pop().unwrap();
    assert_eq!((again.ringing_at, last_seen), (Some(at(12_000)), at(15_000)));
    // Who serves the call is known from its answer on, and it is then among their calls.
    let served = vec![Segment { user: Some(UserId(9)), slot: SlotId(3), from: at(16_000), to: None, hold_ms: 0 }];
    let answer = Fact::CallAnswered { call: three.call_id, at: at(16_000), segments: served.clone() };
    store.apply(&numbered(9, [answer])).await.unwrap();
    let (answered, last_seen) = store.unfinished_calls().await.unwrap().pop().unwrap();
    assert_eq!((answered.answered_at, answered.segments, last_seen), (Some(at(16_000)), served, at(16_000)));
    assert!(store.is_call_of_user(three.call_id, UserId(9)).await.unwrap());
}

async fn facts_about_what_is_gone_are_skipped(base: Base) {
    let store = base.open().await;
    let (hub, slots) = store.create_trunk(&actor(), trunk(HubKind::Auto, 2), credentials).await.unwrap();
    store.delete_trunk(&actor(), hub.id, agreed).await.unwrap();
    let slot = slots[0].id;
    let facts = numbered(
        1,
        [
            Fact::Bound { binding: binding(slot.0, "192.0.2.9:5060") },
            Fact::Leased { slot, holder: Some(UserId(1)), epoch: 1, at: at(0) },
            Fact::ServiceSet { slot, state: SlotState::Disabled, at: at(0) },
            Fact::CallRinging { call: call_id(9), at: at(0) },
            Fact::CallAnswered { call: call_id(9), at: at(0), segments: vec![] },
            Fact::CallEnded { cdr: cdr(&call(1, None)) },
        ],
    );
    assert_eq!(store.apply(&facts).await.unwrap(), Applied { applied: 1, skipped: 5, ..Applied::default() });
    assert_eq!(store.cursor().await.unwrap(), 6);
    assert!(store.cdr(call_id(1)).await.unwrap().is_some(), "those behind are not held up");
    // That there is nothing to remove is no news.
    assert_eq!(store.apply(&numbered(7, [Fact::Unbound { slot, at: at(0) }])).await.unwrap().applied, 1);
}

async fn a_fact_that_cannot_be_stored_is_put_aside_alone(base: Base) {
    let store = base.open().await;
    let (_, slots) = store.create_trunk(&actor(), trunk(HubKind::Auto, 1), credentials).await.unwrap();
    // READY is no service state: the schema's rule refuses it.
    let poison = Fact::ServiceSet { slot: slots[0].id, state: SlotState::Ready, at: at(0) };
    let facts = numbered(1, [Fact::CallEnded { cdr: cdr(&call(1, None)) }, poison.clone(), Fact::CallEnded { cdr: cdr(&call(2, None)) }]);
    assert_eq!(store.apply(&facts).await.unwrap(), Applied { applied: 2, rejected: 1, ..Applied::default() });
    assert_eq!(store.cursor().await.unwrap(), 3);
    assert_eq!(cdrs(&store).await, 2);
    let rejected = store.rejected_facts().await.unwrap();
    assert_eq!(rejected.len(), 1);
    assert_eq!((rejected[0].0, serde_json::from_str::<Fact>(&rejected[0].1).unwrap()), (2, poison));
    assert!(rejected[0].2.contains("slots_service_check"), "{}", rejected[0].2);
    assert_eq!(store.apply(&facts).await.unwrap(), Applied { old: 3, ..Applied::default() });
}

async fn a_slot_has_one_binding_one_lease_one_service_state(base: Base) {
    let store = base.open().await;
    let (_, slots) = store.create_trunk(&actor(), trunk(HubKind::Auto, 2), credentials).await.unwrap();
    let (a, b) = (slots[0].id, slots[1].id);
    let (first, second) = (binding(a.0, "192.0.2.9:5060"), binding(a.0, "[2001:db8::9]:41000"));
    let path = "<sip:edge.example;lr>, \"E\" <sip:token@192.0.2.8;lr;ob>".to_owned();
    let second = model::Binding { path, instance: "<urn:uuid:f81d4fae>".to_owned(), reg_id: 2, ..second };
    let bound = |binding: &model::Binding| Fact::Bound { binding: binding.clone() };
    store.apply(&numbered(1, [bound(&first)])).await.unwrap();
    assert_eq!(store.bindings().await.unwrap(), [first]);
    let other = binding(b.0, "192.0.2.10:5060");
    store.apply(&numbered(2, [bound(&second), bound(&other)])).await.unwrap();
    assert_eq!(store.bindings().await.unwrap(), [second, other.clone()]);
    store.apply(&numbered(4, [Fact::Unbound { slot: a, at: at(1) }])).await.unwrap();
    assert_eq!(store.bindings().await.unwrap(), [other]);

    assert_eq!(store.leases().await.unwrap(), []);
    let leased = |holder: Option<i64>, epoch| Fact::Leased { slot: a, holder: holder.map(UserId), epoch, at: at(2) };
    store.apply(&numbered(5, [leased(Some(7), 1), leased(None, 2)])).await.unwrap();
    assert_eq!(store.leases().await.unwrap(), [(a, None, 2)]);
    store.apply(&numbered(7, [leased(Some(8), 3)])).await.unwrap();
    assert_eq!(store.leases().await.unwrap(), [(a, Some(UserId(8)), 3)]);

    let disabled = Fact::ServiceSet { slot: b, state: SlotState::Disabled, at: at(3) };
    store.apply(&numbered(8, [disabled])).await.unwrap();
    assert_eq!(store.slot(b).await.unwrap().unwrap().service, SlotState::Disabled);
    assert_eq!(store.slot(a).await.unwrap().unwrap().service, SlotState::Idle);
    assert_eq!(store.slot(SlotId(99)).await.unwrap(), None);
}

async fn bans_are_kept_until_nobody_needs_them(base: Base) {
    let store = base.open().await;
    let ban = |source: &str, s: i64, lasts_s: i64| model::BanView {
        source: source.to_owned(),
        why: "wrong_password".to_owned(),
        since: WallTime(s * 1_000),
        until: WallTime((s + lasts_s) * 1_000),
        times: 2,
        points: 105,
        note: Some("rang at night".to_owned()),
        evidence: vec![model::EvidenceCount { kind: "wrong_password".to_owned(), count: 10 }],
    };
    let sources =
        async |s: i64| -> Vec<String> { store.bans(WallTime(s * 1_000)).await.unwrap().into_iter().map(|ban| ban.source).collect() };
    let day = 86_400;
    let (one, two) = (ban("192.0.2.1", 0, 300), ban("2001:db8:1:2::/64", 0, 5 * day));
    let facts = [Fact::Banned { ban: one.clone() }, Fact::Banned { ban: two.clone() }];
    assert_eq!(store.apply(&numbered(1, facts)).await.unwrap().applied, 2);
    assert_eq!(store.bans(WallTime(0)).await.unwrap(), [two.clone(), one.clone()]);
    assert_eq!(sources(2 * day).await, [two.source.clone(), one.source.clone()], "the next one lasts longer");
    assert_eq!(sources(2 * day + 300).await, std::slice::from_ref(&two.source));
    // Another of the same source, and one that is taken back, in one batch and in a later one.
    let again = model::BanView { note: None, times: 3, ..ban("192.0.2.1", 400, 1_200) };
    let (three, gone) = (ban("192.0.2.3", 400, 300), |source: &str| Fact::Unbanned { source: source.to_owned(), at: at(0) });
    let facts = [Fact::Banned { ban: again.clone() }, Fact::Banned { ban: three.clone() }, gone("192.0.2.3"), gone("192.0.2.99")];
    store.apply(&numbered(3, facts)).await.unwrap();
    assert_eq!(store.bans(WallTime(0)).await.unwrap(), [two.clone(), again.clone()]);
    store.apply(&numbered(7, [gone(&two.source)])).await.unwrap();
    assert_eq!(store.bans(WallTime(0)).await.unwrap(), [again]);
    // Many at once; and what nobody needs any more goes.
    let many = (0..70).map(|number| Fact::Banned { ban: ban(&format!("198.51.100.{number}"), 4 * day, 300) });
    store.apply(&numbered(8, many)).await.unwrap();
    assert_eq!(sources(0).await.len(), 70);
    assert!(store.rejected_facts().await.unwrap().is_empty());
}

async fn budgets_are_kept_with_what_they_have_used(base: Base) {
    use model::{
        BudgetEntry, BudgetUsed, CarrierId,
        budget::{Amount, Budget, BudgetLimits, Limit, Scope},
    };
    let store = base.open().await;
    let (hub, slots) =
        store.create_trunk(&actor(), NewTrunk { name: "North".into(), kind: HubKind::Auto, capacity: 2 }, credentials).await.unwrap();
    let slot = Scope::Slot(slots[0].id);
    let scopes = [Scope::Center(CENTER), slot, Scope::Trunk(hub.id), Scope::Slot(SlotId(99))];
    let entry = |scope: Scope, calls_max: u32| BudgetEntry {
        scope,
        center: CENTER,
        budget: Budget {
            limits: BudgetLimits { calls_max: Some(calls_max), premium: Some(true), ..BudgetLimits::default() },
            outside: None,
        },
    };
    let mut tx = store.db().begin().await.unwrap();
    for (scope, center) in [(slot, Some(CENTER)), (Scope::Trunk(hub.id), Some(CENTER)), (Scope::Slot(SlotId(99)), None)] {
        assert_eq!(store.center_of(&mut tx, scope).await.unwrap(), center, "{scope}");
    }
    assert_eq!(store.center_of(&mut tx, Scope::Carrier(CarrierId(9))).await.unwrap(), None);
    assert_eq!(store.center_of(&mut tx, Scope::Center(CENTER)).await.unwrap(), Some(CENTER));
    for scope in scopes {
        store.put_budget(&mut tx, &entry(scope, 5), at(0)).await.unwrap();
    }
    store.put_budget(&mut tx, &entry(slot, 7), at(1)).await.unwrap();
    assert_eq!(store.budget(&mut tx, slot).await.unwrap(), Some(entry(slot, 7)));
    // What is of nothing that is there goes.
    assert_eq!(store.count_budgets(&mut tx).await.unwrap(), 3);
    tx.commit().await.unwrap();
    assert_eq!(
        store.directory().await.unwrap().budgets(),
        [entry(Scope::Center(CENTER), 5), entry(slot, 7), entry(Scope::Trunk(hub.id), 5)]
    );

    // What was used comes by facts: the last of each counts, also of two in a batch; of what has no budget nothing is kept.
    assert!(store.budgets_used().await.unwrap().is_empty());
    let used = |scope: Scope, seconds: u64| BudgetUsed {
        scope,
        hour: vec![(at(0), Amount { seconds, spend: 3 })],
        day: Vec::new(),
        month: vec![(at(0), Amount { seconds, spend: u64::MAX })],
        told: vec![(Limit::DayTime, 50, at(1))],
    };
    let fact = |budgets: Vec<BudgetUsed>| Fact::BudgetsUsed { budgets, at: at(2) };
    let facts = [fact(vec![used(slot, 1), used(Scope::Center(CENTER), 2)]), fact(vec![used(slot, 3), used(Scope::Slot(SlotId(99)), 9)])];
    assert_eq!(store.apply(&numbered(1, facts)).await.unwrap().applied, 2);
    assert_eq!(store.budgets_used().await.unwrap(), [used(Scope::Center(CENTER), 2), used(slot, 3)]);
    // Another budget of the same scope has used what the one before has; a new one has not.
    let mut tx = store.db().begin().await.unwrap();
    store.put_budget(&mut tx, &entry(slot, 9), at(3)).await.unwrap();
    assert!(store.delete_budget(&mut tx, Scope::Center(CENTER)).await.unwrap());
    assert!(!store.delete_budget(&mut tx, Scope::Center(CENTER)).await.unwrap());
    store.put_budget(&mut tx, &entry(Scope::Center(CENTER), 9), at(3)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.budgets_used().await.unwrap(), [used(slot, 3)]);
    // With its slot a budget is no longer one of those that signalling works by, and nobody has to delete it.
    store.delete_trunk::<StoreError, _>(&actor(), hub.id, async |_| Ok(())).await.unwrap();
    let mut tx = store.db().begin().await.unwrap();
    assert_eq!(store.count_budgets(&mut tx).await.unwrap(), 1);
    tx.rollback().await.unwrap();
    assert_eq!(store.directory().await.unwrap().budgets(), [entry(Scope::Center(CENTER), 9)]);
    assert!(store.rejected_facts().await.unwrap().is_empty());
}

async fn a_call_has_one_recording(base: Base) {
    let store = base.open().await;
    store.outbox_listen("console").await.unwrap();
    let states =
        [RecordingState::Recording, RecordingState::Complete, RecordingState::Partial, RecordingState::Failed, RecordingState::NotWanted];
    let begun = (1..=5).map(|n| Fact::Recording { row: recording(n, RecordingState::Recording) });
    store.apply(&numbered(1, begun)).await.unwrap();
    assert_eq!(store.unfinished_recordings().await.unwrap().len(), 5);
    assert_eq!(store.outbox_read("console", 10).await.unwrap(), []);
    let closed: Vec<_> = (1..).zip(states).map(|(n, state)| recording(n, state)).collect();
    store.apply(&numbered(6, closed.iter().map(|row| Fact::Recording { row: row.clone() }))).await.unwrap();
    for row in &closed {
        assert_eq!(store.recording(row.call_id).await.unwrap().as_ref(), Some(row));
    }
    assert_eq!(store.unfinished_recordings().await.unwrap(), [closed[0].clone()]);
    let told = store.outbox_read("console", 10).await.unwrap();
    assert_eq!(told.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>(), ["recording.ready"; 4]);
    assert_eq!(told[1].payload["reason"], "the disk was full");
    assert!(told[0].payload.get("file").is_none(), "where files lie is nobody's business");
    assert_eq!(told[0].created_at, WallTime(closed[1].started_at.0 + 600));

    let some = store.recordings_of(&[call_id(2), call_id(4), call_id(77)]).await.unwrap();
    assert_eq!(some.into_values().collect::<Vec<_>>(), [closed[1].clone(), closed[3].clone()]);
    assert!(store.recordings_of(&[]).await.unwrap().is_empty());
    assert_eq!(store.recording(call_id(77)).await.unwrap(), None);
}

async fn the_outbox_delivers_at_least_once(base: Base) {
    let store = base.open().await;
    let begin = |n: i64| Fact::CallStarted { call: call(n, None) };
    store.apply(&numbered(1, [begin(1)])).await.unwrap();
    // A listener hears what comes after it.
    store.outbox_listen("a").await.unwrap();
    store.apply(&numbered(2, [begin(2), begin(3)])).await.unwrap();
    store.outbox_listen("b").await.unwrap();
    store.outbox_listen("a").await.unwrap();
    store.apply(&numbered(4, [begin(4)])).await.unwrap();
    let seqs = async |listener: &str| {
        let rows = store.outbox_read(listener, 100).await.unwrap();
        assert!(rows.windows(2).all(|pair| pair[0].id < pair[1].id));
        rows.iter().map(|row| row.seq.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(seqs("a").await, [2, 3, 4]);
    assert_eq!(seqs("a").await, [2, 3, 4], "until it is acknowledged it comes again");
    assert_eq!(seqs("b").await, [4]);
    assert_eq!(seqs("nobody").await, [0_u64; 0]);
    let rows = store.outbox_read("a", 2).await.unwrap();
    assert_eq!(rows.len(), 2);
    store.outbox_ack("a", rows[1].id).await.unwrap();
    store.outbox_ack("a", rows[0].id).await.unwrap();
    assert_eq!(seqs("a").await, [4], "an old acknowledgement takes nothing back");
    // What all have goes; what one still wants stays, up to the bound.
    assert_eq!(store.outbox_prune(100).await.unwrap(), OutboxPruned { delivered: 2, dropped: 0 });
    store.apply(&numbered(5, (5..=9).map(begin))).await.unwrap();
    assert_eq!(store.outbox_prune(2).await.unwrap(), OutboxPruned { delivered: 0, dropped: 4 });
    assert_eq!(seqs("a").await, [8, 9]);
    store.outbox_forget("a").await.unwrap();
    store.outbox_forget("b").await.unwrap();
    assert_eq!(store.outbox_prune(100).await.unwrap(), OutboxPruned { delivered: 2, dropped: 0 });
    // Ids go on after everything was pruned.
    store.outbox_listen("c").await.unwrap();
    store.apply(&numbered(10, [begin(10)])).await.unwrap();
    assert_eq!(seqs("c").await, [10]);
}

async fn an_idempotency_key_is_one_request(base: Base) {
    const DAY: i64 = 24 * 3600 * 1000;
    let store = base.open().await;
    let begin = async |user, hash: &str, now| store.idempotency_begin(UserId(user), "key", hash, at(now)).await.unwrap();
    assert_eq!(begin(1, "h", 0).await, Idempotency::Proceed);
    assert_eq!(begin(1, "h", 10).await, Idempotency::Running);
    assert_eq!(begin(1, "other", 10).await, Idempotency::OtherBody);
    assert_eq!(begin(2, "other", 10).await, Idempotency::Proceed, "keys are per user");
    store.idempotency_finish(UserId(1), "key", 202, r#"{"call_id":"c_1"}"#).await.unwrap();
    let done = Idempotency::Done { status: 202, response: r#"{"call_id":"c_1"}"#.to_owned() };
    assert_eq!(begin(1, "h", DAY - 1).await, done);
    assert_eq!(begin(1, "other", DAY - 1).await, Idempotency::OtherBody);
    store.idempotency_abandon(UserId(1), "key").await.unwrap();
    assert_eq!(begin(1, "h", DAY - 1).await, done, "what was answered stays answered");
    assert_eq!(begin(1, "other", DAY).await, Idempotency::Proceed, "after a day the key is new");
    // A request that failed on our side, and one that was never heard of again.
    store.idempotency_abandon(UserId(1), "key").await.unwrap();
    assert_eq!(begin(1, "h", DAY + 1).await, Idempotency::Proceed);
    assert_eq!(begin(1, "h", DAY + 59_000).await, Idempotency::Running);
    assert_eq!(begin(1, "h", DAY + 60_001).await, Idempotency::Proceed);
    assert_eq!(store.idempotency_prune(at(0)).await.unwrap(), 0);
    assert_eq!(store.idempotency_prune(at(3 * DAY)).await.unwrap(), 2);
    // Two at once: one of them proceeds.
    let (one, two) = tokio::join!(begin(5, "h", 0), begin(5, "h", 0));
    assert!(
        matches!((&one, &two), (Idempotency::Proceed, Idempotency::Running) | (Idempotency::Running, Idempotency::Proceed)),
        "{one:?} {two:?}"
    );
}

async fn a_newer_schema_is_refused(base: Base) {
    let store = base.open().await;
    let sql = "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (99, 'x', 0, 0)";
    match store.db() {
        Db::Lite { write, .. } => sqlx::query(sql).execute(write).await.map(drop).unwrap(),
        Db::Pg(pool) => sqlx::query(sql).execute(pool).await.map(drop).unwrap(),
    }
    let refused = Store::open(&base.url).await;
    assert!(matches!(refused, Err(StoreError::SchemaNewer { found: 99, .. })), "{refused:?}");
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("schema version 99") && told.contains("start a newer program"), "{told}");
}

async fn a_dropped_request_leaves_nothing_behind(base: Base) {
    let store = base.open().await;
    // The client goes away while its request waits at every place where it can wait.
    let (mut whole, mut dropped) = (0, 0);
    // How many waits a request has depends on who is faster, so early ones are dropped again and again, and the last one may finish.
    for polls in (0..60).chain((0..6).cycle().take(60)).chain([usize::MAX]) {
        let somebody = actor();
        let mut request = Box::pin(store.create_trunk(&somebody, trunk(HubKind::Auto, 3), credentials));
        let mut left = polls;
        let finished = std::future::poll_fn(|context| match request.as_mut().poll(context) {
            std::task::Poll::Ready(done) => std::task::Poll::Ready(Some(done)),
            std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
            std::task::Poll::Pending => {
                left -= 1;
                std::task::Poll::Pending
            }
        })
        .await;
        drop(request);
        if let Some(done) = finished {
            whole += 1;
            store.delete_trunk(&actor(), done.unwrap().0.id, agreed).await.unwrap();
        } else {
            dropped += 1;
        }
        // The commit may still be on its way, so one statement must see hubs and slots: half a hub may never be there.
        let halves = "SELECT count(*) FROM trunks t WHERE t.capacity <> (SELECT count(*) FROM slots s WHERE s.trunk_id = t.id)";
        let halves: i64 = match store.db() {
            Db::Lite { write, .. } => sqlx::query_scalar(halves).fetch_one(write).await.unwrap(),
            Db::Pg(pool) => sqlx::query_scalar(halves).fetch_one(pool).await.unwrap(),
        };
        assert_eq!(halves, 0, "after {polls} polls");
        for hub in store.trunks(CENTER).await.unwrap() {
            store.delete_trunk(&actor(), hub.id, agreed).await.unwrap();
        }
    }
    assert!(whole > 0 && dropped > 5, "{whole} were whole, {dropped} were dropped");
}
