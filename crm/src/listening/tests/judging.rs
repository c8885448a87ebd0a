//! Calls are judged, blindly where two do, and compared.

use office::rights::ColumnPolicy;

use super::*;

impl House {
    /// The scores that somebody sees, by call.
    async fn scores(&self, person: &Principal) -> Vec<(String, Value)> {
        let seen = self.crm.judgements(&leave(person, can::SCORECARDS_READ)).unwrap();
        let params = seen.filter.into_iter().fold(ListParams::default(), ListParams::filtered);
        let page = self.office.list(&seen.leave.view(seen.resource), &params).await.unwrap();
        let told = |row: &Map<String, Value>| (row["call_id"].as_str().unwrap().to_owned(), row["score_percent"].clone());
        let mut told: Vec<_> = page.items.iter().map(told).collect();
        told.sort_by_key(|(call, score)| (call.clone(), score.as_i64()));
        told
    }
}

fn call(id: i64) -> String {
    CallId(id).to_string()
}

#[tokio::test]
async fn a_call_is_judged_by_the_card_of_its_plan() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let [anna, boris] = [house.with_role("anna", "operator").await, house.with_role("boris", "operator").await];
        house.recorded(1, "sales", Some(&anna)).await;
        house.recorded(2, "support", Some(&boris)).await;
        house.recorded(3, "sales", Some(&boris)).await;
        // Anna spoke the longest with the caller of boris.
        let db = house.crm.store().db();
        db.run(ADD_USER, binds![anna.user(), CallId(3)]).await.unwrap();
        db.run(TALKED, binds![CallId(3), anna.user(), 500_i64]).await.unwrap();
        let may = leave(&root, can::SCORECARDS_MANAGE);
        let id = house.crm.create_scorecard(&may, &card(), NOW).await.unwrap();
        house.running(&root, &PlanChange { scorecard_id: Some(Some(id)), ..plan("judged") }).await;
        let vera = house.listener("vera", &["sales"]).await;
        let oleg = house.listener("oleg", &["support"]).await;
        assert_eq!(house.claim(&vera, 2, NOW).await.unwrap(), [1, 3]);
        assert_eq!(house.claim(&oleg, 1, NOW).await.unwrap(), [2]);
        let sees = |person: &Principal| leave(person, can::LISTENING_READ);
        let (hers, his) = (sees(&vera), sees(&oleg));

        let undone = house.crm.end_task(&hers, 1, Outcome::Done(None), NOW).await;
        assert!(matches!(conflict(undone), Conflict::State(_)), "a card is to be filled in");
        let good = by_task(1, 1, &[Some(1), Some(3), Some(1)]);
        assert_eq!(faults(house.crm.evaluate(&hers, CallId(3), &good, NOW).await), ["task_id"]);
        let other = NewEvaluation { scorecard: Some(77), ..good.clone() };
        assert_eq!(faults(house.crm.evaluate(&hers, CallId(1), &other, NOW).await), ["scorecard_id"]);
        assert_eq!(faults(house.crm.evaluate(&hers, CallId(1), &by_task(1, 1, &[Some(2)]), NOW).await), ["items[0]"]);
        assert!(matches!(house.crm.evaluate(&his, CallId(1), &good, NOW).await, Err(OfficeError::NotFound("call"))));
        let foreign = by_task(3, 1, &[Some(1)]);
        assert_eq!(conflict(house.crm.evaluate(&sees(&root), CallId(3), &foreign, NOW).await), Conflict::Taken { state: "claimed" });
        let free = NewEvaluation { task: None, scorecard: Some(id), ..good.clone() };
        let refused = house.crm.evaluate(&hers, CallId(1), &free, NOW).await;
        assert!(matches!(refused, Err(OfficeError::NotPermitted("listening.manage"))));

        let first = house.crm.evaluate(&hers, CallId(1), &good, NOW).await.unwrap();
        assert_eq!(house.stand().await[&1], ("done".to_owned(), Some(vera.user())));
        assert_eq!(conflict(house.crm.evaluate(&hers, CallId(1), &good, NOW).await), Conflict::Taken { state: "done" });
        let spoilt = by_task(2, 1, &[Some(1), Some(3), Some(0)]);
        house.crm.end_task(&his, 2, Outcome::Done(Some(spoilt)), NOW).await.unwrap();
        house.crm.evaluate(&hers, CallId(3), &by_task(3, 1, &[Some(1), None]), NOW).await.unwrap();

        // Each sees those of calls that they see; of oneself, who served the most of the call.
        let (one, two, three) = ((call(1), json!(100)), (call(2), json!(0)), (call(3), json!(100)));
        assert_eq!(house.scores(&root).await, [one.clone(), two.clone(), three.clone()]);
        assert_eq!(house.scores(&vera).await, [one.clone(), three.clone()]);
        assert_eq!(house.scores(&oleg).await, std::slice::from_ref(&two));
        assert_eq!(house.scores(&anna).await, [one, three]);
        assert_eq!(house.scores(&boris).await, [two]);
        let may = |person: &Principal| leave(person, can::SCORECARDS_READ);
        assert!(matches!(house.crm.judgement(&may(&oleg), first).await, Err(OfficeError::NotFound(_))));
        let row = house.crm.judgement(&may(&vera), first).await.unwrap();
        assert_eq!((&row["passed"], &row["agent_id"]), (&json!(true), &json!(anna.user().to_string())));
        assert_eq!(row["items"][1], json!({"name": "How polite?", "item_id": "2", "value": 3}));
        let spoilt = house.crm.judgement(&may(&oleg), first + 1).await.unwrap();
        assert_eq!((&spoilt["passed"], &spoilt["items"][2]["failed"]), (&json!(false), &json!(true)));

        // What is hidden of calls is hidden of what was found of them.
        let hidden = |column: &str| ColumnPolicy { resource: "calls".to_owned(), column: column.to_owned(), mode: model::Mode::Hide };
        let (username, roles) = ("blind".to_owned(), vec!["supervisor".to_owned()]);
        let blind = NewUser { username, roles, columns: vec![hidden("user"), hidden("scenario")], ..NewUser::default() };
        let row = house.crm.judgement(&may(&house.person(blind).await), first).await.unwrap();
        assert!(row.contains_key("score_percent") && !row.contains_key("agent_id") && !row.contains_key("scenario"), "{row:?}");
    })
    .await;
}

#[tokio::test]
async fn two_who_judge_one_call_do_not_see_one_another_before_both_have() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let anna = house.with_role("anna", "operator").await;
        house.recorded(1, "sales", Some(&anna)).await;
        house.recorded(2, "sales", Some(&anna)).await;
        let id = house.crm.create_scorecard(&leave(&root, can::SCORECARDS_MANAGE), &card(), NOW).await.unwrap();
        let twice = PlanChange { scorecard_id: Some(Some(id)), double_percent: Some(100), ..plan("twice") };
        house.running(&root, &twice).await;
        let [vera, oleg] = [house.listener("vera", &["sales"]).await, house.listener("oleg", &["sales"]).await];
        let olga = house.with_role("olga", "supervisor").await;
        // Of each call one round for each of them.
        assert_eq!(house.claim(&vera, 5, NOW).await.unwrap(), [1, 3]);
        assert_eq!(house.claim(&oleg, 5, NOW).await.unwrap(), [2, 4]);
        let (hers, his) = (leave(&vera, can::LISTENING_READ), leave(&oleg, can::LISTENING_READ));
        let first = house.crm.evaluate(&hers, CallId(1), &by_task(1, 1, &[Some(1), Some(3)]), NOW).await.unwrap();
        let (one, other) = ((call(1), json!(100)), (call(1), json!(50)));
        assert_eq!(house.scores(&vera).await, std::slice::from_ref(&one), "her own");
        for blind in [&oleg, &anna, &root] {
            assert_eq!(house.scores(blind).await, [], "{}", blind.username());
            let read = house.crm.judgement(&leave(blind, can::SCORECARDS_READ), first).await;
            assert!(matches!(read, Err(OfficeError::NotFound(_))), "{}", blind.username());
        }
        assert_eq!(house.scores(&olga).await, std::slice::from_ref(&one), "who takes no tasks cannot be swayed");
        // The audit log, which administrators read, does not tell either.
        let audited: Vec<(String,)> = house.crm.store().db().all(AUDITED, &[]).await.unwrap();
        assert_eq!(audited.len(), 1);
        let diff = &audited[0].0;
        assert!(diff.contains("revision") && !diff.contains("score_percent") && !diff.contains("passed"), "{diff}");
        house.crm.evaluate(&his, CallId(1), &by_task(2, 1, &[Some(0), Some(3)]), NOW).await.unwrap();
        for person in [&vera, &oleg, &anna, &root, &olga] {
            assert_eq!(house.scores(person).await, [other.clone(), one.clone()], "{}", person.username());
        }
        // Where the second passes the call over, there is nobody to be swayed.
        house.crm.evaluate(&hers, CallId(2), &by_task(3, 1, &[Some(1)]), NOW).await.unwrap();
        assert_eq!(house.scores(&anna).await.len(), 2);
        house.crm.end_task(&his, 4, Outcome::Skip("no voice".to_owned()), NOW).await.unwrap();
        assert_eq!(house.scores(&anna).await.len(), 3);

        // Who does not see whose they are sees none that is sealed, and those that are not.
        let hidden = ColumnPolicy { resource: "evaluations".to_owned(), column: "listener_id".to_owned(), mode: model::Mode::Hide };
        let (username, roles) = ("nina".to_owned(), vec!["analyst".to_owned()]);
        let nina = house.person(NewUser { username, roles, columns: vec![hidden], ..NewUser::default() }).await;
        assert_eq!(house.scores(&nina).await.len(), 3);
    })
    .await;
}

/// Both hand in at the same moment: one of them is the second, and nothing stays sealed.
#[tokio::test]
async fn nothing_stays_sealed_when_two_hand_in_at_once() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        for id in 1..=8 {
            house.recorded(id, "sales", None).await;
        }
        let id = house.crm.create_scorecard(&leave(&root, can::SCORECARDS_MANAGE), &card(), NOW).await.unwrap();
        let twice = PlanChange { scorecard_id: Some(Some(id)), double_percent: Some(100), claim_limit: Some(50), ..plan("twice") };
        house.running(&root, &twice).await;
        let [vera, oleg] = [house.listener("vera", &["sales"]).await, house.listener("oleg", &["sales"]).await];
        assert_eq!(house.claim(&vera, 8, NOW).await.unwrap().len(), 8);
        assert_eq!(house.claim(&oleg, 8, NOW).await.unwrap().len(), 8);
        let (hers, his) = (leave(&vera, can::LISTENING_READ), leave(&oleg, can::LISTENING_READ));
        for id in 1..=8 {
            let (one, two) = (by_task(2 * id - 1, 1, &[Some(1)]), by_task(2 * id, 1, &[Some(1)]));
            let (one, two) =
                tokio::join!(house.crm.evaluate(&hers, CallId(id), &one, NOW), house.crm.evaluate(&his, CallId(id), &two, NOW));
            one.unwrap();
            two.unwrap();
        }
        assert_eq!(house.scores(&root).await.len(), 16);
    })
    .await;
}

#[tokio::test]
async fn agreement_is_told_question_by_question() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        for id in 1..=5 {
            house.recorded(id, "sales", None).await;
        }
        let id = house.crm.create_scorecard(&leave(&root, can::SCORECARDS_MANAGE), &card(), NOW).await.unwrap();
        let twice = PlanChange { scorecard_id: Some(Some(id)), double_percent: Some(100), ..plan("twice") };
        let twice = house.running(&root, &twice).await;
        let [vera, oleg] = [house.listener("vera", &["sales"]).await, house.listener("oleg", &["sales"]).await];
        assert_eq!(house.claim(&vera, 5, NOW).await.unwrap(), [1, 3, 5, 7, 9]);
        assert_eq!(house.claim(&oleg, 5, NOW).await.unwrap(), [2, 4, 6, 8, 10]);
        let said = [
            ([Some(1), Some(3), None], [Some(1), Some(2), None]),
            ([Some(1), Some(0), None], [Some(1), Some(0), None]),
            ([Some(0), Some(1), None], [Some(0), Some(1), None]),
            ([Some(0), Some(2), None], [Some(1), Some(2), None]),
            ([Some(1), Some(3), None], [Some(1), None, None]),
        ];
        for (at_call, (hers, his)) in (1..).zip(&said) {
            let (task, now) = (at_call * 2 - 1, at(at_call));
            house.crm.evaluate(&leave(&vera, can::LISTENING_READ), CallId(at_call), &by_task(task, 1, hers), NOW).await.unwrap();
            house.crm.evaluate(&leave(&oleg, can::LISTENING_READ), CallId(at_call), &by_task(task + 1, 1, his), now).await.unwrap();
        }
        let may = leave(&root, can::LISTENING_MANAGE);
        let told = async |compared: Compared| house.crm.agreement(&may, compared).await.unwrap();
        let all = told(Compared::default()).await;
        assert_eq!((all.pairs, all.items.len()), (5, 3));
        let line = |item: &ItemAgreement| (item.agreement.n, item.agreement.alike, item.agreement.kappa);
        // 1 and 1 three times, 0 and 0 once, 0 and 1 once: 0.8 of all, 0.56 by chance.
        let (n, alike, kappa) = line(&all.items[0]);
        assert_eq!((n, alike), (5, 4));
        assert!((kappa.unwrap() - (0.8 - 0.56) / (1.0 - 0.56)).abs() < 1e-12);
        assert_eq!(line(&all.items[1]), (4, 3, None), "too few of them have points by both");
        assert_eq!(line(&all.items[2]), (5, 5, Some(1.0)));
        assert_eq!(all.items[0].name, "Greeted?");
        assert_eq!(told(Compared { plan: Some(twice), ..Compared::default() }).await, all);
        assert_eq!(told(Compared { from: Some(at(2)), to: Some(at(4)), ..Compared::default() }).await.pairs, 2);
        let missing = house.crm.agreement(&may, Compared { plan: Some(77), ..Compared::default() }).await;
        assert!(matches!(missing, Err(OfficeError::NotFound(_))));
    })
    .await;
}
