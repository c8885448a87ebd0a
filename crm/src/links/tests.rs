#![expect(clippy::unwrap_used, reason = "tests")]

use model::{CallId, UserId};
use store::{
    Statement, binds,
    whose::{OF_LEAD, RANG, TOOK_PART},
};

use super::{CALLS_AT_ONCE, LinkedBy, link, seat, seat_all};
use crate::{
    can,
    leads::LeadChange,
    testing::{HOME, NOW, leave, on_both},
};

const fn both(name: &'static str, sql: &'static str) -> Statement {
    Statement { name, lite: sql, pg: sql }
}

const ADD: Statement = both("ADD", "INSERT INTO call_users (user_id, call_id, why) VALUES ($1, $2, $3)");
const MANY: Statement = both("MANY", "SELECT count(*) FROM call_users WHERE user_id = $1");

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
