#![expect(clippy::unwrap_used, reason = "tests")]

use model::{CallId, UserId};
use office::OfficeError;
use store::{
    Statement, binds,
    whose::{OF_LEAD, RANG, TOOK_PART},
};

use super::{CALLS_AT_ONCE, LinkCall, LinkedBy, link, seat, seat_all};
use crate::{
    can,
    clients::ClientChange,
    leads::LeadChange,
    testing::{HOME, NOW, leave, on_both},
};

const fn both(name: &'static str, sql: &'static str) -> Statement {
    Statement { name, lite: sql, pg: sql }
}

const ADD: Statement = both("ADD", "INSERT INTO call_users (user_id, call_id, why) VALUES ($1, $2, $3)");
const MANY: Statement = both("MANY", "SELECT count(*) FROM call_users WHERE user_id = $1");

const LOGGED: Statement = both("LOGGED", "SELECT resource, resource_id, diff FROM audit_log WHERE action = 'calls.link' ORDER BY seq");

#[tokio::test]
async fn a_call_is_its_leads_peoples() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let vera = house.with_role("vera", "operator").await;
        let (hers, his) = (house.lead_of(&root, anna.user(), Some(vera.user())).await, house.lead_of(&root, boris.user(), None).await);
        let call = house.call(1_000, "sales", Some(vera.user())).await;
        house.crm.store().db().run(ADD, binds![root.user(), call, RANG]).await.unwrap();
        let who = |mut rows: Vec<(UserId, i64)>| {
            rows.sort();
            rows.into_iter().map(|(user, why)| (user.0, why)).collect::<Vec<_>>()
        };

        assert!(house.links(call, Some(hers), None, LinkedBy::Number).await);
        let of_anna = who(vec![(anna.user(), OF_LEAD), (vera.user(), TOOK_PART | OF_LEAD), (root.user(), RANG)]);
        assert_eq!(house.whose(call).await, of_anna);
        assert!(!house.links(call, Some(hers), None, LinkedBy::Number).await, "again");
        assert!(!house.links(call, Some(his), None, LinkedBy::Number).await, "what is known stays");
        assert_eq!(house.whose(call).await, of_anna);
        assert!(house.links(call, Some(his), Some(7), LinkedBy::Number).await, "the client was not known");
        assert_eq!(house.linked(call).await, (Some(hers), Some(7), "number".to_owned()));

        assert!(house.links(call, Some(his), None, LinkedBy::Hand).await);
        let of_boris = who(vec![(boris.user(), OF_LEAD), (vera.user(), TOOK_PART), (root.user(), RANG)]);
        assert_eq!(house.whose(call).await, of_boris);
        assert!(!house.links(call, Some(hers), Some(7), LinkedBy::Number).await, "a person's word stands");
        assert_eq!(house.linked(call).await, (Some(his), None, "hand".to_owned()));
        assert_eq!(house.whose(call).await, of_boris);

        assert!(house.links(call, None, None, LinkedBy::Hand).await);
        let nobodys = who(vec![(vera.user(), TOOK_PART), (root.user(), RANG)]);
        assert_eq!(house.whose(call).await, nobodys);
        assert!(!house.links(call, Some(hers), None, LinkedBy::Number).await, "with nobody is a word, too");

        let other = house.call(1_001, "sales", None).await;
        assert!(!house.links(other, Some(4_711), None, LinkedBy::Number).await, "a lead that is not there is as none");
        assert!(house.whose(other).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn many_calls_change_hands_piece_by_piece() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let lead = house.lead_of(&root, anna.user(), None).await;
        let db = house.crm.store().db();
        let mut tx = db.begin().await.unwrap();
        for call in 1..=CALLS_AT_ONCE + 5 {
            link(&mut tx, (CallId(call), HOME), Some(lead), None, (LinkedBy::Number, NOW)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let count = async |user: UserId| db.one::<(i64,)>(MANY, binds![user]).await.unwrap().unwrap().0;
        assert_eq!(count(anna.user()).await, CALLS_AT_ONCE + 5);

        let mut tx = db.begin().await.unwrap();
        tx.run(both("GIVE", "UPDATE lead_users SET user_id = $1 WHERE lead_id = $2"), binds![boris.user(), lead]).await.unwrap();
        assert!(seat_all(&mut tx, &house.office, HOME, lead, NOW).await.unwrap(), "the rest is a job's");
        tx.commit().await.unwrap();
        assert_eq!((count(anna.user()).await, count(boris.user()).await), (5, CALLS_AT_ONCE));
        let mut tx = db.begin().await.unwrap();
        assert_eq!(seat(&mut tx, HOME, lead, CALLS_AT_ONCE).await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_eq!((count(anna.user()).await, count(boris.user()).await), (0, CALLS_AT_ONCE + 5));
    })
    .await;
}

#[tokio::test]
async fn a_lead_that_is_given_away_or_deleted_takes_its_calls_along() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let lead = house.lead_of(&root, anna.user(), None).await;
        let call = house.call(1_000, "sales", None).await;
        house.links(call, Some(lead), Some(7), LinkedBy::Number).await;
        let given = LeadChange { assigned_seller: Some(Some(boris.user())), ..LeadChange::default() };
        house.crm.update_lead(&leave(&root, can::LEADS_UPDATE), lead, 1, &given, NOW).await.unwrap();
        assert_eq!(house.whose(call).await, [(boris.user().0, OF_LEAD)]);
        house.crm.delete_lead(&leave(&root, can::LEADS_DELETE), lead, NOW).await.unwrap();
        assert_eq!((house.whose(call).await, house.linked(call).await), (vec![], (None, Some(7), "number".to_owned())));
    })
    .await;
}

#[tokio::test]
async fn what_is_linked_meanwhile_is_not_lost() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (anna, boris) = (house.with_role("anna", "seller").await, house.with_role("boris", "seller").await);
        let (hers, his) = (house.lead_of(&root, anna.user(), None).await, house.lead_of(&root, boris.user(), None).await);
        let olga = ClientChange { last_name: Some("Olga".to_owned()), owner: Some(Some(anna.user())), ..ClientChange::default() };
        let olga = house.crm.create_client(&leave(&root, can::CLIENTS_CREATE), &olga, NOW).await.unwrap();
        let calls = leave(&anna, office::can::CALLS_READ);
        let client = LinkCall { lead: None, client: Some(Some(olga)) };

        // The follower knows the lead after Anna has looked: whatever she says is judged anew.
        for (ms, lead, to) in [(0, hers, client), (1, his, client), (2, his, LinkCall { lead: Some(None), ..client })] {
            let call = house.call(1_000 + ms, "sales", Some(anna.user())).await;
            let seen = house.crm.link_row(call).await.unwrap();
            assert!(house.links(call, Some(lead), None, LinkedBy::Number).await);
            assert!(!house.crm.link_over(&calls, call, (&seen, to), NOW).await.unwrap(), "it stands no more");
            assert_eq!(house.linked(call).await, (Some(lead), None, "number".to_owned()));
            house.crm.link_call(&calls, call, to, NOW).await.unwrap();
            assert_eq!(house.linked(call).await, (Some(lead), Some(olga), "hand".to_owned()), "another's stays");
        }

        // Both at once, whoever comes first.
        for ms in 10..30 {
            let call = house.call(1_000 + ms, "sales", Some(anna.user())).await;
            let mut tx = house.crm.store().db().begin().await.unwrap();
            link(&mut tx, (call, HOME), Some(hers), None, (LinkedBy::Number, NOW)).await.unwrap();
            let (said, followed) = tokio::join!(house.crm.link_call(&calls, call, client, NOW), tx.commit());
            said.unwrap();
            followed.unwrap();
            assert_eq!(house.linked(call).await, (Some(hers), Some(olga), "hand".to_owned()));
        }

        // Nothing is left of what was not done.
        let call = house.call(2_000, "sales", Some(anna.user())).await;
        let none = house.crm.link_call(&calls, call, LinkCall { lead: Some(Some(his)), client: None }, NOW).await;
        assert!(matches!(none, Err(OfficeError::NotFound("leads"))));
        house.crm.link_call(&calls, call, LinkCall::default(), NOW).await.unwrap();
        assert!(house.links(call, Some(hers), None, LinkedBy::Number).await, "nothing was known");
    })
    .await;
}

/// Whom a call was with is told by the logs of leads and clients: who reads that of calls need not see these.
#[tokio::test]
async fn the_log_tells_of_a_lead_what_calls_it_was_given() {
    on_both(async |house| {
        let root = house.with_role("root", "admin").await;
        let (one, other) = (house.lead_of(&root, root.user(), None).await, house.lead_of(&root, root.user(), None).await);
        let call = house.call(1_000, "sales", None).await;
        house.links(call, Some(one), None, LinkedBy::Number).await;
        for lead in [one, other] {
            let to = LinkCall { lead: Some(Some(lead)), client: None };
            house.crm.link_call(&leave(&root, office::can::CALLS_READ), call, to, NOW).await.unwrap();
        }
        let logged: Vec<(String, String, String)> = house.crm.store().db().all(LOGGED, &[]).await.unwrap();
        let said = |resource: &str, id: String, diff: String| (resource.to_owned(), id, diff);
        let logs = [
            said("calls", call.to_string(), "{}".to_owned()),
            said("leads", one.to_string(), format!("{{\"call_id\":[\"{call}\",null]}}")),
            said("leads", other.to_string(), format!("{{\"call_id\":[null,\"{call}\"]}}")),
        ];
        assert_eq!(logged, logs);
    })
    .await;
}
