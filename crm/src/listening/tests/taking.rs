//! Tasks are taken, given back, passed over and done.

use std::collections::BTreeSet;

use super::*;
use crate::hearing::{Report, Sound};

/// A listener's tasks are of the scenarios that they were given; the oldest come first, and no more than the limit.
#[tokio::test]
async fn tasks_are_taken_oldest_first_up_to_the_limit() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        for id in 1..=6 {
            house.recorded(id, if id == 2 { "support" } else { "sales" }, None).await;
        }
        let running = house.running(&root, &PlanChange { claim_limit: Some(3), ..plan("limited") }).await;
        let vera = house.listener("vera", &["sales"]).await;
        let nobody = house.listener("petr", &[]).await;
        let heard = house.hears();
        assert_eq!(house.values(&vera, can::LISTENING_READ, &LISTENING_TASKS, "call_id").await.len(), 5);
        assert!(house.values(&nobody, can::LISTENING_READ, &LISTENING_TASKS, "id").await.is_empty());
        assert!(house.claim(&nobody, 1, NOW).await.unwrap().is_empty());
        assert_eq!(faults(house.claim(&vera, 0, NOW).await), ["count"]);
        assert_eq!(house.claim(&vera, 2, NOW).await.unwrap(), [1, 3]);
        assert_eq!(house.claim(&vera, 2, NOW).await.unwrap(), [4], "the limit");
        assert_eq!(conflict(house.claim(&vera, 1, NOW).await), Conflict::ClaimLimit { limit: 3 });
        let told: Vec<_> = heard.lock().unwrap().drain(..).collect();
        assert_eq!(told.iter().map(|news| news.id.as_str()).collect::<Vec<_>>(), ["1", "3", "4"]);
        let (gate, row) = (&told[0].gates[0], told[0].row.as_ref().unwrap());
        assert_eq!((gate.action, &gate.users), (can::LISTENING_READ, &BTreeSet::from([vera.user()])));
        assert_eq!(gate.lists, [(ListKind::Scenario, "sales".to_owned())]);
        let listed = house.office.read(&leave(&vera, can::LISTENING_READ).view(&LISTENING_TASKS), "1").await.unwrap();
        assert_eq!(&listed, row, "what is told is what is listed");

        // What is paused is not handed out, nor what others are named for.
        let may = leave(&root, can::LISTENING_MANAGE);
        let oleg = house.listener("oleg", &["sales", "support"]).await;
        house.crm.set_plan_active(&may, running, false, NOW).await.unwrap();
        assert!(house.claim(&oleg, 1, NOW).await.unwrap().is_empty());
        house.crm.set_plan_active(&may, running, true, NOW).await.unwrap();
        let named = PlanChange { assign: Some("named".to_owned()), assignees: Some([vera.user()].into()), ..PlanChange::default() };
        house.crm.update_plan(&may, running, 4, &named, NOW).await.unwrap();
        assert!(house.claim(&oleg, 1, NOW).await.unwrap().is_empty());
        let both = PlanChange { assignees: Some([vera.user(), oleg.user()].into()), ..PlanChange::default() };
        house.crm.update_plan(&may, running, 5, &both, NOW).await.unwrap();
        assert_eq!(house.claim(&oleg, 1, NOW).await.unwrap(), [2]);
        let other = Claim { plan: Some(77), count: 1 };
        assert!(house.crm.claim_tasks(&leave(&oleg, can::LISTENING_CLAIM), other, NOW).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn eight_who_claim_at_once_get_different_tasks() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        for id in 1..=20 {
            house.recorded(id, "sales", None).await;
        }
        house.running(&root, &PlanChange { claim_limit: Some(3), double_percent: Some(100), ..plan("double") }).await;
        let mut people = Vec::new();
        for name in ["a", "b", "c", "d"] {
            people.push(house.listener(name, &["sales"]).await);
        }
        // Each person comes from two tabs at once, and wants more than they may have.
        let house = &house;
        let (a, b, c, d) = (&people[0], &people[1], &people[2], &people[3]);
        let claim = |person| house.claim(person, 2, NOW);
        let (one, two, three, four, five, six, seven, eight) =
            tokio::join!(claim(a), claim(b), claim(c), claim(d), claim(a), claim(b), claim(c), claim(d));
        let mut taken = Vec::new();
        for claimed in [one, two, three, four, five, six, seven, eight] {
            taken.extend(claimed.unwrap());
        }
        assert_eq!(taken.len(), 12, "four with three each");
        assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 12, "none twice");
        let mut held: BTreeMap<UserId, Vec<i64>> = BTreeMap::new();
        for (id, (state, assignee)) in house.stand().await {
            assert_eq!(state == "claimed", taken.contains(&id));
            if let Some(user) = assignee {
                held.entry(user).or_default().push(id);
            }
        }
        // Tasks 2n - 1 and 2n are the rounds of one call.
        for ids in held.values() {
            assert_eq!(ids.len(), 3);
            assert_eq!(ids.iter().map(|id| (id + 1) / 2).collect::<BTreeSet<_>>().len(), 3, "no call twice for one: {ids:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_claim_ends_with_its_lease_or_its_reach() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        for id in 1..=3 {
            house.recorded(id, "sales", None).await;
        }
        house.running(&root, &PlanChange { lease_s: Some(60), ..plan("short") }).await;
        let vera = house.listener("vera", &["sales"]).await;
        let oleg = house.listener("oleg", &["sales"]).await;
        assert_eq!(house.claim(&vera, 3, NOW).await.unwrap(), [1, 2, 3]);
        assert!(house.claim(&oleg, 1, at(59)).await.unwrap().is_empty());
        // Who goes on listening keeps what they listen to.
        house.crm.renew_claims(vera.user(), CallId(1), at(30)).await.unwrap();
        house.crm.renew_claims(oleg.user(), CallId(2), at(30)).await.unwrap();
        let heard = house.hears();
        assert_eq!(house.claim(&oleg, 1, at(60)).await.unwrap(), [2]);
        let told: Vec<_> = heard.lock().unwrap().drain(..).map(|news| (news.id, news.gates[0].users.clone())).collect();
        let (hers, his) = (BTreeSet::from([vera.user()]), BTreeSet::from([oleg.user()]));
        assert_eq!(told, [("2".to_owned(), hers.clone()), ("3".to_owned(), hers), ("2".to_owned(), his)]);
        let standing = house.stand().await;
        assert_eq!((&standing[&1].1, &standing[&3].0), (&Some(vera.user()), &"new".to_owned()));

        // The job does the same, and tells of it.
        let mut tx = house.crm.store().db().begin().await.unwrap();
        let job = office::jobs::NewJob::new("listening.expire", HOME, json!({}));
        house.office.enqueue(&mut tx, at(90), job).await.unwrap();
        tx.commit().await.unwrap();
        house.work(at(90)).await;
        assert_eq!(house.stand().await[&1], ("new".to_owned(), None));
        assert_eq!(heard.lock().unwrap().drain(..).map(|news| news.id).collect::<Vec<_>>(), ["1"]);
        let late = house.crm.end_task(&leave(&vera, can::LISTENING_READ), 1, Outcome::Done(None), at(91)).await;
        assert_eq!(conflict(late), Conflict::Taken { state: "new" });

        // Without the scenario there is no task any more, and the claim goes back at the next look.
        assert_eq!(house.claim(&vera, 1, at(91)).await.unwrap(), [1]);
        let db = house.crm.store().db();
        db.run(LOSES, binds![vera.user()]).await.unwrap();
        let again = house.again(vera.user(), vera.session().unwrap(), "vera").await;
        let gone = house.crm.end_task(&leave(&again, can::LISTENING_READ), 1, Outcome::Done(None), at(92)).await;
        assert!(matches!(gone, Err(OfficeError::NotFound(_))), "{gone:?}");
    })
    .await;
}

/// Only what is counted keeps a claim, of whoever may still claim, and as long as it lasts.
#[tokio::test]
async fn a_claim_is_kept_by_reports_that_count() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        house.recorded(1, "sales", None).await;
        house.running(&root, &PlanChange { lease_s: Some(60), ..plan("short") }).await;
        let vera = house.listener("vera", &["sales"]).await;
        let olga = house.with_role("olga", "supervisor").await;
        let sound = Sound { duration_ms: 60_000, is_growing: false, erased_at: None };
        let open = async |who: &Principal, seconds: i64| {
            let may = leave(who, office::can::RECORDINGS_LISTEN);
            house.crm.open_listening(&may, CallId(1), sound, at(seconds)).await.unwrap().id
        };
        // Tells when the lease ends after a report, in seconds.
        let report = async |who: &Principal, session: i64, seq: i64, is_last: bool, seconds: i64| {
            let report = Report { seq, ranges: vec![].into(), position_ms: 0, speed_permille: 1_000, is_last };
            let may = leave(who, office::can::RECORDINGS_LISTEN);
            let done = house.crm.report_listening(&may, session, &report, sound, at(seconds)).await;
            let (until,): (i64,) = house.crm.store().db().one(LEASES, binds![1_i64]).await.unwrap().unwrap();
            ((until - NOW.0) / 1_000, done.is_ok())
        };
        assert_eq!(house.claim(&vera, 1, NOW).await.unwrap(), [1]);
        let session = open(&vera, 0).await;
        assert_eq!(report(&vera, session, 1, false, 10).await, (70, true));
        assert_eq!(report(&vera, session, 1, false, 20).await, (70, true), "once more");
        assert_eq!(report(&vera, session, 2, true, 30).await, (90, true));
        assert_eq!(report(&vera, session, 3, false, 40).await, (90, false), "the session has ended");
        // Somebody who may not claim, or not any more.
        house.crm.store().db().run(GIVE, binds![1_i64, olga.user()]).await.unwrap();
        let hers = open(&olga, 50).await;
        assert_eq!(report(&olga, hers, 1, false, 60).await, (90, true));
        house.crm.store().db().run(GIVE, binds![1_i64, vera.user()]).await.unwrap();
        let session = open(&vera, 70).await;
        assert_eq!(report(&vera, session, 1, false, 89).await, (149, true));
        assert_eq!(report(&vera, session, 2, false, 149).await, (149, true), "the lease is over, though nobody has ended the claim yet");
    })
    .await;
}

#[tokio::test]
async fn an_erased_recording_is_nobodys_task() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        for id in 1..=3 {
            house.recorded(id, "sales", None).await;
        }
        let id = house.crm.create_scorecard(&leave(&root, can::SCORECARDS_MANAGE), &card(), NOW).await.unwrap();
        let twice = PlanChange { scorecard_id: Some(Some(id)), double_percent: Some(100), ..plan("twice") };
        house.running(&root, &twice).await;
        let vera = house.listener("vera", &["sales"]).await;
        // Of the first call she has judged one round, of the second she has taken it.
        assert_eq!(house.claim(&vera, 2, NOW).await.unwrap(), [1, 3]);
        let hers = leave(&vera, can::LISTENING_READ);
        let first = house.crm.evaluate(&hers, CallId(1), &by_task(1, 1, &[Some(1)]), NOW).await.unwrap();
        let judged = async || {
            let may = leave(&root, can::SCORECARDS_READ);
            house.crm.judgement(&may, first).await.is_ok()
        };
        assert!(!judged().await, "sealed");
        house.crm.begin_to_follow().await.unwrap();
        let heard = house.hears();
        for call in [1, 2] {
            house.office.erase_recording(&leave(&root, office::can::RECORDINGS_DELETE), CallId(call), NOW).await.unwrap();
        }
        house.crm.follow(NOW).await.unwrap();
        let standing: Vec<(i64, String)> = house.stand().await.into_iter().map(|(id, (state, _))| (id, state)).collect();
        let states = [(1, "done"), (3, "claimed"), (5, "new"), (6, "new")].map(|(id, state)| (id, state.to_owned()));
        assert_eq!(standing, states);
        assert!(judged().await, "there is no second round any more");
        let told = heard.lock().unwrap().drain(..).filter(|news| news.kind == "listening.update").collect::<Vec<_>>();
        assert_eq!(told.iter().map(|news| (news.id.as_str(), news.row.is_none())).collect::<Vec<_>>(), [("2", true), ("4", true)]);
        assert_eq!(house.crm.follow_lag().await.unwrap(), 0);
        house.crm.evaluate(&hers, CallId(2), &by_task(3, 1, &[Some(1)]), NOW).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_task_is_given_back_passed_over_or_done_by_whose_it_is() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        for id in 1..=4 {
            house.recorded(id, "sales", None).await;
        }
        house.running(&root, &plan("plain")).await;
        let vera = house.listener("vera", &["sales"]).await;
        let oleg = house.listener("oleg", &["sales"]).await;
        let olga = house.with_role("olga", "supervisor").await;
        let end = async |person: &Principal, id: i64, outcome: Outcome| {
            house.crm.end_task(&leave(person, can::LISTENING_READ), id, outcome, at(5)).await
        };
        house.claim(&vera, 4, NOW).await.unwrap();
        assert_eq!(conflict(end(&oleg, 1, Outcome::Release).await), Conflict::Taken { state: "claimed" });
        end(&vera, 1, Outcome::Release).await.unwrap();
        assert_eq!(house.stand().await[&1], ("new".to_owned(), None));
        assert_eq!(conflict(end(&vera, 1, Outcome::Release).await), Conflict::Taken { state: "new" });

        assert_eq!(faults(end(&vera, 2, Outcome::Skip(" ".to_owned())).await), ["reason"]);
        end(&vera, 2, Outcome::Skip("no voice".to_owned())).await.unwrap();
        assert_eq!(house.stand().await[&2], ("skipped".to_owned(), Some(vera.user())));
        end(&vera, 3, Outcome::Done(None)).await.unwrap();
        let row = house.office.read(&leave(&vera, can::LISTENING_READ).view(&LISTENING_TASKS), "3").await.unwrap();
        assert_eq!((&row["state"], &row["done_at"], &row["lease_until"]), (&json!("done"), &json!(at(5).0), &Value::Null));
        // Who manages plans ends the claim of somebody who does not come back.
        end(&olga, 4, Outcome::Release).await.unwrap();
        assert_eq!(house.stand().await[&4], ("new".to_owned(), None));
        assert!(matches!(end(&vera, 77, Outcome::Release).await, Err(OfficeError::NotFound(_))));
        let stranger = house.listener("petr", &["support"]).await;
        assert!(matches!(end(&stranger, 4, Outcome::Release).await, Err(OfficeError::NotFound(_))));
        let viewer = house.with_role("viewer", "viewer").await;
        assert!(matches!(end(&viewer, 4, Outcome::Release).await, Err(OfficeError::Conflict(Conflict::Taken { .. }))));
        house.claim(&vera, 1, NOW).await.unwrap();
        assert!(matches!(end(&viewer, 1, Outcome::Release).await, Err(OfficeError::NotPermitted("listening.claim"))));
    })
    .await;
}
