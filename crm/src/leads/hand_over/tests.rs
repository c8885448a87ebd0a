#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use model::{UserId, WallTime};
use office::{
    CenterChange, Conflict, Office, OfficeError, Settings, WorkOptions,
    bulk::{BulkActions, BulkOrder, BulkRows},
    jobs::{JobState, Runner, RunnerOptions},
};
use serde_json::json;
use store::{Statement, binds, whose::OF_LEAD};

use super::{HandOver, HandOverOrder};
use crate::{
    LeadChanges, Parent, can,
    core::lead::LeadEvent,
    leads::{HandOverMany, LEADS, LeadChange},
    links::LinkedBy,
    part,
    testing::{HOME, House, NOW, faults, in_short, leave, on_both},
};

const ROUND: HandOverOrder = HandOverOrder { how: HandOver::RoundRobin, user_id: None, next_action_at: None, comment: None };
const BY_SOURCE: HandOverOrder = HandOverOrder { how: HandOver::Source, ..ROUND };

fn to(user: UserId) -> HandOverOrder {
    HandOverOrder { how: HandOver::User, user_id: Some(user), ..ROUND }
}

const fn both(name: &'static str, sql: &'static str) -> Statement {
    Statement { name, lite: sql, pg: sql }
}

const MANY: Statement = both(
    "MANY",
    "INSERT INTO leads (id, center_id, client_name, status, search_norm, version, created_at, updated_at)
    WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < $1) SELECT x, 1, 'Olga', 'new', '', 1, 0, 0 FROM n",
);
const SPREAD: Statement = both("SPREAD", "SELECT assigned_seller, count(*) FROM leads GROUP BY assigned_seller ORDER BY assigned_seller");
const OWNED: Statement =
    both("OWNED", "SELECT count(*) FROM leads l JOIN lead_users u ON u.lead_id = l.id AND u.user_id = l.assigned_seller AND u.why = 1");

fn refused<T: std::fmt::Debug>(done: Result<T, OfficeError>) -> String {
    match done {
        Err(OfficeError::Conflict(Conflict::State(why))) => why,
        other => panic!("not refused: {other:?}"),
    }
}

impl House {
    async fn set(&self, settings: serde_json::Value, version: i64) {
        let root = self.with_role(&format!("root{version}"), "admin").await;
        let change = CenterChange { settings: Some(settings), ..CenterChange::default() };
        self.office.update_center(&leave(&root, office::can::CENTERS_UPDATE), HOME, version, &change, NOW).await.unwrap();
    }

    async fn stands(&self, root: &office::Principal, lead: i64) -> (String, Option<String>, Option<String>) {
        let row = self.office.read(&leave(root, can::LEADS_READ).view(&LEADS), &lead.to_string()).await.unwrap();
        let text = |column: &str| row[column].as_str().map(str::to_owned);
        (text("status").unwrap(), text("assigned_seller"), text("assigned_operator"))
    }
}

#[tokio::test]
async fn an_operator_hands_a_lead_to_a_seller_and_sees_it_until_it_is_done_with() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let (vera, other) = (house.with_role("vera", "operator").await, house.with_role("oleg", "operator").await);
        let listener = house.with_role("lena", "listener").await;
        let lead = house.lead_with(&root, None, Some(vera.user()), "+79160000001").await;
        let call = house.call(1_000, "sales", Some(vera.user())).await;
        house.links(call, Some(lead), None, LinkedBy::Number).await;
        let may = leave(&vera, can::LEADS_HAND_OVER);
        let told = house.hears();

        // Who does not see it learns nothing of it; nor does anybody hand over what is not there.
        for id in [lead, 4_711] {
            let done = house.crm.hand_over(&leave(&other, can::LEADS_HAND_OVER), (id, 9), &BY_SOURCE, NOW).await;
            assert!(matches!(done, Err(OfficeError::NotFound("leads"))), "{done:?}");
        }
        assert!(anna.permit(can::LEADS_HAND_OVER).is_none(), "a seller keeps what is theirs");
        for user in [listener.user(), UserId(4_711)] {
            assert_eq!(faults(house.crm.hand_over(&may, (lead, 1), &to(user), NOW).await), ["user_id"]);
        }
        let wrong =
            HandOverOrder { user_id: Some(anna.user()), next_action_at: Some(WallTime(-1)), comment: Some(" ".to_owned()), ..ROUND };
        assert_eq!(faults(house.crm.hand_over(&may, (lead, 1), &wrong, NOW).await), ["user_id", "next_action_at", "comment"]);
        assert!(refused(house.crm.hand_over(&may, (lead, 1), &BY_SOURCE, NOW).await).contains("names nobody"));
        let late = house.crm.hand_over(&may, (lead, 7), &ROUND, NOW).await;
        assert!(matches!(late, Err(OfficeError::Conflict(Conflict::Version { current: 1 }))));
        assert!(in_short(&told).is_empty(), "nothing happened");

        let order = HandOverOrder { next_action_at: Some(NOW), comment: Some("wants two rooms".to_owned()), ..to(anna.user()) };
        assert_eq!(house.crm.hand_over(&may, (lead, 1), &order, NOW).await.unwrap(), 2);
        let ids = |users: &[UserId]| users.iter().map(|user| Some(user.to_string())).collect::<Vec<_>>();
        assert_eq!(
            house.stands(&root, lead).await,
            ("assigned".to_owned(), ids(&[anna.user()])[0].clone(), ids(&[vera.user()])[0].clone())
        );
        assert_eq!(house.whose(call).await, [(anna.user().0, OF_LEAD), (vera.user().0, 3)]);
        let notes = house.crm.notes_of(&leave(&anna, can::NOTES_READ), Parent::Lead(lead), office::ListParams::default()).await.unwrap();
        assert_eq!(notes.items[0]["text"], "wants two rooms");
        let people = vec![anna.user().0, vera.user().0];
        assert_eq!(in_short(&told), [("lead.update", true, people.clone()), ("note.new", true, people)]);
        assert_eq!(refused(house.crm.hand_over(&may, (lead, 2), &to(anna.user()), NOW).await), "it is theirs already");

        // To another one: who had it sees it no more, at once.
        house.crm.hand_over(&may, (lead, 2), &to(boris.user()), NOW).await.unwrap();
        assert_eq!(house.whose(call).await, [(boris.user().0, OF_LEAD), (vera.user().0, 3)]);
        assert_eq!(
            in_short(&told),
            [("lead.update", false, vec![anna.user().0]), ("lead.update", true, vec![boris.user().0, vera.user().0])]
        );
        let read = leave(&anna, can::LEADS_READ);
        assert!(matches!(house.crm.lead_steps(&read, lead).await, Err(OfficeError::NotFound(_))));
        let notes = house.crm.notes_of(&leave(&anna, can::NOTES_READ), Parent::Lead(lead), office::ListParams::default()).await;
        assert!(matches!(notes, Err(OfficeError::NotFound("leads"))));

        // Done with: it is the seller's alone.
        let read = leave(&boris, can::LEADS_READ);
        let version = house.crm.lead_event(&read, (lead, 3), LeadEvent::Contact, None, NOW).await.unwrap();
        house.crm.lead_event(&read, (lead, version), LeadEvent::Convert, None, NOW).await.unwrap();
        assert_eq!(house.stands(&root, lead).await, ("converted".to_owned(), ids(&[boris.user()])[0].clone(), None));
        assert_eq!(house.whose(call).await, [(boris.user().0, OF_LEAD), (vera.user().0, 1)]);
        let done = house.crm.hand_over(&leave(&root, can::LEADS_HAND_OVER), (lead, version + 1), &ROUND, NOW).await;
        assert_eq!(refused(done), "a lead that is converted is not handed over");

        let sellers = house.crm.sellers(&may).await.unwrap();
        let sellers: Vec<(&str, i64)> = sellers.iter().map(|seller| (seller.name.as_str(), seller.open_leads)).collect();
        assert_eq!(sellers, [("anna", 0), ("boris", 0)]);
    })
    .await;
}

#[tokio::test]
async fn leads_go_by_where_they_came_from() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let sellers = [house.with_role("anna", "seller").await, house.with_role("boris", "seller").await];
        let vera = house.with_role("vera", "operator").await;
        let ids: Vec<String> = sellers.iter().map(|seller| seller.user().to_string()).collect();
        let sources = json!([{"source": "site", "ring": [ids[0], ids[1], "4711"]}, {"source": "fair", "seller": ids[1]}]);
        house.set(json!({"desk": {"keep_after_hand_over": false}, "sources": sources}), 1).await;
        let may = leave(&vera, can::LEADS_HAND_OVER);
        let mut went = Vec::new();
        for source in ["site", "fair", "site", "site", "fair"] {
            let lead = house.lead_with(&root, None, Some(vera.user()), "+79160000001").await;
            let named = LeadChange { source: Some(source.to_owned()), ..LeadChange::default() };
            house.crm.update_lead(&leave(&root, can::LEADS_UPDATE), lead, 1, &named, NOW).await.unwrap();
            house.crm.hand_over(&may, (lead, 2), &BY_SOURCE, NOW).await.unwrap();
            let (_, seller, operator) = house.stands(&root, lead).await;
            assert_eq!(operator, None, "the centre does not keep it for the operator");
            went.push(seller.unwrap());
        }
        assert_eq!(went, [&ids[0], &ids[1], &ids[1], &ids[0], &ids[1]].map(String::clone));
    })
    .await;
}

/// By two at once, one lead after the other, and nobody comes off badly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_leads_handed_over_by_two_at_once_are_spread_evenly() {
    const LEADS: i64 = 1_000;
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        for seller in 0..7 {
            house.with_role(&format!("seller{seller}"), "seller").await;
        }
        let db = house.crm.store().db();
        db.run(MANY, binds![LEADS]).await.unwrap();
        let hand = async |first: i64| {
            for lead in (first..=LEADS).step_by(2) {
                house.crm.hand_over(&leave(&root, can::LEADS_HAND_OVER), (lead, 1), &ROUND, NOW).await.unwrap();
            }
        };
        tokio::join!(hand(1), hand(2));
        let spread: Vec<(Option<i64>, i64)> = db.all(SPREAD, &[]).await.unwrap();
        let counts: Vec<i64> = spread.iter().map(|(seller, count)| seller.map(|_| *count).unwrap()).collect();
        assert_eq!((counts.len(), counts.iter().sum::<i64>()), (7, LEADS));
        assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
        assert_eq!(db.one::<(i64,)>(OWNED, &[]).await.unwrap(), Some((LEADS,)));
    })
    .await;
}

#[tokio::test]
async fn many_leads_are_handed_over_by_a_job() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let sellers = [house.with_role("anna", "seller").await, house.with_role("boris", "seller").await];
        let mut leads = Vec::new();
        for _ in 0..4 {
            leads.push(house.lead_with(&root, None, None, "+79160000001").await);
        }
        let lost = house.lead_with(&root, None, None, "+79160000001").await;
        house.crm.lead_event(&leave(&root, can::LEADS_READ), (lost, 1), LeadEvent::Lose, Some("no money"), NOW).await.unwrap();
        let changed = LeadChanges::default();
        let mut heard = changed.hear();
        let work = WorkOptions { bulk: BulkActions::default().with(HandOverMany::telling(changed)), ..WorkOptions::default() };
        let settings = Settings { parts: vec![part()], work, ..Settings::default() };
        let office = Office::open(house.crm.store().clone(), settings, NOW).await.unwrap();
        let order = |values: serde_json::Value| BulkOrder {
            resource: "leads".to_owned(),
            action: "hand_over".to_owned(),
            rows: BulkRows::Filter { filter: json!({}), search: None },
            values,
            dry_run: false,
        };
        let may = leave(&root, can::LEADS_BULK);
        assert_eq!(faults(office.start_bulk(&may, order(json!({"how": "user"})), NOW).await), ["values"]);
        assert_eq!(faults(office.start_bulk(&may, order(json!({"how": "by lot"})), NOW).await), ["values"]);
        let begun = office.start_bulk(&may, order(json!({"how": "round_robin"})), NOW).await.unwrap();
        assert_eq!(begun.count, 5);

        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut news = office.job_news();
        let runner = Runner::new(office.clone(), Arc::new(|| NOW), RunnerOptions { workers: 1, seed: 1, node: 1, sole: true });
        let runs = tokio::spawn(runner.run(stopped));
        while news.recv().await.unwrap().state != JobState::Done {}
        stop.send_replace(true);
        runs.await.unwrap();

        let told: BTreeSet<i64> = std::iter::from_fn(|| heard.try_recv().ok()).map(|lead| lead.0).collect();
        assert_eq!(told, leads.iter().copied().collect(), "whoever reminds hears of each that has changed");
        let mut counts: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for lead in leads {
            *counts.entry(house.stands(&root, lead).await.1).or_default() += 1;
        }
        assert_eq!(counts, sellers.iter().map(|seller| (Some(seller.user().to_string()), 2)).collect());
        assert_eq!(house.stands(&root, lost).await.1, None, "what is done with stays as it is");
    })
    .await;
}
