//! Tasks are taken, given back, passed over and done.

use std::collections::BTreeSet;

use super::*;

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
