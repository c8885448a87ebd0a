#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Mutex;

use model::{Cause, Fact, Gate, ListKind, Rung, Segment, SlotId};
use office::{Permit, Principal};
use serde_json::json;

use super::*;
use crate::{
    can,
    leads::{LeadChange, NewLead},
    missed::{Act, MISSED_CALLS},
    testing::{HOME, House, NOW, leave, on_both},
};

const NUMBER: &str = "+79161234567";

/// What was told.
struct Told {
    crm: Crm,
    told: Arc<Mutex<Vec<RowNews>>>,
}

impl Told {
    /// Begins to follow.
    async fn of(house: &House) -> Self {
        let told = house.hears();
        house.crm.begin_to_follow().await.unwrap();
        Self { crm: house.crm.clone(), told }
    }

    /// Calls and what they have come to, since it was last asked.
    fn states(&self) -> Vec<(String, String)> {
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        let missed = told.into_iter().filter(|news| news.kind == "missed.update");
        missed.map(|news| (news.id, news.row.unwrap()["state"].as_str().unwrap().to_owned())).collect()
    }
}

/// The record of a call between `NUMBER` and the slot of `user`.
fn cdr(id: i64, direction: Direction, answered_by: Option<UserId>, rung: &[UserId]) -> Cdr {
    let (caller, callee) = if direction == Direction::Inbound { (NUMBER, "6001") } else { ("6001", NUMBER) };
    let rung = rung.iter().map(|user| Rung { slot: SlotId(user.0), user: Some(*user), at: NOW });
    let segment = |user| Segment { user: Some(user), slot: SlotId(1), from: NOW, to: Some(NOW), hold_ms: 0 };
    Cdr {
        call_id: CallId(id),
        center: HOME,
        parent: None,
        direction,
        caller: caller.to_owned(),
        callee: callee.to_owned(),
        caller_slot: None,
        callee_slot: None,
        user: answered_by.filter(|_| direction == Direction::Outbound),
        started_at: NOW,
        ringing_at: Some(NOW),
        answered_at: answered_by.map(|_| NOW),
        ended_at: NOW,
        ring_ms: 0,
        talk_ms: 0,
        outcome: if answered_by.is_some() { Outcome::Answered } else { Outcome::Canceled },
        cause: Cause::CallerHungUp,
        sip_status: 200,
        segments: answered_by.map(segment).into_iter().collect(),
        scenario: Some("north".to_owned()),
        source: None,
        carrier: None,
        tries: vec![],
        asked: None,
        rung: rung.collect(),
    }
}

async fn apply(house: &House, seq: u64, cdrs: Vec<Cdr>) {
    let facts: Vec<(u64, Fact)> = (seq..).zip(cdrs.into_iter().map(|cdr| Fact::CallEnded { cdr })).collect();
    house.crm.store().apply(&facts).await.unwrap();
}

async fn follow(told: &Told) -> Followed {
    told.crm.follow(NOW).await.unwrap()
}

/// A row of a list by its person's leave; none if they do not reach it.
async fn state(house: &House, who: &Principal, call: i64) -> Option<String> {
    let view = leave(who, can::LEADS_READ).principal().permit(office::can::CALLS_READ).unwrap().view(&MISSED_CALLS);
    let row = house.office.read(&view, &CallId(call).to_string()).await.ok()?;
    Some(row["state"].as_str().unwrap().to_owned())
}

fn calls(who: &Principal) -> (Permit, Permit) {
    (leave(who, office::can::CALLS_START), leave(who, office::can::CALLS_READ))
}

async fn lead(house: &House, of: UserId) -> i64 {
    let admin = house.with_role(&format!("admin{}", of.0), "admin").await;
    let lead = LeadChange { phone: Some(NUMBER.to_owned()), assigned_operator: Some(Some(of)), ..LeadChange::default() };
    house.crm.create_lead(&leave(&admin, can::LEADS_CREATE), &NewLead { status: None, lead }, NOW).await.unwrap()
}

statements! {
    STATUS: both "SELECT status FROM leads WHERE id = $1";
    EVENTS: both "SELECT kind, actor_kind FROM lead_events WHERE lead_id = $1 ORDER BY id";
    LINKS: both "SELECT call_id, lead_id FROM call_links ORDER BY call_id";
    MISSED: both "SELECT call_id, version FROM missed_calls ORDER BY call_id";
    GO_BACK: both "UPDATE outbox_cursors SET position = 0 WHERE listener = 'crm'";
    BREAK: both "INSERT INTO outbox (id, center_id, seq, kind, payload, created_at) VALUES ($1, 1, NULL, 'cdr.created', '{}', 0)";
    COUNT_UP: both "UPDATE ids SET next = next + 1 WHERE kind = 'outbox' RETURNING next - 1";
}

#[tokio::test]
async fn what_was_missed_is_returned_by_an_answer() {
    on_both(async |house: House| {
        let (anna, boris) = (house.with_role("anna", "operator").await, house.with_role("boris", "operator").await);
        let told = Told::of(&house).await;
        let rung = [anna.user()];
        apply(&house, 1, vec![cdr(1, Direction::Inbound, None, &rung), cdr(2, Direction::Inbound, None, &rung)]).await;
        assert_eq!(follow(&told).await, Followed::default());
        let id = |call: i64| CallId(call).to_string();
        assert_eq!(told.states(), [(id(1), "open".to_owned()), (id(2), "open".to_owned())]);
        assert_eq!((state(&house, &anna, 1).await.as_deref(), state(&house, &boris, 1).await), (Some("open"), None), "it rang at anna's");
        // A call that is not answered changes nothing; one that is, in either direction, does, for those before it.
        apply(&house, 3, vec![cdr(3, Direction::Outbound, None, &[])]).await;
        follow(&told).await;
        assert_eq!(told.states(), []);
        apply(&house, 4, vec![cdr(4, Direction::Outbound, Some(boris.user()), &[])]).await;
        follow(&told).await;
        assert_eq!(told.states(), [(id(1), "returned".to_owned()), (id(2), "returned".to_owned())]);
        // One that had begun before, and is over only now.
        apply(&house, 5, vec![cdr(0, Direction::Inbound, None, &rung)]).await;
        follow(&told).await;
        assert_eq!(told.states(), [(id(0), "returned".to_owned())], "somebody has spoken with them meanwhile");
        // A number that was withheld cannot be called back, and who withholds it is not the one who did so before.
        let withheld = |cdr: Cdr| Cdr { caller: "anonymous".to_owned(), ..cdr };
        let (missed, answered) = (cdr(10, Direction::Inbound, None, &rung), cdr(11, Direction::Inbound, Some(anna.user()), &rung));
        let nameless = Cdr { caller: String::new(), ..cdr(12, Direction::Inbound, None, &rung) };
        apply(&house, 6, vec![withheld(missed), withheld(answered), nameless]).await;
        follow(&told).await;
        assert_eq!((told.states(), state(&house, &anna, 10).await), (vec![], None));
    })
    .await;
}

/// Whoever is killed before the acknowledgement does it all again.
#[tokio::test]
async fn what_is_followed_twice_is_there_once() {
    on_both(async |house: House| {
        let anna = house.with_role("anna", "operator").await;
        let mine = lead(&house, anna.user()).await;
        let told = Told::of(&house).await;
        let cdrs = vec![cdr(1, Direction::Inbound, None, &[anna.user()]), cdr(2, Direction::Inbound, Some(anna.user()), &[anna.user()])];
        let mut cdrs = cdrs.into_iter();
        apply(&house, 1, cdrs.by_ref().take(1).collect()).await;
        follow(&told).await;
        apply(&house, 2, cdrs.collect()).await;
        let db = house.crm.store().db();
        let look = async || {
            let links: Vec<(i64, Option<i64>)> = db.all(LINKS, &[]).await.unwrap();
            let missed: Vec<(i64, i64)> = db.all(MISSED, &[]).await.unwrap();
            let events: Vec<(String, String)> = db.all(EVENTS, binds![mine]).await.unwrap();
            (links, missed, events)
        };
        follow(&told).await;
        let first = look().await;
        assert_eq!(first.0, [(1, Some(mine)), (2, Some(mine))]);
        assert_eq!(first.1, [(1, 2)], "open, then returned");
        let kinds: Vec<_> = first.2.iter().map(|(kind, by)| (kind.as_str(), by.as_str())).collect();
        assert_eq!(kinds, [("create", "user"), ("contact", "system")]);
        assert_eq!(told.states().len(), 2);
        db.run(GO_BACK, &[]).await.unwrap();
        follow(&told).await;
        assert_eq!((look().await, told.states()), (first, vec![]));
        assert_eq!(house.crm.follow_lag().await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_lead_is_contacted_by_its_own_people_only() {
    on_both(async |house: House| {
        let (anna, boris) = (house.with_role("anna", "operator").await, house.with_role("boris", "operator").await);
        let mine = lead(&house, anna.user()).await;
        let told = Told::of(&house).await;
        let status = async || house.crm.store().db().one::<(String,)>(STATUS, binds![mine]).await.unwrap().unwrap().0;
        let by_boris = cdr(1, Direction::Outbound, Some(boris.user()), &[]);
        apply(&house, 1, vec![by_boris, cdr(2, Direction::Outbound, None, &[])]).await;
        follow(&told).await;
        assert_eq!(status().await, "new");
        apply(&house, 3, vec![cdr(3, Direction::Outbound, Some(anna.user()), &[])]).await;
        follow(&told).await;
        assert_eq!(status().await, "contacted");
        // Of a lead the calls are its people's, and who reads calls of their own reads these.
        let view = leave(&anna, office::can::CALLS_READ).view(&office::CDRS);
        let row = house.office.read(&view, &CallId(1).to_string()).await.unwrap();
        assert_eq!(row["callee"], json!(NUMBER));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_holds_up_nothing() {
    on_both(async |house: House| {
        let anna = house.with_role("anna", "operator").await;
        let told = Told::of(&house).await;
        let db = house.crm.store().db();
        let mut tx = db.begin().await.unwrap();
        let (id,): (i64,) = tx.one(COUNT_UP, &[]).await.unwrap().unwrap();
        tx.run(BREAK, binds![id]).await.unwrap();
        tx.commit().await.unwrap();
        apply(&house, 1, vec![cdr(1, Direction::Inbound, None, &[anna.user()])]).await;
        assert_eq!(house.crm.follow_lag().await.unwrap(), 2);
        assert_eq!(follow(&told).await, Followed { skipped: 1, is_more: false });
        assert_eq!((told.states().len(), house.crm.follow_lag().await.unwrap()), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn one_calls_back_and_one_puts_away() {
    on_both(async |house: House| {
        let (anna, boris) = (house.with_role("anna", "operator").await, house.with_role("boris", "operator").await);
        let carla = house.with_role("carla", "operator").await;
        let told = Told::of(&house).await;
        let rung = [anna.user(), boris.user()];
        apply(&house, 1, vec![cdr(1, Direction::Inbound, None, &rung), cdr(2, Direction::Inbound, None, &rung)]).await;
        follow(&told).await;
        let act = async |who: &Principal, call: i64, act: Act, now: WallTime| {
            let (start, read) = calls(who);
            told.crm.act_on_missed((&start, &read), CallId(call), act, now).await
        };
        assert!(matches!(act(&carla, 1, Act::Claim, NOW).await, Err(OfficeError::NotFound(_))), "it did not ring at theirs");
        told.states();
        act(&anna, 1, Act::Claim, NOW).await.unwrap();
        let news = told.told.lock().unwrap().remove(0);
        assert_eq!(news.row.as_ref().unwrap()["claimed_by"], json!(anna.user().to_string()));
        let gate = Gate {
            action: office::can::CALLS_READ,
            users: rung.into(),
            lists: vec![(ListKind::Scenario, "north".to_owned()), (ListKind::Slot, anna.user().to_string())],
        };
        assert_eq!((news.kind, news.gates), ("missed.update", vec![gate]));
        assert!(matches!(act(&boris, 1, Act::Claim, NOW).await, Err(OfficeError::Conflict(_))));
        act(&boris, 1, Act::Claim, NOW.after(crate::missed::CLAIM)).await.unwrap();
        act(&boris, 1, Act::Dismiss, NOW).await.unwrap();
        assert_eq!(told.states().len(), 2);
        act(&anna, 1, Act::Dismiss, NOW).await.unwrap();
        assert_eq!(told.states(), [], "it is away already");
        assert!(matches!(act(&anna, 1, Act::Claim, NOW).await, Err(OfficeError::Conflict(_))));
        // What was put away is not returned by a call any more.
        apply(&house, 3, vec![cdr(3, Direction::Inbound, Some(anna.user()), &rung)]).await;
        follow(&told).await;
        assert_eq!(state(&house, &anna, 1).await.as_deref(), Some("dismissed"));
        assert_eq!(state(&house, &anna, 2).await.as_deref(), Some("returned"));
    })
    .await;
}
