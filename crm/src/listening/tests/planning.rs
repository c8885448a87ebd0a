//! Scorecards, plans, and samples.

use office::rights::ColumnPolicy;

use super::*;

#[tokio::test]
async fn a_scorecard_that_was_used_stays_as_it_was() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let may = leave(&root, can::SCORECARDS_MANAGE);
        let id = house.crm.create_scorecard(&may, &card(), NOW).await.unwrap();
        assert_eq!(conflict(house.crm.create_scorecard(&may, &card(), NOW).await), Conflict::NameTaken);
        let wrong = ScorecardChange { name: Some(" ".to_owned()), items: Some(vec![]), pass_percent: Some(101), active: None };
        assert_eq!(faults(house.crm.create_scorecard(&may, &wrong, NOW).await), ["name", "items", "pass_percent"]);

        let read = async || {
            let row = house.office.read(&leave(&root, can::SCORECARDS_READ).view(&SCORECARDS), &id.to_string()).await.unwrap();
            let ids: Vec<Value> = row["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
            (row["revision"].as_i64().unwrap(), row["pass_percent"].as_i64().unwrap(), json!(ids))
        };
        let revisions = async || -> Vec<(i64,)> { house.crm.store().db().all(REVISIONS, binds![id]).await.unwrap() };
        assert_eq!(read().await, (1, 80, json!(["1", "2", "3"])));

        // The same questions are no change; another name makes no revision.
        assert_eq!(house.crm.update_scorecard(&may, id, 1, &card(), NOW).await.unwrap(), 1);
        let named = ScorecardChange { name: Some("Better".to_owned()), ..ScorecardChange::default() };
        assert_eq!(house.crm.update_scorecard(&may, id, 1, &named, NOW).await.unwrap(), 2);
        assert_eq!(conflict(house.crm.update_scorecard(&may, id, 1, &named, NOW).await), Conflict::Version { current: 2 });
        assert_eq!(read().await, (1, 80, json!(["1", "2", "3"])));

        // By the first nobody was judged: it goes.
        let mark = |pass_percent| ScorecardChange { pass_percent: Some(pass_percent), ..ScorecardChange::default() };
        assert_eq!(house.crm.update_scorecard(&may, id, 2, &mark(70), NOW).await.unwrap(), 3);
        assert_eq!((read().await, revisions().await), ((2, 70, json!(["1", "2", "3"])), vec![(2,)]));
        assert_eq!(faults(house.crm.update_scorecard(&may, id, 3, &mark(101), NOW).await), ["pass_percent"]);

        // By the second somebody was: it stays, with its questions.
        let call = house.recorded(1, "sales", None).await;
        let judged = NewEvaluation { scorecard: Some(id), ..by_task(0, 1, &[Some(1)]) };
        let judged = NewEvaluation { task: None, ..judged };
        house.crm.evaluate(&leave(&root, can::LISTENING_READ), call, &judged, NOW).await.unwrap();
        let mut shorter = card();
        shorter.items.as_mut().unwrap().truncate(2);
        assert_eq!(house.crm.update_scorecard(&may, id, 3, &shorter, NOW).await.unwrap(), 4);
        assert_eq!((read().await, revisions().await), ((3, 70, json!(["4", "5"])), vec![(2,), (3,)]));
        let old = NewEvaluation { revision: Some(2), ..judged.clone() };
        let refused = house.crm.evaluate(&leave(&root, can::LISTENING_READ), call, &old, NOW).await;
        assert_eq!(conflict(refused), Conflict::Version { current: 3 });
        assert_eq!(faults(house.crm.evaluate(&leave(&root, can::LISTENING_READ), call, &judged, NOW).await), ["items[0]"]);

        assert!(matches!(conflict(house.crm.delete_scorecard(&may, id, NOW).await), Conflict::InUse(_)));
        let other = ScorecardChange { name: Some("Other".to_owned()), ..card() };
        let other = house.crm.create_scorecard(&may, &other, NOW).await.unwrap();
        let planned = PlanChange { scorecard_id: Some(Some(other)), ..plan("plan") };
        let planned = house.crm.create_plan(&leave(&root, can::LISTENING_MANAGE), &planned, NOW).await.unwrap();
        assert!(matches!(conflict(house.crm.delete_scorecard(&may, other, NOW).await), Conflict::InUse(_)));
        house.crm.delete_plan(&leave(&root, can::LISTENING_MANAGE), planned, NOW).await.unwrap();
        house.crm.delete_scorecard(&may, other, NOW).await.unwrap();
        assert!(matches!(house.crm.delete_scorecard(&may, other, NOW).await, Err(OfficeError::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn plans_are_made_changed_and_deleted() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let may = leave(&root, can::LISTENING_MANAGE);
        let wrong = PlanChange {
            name: None,
            filter: Some(object(json!({"colour": "red"}))),
            sample: Some(Sample::Percent { percent: 101 }),
            seed: Some(-1),
            double_percent: Some(101),
            assign: Some("named".to_owned()),
            assignees: Some([UserId(77)].into()),
            claim_limit: Some(51),
            lease_s: Some(59),
            due_at: Some(Some(WallTime(-1))),
            scorecard_id: Some(Some(77)),
            note: Some("x".repeat(2_001)),
        };
        let expected = [
            "name",
            "sample.percent",
            "seed",
            "double_percent",
            "claim_limit",
            "lease_s",
            "due_at",
            "note",
            "filter.colour",
            "assignees",
            "scorecard_id",
        ];
        assert_eq!(faults(house.crm.create_plan(&may, &wrong, NOW).await), expected);
        let nobody = PlanChange { assign: Some("named".to_owned()), ..plan("named") };
        assert_eq!(faults(house.crm.create_plan(&may, &nobody, NOW).await), ["assignees"]);

        let id = house.crm.create_plan(&may, &plan("Sales"), NOW).await.unwrap();
        assert_eq!(conflict(house.crm.create_plan(&may, &plan("Sales"), NOW).await), Conflict::NameTaken);
        let change = PlanChange { claim_limit: Some(7), ..PlanChange::default() };
        assert_eq!(house.crm.update_plan(&may, id, 1, &change, NOW).await.unwrap(), 2);
        assert_eq!(house.crm.update_plan(&may, id, 2, &change, NOW).await.unwrap(), 2, "nothing is changed");
        assert_eq!(conflict(house.crm.update_plan(&may, id, 1, &change, NOW).await), Conflict::Version { current: 2 });
        let row = house.office.read(&leave(&root, can::LISTENING_READ).view(&LISTENING_PLANS), &id.to_string()).await.unwrap();
        assert_eq!((&row["state"], &row["claim_limit"], &row["lease_s"]), (&json!("draft"), &json!(7), &json!(1_800)));
        assert_eq!((&row["sample"], &row["filter"], &row["assignees"]), (&json!({"how": "all"}), &json!({}), &json!([])));

        // A plan of which somebody has taken a task is paused, and not deleted.
        house.recorded(1, "sales", None).await;
        let busy = house.running(&root, &plan("Busy")).await;
        let vera = house.listener("vera", &["sales"]).await;
        assert_eq!(house.claim(&vera, 1, NOW).await.unwrap().len(), 1);
        assert!(matches!(conflict(house.crm.delete_plan(&may, busy, NOW).await), Conflict::InUse(_)));
        house.crm.delete_plan(&may, id, NOW).await.unwrap();
        assert!(matches!(house.crm.delete_plan(&may, id, NOW).await, Err(OfficeError::NotFound(_))));
        // Listeners see their tasks, and not by what rule they were chosen.
        assert!(house.values(&vera, can::LISTENING_READ, &LISTENING_PLANS, "id").await.is_empty());
        assert_eq!(house.values(&vera, can::LISTENING_READ, &LISTENING_TASKS, "plan").await, ["Busy"]);
        assert!(vera.permit(can::LISTENING_MANAGE).is_none());
    })
    .await;
}

/// What is hidden from somebody cannot be asked for by a plan, nor seen in one.
#[tokio::test]
async fn a_plan_asks_for_nothing_that_its_maker_does_not_see() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let asks = PlanChange { filter: Some(object(json!({"caller": "+79161234567"}))), ..plan("by number") };
        let id = house.crm.create_plan(&leave(&root, can::LISTENING_MANAGE), &asks, NOW).await.unwrap();
        let hidden = ColumnPolicy { resource: "calls".to_owned(), column: "caller".to_owned(), mode: model::Mode::Hide };
        let (username, roles) = ("olga".to_owned(), vec!["supervisor".to_owned()]);
        let olga = house.person(NewUser { username, roles, columns: vec![hidden], ..NewUser::default() }).await;
        let may = leave(&olga, can::LISTENING_MANAGE);
        assert_eq!(
            faults(house.crm.create_plan(&may, &PlanChange { name: Some("mine".to_owned()), ..asks }, NOW).await),
            ["filter.caller"]
        );
        let row = house.office.read(&leave(&olga, can::LISTENING_READ).view(&LISTENING_PLANS), &id.to_string()).await.unwrap();
        assert!(row.contains_key("sample") && !row.contains_key("filter"), "{row:?}");
        // Who sets another filter answers for it.
        let wider = PlanChange { filter: Some(object(json!({"scenario": "sales"}))), ..PlanChange::default() };
        house.crm.update_plan(&may, id, 1, &wider, NOW).await.unwrap();
        let makers = house.values(&root, can::LISTENING_READ, &LISTENING_PLANS, "maker_id").await;
        assert_eq!(makers, [json!(olga.user().to_string())]);
    })
    .await;
}

#[tokio::test]
async fn a_sample_is_taken_once_of_what_its_maker_sees() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let [anna, boris] = [house.with_role("anna", "operator").await, house.with_role("boris", "operator").await];
        for id in 1..=30 {
            let scenario = if id % 3 == 0 { "support" } else { "sales" };
            house.recorded(id, scenario, Some(if id % 2 == 0 { &anna } else { &boris })).await;
        }
        // Neither recorded nor of the scenario.
        house.call(31, "sales", None).await;
        let sales = object(json!({"scenario": "sales"}));
        let may = leave(&root, can::LISTENING_MANAGE);
        let all = PlanChange { filter: Some(sales.clone()), double_percent: Some(100), ..plan("all") };
        let all = house.crm.create_plan(&may, &all, NOW).await.unwrap();
        let (job, result) = house.sample(&root, all).await;
        assert_eq!(result, json!({"calls": 20, "tasks": 40}));
        let tasks = house.tasks(all).await;
        assert_eq!(tasks.len(), 40, "each for two listeners");
        assert!(tasks.iter().all(|(call, _)| call % 3 != 0 && *call < 31));
        // Once more: nothing comes twice. And as after a crash, when some are there and some are not.
        assert_eq!(house.sample(&root, all).await.1, json!({"calls": 20, "tasks": 0}));
        let db = house.crm.store().db();
        db.run(ODD_GO, &[]).await.unwrap();
        db.run(ANEW, binds![job]).await.unwrap();
        house.work(NOW).await;
        let rounds = |round: i64, tasks: &[(i64, i64)]| tasks.iter().filter(|task| task.1 == round).count();
        let half = house.tasks(all).await;
        assert_eq!((rounds(2, &half), rounds(1, &half)), (20, 20), "{half:?}");

        // So many of each agent, and no more of them when there are more calls.
        let each = PlanChange { sample: Some(Sample::PerAgent { calls: 3 }), seed: Some(7), ..plan("each") };
        let each = house.crm.create_plan(&may, &each, NOW).await.unwrap();
        assert_eq!(house.sample(&root, each).await.1, json!({"calls": 30, "tasks": 6}));
        let before = house.tasks(each).await;
        for id in 41..=60 {
            house.recorded(id, "sales", Some(if id % 2 == 0 { &anna } else { &boris })).await;
        }
        assert_eq!(house.sample(&root, each).await.1, json!({"calls": 50, "tasks": 0}));
        assert_eq!(house.tasks(each).await, before);
        let left: Option<(i64,)> = db.one(CANDIDATES, &[]).await.unwrap();
        assert_eq!(left, Some((0,)), "what it was taken among is not kept");
        // The same seed over the same calls: the same sample, begun at any point.
        let same = PlanChange { sample: Some(Sample::PerAgent { calls: 3 }), seed: Some(8), ..plan("same") };
        let same = house.crm.create_plan(&may, &same, NOW).await.unwrap();
        let (job, _) = house.sample(&root, same).await;
        let whole = house.tasks(same).await;
        db.run(ODD_GO, &[]).await.unwrap();
        db.run(ANEW, binds![job]).await.unwrap();
        house.work(NOW).await;
        assert_eq!(house.tasks(same).await, whole);
    })
    .await;
}

#[tokio::test]
async fn who_sees_calls_no_longer_hands_none_out() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let olga = house.with_role("olga", "supervisor").await;
        house.recorded(1, "sales", None).await;
        let id = house.crm.create_plan(&leave(&olga, can::LISTENING_MANAGE), &plan("hers"), NOW).await.unwrap();
        house.crm.set_plan_active(&leave(&root, can::LISTENING_MANAGE), id, true, NOW).await.unwrap();
        house.crm.store().db().run(LEAVES, binds![olga.user()]).await.unwrap();
        let (_, result) = house.sample(&root, id).await;
        assert_eq!((&result["tasks"], result["reason"].is_string()), (&json!(0), true), "{result}");
        let stands: Option<(String, Option<String>)> = house.crm.store().db().one(PLAN, binds![id]).await.unwrap();
        assert!(matches!(stands, Some((state, Some(_))) if state == "paused"));
        // Somebody else sets the filter, and answers for it from then on.
        let other = PlanChange { filter: Some(object(json!({"scenario": "sales"}))), ..PlanChange::default() };
        house.crm.update_plan(&leave(&root, can::LISTENING_MANAGE), id, 3, &other, NOW).await.unwrap();
        assert_eq!(house.sample(&root, id).await.1, json!({"calls": 1, "tasks": 1}));
    })
    .await;
}
