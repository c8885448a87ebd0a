#![expect(clippy::unwrap_used, reason = "tests")]

use model::{CallId, UserId};
use office::Principal;
use store::{
    Statement, binds,
    whose::{OF_LEAD, RANG, TOOK_PART},
};

use super::{CALLS_AT_ONCE, LinkedBy, link, seat, seat_all};
use crate::{
    can,
    leads::{LeadChange, NewLead},
    testing::{HOME, House, NOW, leave, on_both},
};

const fn both(name: &'static str, sql: &'static str) -> Statement {
    Statement { name, lite: sql, pg: sql }
}

const WHOSE: Statement = both("WHOSE", "SELECT user_id, why FROM call_users WHERE call_id = $1 ORDER BY user_id");
const LINKS: Statement = both("LINKS", "SELECT lead_id, client_id, matched_by FROM call_links WHERE call_id = $1");
const ADD: Statement = both("ADD", "INSERT INTO call_users (user_id, call_id, why) VALUES ($1, $2, $3)");
const MANY: Statement = both("MANY", "SELECT count(*) FROM call_users WHERE user_id = $1");

impl House {
    async fn links(&self, call: CallId, lead: Option<i64>, client: Option<i64>, by: LinkedBy) -> bool {
        let mut tx = self.crm.store().db().begin().await.unwrap();
        let changed = link(&mut tx, (call, HOME), lead, client, (by, NOW)).await.unwrap();
        tx.commit().await.unwrap();
        changed
    }

    async fn whose(&self, call: CallId) -> Vec<(i64, i64)> {
        self.crm.store().db().all(WHOSE, binds![call]).await.unwrap()
    }

    async fn linked(&self, call: CallId) -> (Option<i64>, Option<i64>, String) {
        self.crm.store().db().one(LINKS, binds![call]).await.unwrap().unwrap()
    }

    async fn lead_of(&self, root: &Principal, seller: UserId, operator: Option<UserId>) -> i64 {
        let change = LeadChange {
            client_name: Some("Olga".to_owned()),
            assigned_seller: Some(Some(seller)),
            assigned_operator: Some(operator),
            ..LeadChange::default()
        };
        self.crm.create_lead(&leave(root, can::LEADS_CREATE), &NewLead { status: None, lead: change }, NOW).await.unwrap()
    }
}

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
